//! Warnings about actions: names that do not exist, and actions that have no effect in their statement.

use super::KnownActions;
use crate::budget::{Budget, any};
use crate::check::Use;
use crate::pattern::{Case, Glob};
use crate::policy::{Actions, Effect, Resources, Statement, Version};

pub(super) fn check(statement: &Statement, policy_use: Use, known: &KnownActions<'_>) -> Vec<String> {
    let mut messages = Vec::new();
    let grants = statement.effect == Effect::Allow && matches!(statement.actions, Actions::These(_));
    for written in &statement.written.actions {
        if let Some(message) = unknown(written, known) {
            messages.push(message);
        } else if grants && known.without_resource.iter().any(|name| name.eq_ignore_ascii_case(written)) {
            messages.extend(in_vain(written, statement, policy_use));
        }
    }
    messages
}

/// Whether the action, or every action that the pattern matches, does not exist.
fn unknown(written: &str, known: &KnownActions<'_>) -> Option<String> {
    let (service, _) = written.split_once(':')?;
    let of_service = || {
        known.all.iter().filter(|action| {
            action.split_once(':').is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
        })
    };
    // Actions of other services are not known here.
    of_service().next()?;
    let pattern = Glob::parse(written, Version::V2008).ok()?;
    let nothing = crate::Context::new();
    // A pattern that is too long to be tried causes no warning.
    let budget = Budget::of(&nothing);
    if any(of_service(), |action| pattern.matches(action, Case::Ignored, &budget)).unwrap_or(true) {
        return None;
    }
    if written.contains(['*', '?']) {
        return Some(format!("no action matches {written:?}"));
    }
    let nearest = of_service().map(|action| (distance(written, action), action)).min();
    Some(match nearest {
        Some((edits, action)) if edits <= 1 + written.len() / 8 => {
            format!("there is no action {written:?}: did you mean {action:?}?")
        }
        _ => format!("there is no action {written:?}"),
    })
}

/// An action without a resource, allowed for a certain resource.
fn in_vain(written: &str, statement: &Statement, policy_use: Use) -> Option<String> {
    match (policy_use, &statement.resources) {
        // Source: Amazon ECR User Guide, "Private repository policies": GetAuthorizationToken must be in an identity
        // policy. The same applies to all actions without a repository.
        (Use::Repository, _) => Some(format!(
            "{written} acts on no repository and grants nothing in a repository policy: allow it in an identity \
             policy, on \"*\""
        )),
        // Source: Service Authorization Reference, "Resource types": such an action needs `*`.
        (Use::Identity, Resources::These(patterns))
            if !patterns.iter().any(crate::resource::ResourcePattern::is_any) =>
        {
            Some(format!("{written} acts on no single resource, so that only \"Resource\": \"*\" allows it"))
        }
        _ => None,
    }
}

/// How many letters to add, remove or change, without case (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.bytes().map(|byte| byte.to_ascii_lowercase()).enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (pair, other) in row.windows(2).zip(&b) {
            let &[diagonal, above] = pair else { continue };
            left = (diagonal + usize::from(letter != *other)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
