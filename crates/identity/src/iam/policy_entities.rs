//! ListEntitiesForPolicy: the users, groups and roles that use a managed policy.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::store::{ListPolicyUses, PolicyUse};
use aws::iam::{ListEntitiesForPolicyRequest, PolicyEntities};

use crate::Identity;

/// The position of an entity in the list.
fn position(one: &PolicyUse) -> String {
    format!("{} {}", one.kind, one.unique_id)
}

/// The entities of one kind.
fn of_kind(uses: &[PolicyUse], kind: &str) -> Vec<(String, String)> {
    let of_kind = uses.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| (one.name.clone(), one.unique_id.clone())).collect()
}

impl Identity {
    /// Lists the groups, users and roles of the account that use a managed policy, in shared pages.
    pub async fn list_entities_for_policy(
        &self,
        ctx: &Ctx,
        input: ListEntitiesForPolicyRequest,
    ) -> Result<PolicyEntities> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::ListEntitiesForPolicy>(ctx, &input.policy_arn, keys).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let usage = input.policy_usage_filter.unwrap_or_default();
        let kind = input.entity_filter.unwrap_or_default();
        let list = format!("entities of {} {prefix} {usage} {kind}", input.policy_arn);
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        let list = |account_id| ListPolicyUses { account_id, arn: input.policy_arn };
        let mut uses = found.permit.read(list).await?;
        uses.retain(|one| {
            // Values of the filter that name kinds of policies select no entity.
            let is_of_kind = kind.is_empty() || one.kind.eq_ignore_ascii_case(&kind);
            let is_of_use = match usage.as_str() {
                "PermissionsBoundary" => one.as_boundary,
                "PermissionsPolicy" => !one.as_boundary,
                _ => true,
            };
            is_of_kind && is_of_use && one.path.starts_with(&prefix) && position(one) > page.after
        });
        uses.sort_by_key(position);
        // An entity with the policy both attached and as boundary is listed once.
        uses.dedup_by(|a, b| a.unique_id == b.unique_id);
        let marker = self.cut(&page, &mut uses, position)?;
        Ok(PolicyEntities {
            groups: of_kind(&uses, "group"),
            users: of_kind(&uses, "user"),
            roles: of_kind(&uses, "role"),
            marker,
        })
    }
}
