//! The operation of the management account that shows the quotas and rates of an account, and how much is used.

use access::context::Ctx;
use access::effects::authority;
use access::error::Result;
use access::op::organizations;
use access::permit::Permit;
use access::quota::FIXED;
use access::rate::Rate;
use access::store::{CountAccount, CountRegistries};
use aws::ids::AccountId;
use aws::organizations::{WharfDescribeQuotasRequest, WharfDescribeQuotasResponse, WharfQuota, WharfRate};

use super::{account_not_found, member_of};
use crate::Identity;

impl Identity {
    /// Shows the quotas and rates of an account, or of every account.
    pub async fn wharf_describe_quotas(
        &self,
        ctx: &Ctx,
        input: WharfDescribeQuotasRequest,
    ) -> Result<WharfDescribeQuotasResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let everything = policy::Context::new();
        self.access.manages::<organizations::WharfDescribeQuotas>(&gate, "*", everything).await?;
        let account = match &input.account_id {
            Some(id) => Some(member_of(&gate, id).await?.ok_or_else(account_not_found)?.account_id),
            None => None,
        };
        self.shown_quotas(account.as_ref()).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_quotas(&self, account: Option<&AccountId>) -> Result<WharfDescribeQuotasResponse> {
        let used = match account {
            Some(account) => self.used(account).await?,
            None => Vec::new(),
        };
        let settings = self.access.quotas().each().into_iter().map(|(setting, quota)| WharfQuota {
            name: quota.name.to_owned(),
            setting: Some(setting.to_owned()),
            limit: quota.value,
            used: used.iter().find(|(name, _)| *name == setting).map(|(_, used)| *used),
        });
        let fixed = FIXED.iter().map(|quota| WharfQuota {
            name: quota.name.to_owned(),
            setting: None,
            limit: quota.value,
            used: None,
        });
        let storage =
            self.access.storage_quota_use(account).await?.into_iter().map(|(quota, used)| WharfQuota {
                name: format!("Storage quota '{}' in bytes", quota.name),
                setting: None,
                limit: quota.bytes,
                used: Some(used),
            });
        let rates = &self.access.settings.rates;
        let rate = |rate: &Rate| WharfRate {
            name: rate.name().to_owned(),
            setting: rate.setting().to_owned(),
            per_second: account
                .map_or_else(|| rates.per_second_of_all(*rate), |account| rates.per_second(account, *rate)),
        };
        Ok(WharfDescribeQuotasResponse {
            quotas: settings.chain(fixed).chain(storage).collect(),
            rates_enabled: rates.enabled,
            rates: Rate::ALL.iter().map(rate).collect(),
        })
    }

    /// What an account has, by the setting of the quota that limits it.
    async fn used(&self, account: &AccountId) -> Result<Vec<(&'static str, u64)>> {
        let permit = Permit::for_service(authority::DescribeQuotas, &self.access);
        let counts = permit.read(|()| CountAccount { account_id: account.clone() }).await?;
        let there = self.access.of_registry(account, &self.access.settings.default_region).await?;
        let there = Permit::for_service(authority::DescribeQuotas, there);
        let registries = there.read(|()| CountRegistries { account_id: account.clone() }).await?;
        let used = [
            ("registries_per_account", registries.registries),
            ("images_per_repository", registries.images_of_a_repository),
            ("tags_per_image", registries.tags_of_an_image),
            ("pull_time_update_exclusions_per_registry", registries.exclusions_of_a_registry),
            ("in_use_reports_per_registry", registries.reports_of_a_registry),
            ("repository_creation_templates_per_registry", registries.templates_of_a_registry),
            ("users_per_account", counts.users),
            ("groups_per_account", counts.groups),
            ("roles_per_account", counts.roles),
            ("policies_per_account", counts.policies),
            ("instance_profiles_per_account", counts.instance_profiles),
            ("open_id_connect_providers_per_account", counts.oidc_providers),
        ];
        Ok(used
            .into_iter()
            .map(|(setting, count)| (setting, u64::try_from(count).unwrap_or_default()))
            .collect())
    }
}
