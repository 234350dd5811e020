//! All policies that decide on one request, and the decision.

use crate::op::{EcrOp, EcrPublicOp};
use std::sync::Arc;

use aws::arn::Arn;
use aws::ids::AccountId;
use meta::{Basis, CallerState};

use super::documents::{Named, PrincipalPolicies, RegistryPolicy, RepositoryPolicy};
use crate::Access;
use crate::context::{Caller, CallerKind};
use crate::error::Result;
use crate::op::Op;

/// The actions that a registry policy of scope V1 covers (ECR User Guide, "Private registry permissions").
pub const V1_ACTIONS: [&str; 3] =
    ["ecr:CreateRepository", "ecr:ReplicateImage", "ecr:BatchImportUpstreamImage"];

/// The policies that decide on a request.
pub struct Deciding {
    principal: Arc<PrincipalPolicies>,
    /// What the account allows every user to do to itself.
    of_account: Option<Named>,
    session: Option<Vec<Named>>,
    repository: Option<Arc<RepositoryPolicy>>,
    registry: Option<Arc<RegistryPolicy>>,
}

impl Access {
    /// Loads everything that decides about a caller on the resolved resource; from memory if the versions are the same.
    pub(super) async fn deciding(
        &self,
        caller: &Caller,
        state: &CallerState,
        basis: &Basis,
    ) -> Result<Deciding> {
        let principal = match caller.kind {
            // No policy can be attached to a root, nor to nobody.
            CallerKind::Root | CallerKind::Anonymous => Arc::default(),
            _ => self.principal_policies(&caller.unique_id, state.version).await?,
        };
        let session = match caller.session.as_ref().and_then(|session| session.policies.as_deref()) {
            Some(policies) => Some(self.session_policies(policies).await?),
            None => None,
        };
        let repository = match &basis.repository {
            Some(row) => self.repository_policy(row.key, row.policy_version).await?,
            None => None,
        };
        let registry = match &basis.registry {
            Some(row) => self.registry_policy(row.key, row.policy_version).await?,
            None => None,
        };
        Ok(Deciding { principal, of_account: None, session, repository, registry })
    }
}

impl Deciding {
    /// Adds what the account allows every user to do to itself.
    pub(super) fn and_of_account(self, policy: Named) -> Self {
        Self { of_account: Some(policy), ..self }
    }

    pub(super) fn principal_tags(&self) -> &[(String, String)] {
        &self.principal.tags
    }

    /// Whether a statement tests the tags of the resource, which are read only then.
    pub(super) fn read_resource_tags(&self) -> bool {
        let reads = |(_, policy): &Named| reads_resource_tags(policy);
        let of_resource = |policy: Option<&Named>| policy.is_some_and(reads);
        self.principal.identity.iter().chain(&self.principal.boundary).any(reads)
            || self.session.iter().flatten().any(reads)
            || of_resource(self.repository.as_ref().and_then(|repository| repository.policy.as_ref()))
            || of_resource(self.registry.as_ref().and_then(|registry| registry.policy.as_ref()))
    }

    /// The policies of the resource that cover an operation.
    fn of_resource(&self, op: Op) -> impl Iterator<Item = &Named> {
        // Its resource is the caller's own account: no registry policy can allow or deny it (ECR User Guide, "Private
        // repository policies"). Registry policies do not cover other services' operations.
        let is_login = matches!(
            op,
            Op::Ecr(EcrOp::GetAuthorizationToken) | Op::EcrPublic(EcrPublicOp::GetAuthorizationToken)
        );
        let is_asked = op.service().has_resource_policies() && !is_login;
        let repository = self.repository.iter().filter_map(|repository| repository.policy.as_ref());
        let registry = self
            .registry
            .iter()
            .filter(move |registry| registry.on_every_action || V1_ACTIONS.contains(&op.action()))
            .filter_map(|registry| registry.policy.as_ref());
        repository.chain(registry).filter(move |_| is_asked)
    }

    /// Decides on one operation.
    pub fn decide(
        &self,
        op: Op,
        request: &policy::Request<'_>,
        caller: &Caller,
        resource_account: &AccountId,
    ) -> policy::Decision {
        self.with_policies(op, |policies| {
            asking(caller, |asks| {
                let access = policy::Access {
                    caller: asks,
                    resource_account: resource_account.as_str(),
                    is_role_trust: false,
                };
                policy::evaluate(policies, request, &access)
            })
        })
    }

