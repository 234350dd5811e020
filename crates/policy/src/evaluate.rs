//! Combines all policies that apply to a request.
//!
//! Source: IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy
//! evaluation for requests within a single account", "Cross-account policy evaluation logic", "Permissions boundaries
//! for IAM entities" and "Principal".

use crate::budget::Excess;
use crate::caller::{Caller, CallerKind};
use crate::decision::{By, Decision, PolicyKind, SourceName};
use crate::policy::{Effect, Policy, Question, Request};
use crate::principal::Naming;

/// A policy with its name for explanations.
pub type Source<'a> = (&'a SourceName, &'a Policy);

/// Every policy that applies to a request. An empty list has no effect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies<'a> {
    /// Policies of the user and its groups, or of the role.
    pub identity: &'a [Source<'a>],
    /// The permissions boundary of the user or role.
    pub boundary: Option<Source<'a>>,
    /// The session's policies. `None`: the session has none and is not limited. An empty list allows nothing, as with
    /// GetFederationToken without a policy.
    pub session: Option<&'a [Source<'a>]>,
    /// Policies of the resource: repository policy, registry policy, or a role's trust policy.
    pub resource: &'a [Source<'a>],
    /// Service control policies of the caller's account: one list for each level from the root of the organization to
    /// the account. Empty if none apply: no organization, the management account, a service-linked role.
    pub service_control: &'a [&'a [Source<'a>]],
    /// Resource control policies of the resource's account, by level.
    pub resource_control: &'a [&'a [Source<'a>]],
}

/// The caller, and the owner of the resource.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The principal.
    pub caller: Caller<'a>,
    /// The account of the resource; for operations without a resource, the caller's own account.
    pub resource_account: &'a str,
    /// Whether the resource's policy must allow even within one account, as a role's trust policy must.
    pub is_role_trust: bool,
}

/// A statement that matches a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// Its effect.
    pub effect: Effect,
    /// Its identity.
    pub by: By,
}

/// Decides with identity policies alone: the caller is in the resource's account, without boundary, session or
/// organization, and the resource has no policy.
pub fn evaluate_identity(policies: &[(&SourceName, &Policy)], request: &Request<'_>) -> Decision {
    let group = Group { kind: PolicyKind::Identity, sources: policies };
    let decide = || {
        let question = Question::of(request)?;
        if let Some(by) = group.deny(&question, None)? {
            return Ok(Decision::ExplicitDeny(by));
        }
        Ok(group.allow(&question)?.map_or(Decision::ImplicitDeny(PolicyKind::Identity), Decision::Allow))
    };
    decide().unwrap_or_else(Decision::Exceeded)
}

/// Decides with all policies that apply to a request.
pub fn evaluate(policies: &Policies<'_>, request: &Request<'_>, access: &Access<'_>) -> Decision {
    if access.caller.kind == CallerKind::Anonymous {
        // Private ECR has no anonymous principal, regardless of policies.
        return Decision::ImplicitDeny(PolicyKind::Identity);
    }
    let decide = || {
        let inquiry = Inquiry { policies, question: Question::of(request)?, access };
        if let Some(by) = inquiry.explicit_deny()? {
            return Ok(Decision::ExplicitDeny(by));
        }
        Ok(inquiry.allowed()?.map_or_else(Decision::ImplicitDeny, Decision::Allow))
    };
    decide().unwrap_or_else(Decision::Exceeded)
}

/// Every statement that matches a request, in the order in which kinds of policies are evaluated, as far as the steps
/// of a decision allow.
pub fn matched_statements(
    policies: &Policies<'_>,
    request: &Request<'_>,
    access: &Access<'_>,
) -> Vec<Matched> {
    let has_boundary = policies.boundary.is_some();
    let mut matched = Vec::new();
    // The statements found before the end of the steps are correct.
    let _: Result<(), Excess> = Question::of(request).and_then(|question| {
        groups(policies, access, |group| {
            for (name, policy) in group.sources {
                for (index, statement) in policy.statements.iter().enumerate() {
                    if statement.speaks_of(&access.caller, has_boundary) && statement.covers(&question)? {
                        let by = group.by(name, index, statement.sid.as_ref());
                        matched.push(Matched { effect: statement.effect, by });
                    }
                }
            }
            Ok(())
        })
    });
    matched
}

/// Policies with the same role.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) kind: PolicyKind,
    pub(crate) sources: &'a [Source<'a>],
}

