//! StartLifecyclePolicyPreview and GetLifecyclePolicyPreview.

use access::context::Ctx;
use access::error::{Error, Result};
use access::reconcilers;
use access::store::{LifecycleAction, PreviewResult, PreviewRow, PreviewState, TagStatus, Target};
use aws::ecr::{
    GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyPreviewResponse, ImageIdentifier,
    LifecyclePolicyPreviewFilter, LifecyclePolicyPreviewResult, LifecyclePolicyPreviewStatus,
    LifecyclePolicyPreviewSummary, LifecyclePolicyRuleAction, LifecyclePolicyStorageClass,
    LifecyclePolicyTargetStorageClass, StartLifecyclePolicyPreviewRequest,
    StartLifecyclePolicyPreviewResponse, TransitioningImageTotalCount,
};
use aws::ids::Region;

use super::image::image_ref;
use super::lifecycle_policy::action_type;
use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::lifecycle_policy::{PreviewPage, current, preview_page, start_preview};

impl Registry {
    /// Starts a preview of a lifecycle policy, or of the repository's own.
    pub async fn start_lifecycle_policy_preview(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: StartLifecyclePolicyPreviewRequest,
    ) -> Result<StartLifecyclePolicyPreviewResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let text = start_preview(&permit, input.lifecycle_policy_text.as_deref(), ctx.at()).await?;
        self.access.request_reconciler(reconcilers::PREVIEW_LIFECYCLE, ctx.now).await?;
        Ok(StartLifecyclePolicyPreviewResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            lifecycle_policy_text: text,
            status: LifecyclePolicyPreviewStatus::InProgress,
        })
    }

    /// The state of the preview, and a page of its results.
    pub async fn get_lifecycle_policy_preview(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetLifecyclePolicyPreviewRequest,
    ) -> Result<GetLifecyclePolicyPreviewResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit()?;
        let preview = current(&permit).await?;
        let list = format!("lifecycle preview {} {:?}", preview.id, input.filter);
        let after =
            input.next_token.map(|token| self.access.open_page_token::<i64>(&list, &token)).transpose()?;
        let images = input.image_ids.iter().map(|id: &ImageIdentifier| {
            image_ref(id).map_err(|failure| Error::invalid_parameter("imageIds", &failure.failure_reason))
        });
        let images = images.collect::<Result<Vec<_>>>()?;
        let limit = page_limit(input.max_results, 100);
        let tag_status = tag_status(input.filter);
        let (mut results, mut next_token) = (Vec::new(), None);
        if preview.state == PreviewState::Complete {
            results = preview_page(&permit, PreviewPage { after, images, tag_status, limit }).await?;
            if results.len() > limit {
                results.truncate(limit);
                let last = results.last().map(|result| result.position);
                next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
            }
        }
        Ok(GetLifecyclePolicyPreviewResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            status: status(preview.state),
            summary: (preview.state == PreviewState::Complete).then(|| summary(&preview)),
            lifecycle_policy_text: preview.document,
            preview_results: results.into_iter().map(shown).collect(),
            next_token,
        })
    }
}

fn tag_status(filter: Option<LifecyclePolicyPreviewFilter>) -> TagStatus {
    match filter.and_then(|filter| filter.tag_status) {
        None | Some(aws::ecr::TagStatus::Any) => TagStatus::Any,
        Some(aws::ecr::TagStatus::Tagged) => TagStatus::Tagged,
        Some(aws::ecr::TagStatus::Untagged) => TagStatus::Untagged,
    }
}

fn status(state: PreviewState) -> LifecyclePolicyPreviewStatus {
    match state {
        PreviewState::InProgress => LifecyclePolicyPreviewStatus::InProgress,
        PreviewState::Complete => LifecyclePolicyPreviewStatus::Complete,
        PreviewState::Failed => LifecyclePolicyPreviewStatus::Failed,
        PreviewState::Expired => LifecyclePolicyPreviewStatus::Expired,
    }
}

fn summary(preview: &PreviewRow) -> LifecyclePolicyPreviewSummary {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let archiving = TransitioningImageTotalCount {
        target_storage_class: LifecyclePolicyTargetStorageClass::Archive,
        image_total_count: count(preview.archiving),
    };
    LifecyclePolicyPreviewSummary {
        expiring_image_total_count: count(preview.expiring),
        transitioning_image_total_counts: if preview.archiving > 0 { vec![archiving] } else { Vec::new() },
    }
}

fn shown(result: PreviewResult) -> LifecyclePolicyPreviewResult {
    LifecyclePolicyPreviewResult {
        image_tags: result.tags,
        image_digest: result.digest.to_string(),
        image_pushed_at: epoch_seconds(result.pushed_at),
        action: LifecyclePolicyRuleAction {
            r#type: action_type(result.action),
            target_storage_class: (result.action == LifecycleAction::Archive)
                .then_some(LifecyclePolicyTargetStorageClass::Archive),
        },
        applied_rule_priority: result.rule,
        storage_class: if result.is_archived {
            LifecyclePolicyStorageClass::Archive
        } else {
            LifecyclePolicyStorageClass::Standard
        },
    }
}
