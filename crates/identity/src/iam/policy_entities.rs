//! ListEntitiesForPolicy: the users, groups and roles that use a managed policy.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::store::{ListPolicyUses, PolicyUse};
use aws::iam::{
    EntityType, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyGroup, PolicyRole,
    PolicyUsageType, PolicyUser,
};

use crate::Identity;

/// The position of an entity in the list.
fn position(one: &PolicyUse) -> String {
    format!("{} {}", one.kind, one.unique_id)
}

/// Names and unique IDs of the entities of one kind.
fn of_kind<T>(uses: &[PolicyUse], kind: &str, shown: fn(String, String) -> T) -> Vec<T> {
    let of_kind = uses.iter().filter(|one| one.kind == kind);
    of_kind.map(|one| shown(one.name.clone(), one.unique_id.clone())).collect()
}

impl Identity {
    /// Lists the groups, users and roles of the account that use a managed policy, in shared pages.
    pub async fn list_entities_for_policy(
        &self,
        ctx: &Ctx,
        input: ListEntitiesForPolicyRequest,
    ) -> Result<ListEntitiesForPolicyResponse> {
        let keys = policy::Context::new();
        let found = self.policy_for::<iam::ListEntitiesForPolicy>(ctx, &input.policy_arn, keys).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let (usage, kind) = (input.policy_usage_filter, input.entity_filter.map_or("", EntityType::as_str));
        let used = usage.map_or("", PolicyUsageType::as_str);
        let list = format!("entities of {} {prefix} {used} {kind}", input.policy_arn);
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        let account_id = found.permit.account().clone();
        let list = |_| ListPolicyUses { account_id, arn: input.policy_arn };
        let mut uses = found.permit.read(list).await?;
        uses.retain(|one| {
            // Values of the filter that name kinds of policies select no entity.
            let is_of_kind = kind.is_empty() || one.kind.eq_ignore_ascii_case(kind);
            let is_of_use = match usage {
                Some(PolicyUsageType::PermissionsBoundary) => one.as_boundary,
                Some(PolicyUsageType::PermissionsPolicy) => !one.as_boundary,
                None => true,
            };
            is_of_kind && is_of_use && one.path.starts_with(&prefix) && position(one) > page.after
        });
        uses.sort_by_key(position);
        // An entity with the policy both attached and as boundary is listed once.
        uses.dedup_by(|a, b| a.unique_id == b.unique_id);
        let marker = self.cut(&page, &mut uses, position)?;
        Ok(ListEntitiesForPolicyResponse {
            policy_groups: of_kind(&uses, "group", |group_name, group_id| PolicyGroup {
                group_name,
                group_id,
            }),
            policy_users: of_kind(&uses, "user", |user_name, user_id| PolicyUser { user_name, user_id }),
            policy_roles: of_kind(&uses, "role", |role_name, role_id| PolicyRole { role_name, role_id }),
            is_truncated: marker.is_some(),
            marker,
        })
    }
}
