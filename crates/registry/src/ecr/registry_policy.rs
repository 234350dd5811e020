//! PutRegistryPolicy, GetRegistryPolicy and DeleteRegistryPolicy.

use access::context::Ctx;
use access::error::Result;
use aws::ecr::{
    DeleteRegistryPolicyRequest, GetRegistryPolicyRequest, PutRegistryPolicyRequest, RegistryPolicyResponse,
};
use aws::ids::Region;

use crate::Registry;
use crate::registry_settings::policy;

impl Registry {
    /// Writes the registry's policy.
    pub async fn put_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit()?;
        let text = policy::put(&self.access, ctx, (&gate, &permit), &input.policy_text).await?;
        Ok(response(ctx, text))
    }

    /// Shows the registry's policy.
    pub async fn get_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: GetRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        Ok(response(ctx, policy::get(&gate.permit()?).await?))
    }

    /// Removes the registry's policy.
    pub async fn delete_registry_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        _input: DeleteRegistryPolicyRequest,
    ) -> Result<RegistryPolicyResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        Ok(response(ctx, policy::delete(&gate.permit()?).await?))
    }
}

fn response(ctx: &Ctx, policy_text: String) -> RegistryPolicyResponse {
    RegistryPolicyResponse { registry_id: ctx.caller.account_id.to_string(), policy_text }
}
