//! RegisterPullTimeUpdateExclusion, DeregisterPullTimeUpdateExclusion and ListPullTimeUpdateExclusions.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use aws::ecr::{
    DeregisterPullTimeUpdateExclusionRequest, DeregisterPullTimeUpdateExclusionResponse,
    ListPullTimeUpdateExclusionsRequest, ListPullTimeUpdateExclusionsResponse,
    RegisterPullTimeUpdateExclusionRequest, RegisterPullTimeUpdateExclusionResponse,
};
use aws::ids::Region;
use aws::json::epoch_seconds;

use super::page_limit;
use crate::Registry;
use crate::registry_settings::pull_time_exclusion;

impl Registry {
    /// Excludes a user or role: its pulls leave `lastRecordedPullTime` as it is.
    pub async fn register_pull_time_update_exclusion(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: RegisterPullTimeUpdateExclusionRequest,
    ) -> Result<RegisterPullTimeUpdateExclusionResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::RegisterPullTimeUpdateExclusion>()?;
        pull_time_exclusion::register(&self.access, ctx, &permit, &input.principal_arn).await?;
        Ok(RegisterPullTimeUpdateExclusionResponse {
            principal_arn: Some(input.principal_arn),
            created_at: Some(epoch_seconds(ctx.now)),
        })
    }

    /// Ends the exclusion of a user or role.
    pub async fn deregister_pull_time_update_exclusion(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeregisterPullTimeUpdateExclusionRequest,
    ) -> Result<DeregisterPullTimeUpdateExclusionResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit::<ecr::DeregisterPullTimeUpdateExclusion>()?;
        pull_time_exclusion::deregister(&permit, &input.principal_arn).await?;
        Ok(DeregisterPullTimeUpdateExclusionResponse { principal_arn: Some(input.principal_arn) })
    }

    /// Lists excluded users and roles by ARN.
    pub async fn list_pull_time_update_exclusions(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListPullTimeUpdateExclusionsRequest,
    ) -> Result<ListPullTimeUpdateExclusionsResponse> {
        let account = &ctx.caller.account_id;
        let gate = self.access.registry_gate(ctx, account, region).await?;
        let permit = gate.permit::<ecr::ListPullTimeUpdateExclusions>()?;
        let list = format!("pull time exclusions {account} {region}");
        let after = input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let mut arns = pull_time_exclusion::list(&permit, after, limit + 1).await?;
        let has_more = arns.len() > limit;
        arns.truncate(limit);
        let next_token = match arns.last() {
            Some(last) if has_more => Some(self.access.page_token(&list, last)?),
            _ => None,
        };
        Ok(ListPullTimeUpdateExclusionsResponse { pull_time_update_exclusions: arns, next_token })
    }
}
