//! Statements that almost allow a request: they help a caller that was denied.

use crate::budget::Excess;
use crate::decision::{By, PolicyKind};
use crate::evaluate::{Access, Policies, groups};
use crate::policy::{Effect, Question, Request, Statement};

/// Why a statement does not allow the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// It names other principals.
    Principal,
    /// It has other resources.
    Resource,
    /// The condition on this key does not match.
    Condition(Box<str>),
}

/// A statement that allows the action but not the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Its identity.
    pub by: By,
    /// The first reason.
    pub missed: Missed,
}

/// The statements that allow the request's action but not the request, as far as the steps of a decision allow.
pub fn near_misses(policies: &Policies<'_>, request: &Request<'_>, access: &Access<'_>) -> Vec<NearMiss> {
    let mut found = Vec::new();
    // The statements found before the end of the steps are correct.
    let _: Result<(), Excess> = Question::of(request).and_then(|question| {
        groups(policies, access, |group| {
            let names_principals = matches!(group.kind, PolicyKind::Resource | PolicyKind::RoleTrust);
            for (name, policy) in group.sources {
                for (index, statement) in policy.statements.iter().enumerate() {
                    let named = statement.principals.as_ref().and_then(|them| them.grant(&access.caller));
                    if let Some(missed) = missed(statement, &question, names_principals && named.is_none())? {
                        found.push(NearMiss { by: group.by(name, index, statement.sid.as_ref()), missed });
                    }
                }
            }
            Ok(())
        })
    });
    found
}

/// Why an Allow statement for the action does not allow the request; none for other statements, and none if nothing
/// prevents it.
fn missed(
    statement: &Statement,
    question: &Question<'_>,
    names_others: bool,
) -> Result<Option<Missed>, Excess> {
    if statement.effect != Effect::Allow || !statement.covers_action(question.action, &question.budget)? {
        return Ok(None);
    }
    if names_others {
        return Ok(Some(Missed::Principal));
    }
    if !statement.covers_resource(question)? {
        return Ok(Some(Missed::Resource));
    }
    for condition in &statement.conditions {
        if !condition.holds(statement.effect, &question.budget)? {
            return Ok(Some(Missed::Condition(condition.key.clone())));
        }
    }
    Ok(None)
}
