//! Statements that would allow a request if one thing were different: what somebody looks for who was denied.

use crate::budget::Excess;
use crate::decision::{By, PolicyKind};
use crate::evaluate::{Access, Policies, groups};
use crate::policy::{Effect, Question, Request, Statement};

/// What keeps a statement from allowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// It names other principals.
    Principal,
    /// It speaks of other resources.
    Resource,
    /// The condition on this key does not hold.
    Condition(Box<str>),
}

/// A statement that allows the action, and does not allow the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Which it is.
    pub by: By,
    /// The first thing that stands in its way.
    pub missed: Missed,
}

/// The statements that allow the request's action, yet not the request; as far as the steps go that a decision may take.
pub fn near_misses(policies: &Policies<'_>, request: &Request<'_>, access: &Access<'_>) -> Vec<NearMiss> {
    let mut found = Vec::new();
    // What was found before the end of the steps is true.
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

/// What keeps an Allow of the action from allowing; none for other statements, and where nothing does.
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
