//! What a decision was made of: the same policies and condition keys that decide, asked to tell all they know.

use aws::ids::AccountId;
use iam::{Decision, Matched, NearMiss, PolicyKind};

use super::policies::asking;
use super::{Gate, Op};

/// A decision with everything that speaks of it.
pub(crate) struct Explained {
    pub(crate) decision: Decision,
    /// The statements that speak of the request.
    pub(crate) matched: Vec<Matched>,
    /// The statements that nearly allow it.
    pub(crate) near: Vec<NearMiss>,
    /// The policies that were asked, with the part that each plays.
    pub(crate) asked: Vec<(PolicyKind, String)>,
    /// Condition keys that policies look at and the request has not.
    pub(crate) absent: Vec<String>,
}

impl Gate {
    /// Tells how an operation is decided. With a role's trust policy and account, how taking it on is.
    pub(crate) fn explain(
        &self,
        op: Op,
        resource: &str,
        keys: iam::Context,
        trust: Option<(&iam::Policy, &AccountId)>,
    ) -> Explained {
        let context = self.context_of(op, keys);
        let request = iam::Request { action: op.action(), resource, context: &context };
        let trust_name = iam::SourceName::new("role trust policy");
        self.policies.with_policies(op, |policies| {
            let of_trust = trust.map(|(policy, _)| [(&trust_name, policy)]);
            let policies = match &of_trust {
                Some(resource) => iam::Policies { resource, ..*policies },
                None => *policies,
            };
            asking(&self.caller, |asks| {
                let access = iam::Access {
                    caller: asks,
                    resource_account: trust.map_or(&self.account_id, |(_, account)| account).as_str(),
                    is_role_trust: trust.is_some(),
                };
                Explained {
                    decision: iam::evaluate(&policies, &request, &access),
                    matched: iam::matched_statements(&policies, &request, &access),
                    near: iam::near_misses(&policies, &request, &access),
                    asked: asked(&policies, access.is_role_trust),
                    absent: absent(&policies, &context),
                }
            })
        })
    }
}

fn asked(policies: &iam::Policies<'_>, is_role_trust: bool) -> Vec<(PolicyKind, String)> {
    let of_resource = if is_role_trust { PolicyKind::RoleTrust } else { PolicyKind::Resource };
    let named = |kind, sources: &[iam::Source<'_>]| {
        sources.iter().map(|(name, _)| (kind, name.to_string())).collect::<Vec<_>>()
    };
    let mut all = named(of_resource, policies.resource);
    all.extend(named(PolicyKind::Identity, policies.identity));
    all.extend(named(PolicyKind::Boundary, policies.boundary.as_slice()));
    all.extend(named(PolicyKind::Session, policies.session.unwrap_or_default()));
    all
}

fn absent(policies: &iam::Policies<'_>, context: &iam::Context) -> Vec<String> {
    let sources = policies.resource.iter().chain(policies.identity).chain(&policies.boundary);
    let all = sources.chain(policies.session.unwrap_or_default());
    let mut keys: Vec<String> = all.flat_map(|(_, policy)| policy.keys()).map(str::to_owned).collect();
    keys.retain(|key| !context.has(key));
    keys.sort_by_key(|key| key.to_lowercase());
    keys.dedup_by(|one, other| one.eq_ignore_ascii_case(other));
    keys
}
