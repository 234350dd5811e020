//! Explains a decision: the same policies and condition keys as for the decision, with everything that they say about
//! it.

use aws::ids::AccountId;
use meta::{Account, CallerState, Target};
use policy::{Decision, Matched, NearMiss, PolicyKind};

use super::policies::asking;
use super::{Destination, Gate, Op};
use crate::Access;
use crate::context::{CallerKind, Ctx, RepositoryRef};
use crate::error::Result;

/// A decision with everything that explains it.
pub struct Explained {
    pub decision: Decision,
    /// The statements that match the request.
    pub matched: Vec<Matched>,
    /// The statements that almost allow it.
    pub near: Vec<NearMiss>,
    /// The evaluated policies, with their roles.
    pub asked: Vec<(PolicyKind, String)>,
    /// Condition keys that policies test and the request does not have.
    pub absent: Vec<String>,
}

/// The gate of the principal that a question is about. It explains decisions, and gives no permit.
pub struct Examined(Gate);

impl Access {
    /// Brings a question about the caller of `ctx` to the gate. An account's root has a row in the store only when it
    /// has an access key, but it always exists.
    pub async fn examine(
        &self,
        ctx: &Ctx,
        account: &Account,
        repository: Option<&RepositoryRef>,
    ) -> Result<Examined> {
        let to = Destination {
            account: repository.map_or(&account.account_id, |repository| &repository.account_id),
            region: repository.map_or(&self.settings.default_region, |repository| &repository.region),
            repository: repository.map(|repository| repository.name.as_str().to_owned()),
            target: Target::None,
        };
        if ctx.caller.kind != CallerKind::Root || account.account_id != ctx.caller.account_id {
            return self.gate_to(ctx, to, None).await.map(Examined);
        }
        let root = CallerState {
            version: 0,
            path: "/".to_owned(),
            name: "root".to_owned(),
            account_status: account.status.clone(),
            in_organization: account.in_organization,
            unit_path: account.unit_path.clone(),
            access_key_active: true,
        };
        self.gate_to(ctx, to, Some(&root).filter(|root| root.is_active())).await.map(Examined)
    }
}

impl Examined {
    /// Explains the decision on an operation. With a role's trust policy and account, it explains the decision to
    /// assume the role.
    pub fn explain(
        &self,
        op: Op,
        resource: &str,
        keys: policy::Context,
        trust: Option<(&policy::Policy, &AccountId)>,
    ) -> Explained {
        let gate = &self.0;
        let context = gate.context_of(op, keys);
        let request = policy::Request { action: op.action(), resource, context: &context };
        let trust_name = policy::SourceName::new("role trust policy");
        gate.policies.with_policies(op, |policies| {
            let of_trust = trust.map(|(policy, _)| [(&trust_name, policy)]);
            let policies = match &of_trust {
                Some(resource) => policy::Policies { resource, ..*policies },
                None => *policies,
            };
            asking(&gate.caller, |asks| {
                let access = policy::Access {
                    caller: asks,
                    resource_account: trust.map_or(&gate.account_id, |(_, account)| account).as_str(),
                    is_role_trust: trust.is_some(),
                };
                Explained {
                    decision: policy::evaluate(&policies, &request, &access),
                    matched: policy::matched_statements(&policies, &request, &access),
                    near: policy::near_misses(&policies, &request, &access),
                    asked: asked(&policies, access.is_role_trust),
                    absent: absent(&policies, &context),
                }
            })
        })
    }
}

fn asked(policies: &policy::Policies<'_>, is_role_trust: bool) -> Vec<(PolicyKind, String)> {
    let of_resource = if is_role_trust { PolicyKind::RoleTrust } else { PolicyKind::Resource };
    let named = |kind, sources: &[policy::Source<'_>]| {
        sources.iter().map(|(name, _)| (kind, name.to_string())).collect::<Vec<_>>()
    };
    let mut all = named(of_resource, policies.resource);
    all.extend(named(PolicyKind::Identity, policies.identity));
    all.extend(named(PolicyKind::Boundary, policies.boundary.as_slice()));
    all.extend(named(PolicyKind::Session, policies.session.unwrap_or_default()));
    all
}

fn absent(policies: &policy::Policies<'_>, context: &policy::Context) -> Vec<String> {
    let sources = policies.resource.iter().chain(policies.identity).chain(&policies.boundary);
    let all = sources.chain(policies.session.unwrap_or_default());
    let mut keys: Vec<String> = all.flat_map(|(_, policy)| policy.keys()).map(str::to_owned).collect();
    keys.retain(|key| !context.has(key));
    keys.sort_by_key(|key| key.to_lowercase());
    keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    keys
}
