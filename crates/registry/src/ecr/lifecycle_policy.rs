//! PutLifecyclePolicy, GetLifecyclePolicy, DeleteLifecyclePolicy, and Wharf's own WharfRunLifecyclePolicy and
//! WharfListLifecycleActions.

use access::context::Ctx;
use access::error::Result;
use access::reconcilers;
use access::store::{LifecycleAction, Target};
use aws::ecr::{
    DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse, GetLifecyclePolicyRequest,
    GetLifecyclePolicyResponse, ImageActionType, PutLifecyclePolicyRequest, PutLifecyclePolicyResponse,
    WharfLifecycleAction, WharfListLifecycleActionsRequest, WharfListLifecycleActionsResponse,
    WharfRunLifecyclePolicyRequest, WharfRunLifecyclePolicyResponse,
};
use aws::ids::Region;

use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::lifecycle_policy as policy;

impl Registry {
    /// Writes a repository's lifecycle policy.
    pub async fn put_lifecycle_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutLifecyclePolicyRequest,
    ) -> Result<PutLifecyclePolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let lifecycle_policy_text = policy::put(&permit, &input.lifecycle_policy_text, ctx.at()).await?;
        self.access.request_reconciler(reconcilers::EXECUTE_LIFECYCLE, ctx.now).await?;
        Ok(PutLifecyclePolicyResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            lifecycle_policy_text,
        })
    }

    /// Shows a repository's lifecycle policy.
    pub async fn get_lifecycle_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetLifecyclePolicyRequest,
    ) -> Result<GetLifecyclePolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let row = policy::get(&permit).await?;
        Ok(GetLifecyclePolicyResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            lifecycle_policy_text: row.document,
            last_evaluated_at: epoch_seconds(row.last_evaluated_at),
        })
    }

    /// Removes a repository's lifecycle policy.
    pub async fn delete_lifecycle_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteLifecyclePolicyRequest,
    ) -> Result<DeleteLifecyclePolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let row = policy::delete(&permit).await?;
        Ok(DeleteLifecyclePolicyResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            lifecycle_policy_text: row.document,
            last_evaluated_at: epoch_seconds(row.last_evaluated_at),
        })
    }

    /// Has a repository's lifecycle policy carried out as soon as possible. Answers when it was evaluated before.
    pub async fn wharf_run_lifecycle_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfRunLifecyclePolicyRequest,
    ) -> Result<WharfRunLifecyclePolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let row = policy::run(&permit, ctx.at()).await?;
        self.access.request_reconciler(reconcilers::EXECUTE_LIFECYCLE, ctx.now).await?;
        Ok(WharfRunLifecyclePolicyResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            last_evaluated_at: epoch_seconds(row.last_evaluated_at),
        })
    }

    /// What a repository's lifecycle policy did, the newest first.
    pub async fn wharf_list_lifecycle_actions(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfListLifecycleActionsRequest,
    ) -> Result<WharfListLifecycleActionsResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let key = permit.repository();
        let list = format!("lifecycle actions {} {}", key.registry.0, key.id);
        let before =
            input.next_token.map(|token| self.access.open_page_token::<i64>(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let mut records = policy::records(&permit, before, limit).await?;
        let more = records.len() > limit;
        records.truncate(limit);
        let last = records.last().filter(|_| more).map(|record| record.id);
        let next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        let actions = records.into_iter().map(|record| WharfLifecycleAction {
            image_digest: record.digest.to_string(),
            image_tags: record.tags,
            action: action_type(record.action),
            applied_rule_priority: record.rule,
            reason: record.reason,
            performed_at: epoch_seconds(record.at),
        });
        Ok(WharfListLifecycleActionsResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            actions: actions.collect(),
            next_token,
        })
    }
}

pub(super) fn action_type(action: LifecycleAction) -> ImageActionType {
    match action {
        LifecycleAction::Expire => ImageActionType::Expire,
        LifecycleAction::Archive => ImageActionType::Transition,
    }
}
