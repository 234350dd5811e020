//! The text of an explanation.

use std::fmt::Write as _;

use access::authz::Explained;
use policy::{By, Decision, Effect, Missed, PolicyKind, SourceName};

use super::Question;

/// The whole text.
pub(super) fn of(question: &Question, explained: &Explained) -> String {
    let mut text = String::new();
    let word = if explained.decision.is_allowed() { "ALLOWED" } else { "DENIED" };
    let _ = writeln!(text, "{word}: {} on {}", question.op.action(), question.resource);
    let _ = writeln!(text, "    by: {}", question.caller.arn);
    let _ = writeln!(text, "   why: {}", why(&explained.decision));
    if let Some(missing) = missing(question, explained) {
        let _ = writeln!(text, "needs: {missing}");
    }
    section(
        &mut text,
        "Statements that match the request",
        explained.matched.iter().map(|matched| {
            let effect = match matched.effect {
                Effect::Allow => "allows",
                Effect::Deny => "denies",
            };
            format!("{effect}: {}", place(&matched.by))
        }),
    );
    section(
        &mut text,
        "Statements that almost allow it",
        explained.near.iter().map(|near| {
            let why = match &near.missed {
                Missed::Principal => "does not match the principal".to_owned(),
                Missed::Resource => "does not match the resource".to_owned(),
                Missed::Condition(key) => format!("its condition on {key} is not met"),
            };
            format!("{why}: {}", place(&near.by))
        }),
    );
    section(
        &mut text,
        "Evaluated policies",
        explained.asked.iter().map(|(kind, name)| {
            if kind.words() == name { name.clone() } else { format!("{}: {name}", kind.words()) }
        }),
    );
    section(
        &mut text,
        "Condition keys that policies test and the request does not have",
        explained.absent.iter().cloned(),
    );
    text.truncate(text.trim_end().len());
    text
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title}:");
        for line in lines {
            let _ = writeln!(text, "  - {line}");
        }
    }
}

/// For example `statement 2 (Pull) of the repository policy`. The first statement has the number 1.
fn place(by: &By) -> String {
    let number = by.statement_index + 1;
    let sid = by.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    match (&by.source, by.kind) {
        (None, _) => "the root user has all permissions in its account".to_owned(),
        (Some(name), kind) if name.as_str() == kind.words() => {
            format!("statement {number}{sid} of the {name}")
        }
        (Some(name), kind) => format!("statement {number}{sid} of the {}, {name}", kind.words()),
    }
}

fn why(decision: &Decision) -> String {
    match decision {
        Decision::Allow(by) if by.source.is_none() => place(by),
        Decision::Allow(by) => format!("{} allows it, and no policy denies it", place(by)),
        Decision::ExplicitDeny(by) => format!("{} denies it, which overrides every allow", place(by)),
        Decision::ImplicitDeny(kind) => format!("no {} allows it", kind.words()),
        Decision::Exceeded(excess) => format!("the decision exceeded a limit: {}", excess.words()),
    }
}

/// The change that would allow the request.
fn missing(question: &Question, explained: &Explained) -> Option<String> {
    let action = question.op.action();
    let principal = question.caller.principal_arn();
    let account = &question.caller.account_id;
    match &explained.decision {
        Decision::Allow(_) => None,
        Decision::ExplicitDeny(by) => {
            Some(format!("{} must not deny it", by.source.as_ref().map_or("the policy", SourceName::as_str)))
        }
        Decision::Exceeded(_) => {
            Some("simpler patterns in the policies below, or shorter values in the request".to_owned())
        }
        Decision::ImplicitDeny(kind) => Some(match kind {
            PolicyKind::Resource => {
                let also = if allows(explained, PolicyKind::Identity) {
                    String::new()
                } else {
                    format!(", and an identity-based policy of {principal} that allows {action} too")
                };
                format!(
                    "both accounts must allow the request: a repository or registry policy that allows {action} to {principal} \
                     or to its account {account}{also}"
                )
            }
            PolicyKind::RoleTrust => {
                format!(
                    "a statement in the role's trust policy that allows {action} to {principal} or its account"
                )
            }
            PolicyKind::Boundary => format!("the permissions boundary must allow {action} too"),
            PolicyKind::Session => format!("the session's policies must allow {action} too"),
            PolicyKind::Identity | PolicyKind::Root => format!(
                "an identity-based policy of {principal} that allows {action} on {}",
                question.resource
            ),
            PolicyKind::ServiceControl | PolicyKind::ResourceControl => {
                format!("the organization's {} must allow {action} at each level", kind.words())
            }
        }),
    }
}

fn allows(explained: &Explained, kind: PolicyKind) -> bool {
    explained.matched.iter().any(|matched| matched.by.kind == kind && matched.effect == Effect::Allow)
}
