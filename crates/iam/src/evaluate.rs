//! The combination of all policies that concern a request.
//!
//! Source: IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy
//! evaluation for requests within a single account", "Cross-account policy evaluation logic", "Permissions boundaries
//! for IAM entities" and "Principal".

use crate::caller::{Caller, CallerKind};
use crate::decision::{By, Decision, PolicyKind, SourceName};
use crate::policy::{Effect, Policy, Question, Request};
use crate::principal::Naming;

/// A policy with the name it has in an explanation.
pub type Source<'a> = (&'a SourceName, &'a Policy);

/// Every policy that concerns a request. What is left empty does not take part.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Of the user and its groups, or of the role.
    pub identity: &'a [Source<'a>],
    /// The permissions boundary of the user or role.
    pub boundary: Option<Source<'a>>,
    /// The session's policies. `None`: the session has none and is not limited. An empty list allows nothing, as with
    /// GetFederationToken without a policy.
    pub session: Option<&'a [Source<'a>]>,
    /// Of the resource: repository policy, registry policy, or a role's trust policy.
    pub resource: &'a [Source<'a>],
    /// Service control policies of the caller's account: one list for each level from the organisation's root down
    /// to the account. Empty where none apply: no organisation, the management account, a service-linked role.
    pub service_control: &'a [&'a [Source<'a>]],
    /// Resource control policies of the resource's account, as levels.
    pub resource_control: &'a [&'a [Source<'a>]],
}

/// Who asks, and whose the resource is.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The principal.
    pub caller: Caller<'a>,
    /// The account of the resource; for operations without a resource the caller's own.
    pub resource_account: &'a str,
    /// Whether the resource's policy must allow even within one account: so it is with a role's trust policy.
    pub is_role_trust: bool,
}

/// A statement that speaks of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// What it does.
    pub effect: Effect,
    /// Which it is.
    pub by: By,
}

/// Decides with identity policies alone: a caller of the resource's own account, without boundary, session or
/// organisation, and a resource without a policy.
pub fn evaluate_identity(policies: &[(&SourceName, &Policy)], request: &Request<'_>) -> Decision {
    let question = Question::of(request);
    let group = Group { kind: PolicyKind::Identity, sources: policies };
    if let Some(by) = group.deny(&question, None) {
        return Decision::ExplicitDeny(by);
    }
    match group.allow(&question) {
        Some(by) => Decision::Allow(by),
        None => Decision::ImplicitDeny(PolicyKind::Identity),
    }
}

/// Decides by everything that concerns a request.
pub fn evaluate(policies: &Policies<'_>, request: &Request<'_>, access: &Access<'_>) -> Decision {
    let question = Question::of(request);
    let inquiry = Inquiry { policies, question, access };
    if access.caller.kind == CallerKind::Anonymous {
        // Private ECR knows no anonymous principal, whatever a policy says.
        return Decision::ImplicitDeny(PolicyKind::Identity);
    }
    if let Some(by) = inquiry.explicit_deny() {
        return Decision::ExplicitDeny(by);
    }
    match inquiry.allowed() {
        Ok(by) => Decision::Allow(by),
        Err(missing) => Decision::ImplicitDeny(missing),
    }
}

/// Every statement that speaks of a request, in the order in which kinds of policies are asked.
pub fn matched_statements(
    policies: &Policies<'_>,
    request: &Request<'_>,
    access: &Access<'_>,
) -> Vec<Matched> {
    let question = Question::of(request);
    let has_boundary = policies.boundary.is_some();
    let mut matched = Vec::new();
    groups(policies, access, |group| {
        for (name, policy) in group.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                let speaks_of_caller = match (&statement.principals, statement.effect) {
                    (None, _) => true,
                    (Some(principals), Effect::Deny) => principals.denies(&access.caller, has_boundary),
                    (Some(principals), Effect::Allow) => principals.grant(&access.caller).is_some(),
                };
                if speaks_of_caller && statement.covers(&question) {
                    let by = group.by(name, index, statement.sid.as_ref());
                    matched.push(Matched { effect: statement.effect, by });
                }
            }
        }
    });
    matched
}

/// Policies that play the same part.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) kind: PolicyKind,
    pub(crate) sources: &'a [Source<'a>],
}

