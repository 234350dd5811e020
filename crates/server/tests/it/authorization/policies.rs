//! The policies that put a caller into a class.

use serde_json::{Value, json};

use super::table::Need;

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub(super) fn everything() -> String {
    document(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})])
}

/// Some permissions, but none that an operation here needs.
pub(super) fn something_else() -> String {
    document(&[json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})])
}

pub(super) fn nothing_but_denials() -> String {
    document(&[json!({"Effect": "Deny", "Action": "*", "Resource": "*"})])
}

/// Exactly the needed permissions; among equivalent actions, the one at `choice`.
pub(super) fn exactly(needs: &[Need], choice: usize) -> String {
    let allow = |need: &Need| {
        let action = need.actions.get(choice).unwrap_or(&need.actions[0]);
        json!({"Effect": "Allow", "Action": action, "Resource": need.resource})
    };
    document(&needs.iter().map(allow).collect::<Vec<_>>())
}

/// Everything except the needed permissions: every other action on any resource, and the action on every other
/// resource. Code that checks a wrong action or a wrong resource would allow this caller.
pub(super) fn everything_but(need: &Need) -> String {
    let Need { actions, resource, .. } = need;
    document(&[
        json!({"Effect": "Allow", "NotAction": actions, "Resource": "*"}),
        json!({"Effect": "Allow", "Action": actions, "NotResource": resource}),
    ])
}

pub(super) fn denying(need: &Need) -> String {
    document(&[
        json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        json!({"Effect": "Deny", "Action": need.actions, "Resource": need.resource}),
    ])
}

/// A resource policy that allows one principal: a repository policy or a role's trust policy.
pub(super) fn of_resource(principal: &str, actions: &[impl serde::Serialize]) -> String {
    document(&[json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions})])
}

/// A resource policy that allows a principal, and denies it a part.
pub(super) fn of_resource_but(principal: &str, allowed: &[String], denied: &[String]) -> String {
    let statement = |effect: &str, actions: &[String]| json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": actions});
    document(&[statement("Allow", allowed), statement("Deny", denied)])
}

/// The policy of one resource, as a policy of its registry.
pub(super) fn of_registry(policy: &str, resource: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement["Resource"] = resource.into();
    }
    policy.to_string()
}
