//! The policies that make a caller one of a class.

use serde_json::{Value, json};

use super::table::Need;

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

pub(super) fn everything() -> String {
    document(&[json!({"Effect": "Allow", "Action": "*", "Resource": "*"})])
}

/// Something, but nothing that any operation here is about.
pub(super) fn something_else() -> String {
    document(&[json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})])
}

pub(super) fn nothing_but_denials() -> String {
    document(&[json!({"Effect": "Deny", "Action": "*", "Resource": "*"})])
}

/// Exactly what is needed, and of actions that are as good as each other the one at `choice`.
pub(super) fn exactly(needs: &[Need], choice: usize) -> String {
    let allow = |need: &Need| {
        let action = need.actions.get(choice).unwrap_or(&need.actions[0]);
        json!({"Effect": "Allow", "Action": action, "Resource": need.resource})
    };
    document(&needs.iter().map(allow).collect::<Vec<_>>())
}

/// Everything but what is needed: each other action on anything, and the action on anything else. Code that asks for
/// the wrong action, or on the wrong resource, is let through by this.
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

/// A policy of a resource that lets one principal in: a repository's policy or a role's trust policy.
pub(super) fn of_resource(principal: &str, actions: &[impl serde::Serialize]) -> String {
    document(&[json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions})])
}

/// One that lets it in, and keeps it out of some of that.
pub(super) fn of_resource_but(principal: &str, allowed: &[String], denied: &[String]) -> String {
    let statement = |effect: &str, actions: &[String]| json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": actions});
    document(&[statement("Allow", allowed), statement("Deny", denied)])
}

/// What is the policy of one resource, as that of the registry that holds it.
pub(super) fn of_registry(policy: &str, resource: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).unwrap();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement["Resource"] = resource.into();
    }
    policy.to_string()
}
