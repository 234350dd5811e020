//! The account as a whole: how much it has, and everything that decides in it.

use access::op::IamOp;
use aws::iam::{
    AccountDetails, AccountSummary, AttachedPolicy, GetAccountAuthorizationDetailsRequest,
    GetAccountSummaryRequest, ListAccountAliasesRequest, PoliciesOf,
};
use aws::query::Page;
use meta::{
    CountAccount, Entity, EntityKind, ListAttachedPolicies, ListEntities, ListInlinePolicies,
    ListInstanceProfiles, ListManagedPolicies, ListManagedPolicyVersions,
};

use super::quota;
use crate::Identity;
use access::context::Ctx;
use access::error::Result;
use access::op::Op;
use access::store::StoreResultExt as _;

/// The lists of the details, in the order in which pages go through them, with their names as filters.
const LISTS: [&str; 5] = ["User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"];

/// Most entries of one page of GetAccountAuthorizationDetails, whatever is asked for: each comes with all its documents,
/// and IAM says itself that it may return fewer than asked for.
const MOST_DETAILS: usize = 100;

impl Identity {
    /// How much the account has, and how much it may have.
    pub async fn get_account_summary(
        &self,
        ctx: &Ctx,
        _input: GetAccountSummaryRequest,
    ) -> Result<AccountSummary> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::GetAccountSummary), "*", policy::Context::new())?;
        let account_id = ctx.caller.account_id.clone();
        let counts = self.access.meta.read(CountAccount { account_id }).await.or_store_error()?;
        let limit = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        Ok(AccountSummary(vec![
            ("Users", counts.users),
            ("UsersQuota", quota::USERS),
            ("Groups", counts.groups),
            ("GroupsQuota", quota::GROUPS),
            ("Roles", counts.roles),
            ("RolesQuota", quota::ROLES),
            ("Policies", counts.policies),
            ("PoliciesQuota", quota::POLICIES),
            ("PolicyVersionsInUse", counts.policy_versions),
            ("VersionsPerPolicyQuota", quota::VERSIONS_PER_POLICY),
            ("InstanceProfiles", counts.instance_profiles),
            ("InstanceProfilesQuota", quota::INSTANCE_PROFILES),
            ("Providers", counts.oidc_providers),
            ("AccountAccessKeysPresent", i64::from(counts.root_keys > 0)),
            ("AccountMFAEnabled", 0),
            ("MFADevices", 0),
            ("AccessKeysPerUserQuota", quota::ACCESS_KEYS_PER_USER),
            ("GroupsPerUserQuota", quota::GROUPS_PER_USER),
            ("AttachedPoliciesPerUserQuota", quota::POLICIES_PER_ENTITY),
            ("AttachedPoliciesPerGroupQuota", quota::POLICIES_PER_ENTITY),
            ("AttachedPoliciesPerRoleQuota", quota::POLICIES_PER_ENTITY),
            ("PolicySizeQuota", limit(quota::MANAGED_POLICY)),
            ("AssumeRolePolicySizeQuota", limit(quota::TRUST_POLICY)),
        ]))
    }

    /// The account's alias: there is none, since nothing here has a sign-in page that would use one.
    pub async fn list_account_aliases(
        &self,
        ctx: &Ctx,
        _input: ListAccountAliasesRequest,
    ) -> Result<Page<String>> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::ListAccountAliases), "*", policy::Context::new())?;
        Ok(Page::whole("AccountAliases", Vec::new()))
    }

    /// Users, groups, roles and managed policies with all that decides for them, page by page.
    pub async fn get_account_authorization_details(
        &self,
        ctx: &Ctx,
        input: GetAccountAuthorizationDetailsRequest,
    ) -> Result<AccountDetails> {
        let gate = self.access.account_gate(ctx).await?;
        gate.allow_on(Op::Iam(IamOp::GetAccountAuthorizationDetails), "*", policy::Context::new())?;
        let page = self.page_of(
            format!("details {}", ctx.caller.account_id),
            input.marker.as_deref(),
            input.max_items,
        )?;
        // A marker is the number of the list and the name after which the page begins in it.
        let (list, mut after) = match page.after.split_once(' ') {
            Some((list, after)) => (list.parse().unwrap_or(0), after.to_owned()),
            None => (0, String::new()),
        };
        let wanted = |name: &str| input.filter.is_empty() || input.filter.iter().any(|asked| asked == name);
        let mut details = AccountDetails::default();
        let mut room = page.limit.min(MOST_DETAILS);
        for (at, name) in LISTS.iter().enumerate().skip(list).filter(|(_, name)| wanted(name)) {
            let (count, last) = self.add_list(ctx, name, &after, room, &mut details).await?;
            room = room.saturating_sub(count);
            if room == 0 && (last.is_some() || LISTS.iter().skip(at + 1).any(|name| wanted(name))) {
                let next = last.map_or_else(|| format!("{} ", at + 1), |last| format!("{at} {last}"));
                details.marker = Some(self.access.page_token(&page.list, next)?);
                break;
            }
            after.clear();
        }
        Ok(details)
    }

    /// Adds part of a list: gives how much, and where the next page begins if there is more.
    async fn add_list(
        &self,
        ctx: &Ctx,
        name: &str,
        after: &str,
        room: usize,
        details: &mut AccountDetails,
    ) -> Result<(usize, Option<String>)> {
        let kind = match name {
            "User" => EntityKind::User,
            "Group" => EntityKind::Group,
            "Role" => EntityKind::Role,
            "LocalManagedPolicy" => return self.add_own_policies(ctx, after, room, details).await,
            _ => return self.add_policies_of_aws(ctx, after, room, details).await,
        };
        let list = ListEntities {
            account_id: ctx.caller.account_id.clone(),
            kind,
            path_prefix: "/".to_owned(),
            after: after.to_owned(),
            limit: room + 1,
        };
        let mut entities = self.access.meta.read(list).await.or_store_error()?;
        let last = cut(&mut entities, room, |entity| entity.name.to_ascii_lowercase());
        let count = entities.len();
        for entity in entities {
            self.add_entity(ctx, kind, entity, details).await?;
        }
        Ok((count, last))
    }

    async fn add_entity(
        &self,
        ctx: &Ctx,
        kind: EntityKind,
        entity: Entity,
        details: &mut AccountDetails,
    ) -> Result<()> {
        let owner = entity.unique_id.clone();
        let attached =
            self.access.meta.read(ListAttachedPolicies { owner: owner.clone() }).await.or_store_error()?;
        let policies = PoliciesOf {
            inline: self
                .access
                .meta
                .read(ListInlinePolicies { owner: owner.clone() })
                .await
                .or_store_error()?,
            attached: attached.into_iter().map(|arn| AttachedPolicy { arn }).collect(),
        };
        match kind {
            EntityKind::User => {
                let tags = self.iam_tags(&owner).await?;
                let most = usize::try_from(quota::GROUPS_PER_USER).unwrap_or_default();
                let groups = self.linked(&owner, "", most).await?;
                let groups = groups.into_iter().map(|group| group.name).collect();
                details.users.push((super::user::shown(entity, tags), policies, groups));
            }
            EntityKind::Group => details.groups.push((super::group::shown(entity), policies)),
            EntityKind::Role => {
                let list = ListInstanceProfiles {
                    account_id: entity.account_id.clone(),
                    role: Some(owner),
                    path_prefix: "/".to_owned(),
                    after: String::new(),
                    limit: 1_000,
                };
                let mut profiles = Vec::new();
                for profile in self.access.meta.read(list).await.or_store_error()? {
                    profiles.push(self.shown_profile(ctx, profile).await?);
                }
                details.roles.push((self.shown_role(entity, true).await?, policies, profiles));
            }
        }
        Ok(())
    }

    async fn add_own_policies(
        &self,
        ctx: &Ctx,
        after: &str,
        room: usize,
        details: &mut AccountDetails,
    ) -> Result<(usize, Option<String>)> {
        let list = ListManagedPolicies {
            account_id: ctx.caller.account_id.clone(),
            path_prefix: "/".to_owned(),
            after: after.to_owned(),
            limit: room + 1,
        };
        let mut policies = self.access.meta.read(list).await.or_store_error()?;
        let last = cut(&mut policies, room, |policy| policy.name.to_ascii_lowercase());
        let count = policies.len();
        for policy in policies {
            let versions = ListManagedPolicyVersions { arn: policy.arn.clone() };
            let versions = self.access.meta.read(versions).await.or_store_error()?;
            let versions = versions.into_iter().map(|version| super::policy_version::shown(version, true));
            details.policies.push((super::managed_policy::shown(policy, None), versions.collect()));
        }
        Ok((count, last))
    }

    /// Those of AWS's policies that something in the account uses.
    async fn add_policies_of_aws(
        &self,
        ctx: &Ctx,
        after: &str,
        room: usize,
        details: &mut AccountDetails,
    ) -> Result<(usize, Option<String>)> {
        let mut used = self.used_policies_of_aws(ctx).await?;
        used.retain(|(policy, _)| policy.name.as_str() > after);
        used.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        let last = cut(&mut used, room, |(policy, _)| policy.name.clone());
        let count = used.len();
        details.policies.extend(used);
        Ok((count, last))
    }
}

/// Cuts a list that is longer than its room, and gives the name after which the rest begins.
fn cut<T>(items: &mut Vec<T>, room: usize, name: impl Fn(&T) -> String) -> Option<String> {
    let is_longer = items.len() > room;
    items.truncate(room);
    items.last().filter(|_| is_longer).map(name)
}
