//! GetAccountAuthorizationDetails: users, groups, roles and managed policies with all policies that apply to them, in
//! pages.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::permit::Permit;
use access::store::{
    Entity, EntityKind, ListAttachedPolicies, ListEntities, ListInlinePolicies, ListInstanceProfiles,
    ListManagedPolicies, ListManagedPolicyVersions,
};
use aws::iam::{
    EntityType, GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse, GroupDetail,
    InstanceProfile, ManagedPolicyDetail, Policy, PolicyDetail, PolicyVersion, Role, RoleDetail, UserDetail,
};

use super::attachment::attached_policy;
use super::entity::linked;
use super::iam_tags;
use super::instance_profile::shown_profile;
use super::managed_policy::used_policies_of_aws;
use super::role::shown_role;
use crate::Identity;

/// The lists of the details in the order of the pages, with their names as filters.
const LISTS: [EntityType; 5] = [
    EntityType::User,
    EntityType::Group,
    EntityType::Role,
    EntityType::LocalManagedPolicy,
    EntityType::AWSManagedPolicy,
];

/// The maximum number of entries on a page, regardless of the request: each entry contains all its documents. IAM may
/// also return fewer entries than requested.
/// More groups than a user can have (`access::quota`).
const MOST_GROUPS: usize = 1_000;
const MOST_DETAILS: usize = 100;

/// The number of entries that were added from a list, and the last name on the page if there are more.
type Added = (usize, Option<String>);

/// The details of one page.
struct Details {
    permit: Permit<iam::GetAccountAuthorizationDetails>,
    shown: GetAccountAuthorizationDetailsResponse,
}

impl Identity {
    /// Shows all users, groups, roles and policies of the account.
    pub async fn get_account_authorization_details(
        &self,
        ctx: &Ctx,
        input: GetAccountAuthorizationDetailsRequest,
    ) -> Result<GetAccountAuthorizationDetailsResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GetAccountAuthorizationDetails>("*", policy::Context::new())?;
        let list = format!("details {}", permit.account());
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        // A marker contains the number of a list and the last name of the previous page in it.
        let (list, mut after) = match page.after.split_once(' ') {
            Some((list, after)) => (list.parse().unwrap_or(0), after.to_owned()),
            None => (0, String::new()),
        };
        let wanted = |list| input.filter.is_empty() || input.filter.contains(&list);
        let mut details = Details { permit, shown: GetAccountAuthorizationDetailsResponse::default() };
        let mut room = page.limit.min(MOST_DETAILS);
        for (at, name) in LISTS.into_iter().enumerate().skip(list).filter(|(_, name)| wanted(*name)) {
            let (count, last) = details.add_list(name, &after, room).await?;
            room = room.saturating_sub(count);
            if room == 0 && (last.is_some() || LISTS.into_iter().skip(at + 1).any(wanted)) {
                let next = last.map_or_else(|| format!("{} ", at + 1), |last| format!("{at} {last}"));
                details.shown.is_truncated = true;
                details.shown.marker = Some(self.access.page_token(&page.list, next)?);
                break;
            }
            after.clear();
        }
        Ok(details.shown)
    }
}

impl Details {
    async fn add_list(&mut self, list: EntityType, after: &str, room: usize) -> Result<Added> {
        let kind = match list {
            EntityType::User => EntityKind::User,
            EntityType::Group => EntityKind::Group,
            EntityType::Role => EntityKind::Role,
            EntityType::LocalManagedPolicy => return self.add_own_policies(after, room).await,
            EntityType::AWSManagedPolicy => return self.add_policies_of_aws(after, room).await,
        };
        let list = |account_id| ListEntities {
            account_id,
            kind,
            path_prefix: "/".to_owned(),
            after: after.to_owned(),
            limit: room + 1,
        };
        let mut entities = self.permit.read(list).await?;
        let last = cut(&mut entities, room, |entity| entity.name.to_ascii_lowercase());
        let count = entities.len();
        for entity in entities {
            self.add_entity(kind, entity).await?;
        }
        Ok((count, last))
    }