impl Group<'_> {
    pub(crate) fn by(&self, name: &SourceName, index: usize, sid: Option<&std::sync::Arc<str>>) -> By {
        By { kind: self.kind, source: Some(name.clone()), statement_index: index, sid: sid.cloned() }
    }

    /// The first statement that denies. Policies of a resource ask for the caller and whether it has a boundary.
    fn deny(&self, question: &Question<'_>, caller: Option<(&Caller<'_>, bool)>) -> Option<By> {
        for (name, policy) in self.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                if statement.effect != Effect::Deny {
                    continue;
                }
                let concerns_caller = match (&statement.principals, caller) {
                    (Some(principals), Some((caller, has_boundary))) => {
                        principals.denies(caller, has_boundary)
                    }
                    _ => true,
                };
                if concerns_caller && statement.covers(question) {
                    return Some(self.by(name, index, statement.sid.as_ref()));
                }
            }
        }
        None
    }

    /// The first statement that allows, in policies that speak of whoever they are attached to.
    fn allow(&self, question: &Question<'_>) -> Option<By> {
        for (name, policy) in self.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                if statement.effect == Effect::Allow && statement.covers(question) {
                    return Some(self.by(name, index, statement.sid.as_ref()));
                }
            }
        }
        None
    }

    /// Of the statements that allow the caller, the one that names it most closely. A statement that names nobody is
    /// no grant.
    fn grant(&self, question: &Question<'_>, caller: &Caller<'_>) -> Option<(Naming, By)> {
        let mut best: Option<(Naming, By)> = None;
        for (name, policy) in self.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                if statement.effect != Effect::Allow {
                    continue;
                }
                let Some(naming) = statement.principals.as_ref().and_then(|p| p.grant(caller)) else {
                    continue;
                };
                let is_closer = best.as_ref().is_none_or(|(known, _)| naming > *known);
                if is_closer && statement.covers(question) {
                    best = Some((naming, self.by(name, index, statement.sid.as_ref())));
                }
            }
        }
        best
    }
}

/// Calls `visit` with each group of policies, in the order in which AWS asks them.
pub(crate) fn groups(policies: &Policies<'_>, access: &Access<'_>, mut visit: impl FnMut(Group<'_>)) {
    for sources in policies.resource_control {
        visit(Group { kind: PolicyKind::ResourceControl, sources });
    }
    for sources in policies.service_control {
        visit(Group { kind: PolicyKind::ServiceControl, sources });
    }
    visit(Group { kind: resource_kind(access), sources: policies.resource });
    visit(Group { kind: PolicyKind::Identity, sources: policies.identity });
    visit(Group { kind: PolicyKind::Boundary, sources: policies.boundary.as_slice() });
    visit(Group { kind: PolicyKind::Session, sources: policies.session.unwrap_or_default() });
}

fn resource_kind(access: &Access<'_>) -> PolicyKind {
    if access.is_role_trust { PolicyKind::RoleTrust } else { PolicyKind::Resource }
}

struct Inquiry<'a, 'q> {
    policies: &'q Policies<'a>,
    question: Question<'q>,
    access: &'q Access<'q>,
}

impl Inquiry<'_, '_> {
    fn explicit_deny(&self) -> Option<By> {
        let caller = Some((&self.access.caller, self.policies.boundary.is_some()));
        let mut found = None;
        groups(self.policies, self.access, |group| {
            if found.is_none() {
                found = group.deny(&self.question, caller);
            }
        });
        found
    }

    /// The statement that allows, or the kind of policy that does not.
    fn allowed(&self) -> Result<By, PolicyKind> {
        self.every_level(PolicyKind::ResourceControl, self.policies.resource_control)?;
        self.every_level(PolicyKind::ServiceControl, self.policies.service_control)?;
        let resource_kind = resource_kind(self.access);
        let resource = Group { kind: resource_kind, sources: self.policies.resource };
        let grant = resource.grant(&self.question, &self.access.caller);
        let caller = &self.access.caller;
        if !caller.has_account() {
            // A service or a token of an identity provider has nothing but the resource's policy.
            return grant.map(|(_, by)| by).ok_or(resource_kind);
        }
        if caller.account != self.access.resource_account {
            let (_, by) = grant.ok_or(resource_kind)?;
            self.own_account()?;
            return Ok(by);
        }
        match grant {
            Some((Naming::Direct, by)) => Ok(by),
            Some((Naming::Role, by)) => {
                self.limits()?;
                Ok(by)
            }
            None if self.access.is_role_trust => Err(resource_kind),
            Some((Naming::Account, _)) | None => self.own_account(),
        }
    }

    /// What the caller's own account allows: its identity policies within boundary and session policy.
    fn own_account(&self) -> Result<By, PolicyKind> {
        let by = match self.access.caller.kind {
            // The session of a root user too: it has what the root user may, within its session policy (IAM User Guide,
            // "Permissions for GetFederationToken").
            CallerKind::Root | CallerKind::FederatedUser { user: None, .. } => {
                By { kind: PolicyKind::Root, source: None, statement_index: 0, sid: None }
            }
            _ => Group { kind: PolicyKind::Identity, sources: self.policies.identity }
                .allow(&self.question)
                .ok_or(PolicyKind::Identity)?,
        };
        self.limits()?;
        Ok(by)
    }

    fn limits(&self) -> Result<(), PolicyKind> {
        if let Some(boundary) = &self.policies.boundary {
            let group = Group { kind: PolicyKind::Boundary, sources: std::slice::from_ref(boundary) };
            group.allow(&self.question).ok_or(PolicyKind::Boundary)?;
        }
        if let Some(sources) = self.policies.session {
            let group = Group { kind: PolicyKind::Session, sources };
            group.allow(&self.question).ok_or(PolicyKind::Session)?;
        }
        Ok(())
    }

    fn every_level(&self, kind: PolicyKind, levels: &[&[Source<'_>]]) -> Result<(), PolicyKind> {
        for sources in levels {
            Group { kind, sources }.allow(&self.question).ok_or(kind)?;
        }
        Ok(())
    }
}
