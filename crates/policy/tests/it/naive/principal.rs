//! The principals of a statement.

use policy::{Caller, CallerKind};
use serde_json::Value;

use super::list;
use crate::scenario::Scenario;

/// How a statement grants: the table "Resource-based policies and implicit denies in other policy types".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Grant {
    /// To the user, session or service itself, or to everybody: only an explicit deny limits it.
    Itself,
    /// To the role of the session, or to the user of a federated session: boundary and session policy limit it.
    RoleOrUser,
    /// To the account: an identity policy must allow too.
    Account,
}

/// The entries of a principal element, as pairs of type and text.
fn written(element: &Value) -> Vec<(String, String)> {
    let pair = |kind: &str, text: &Value| (kind.to_owned(), text.as_str().unwrap().to_owned());
    match element {
        Value::Object(map) => map
            .iter()
            .flat_map(|(kind, texts)| list(texts).into_iter().map(move |text| pair(kind, &text)))
            .collect(),
        text => vec![pair("AWS", text)],
    }
}

/// The names of a caller, each with the strength of a grant to it.
fn names(caller: &Caller<'_>) -> Vec<(&'static str, String, Grant)> {
    let account = |grant| {
        let root = format!("arn:aws:iam::{}:root", caller.account);
        vec![("AWS", caller.account.to_owned(), grant), ("AWS", root, grant)]
    };
    let mut names = account(Grant::Account);
    match caller.kind {
        CallerKind::Root | CallerKind::Anonymous => {}
        CallerKind::User { arn, unique_id } => {
            names.push(("AWS", arn.to_owned(), Grant::Itself));
            names.push(("AWS", unique_id.to_owned(), Grant::Itself));
        }
        CallerKind::RoleSession { session_arn, role_arn, role_id } => {
            let session = session_arn.split('/').next_back().unwrap();
            names.push(("AWS", session_arn.to_owned(), Grant::Itself));
            names.push(("AWS", format!("{role_id}:{session}"), Grant::Itself));
            names.push(("AWS", role_arn.to_owned(), Grant::RoleOrUser));
            names.push(("AWS", role_id.to_owned(), Grant::RoleOrUser));
        }
        CallerKind::FederatedUser { arn, user } => {
            names.push(("AWS", arn.to_owned(), Grant::Itself));
            for name in user.iter().flat_map(|(arn, unique_id)| [arn, unique_id]) {
                names.push(("AWS", (*name).to_owned(), Grant::RoleOrUser));
            }
        }
        CallerKind::WebIdentity { provider } => {
            return vec![("Federated", provider.to_owned(), Grant::Itself)];
        }
        CallerKind::Service { name } => return vec![("Service", name.to_owned(), Grant::Itself)],
    }
    names
}

/// What an Allow statement of a resource policy grants to the caller.
pub(super) fn grants(statement: &Value, caller: &Caller<'_>) -> Vec<Grant> {
    let is_web = matches!(caller.kind, CallerKind::WebIdentity { .. });
    // "You must use NotPrincipal with "Effect": "Deny"."
    let principal = &statement["Principal"];
    let names = names(caller);
    let is =
        |(kind, text): &(String, String), name: &(&str, String, Grant)| *kind == *name.0 && *text == name.1;
    if principal.is_null() {
        return Vec::new();
    }
    let entries = written(principal);
    let mut grants = Vec::new();
    for entry in &entries {
        // A token of a provider must be named: a wildcard means AWS principals.
        if entry.0 == "AWS" && entry.1 == "*" && !is_web {
            grants.push(Grant::Itself);
        }
        grants.extend(names.iter().filter(|name| is(entry, name)).map(|name| name.2));
    }
    grants
}

/// Whether a Deny statement applies to the caller. One without principals does.
pub(super) fn is_denied(statement: &Value, scenario: &Scenario) -> bool {
    let caller = &scenario.caller;
    let names = names(caller);
    let has = |entries: &[(String, String)], wanted: &dyn Fn(Grant) -> bool| {
        entries
            .iter()
            .any(|entry| names.iter().any(|name| entry.0 == name.0 && entry.1 == name.1 && wanted(name.2)))
    };
    if !statement["Principal"].is_null() {
        let entries = written(&statement["Principal"]);
        return entries.iter().any(|entry| entry.0 == "AWS" && entry.1 == "*") || has(&entries, &|_| true);
    }
    if statement["NotPrincipal"].is_null() {
        return true;
    }
    // "…will always deny any IAM principal that has a permissions boundary policy attached."
    if scenario.boundary.is_some() {
        return true;
    }
    let entries = written(&statement["NotPrincipal"]);
    if entries.iter().any(|entry| entry.0 == "AWS" && entry.1 == "*") {
        return false;
    }
    // The account, then the role, then the session are checked: each must be listed.
    let itself = has(&entries, &|grant| grant == Grant::Itself);
    let role = has(&entries, &|grant| grant == Grant::RoleOrUser);
    let account = has(&entries, &|grant| grant == Grant::Account);
    let is_spared = match caller.kind {
        CallerKind::Root => account,
        CallerKind::User { .. } | CallerKind::FederatedUser { .. } => account && itself,
        CallerKind::RoleSession { .. } => account && role && itself,
        _ => itself,
    };
    !is_spared
}
