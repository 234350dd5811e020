//! Statements that would allow a request if one thing were different: what somebody looks for who was denied.

use crate::decision::{By, PolicyKind};
use crate::evaluate::{Access, Policies, groups};
use crate::policy::{Effect, Question, Request};

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

/// The statements that allow the request's action, yet not the request.
pub fn near_misses(policies: &Policies<'_>, request: &Request<'_>, access: &Access<'_>) -> Vec<NearMiss> {
    let question = Question::of(request);
    let mut found = Vec::new();
    groups(policies, access, |group| {
        let names_principals = matches!(group.kind, PolicyKind::Resource | PolicyKind::RoleTrust);
        for (name, policy) in group.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                if statement.effect != Effect::Allow || !statement.covers_action(question.action) {
                    continue;
                }
                let named = statement.principals.as_ref().and_then(|them| them.grant(&access.caller));
                let fails = statement.conditions.iter().find(|condition| !condition.holds(question.context));
                let missed = if names_principals && named.is_none() {
                    Missed::Principal
                } else if !statement.covers_resource(&question) {
                    Missed::Resource
                } else if let Some(condition) = fails {
                    Missed::Condition(condition.key.clone())
                } else {
                    continue;
                };
                found.push(NearMiss { by: group.by(name, index, statement.sid.as_ref()), missed });
            }
        }
    });
    found
}
