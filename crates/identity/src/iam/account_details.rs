//! GetAccountAuthorizationDetails: users, groups, roles and managed policies with all policies that apply to them, in
//! pages.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::permit::Permit;
use access::quota;
use access::store::{
    Entity, EntityKind, ListAttachedPolicies, ListEntities, ListInlinePolicies, ListInstanceProfiles,
    ListManagedPolicies, ListManagedPolicyVersions,
};
use aws::iam::{
    AccountDetails, AttachedPolicy, GetAccountAuthorizationDetailsRequest, InstanceProfile, PoliciesOf, Role,
};

use super::entity::linked;
use super::iam_tags;
use super::instance_profile::shown_profile;
use super::managed_policy::used_policies_of_aws;
use super::role::shown_role;
use crate::Identity;

/// The lists of the details in the order of the pages, with their names as filters.
const LISTS: [&str; 5] = ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"];

/// The maximum number of entries on a page, regardless of the request: each entry contains all its documents. IAM may
/// also return fewer entries than requested.
const MOST_DETAILS: usize = 100;

/// The number of entries that were added from a list, and the last name on the page if there are more.
type Added = (usize, Option<String>);

/// The details of one page.
struct Details {
    permit: Permit<iam::GetAccountAuthorizationDetails>,
    shown: AccountDetails,
}

impl Identity {
    /// Shows all users, groups, roles and policies of the account.
    pub async fn get_account_authorization_details(
        &self,
        ctx: &Ctx,
        input: GetAccountAuthorizationDetailsRequest,
    ) -> Result<AccountDetails> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GetAccountAuthorizationDetails>("*", policy::Context::new())?;
        let list = format!("details {}", permit.account());
        let page = self.page_of(list, input.marker.as_deref(), input.max_items)?;
        // A marker contains the number of a list and the last name of the previous page in it.
        let (list, mut after) = match page.after.split_once(' ') {
            Some((list, after)) => (list.parse().unwrap_or(0), after.to_owned()),
            None => (0, String::new()),
        };
        let wanted = |name: &str| input.filter.is_empty() || input.filter.iter().any(|asked| asked == name);
        let mut details = Details { permit, shown: AccountDetails::default() };
        let mut room = page.limit.min(MOST_DETAILS);
        for (at, name) in LISTS.iter().enumerate().skip(list).filter(|(_, name)| wanted(name)) {
            let (count, last) = details.add_list(name, &after, room).await?;
            room = room.saturating_sub(count);
            if room == 0 && (last.is_some() || LISTS.iter().skip(at + 1).any(|name| wanted(name))) {
                let next = last.map_or_else(|| format!("{} ", at + 1), |last| format!("{at} {last}"));
                details.shown.marker = Some(self.access.page_token(&page.list, next)?);
                break;
            }
            after.clear();
        }
        Ok(details.shown)
    }
}

impl Details {
    async fn add_list(&mut self, name: &str, after: &str, room: usize) -> Result<Added> {
        let kind = match name {
            "User" => EntityKind::User,
            "Group" => EntityKind::Group,
            "Role" => EntityKind::Role,
            "LocalManagedPolicy" => return self.add_own_policies(after, room).await,
            _ => return self.add_policies_of_aws(after, room).await,
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
        let policies = PoliciesOf {
            inline: self.permit.read(|_| ListInlinePolicies { owner: owner.clone() }).await?,
            attached: attached.into_iter().map(|arn| AttachedPolicy { arn }).collect(),
        };
        match kind {
            EntityKind::User => {
                let tags = iam_tags(&self.permit, &owner).await?;
                let most = quota::GROUPS_PER_USER.most();
                let groups = linked(&self.permit, &owner, "", most).await?;
                let groups = groups.into_iter().map(|group| group.name).collect();
                self.shown.users.push((super::user::shown(entity, tags), policies, groups));
            }
            EntityKind::Group => self.shown.groups.push((super::group::shown(entity), policies)),
            EntityKind::Role => {
                let tags = iam_tags(&self.permit, &owner).await?;
                let role = shown_role(&self.permit, entity, tags).await?;
                let profiles = self.profiles_of(&owner, &role).await?;
                self.shown.roles.push((role, policies, profiles));
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
        let role = Role { boundary: None, tags: Vec::new(), last_used: None, ..role.clone() };
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
            self.shown.policies.push((super::managed_policy::shown(policy, None), versions.collect()));
        }
        Ok((count, last))
    }

    /// Adds AWS's policies that are used in the account.
    async fn add_policies_of_aws(&mut self, after: &str, room: usize) -> Result<Added> {
        let mut used = used_policies_of_aws(&self.permit).await?;
        used.retain(|(policy, _)| policy.name.as_str() > after);
        used.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        let last = cut(&mut used, room, |(policy, _)| policy.name.clone());
        let count = used.len();
        self.shown.policies.extend(used);
        Ok((count, last))
    }
}

/// Truncates a list to the room on the page, and returns the last name if there are more.
fn cut<T>(items: &mut Vec<T>, room: usize, name: impl Fn(&T) -> String) -> Option<String> {
    let is_longer = items.len() > room;
    items.truncate(room);
    items.last().filter(|_| is_longer).map(name)
}
