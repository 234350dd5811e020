//! Short functions to evaluate a policy.

use policy::{Context, Decision, Policy, Request, SourceName, evaluate_identity};

pub(crate) const APP: &str = "arn:aws:ecr:us-east-1:111122223333:repository/team/app";

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A policy of one statement with these members, of the newer version.
pub(crate) fn statement(members: &str) -> Policy {
    policy(&format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#))
}

pub(crate) fn decide(policies: &[&Policy], action: &str, resource: &str, context: &Context) -> Decision {
    let name = SourceName::new("policy");
    let sources: Vec<_> = policies.iter().map(|policy| (&name, *policy)).collect();
    evaluate_identity(&sources, &Request { action, resource, context })
}

pub(crate) fn allows(policy: &Policy, action: &str, resource: &str, context: &Context) -> bool {
    decide(&[policy], action, resource, context).is_allowed()
}

/// Whether a statement's condition, written as JSON, matches.
pub(crate) fn holds(condition: &str, context: &Context) -> bool {
    let policy =
        statement(&format!(r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}"#));
    allows(&policy, "ecr:PutImage", APP, context)
}