    /// Decides on an operation on a resource whose policy is not one of ECR's, such as a secret.
    pub(super) fn decide_on_resource(
        &self,
        op: Op,
        policy: Option<&Named>,
        request: &policy::Request<'_>,
        (caller, resource_account): (&Caller, &AccountId),
    ) -> policy::Decision {
        self.with_policies(op, |policies| {
            let resource: Vec<_> = policy.into_iter().map(source).collect();
            let policies = policy::Policies { resource: &resource, ..*policies };
            asking(caller, |asks| {
                let access = policy::Access {
                    caller: asks,
                    resource_account: resource_account.as_str(),
                    is_role_trust: false,
                };
                policy::evaluate(&policies, request, &access)
            })
        })
    }

    /// Decides whether a role's trust policy and the caller's own policies allow the caller to assume the role.
    pub(super) fn decide_trust(
        &self,
        op: Op,
        trust: &policy::Policy,
        request: &policy::Request<'_>,
        (caller, role_account): (&Caller, &AccountId),
    ) -> policy::Decision {
        let name = policy::SourceName::new("role trust policy");
        self.with_policies(op, |policies| {
            let resource = [(&name, trust)];
            let policies = policy::Policies { resource: &resource, ..*policies };
            asking(caller, |asks| {
                let access = policy::Access {
                    caller: asks,
                    resource_account: role_account.as_str(),
                    is_role_trust: true,
                };
                policy::evaluate(&policies, request, &access)
            })
        })
    }

    /// Whether a policy would deny a request if it were the resource's.
    pub(super) fn is_denied_by(
        &self,
        policy: &policy::Policy,
        request: &policy::Request<'_>,
        caller: &Caller,
        resource_account: &AccountId,
    ) -> bool {
        let name = policy::SourceName::new("policy");
        let policies = policy::Policies {
            boundary: self.principal.boundary.as_ref().map(source),
            resource: &[(&name, policy)],
            ..policy::Policies::default()
        };
        let decision = asking(caller, |asks| {
            let access = policy::Access {
                caller: asks,
                resource_account: resource_account.as_str(),
                is_role_trust: false,
            };
            policy::evaluate(&policies, request, &access)
        });
        match decision {
            policy::Decision::ExplicitDeny(by) => by.kind == policy::PolicyKind::Resource,
            policy::Decision::Exceeded(_) => true,
            policy::Decision::Allow(_) | policy::Decision::ImplicitDeny(_) => false,
        }
    }

    /// Calls `ask` with the policies that apply to an operation.
    pub fn with_policies<T>(&self, op: Op, ask: impl FnOnce(&policy::Policies<'_>) -> T) -> T {
        let identity: Vec<_> = self.principal.identity.iter().chain(&self.of_account).map(source).collect();
        let session: Option<Vec<_>> =
            self.session.as_ref().map(|session| session.iter().map(source).collect());
        let resource: Vec<_> = self.of_resource(op).map(source).collect();
        ask(&policy::Policies {
            identity: &identity,
            boundary: self.principal.boundary.as_ref().map(source),
            session: session.as_deref(),
            resource: &resource,
            service_control: &[],
            resource_control: &[],
        })
    }
}

/// Whether a policy tests the tags of a repository.
pub(super) fn reads_resource_tags(policy: &policy::Policy) -> bool {
    ["aws:ResourceTag/", "ecr:ResourceTag/", "ecr-public:ResourceTag/"]
        .iter()
        .any(|prefix| policy.mentions(prefix))
}

fn source((name, policy): &Named) -> (&policy::SourceName, &policy::Policy) {
    (name, policy)
}

/// Calls `ask` with the caller in the form that policies use.
pub(super) fn asking<T>(caller: &Caller, ask: impl FnOnce(policy::Caller<'_>) -> T) -> T {
    let account = caller.account_id.as_str();
    let of = |kind| policy::Caller { account, kind };
    match &caller.kind {
        CallerKind::Root => ask(of(policy::CallerKind::Root)),
        CallerKind::User { .. } => {
            ask(of(policy::CallerKind::User { arn: &caller.arn, unique_id: &caller.unique_id }))
        }
        CallerKind::Role { .. } => ask(of(policy::CallerKind::RoleSession {
            session_arn: &caller.arn,
            role_arn: &caller.principal_arn(),
            role_id: &caller.unique_id,
        })),
        CallerKind::Federated { user, .. } => {
            let arn =
                user.as_ref().map(|(path, name)| Arn::iam_user(&caller.account_id, path, name).to_string());
            let user = arn.as_deref().map(|arn| (arn, caller.unique_id.as_str()));
            ask(of(policy::CallerKind::FederatedUser { arn: &caller.arn, user }))
        }
        // The gate asks no policy about nobody (`decide`). This one has the permissions of no principal.
        CallerKind::Anonymous => {
            let nobody = (caller.arn.as_str(), caller.unique_id.as_str());
            ask(of(policy::CallerKind::FederatedUser { arn: &caller.arn, user: Some(nobody) }))
        }
    }
}
