//! The account as a whole: its counts and quotas.

use std::collections::BTreeMap;

use access::context::Ctx;
use access::error::Result;
use access::op::iam;
use access::quota;
use access::store::CountAccount;
use aws::iam::{GetAccountSummaryRequest, GetAccountSummaryResponse};

use crate::Identity;

impl Identity {
    /// The account's counts and quotas.
    pub async fn get_account_summary(
        &self,
        ctx: &Ctx,
        _input: GetAccountSummaryRequest,
    ) -> Result<GetAccountSummaryResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let permit = gate.permit_on::<iam::GetAccountSummary>("*", policy::Context::new())?;
        let counts = permit.read(|account_id| CountAccount { account_id }).await?;
        let quotas = self.access.quotas();
        let summary_map = BTreeMap::from([
            ("Users", counts.users),
            ("UsersQuota", quotas.users_per_account.limit()),
            ("Groups", counts.groups),
            ("GroupsQuota", quotas.groups_per_account.limit()),
            ("Roles", counts.roles),
            ("RolesQuota", quotas.roles_per_account.limit()),
            ("Policies", counts.policies),
            ("PoliciesQuota", quotas.policies_per_account.limit()),
            ("PolicyVersionsInUse", counts.policy_versions),
            ("VersionsPerPolicyQuota", quotas.versions_per_policy.limit()),
            ("InstanceProfiles", counts.instance_profiles),
            ("InstanceProfilesQuota", quotas.instance_profiles_per_account.limit()),
            ("Providers", counts.oidc_providers),
            ("AccountAccessKeysPresent", i64::from(counts.root_keys > 0)),
            ("AccountMFAEnabled", i64::from(counts.root_mfa_devices > 0)),
            ("MFADevices", counts.mfa_devices),
            ("MFADevicesInUse", counts.mfa_devices_in_use),
            ("AccessKeysPerUserQuota", quotas.access_keys_per_user.limit()),
            ("GroupsPerUserQuota", quotas.groups_per_user.limit()),
            ("AttachedPoliciesPerUserQuota", quotas.policies_per_user.limit()),
            ("AttachedPoliciesPerGroupQuota", quotas.policies_per_user.limit()),
            ("AttachedPoliciesPerRoleQuota", quotas.policies_per_user.limit()),
            ("PolicySizeQuota", quota::MANAGED_POLICY.limit()),
            ("AssumeRolePolicySizeQuota", quota::TRUST_POLICY.limit()),
        ]);
        Ok(GetAccountSummaryResponse { summary_map })
    }
}