impl Group<'_> {
    pub(crate) fn by(&self, name: &SourceName, index: usize, sid: Option<&std::sync::Arc<str>>) -> By {
        By { kind: self.kind, source: Some(name.clone()), statement_index: index, sid: sid.cloned() }
    }

    /// The first statement that denies. Resource policies consider the caller and whether it has a boundary.
    fn deny(
        &self,
        question: &Question<'_>,
        caller: Option<(&Caller<'_>, bool)>,
    ) -> Result<Option<By>, Excess> {
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
                if concerns_caller && statement.covers(question)? {
                    return Ok(Some(self.by(name, index, statement.sid.as_ref())));
                }
            }
        }
        Ok(None)
    }

    /// The first statement that allows, in policies without principals.
    fn allow(&self, question: &Question<'_>) -> Result<Option<By>, Excess> {
        for (name, policy) in self.sources {
            for (index, statement) in policy.statements.iter().enumerate() {
                if statement.effect == Effect::Allow && statement.covers(question)? {
                    return Ok(Some(self.by(name, index, statement.sid.as_ref())));
                }
            }
        }
        Ok(None)
    }

    /// Among the statements that allow the caller, the one that names it most specifically. A statement that does not
    /// name the caller grants nothing.
    fn grant(&self, question: &Question<'_>, caller: &Caller<'_>) -> Result<Option<(Naming, By)>, Excess> {
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
                if is_closer && statement.covers(question)? {
                    best = Some((naming, self.by(name, index, statement.sid.as_ref())));
                }
            }
        }
        Ok(best)
    }
}

/// Calls `visit` with each group of policies, in AWS's order, until one returns an error.
pub(crate) fn groups<E>(
    policies: &Policies<'_>,
    access: &Access<'_>,
    mut visit: impl FnMut(Group<'_>) -> Result<(), E>,
) -> Result<(), E> {
    for sources in policies.resource_control {
        visit(Group { kind: PolicyKind::ResourceControl, sources })?;
    }
    for sources in policies.service_control {
        visit(Group { kind: PolicyKind::ServiceControl, sources })?;
    }
    visit(Group { kind: resource_kind(access), sources: policies.resource })?;
    visit(Group { kind: PolicyKind::Identity, sources: policies.identity })?;
    visit(Group { kind: PolicyKind::Boundary, sources: policies.boundary.as_slice() })?;
    visit(Group { kind: PolicyKind::Session, sources: policies.session.unwrap_or_default() })
}

fn resource_kind(access: &Access<'_>) -> PolicyKind {
    if access.is_role_trust { PolicyKind::RoleTrust } else { PolicyKind::Resource }
}

struct Inquiry<'a, 'q> {
    policies: &'q Policies<'a>,
    question: Question<'q>,
    access: &'q Access<'q>,
}

/// The statement that allows, or the kind of policy that does not.
type Allowed = Result<By, PolicyKind>;

impl Inquiry<'_, '_> {
    fn explicit_deny(&self) -> Result<Option<By>, Excess> {
        let caller = Some((&self.access.caller, self.policies.boundary.is_some()));
        let mut found = None;
        groups(self.policies, self.access, |group| {
            if found.is_none() {
                found = group.deny(&self.question, caller)?;
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn allowed(&self) -> Result<Allowed, Excess> {
        let levels = [
            (PolicyKind::ResourceControl, self.policies.resource_control),
            (PolicyKind::ServiceControl, self.policies.service_control),
        ];
        for (kind, levels) in levels {
            for sources in levels {
                if (Group { kind, sources }).allow(&self.question)?.is_none() {
                    return Ok(Err(kind));
                }
            }
        }
        let resource_kind = resource_kind(self.access);
        let resource = Group { kind: resource_kind, sources: self.policies.resource };
        let grant = resource.grant(&self.question, &self.access.caller)?;
        let caller = &self.access.caller;
        if !caller.has_account() {
            // For a service or a token of an identity provider, only the resource's policy counts.
            return Ok(grant.map(|(_, by)| by).ok_or(resource_kind));
        }
        if caller.account != self.access.resource_account {
            let Some((_, by)) = grant else { return Ok(Err(resource_kind)) };
            return Ok(self.own_account()?.map(|_| by));
        }
        match grant {
            Some((Naming::Direct, by)) => Ok(Ok(by)),
            Some((Naming::Role, by)) => self.within_limits(by),
            None if self.access.is_role_trust => Ok(Err(resource_kind)),
            Some((Naming::Account, _)) | None => self.own_account(),
        }
    }

    /// What the caller's own account allows: its identity policies within boundary and session policy.
    fn own_account(&self) -> Result<Allowed, Excess> {
        let by = match self.access.caller.kind {
            // This includes the session of a root user: it has the permissions of the root user within its session
            // policy (IAM User Guide, "Permissions for GetFederationToken").
            CallerKind::Root | CallerKind::FederatedUser { user: None, .. } => {
                Some(By { kind: PolicyKind::Root, source: None, statement_index: 0, sid: None })
            }
            _ => {
                Group { kind: PolicyKind::Identity, sources: self.policies.identity }.allow(&self.question)?
            }
        };
        by.map_or(Ok(Err(PolicyKind::Identity)), |by| self.within_limits(by))
    }

    /// The statement that allows, if boundary and session policy allow too.
    fn within_limits(&self, by: By) -> Result<Allowed, Excess> {
        if let Some(boundary) = &self.policies.boundary {
            let group = Group { kind: PolicyKind::Boundary, sources: std::slice::from_ref(boundary) };
            if group.allow(&self.question)?.is_none() {
                return Ok(Err(PolicyKind::Boundary));
            }
        }
        if let Some(sources) = self.policies.session {
            let group = Group { kind: PolicyKind::Session, sources };
            if group.allow(&self.question)?.is_none() {
                return Ok(Err(PolicyKind::Session));
            }
        }
        Ok(Ok(by))
    }
}
