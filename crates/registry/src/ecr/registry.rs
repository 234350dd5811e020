//! GetAuthorizationToken and DescribeRegistry.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::token::USER;
use aws::ecr::{
    AuthorizationData, DescribeRegistryRequest, DescribeRegistryResponse, GetAuthorizationTokenRequest,
    GetAuthorizationTokenResponse,
};
use aws::ids::Region;
use aws::json::epoch_seconds;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::account_of;
use crate::Registry;
use crate::registry_settings::replication;

impl Registry {
    /// The password for `docker login`, once for each requested registry. Registries of other accounts need no
    /// permission here: each request with the token is decided separately.
    pub async fn get_authorization_token(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetAuthorizationTokenRequest,
    ) -> Result<GetAuthorizationTokenResponse> {
        let token = self.access.issue_token(ctx, region).await?;
        let ids = if input.registry_ids.is_empty() {
            vec![ctx.caller.account_id.to_string()]
        } else {
            input.registry_ids
        };
        let authorization_token = STANDARD.encode(format!("{USER}:{}", token.password));
        let mut authorization_data = Vec::with_capacity(ids.len());
        for id in ids {
            let account = account_of(ctx, Some(&id))?;
            authorization_data.push(AuthorizationData {
                authorization_token: authorization_token.clone(),
                expires_at: epoch_seconds(token.expires_at),
                proxy_endpoint: self.access.settings.address.proxy_endpoint(&account, region),
            });
        }
        Ok(GetAuthorizationTokenResponse { authorization_data })
    }

    /// The caller's registry.
    pub async fn describe_registry(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: DescribeRegistryRequest,
    ) -> Result<DescribeRegistryResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::DescribeRegistry>()?;
        Ok(DescribeRegistryResponse {
            registry_id: ctx.caller.account_id.to_string(),
            replication_configuration: replication::get(&permit).await?,
        })
    }
}
