//! The account as a whole: its counts and quotas, and its alias.

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::quota;
use access::store::CountAccount;
use aws::iam::{AccountSummary, GetAccountSummaryRequest, ListAccountAliasesRequest};
use aws::query::Page;

use crate::Identity;

impl Identity {
    /// The account's counts and quotas.
    pub async fn get_account_summary(
        &self,
        ctx: &Ctx,
        _input: GetAccountSummaryRequest,
    ) -> Result<AccountSummary> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GetAccountSummary>("*", policy::Context::new())?;
        let counts = permit.read(|account_id| CountAccount { account_id }).await?;
        Ok(AccountSummary(vec![
            ("Users", counts.users),
            ("UsersQuota", quota::USERS.limit()),
            ("Groups", counts.groups),
            ("GroupsQuota", quota::GROUPS.limit()),
            ("Roles", counts.roles),
            ("RolesQuota", quota::ROLES.limit()),
            ("Policies", counts.policies),
            ("PoliciesQuota", quota::POLICIES.limit()),
            ("PolicyVersionsInUse", counts.policy_versions),
            ("VersionsPerPolicyQuota", quota::VERSIONS_PER_POLICY.limit()),
            ("InstanceProfiles", counts.instance_profiles),
            ("InstanceProfilesQuota", quota::INSTANCE_PROFILES.limit()),
            ("Providers", counts.oidc_providers),
            ("AccountAccessKeysPresent", i64::from(counts.root_keys > 0)),
            ("AccountMFAEnabled", 0),
            ("MFADevices", 0),
            ("AccessKeysPerUserQuota", quota::ACCESS_KEYS_PER_USER.limit()),
            ("GroupsPerUserQuota", quota::GROUPS_PER_USER.limit()),
            ("AttachedPoliciesPerUserQuota", quota::POLICIES_PER_ENTITY.limit()),
            ("AttachedPoliciesPerGroupQuota", quota::POLICIES_PER_ENTITY.limit()),
            ("AttachedPoliciesPerRoleQuota", quota::POLICIES_PER_ENTITY.limit()),
            ("PolicySizeQuota", quota::MANAGED_POLICY.limit()),
            ("AssumeRolePolicySizeQuota", quota::TRUST_POLICY.limit()),
        ]))
    }

    /// The account's alias: there is none, because there is no sign-in page that would use it.
    pub async fn list_account_aliases(
        &self,
        ctx: &Ctx,
        _input: ListAccountAliasesRequest,
    ) -> Result<Page<String>> {
        let gate = self.access.account_gate(ctx).await?;
        gate.permit_on::<iam::ListAccountAliases>("*", policy::Context::new())?;
        Ok(Page::whole("AccountAliases", Vec::new()))
    }
}
