//! STS: sessions of roles and users.

pub(crate) mod assume_role;
mod federation;
mod mfa;
mod session_parameters;
mod session_policy;
mod session_tags;
mod web_identity;

use access::context::Ctx;
use access::error::Result;
use aws::sts::{GetCallerIdentityRequest, GetCallerIdentityResponse};

use crate::Identity;

impl Identity {
    /// Returns the caller. No policy can deny it, but the credentials must be valid.
    pub async fn get_caller_identity(
        &self,
        ctx: &Ctx,
        _input: GetCallerIdentityRequest,
    ) -> Result<GetCallerIdentityResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let caller = gate.caller();
        Ok(GetCallerIdentityResponse {
            arn: caller.arn.clone(),
            user_id: caller.user_id(),
            account: caller.account_id.to_string(),
        })
    }
}