    async fn add_entity(&mut self, kind: EntityKind, entity: Entity) -> Result<()> {
        let owner = entity.unique_id.clone();
        let attached = self.permit.read(|_| ListAttachedPolicies { owner: owner.clone() }).await?;
        let attached_managed_policies = attached.into_iter().map(attached_policy).collect();
        let inline = self.permit.read(|_| ListInlinePolicies { owner: owner.clone() }).await?;
        let policy = |(policy_name, policy_document)| PolicyDetail { policy_name, policy_document };
        let inline = inline.into_iter().map(policy).collect();
        match kind {
            EntityKind::User => {
                let tags = iam_tags(&self.permit, &owner).await?;
                let groups = linked(&self.permit, &owner, "", MOST_GROUPS).await?;
                let user = super::user::shown(entity, tags);
                self.shown.user_detail_list.push(UserDetail {
                    path: user.path,
                    user_name: user.user_name,
                    user_id: user.user_id,
                    arn: user.arn,
                    create_date: user.create_date,
                    user_policy_list: inline,
                    group_list: groups.into_iter().map(|group| group.name).collect(),
                    attached_managed_policies,
                    permissions_boundary: user.permissions_boundary,
                    tags: user.tags,
                });
            }
            EntityKind::Group => {
                let group = super::group::shown(entity);
                self.shown.group_detail_list.push(GroupDetail {
                    path: group.path,
                    group_name: group.group_name,
                    group_id: group.group_id,
                    arn: group.arn,
                    create_date: group.create_date,
                    group_policy_list: inline,
                    attached_managed_policies,
                });
            }
            EntityKind::Role => {
                let tags = iam_tags(&self.permit, &owner).await?;
                let role = shown_role(&self.permit, entity, tags).await?;
                let instance_profile_list = self.profiles_of(&owner, &role).await?;
                self.shown.role_detail_list.push(RoleDetail {
                    path: role.path,
                    role_name: role.role_name,
                    role_id: role.role_id,
                    arn: role.arn,
                    create_date: role.create_date,
                    assume_role_policy_document: role.assume_role_policy_document,
                    instance_profile_list,
                    role_policy_list: inline,
                    attached_managed_policies,
                    permissions_boundary: role.permissions_boundary,
                    tags: role.tags,
                    role_last_used: role.role_last_used,
                });
            }
        }
        Ok(())
    }

    async fn profiles_of(&self, unique_id: &str, role: &Role) -> Result<Vec<InstanceProfile>> {
        let list = |account_id| ListInstanceProfiles {
            account_id,
            role: Some(unique_id.to_owned()),
            path_prefix: "/".to_owned(),
            after: String::new(),
            limit: 1_000,
        };
        let role =
            Role { permissions_boundary: None, tags: Vec::new(), role_last_used: None, ..role.clone() };
        let mut profiles = Vec::new();
        for profile in self.permit.read(list).await? {
            let tags = iam_tags(&self.permit, &profile.unique_id).await?;
            profiles.push(shown_profile(self.permit.account(), profile, Some(role.clone()), tags));
        }
        Ok(profiles)
    }

    async fn add_own_policies(&mut self, after: &str, room: usize) -> Result<Added> {
        let list = |account_id| ListManagedPolicies {
            account_id,
            path_prefix: "/".to_owned(),
            after: after.to_owned(),
            limit: room + 1,
        };
        let mut policies = self.permit.read(list).await?;
        let last = cut(&mut policies, room, |policy| policy.name.to_ascii_lowercase());
        let count = policies.len();
        for policy in policies {
            let versions =
                self.permit.read(|_| ListManagedPolicyVersions { arn: policy.arn.clone() }).await?;
            let versions = versions.into_iter().map(|version| super::policy_version::shown(version, true));
            self.shown
                .policies
                .push(detail((super::managed_policy::shown(policy, None), versions.collect())));
        }
        Ok((count, last))
    }

    /// Adds AWS's policies that are used in the account.
    async fn add_policies_of_aws(&mut self, after: &str, room: usize) -> Result<Added> {
        let mut used = used_policies_of_aws(&self.permit).await?;
        used.retain(|(policy, _)| policy.policy_name.as_str() > after);
        used.sort_by(|(one, _), (other, _)| one.policy_name.cmp(&other.policy_name));
        let last = cut(&mut used, room, |(policy, _)| policy.policy_name.clone());
        let count = used.len();
        self.shown.policies.extend(used.into_iter().map(detail));
        Ok((count, last))
    }
}

/// A managed policy with its versions.
fn detail((policy, policy_version_list): (Policy, Vec<PolicyVersion>)) -> ManagedPolicyDetail {
    ManagedPolicyDetail {
        policy_name: policy.policy_name,
        policy_id: policy.policy_id,
        arn: policy.arn,
        path: policy.path,
        default_version_id: policy.default_version_id,
        attachment_count: policy.attachment_count,
        permissions_boundary_usage_count: policy.permissions_boundary_usage_count,
        is_attachable: policy.is_attachable,
        description: policy.description,
        create_date: policy.create_date,
        update_date: policy.update_date,
        policy_version_list,
    }
}

/// Truncates a list to the room on the page, and returns the last name if there are more.
fn cut<T>(items: &mut Vec<T>, room: usize, name: impl Fn(&T) -> String) -> Option<String> {
    let is_longer = items.len() > room;
    items.truncate(room);
    items.last().filter(|_| is_longer).map(name)
}
