//! GetAccountSetting and PutAccountSetting.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use aws::ecr::{AccountSettingResponse, GetAccountSettingRequest, PutAccountSettingRequest};
use aws::ids::Region;

use crate::Registry;
use crate::registry_settings::account_setting;

impl Registry {
    pub async fn get_account_setting(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetAccountSettingRequest,
    ) -> Result<AccountSettingResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit_with::<ecr::GetAccountSetting>(setting_key(&input.name))?;
        let value = account_setting::get(&permit, &input.name).await?;
        Ok(AccountSettingResponse { name: input.name, value })
    }

    /// Changes a setting.
    pub async fn put_account_setting(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutAccountSettingRequest,
    ) -> Result<AccountSettingResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit_with::<ecr::PutAccountSetting>(setting_key(&input.name))?;
        let (name, value) = (input.name, input.value);
        account_setting::put(&self.access, ctx, &permit, (name.clone(), value.clone())).await?;
        Ok(AccountSettingResponse { name, value })
    }
}

fn setting_key(name: &str) -> policy::Context {
    policy::Context::new().with("ecr:AccountSetting", name)
}
