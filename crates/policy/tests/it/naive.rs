//! A second evaluator, written only from AWS's pages. It shares no code with the first: it parses the JSON for each
//! request, matches wildcards by plain recursion, and compiles nothing.
//!
//! Source: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic", "Principal",
//! "NotPrincipal", "Condition operators", "Multivalued context keys", "Variables and tags".

mod condition;
mod principal;
mod text;

use policy::{CallerKind, Decision, PolicyKind};
use serde_json::Value;

use crate::scenario::{OWNER, Scenario};
use principal::Grant;

/// The decision, and the kinds of policies behind it: several can deny, one allows or is missing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    Allow(PolicyKind),
    Deny(Vec<PolicyKind>),
    Nothing(PolicyKind),
}

impl Verdict {
    /// Whether it is the decision, for the same reason.
    pub(crate) fn agrees_with(&self, decision: &Decision) -> bool {
        match (self, decision) {
            (Self::Allow(kind), Decision::Allow(by)) => *kind == by.kind,
            (Self::Deny(kinds), Decision::ExplicitDeny(by)) => kinds.contains(&by.kind),
            (Self::Nothing(kind), Decision::ImplicitDeny(missing)) => kind == missing,
            _ => false,
        }
    }
}

pub(crate) fn decide(scenario: &Scenario) -> Verdict {
    if scenario.caller.kind == CallerKind::Anonymous {
        return Verdict::Nothing(PolicyKind::Identity);
    }
    let of_resource = if scenario.is_role_trust { PolicyKind::RoleTrust } else { PolicyKind::Resource };
    let groups = [
        (PolicyKind::Identity, &scenario.identity[..]),
        (PolicyKind::Boundary, scenario.boundary.as_slice()),
        (PolicyKind::Session, scenario.session.as_deref().unwrap_or_default()),
        (of_resource, &scenario.of_resource),
        (PolicyKind::ServiceControl, &scenario.service_control),
        (PolicyKind::ResourceControl, &scenario.resource_control),
    ];
    // "If the code finds even one explicit deny that applies, the code returns a final decision of Deny."
    let denying: Vec<_> =
        groups.iter().filter(|(_, texts)| denies(scenario, texts)).map(|(kind, _)| *kind).collect();
    if !denying.is_empty() {
        return Verdict::Deny(denying);
    }
    // Organizations: an allow at every level.
    for kind in [PolicyKind::ResourceControl, PolicyKind::ServiceControl] {
        let levels = groups.iter().filter(|(of, _)| *of == kind).flat_map(|(_, texts)| *texts);
        for level in levels {
            if !allows(scenario, std::slice::from_ref(level)) {
                return Verdict::Nothing(kind);
            }
        }
    }
    let grants = grants(scenario);
    let outside_all_accounts =
        matches!(scenario.caller.kind, CallerKind::Service { .. } | CallerKind::WebIdentity { .. });
    if outside_all_accounts || scenario.caller.account != OWNER {
        // "The request is allowed only if both evaluations return a decision of Allow."
        if grants.is_empty() {
            return Verdict::Nothing(of_resource);
        }
        if outside_all_accounts {
            return Verdict::Allow(of_resource);
        }
        return match own_account(scenario) {
            Verdict::Allow(_) => Verdict::Allow(of_resource),
            other => other,
        };
    }
    if grants.contains(&Grant::Itself) {
        return Verdict::Allow(of_resource);
    }
    if grants.contains(&Grant::RoleOrUser) {
        return limits(scenario).map_or(Verdict::Allow(of_resource), Verdict::Nothing);
    }
    // "IAM role trust policies are exceptions, because they must explicitly allow access."
    if scenario.is_role_trust && grants.is_empty() {
        return Verdict::Nothing(of_resource);
    }
    own_account(scenario)
}

/// The decision of the caller's account: its identity policies, within boundary and session policies.
fn own_account(scenario: &Scenario) -> Verdict {
    let is_root =
        matches!(scenario.caller.kind, CallerKind::Root | CallerKind::FederatedUser { user: None, .. });
    if !is_root && !allows(scenario, &scenario.identity) {
        return Verdict::Nothing(PolicyKind::Identity);
    }
    let by = if is_root { PolicyKind::Root } else { PolicyKind::Identity };
    limits(scenario).map_or(Verdict::Allow(by), Verdict::Nothing)
}

/// The limit that does not allow.
fn limits(scenario: &Scenario) -> Option<PolicyKind> {
    if let Some(boundary) = &scenario.boundary
        && !allows(scenario, std::slice::from_ref(boundary))
    {
        return Some(PolicyKind::Boundary);
    }
    match &scenario.session {
        Some(texts) if !allows(scenario, texts) => Some(PolicyKind::Session),
        _ => None,
    }
}

fn allows(scenario: &Scenario, texts: &[String]) -> bool {
    speaking(scenario, texts, "Allow").next().is_some()
}

fn denies(scenario: &Scenario, texts: &[String]) -> bool {
    speaking(scenario, texts, "Deny").any(|statement| principal::is_denied(&statement, scenario))
}

fn grants(scenario: &Scenario) -> Vec<Grant> {
    speaking(scenario, &scenario.of_resource, "Allow")
        .flat_map(|statement| principal::grants(&statement, &scenario.caller))
        .collect()
}

/// The statements with an effect whose action, resource and condition match, without their principals.
fn speaking(scenario: &Scenario, texts: &[String], effect: &str) -> impl Iterator<Item = Value> {
    let mut found = Vec::new();
    for text in texts {
        let document: Value = serde_json::from_str(text).unwrap();
        let has_variables = document["Version"] == "2012-10-17";
        for statement in list(&document["Statement"]) {
            if statement["Effect"] == effect && is_about(&statement, scenario, has_variables) {
                found.push(statement);
            }
        }
    }
    found.into_iter()
}

fn is_about(statement: &Value, scenario: &Scenario, has_variables: bool) -> bool {
    let action = |pattern: &str| {
        // Names of actions ignore case and have no variables.
        let pattern = text::pattern(&pattern.to_lowercase(), &[], false).unwrap();
        text::like(&pattern, &scenario.action.to_lowercase())
    };
    let resource = |pattern: &str| {
        pattern == "*"
            || text::pattern(pattern, &scenario.context, has_variables)
                .is_some_and(|pattern| text::resource_like(&pattern, &scenario.resource))
    };
    element(statement, "Action", action)
        && (statement["Resource"].is_null() && statement["NotResource"].is_null()
            || element(statement, "Resource", resource))
        && condition::holds(&statement["Condition"], &scenario.context, has_variables)
}

/// An element matches if any of its texts matches; its negation if none does.
fn element(statement: &Value, name: &str, matches: impl Fn(&str) -> bool) -> bool {
    let any = |values: &Value| list(values).iter().any(|value| matches(value.as_str().unwrap()));
    let negation = &statement[format!("Not{name}")];
    if negation.is_null() { any(&statement[name]) } else { !any(negation) }
}

/// A single value is a list of one; a missing value is an empty list.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.clone(),
        single => vec![single.clone()],
    }
}
