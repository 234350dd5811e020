//! The operations of the management account on the collection of garbage.

use access::Access;
use access::collection::PREVIEW;
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::organizations;
use access::reconcilers::COLLECT_GARBAGE;
use access::store::{Holder, Micros, Queue};
use aws::json::epoch_seconds;
use aws::organizations::{
    CollectableLayer, CollectableObject, CollectionQueue, DigestHolder, DoomedCopy,
    WharfDescribeCollectionRequest, WharfDescribeCollectionResponse, WharfExplainDigestRequest,
    WharfExplainDigestResponse, WharfPreviewCollectionRequest, WharfPreviewCollectionResponse,
};
use jiff::Timestamp;
use oci::digest::Digest;

use super::reconciler::seconds;
use crate::Identity;

impl Identity {
    /// Shows what was removed and what waits.
    pub async fn wharf_describe_collection(
        &self,
        ctx: &Ctx,
        _input: WharfDescribeCollectionRequest,
    ) -> Result<WharfDescribeCollectionResponse> {
        self.manages::<organizations::WharfDescribeCollection>(ctx, "*").await?;
        self.shown_collection(ctx.now).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_collection(&self, now: Timestamp) -> Result<WharfDescribeCollectionResponse> {
        collection_of(&self.access, now).await
    }

    /// Shows what the collector would end now.
    pub async fn wharf_preview_collection(
        &self,
        ctx: &Ctx,
        _input: WharfPreviewCollectionRequest,
    ) -> Result<WharfPreviewCollectionResponse> {
        self.manages::<organizations::WharfPreviewCollection>(ctx, "*").await?;
        self.shown_preview(ctx.now).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_preview(&self, now: Timestamp) -> Result<WharfPreviewCollectionResponse> {
        let preview = self.access.preview_collection(now).await?;
        let has_more = preview.links.len().max(preview.objects.len()) >= PREVIEW;
        let layer = |link: access::store::CollectableLink| CollectableLayer {
            account_id: link.account_id,
            repository_name: link.repository_name,
            digest: link.review.digest.to_string(),
            bytes: link.size,
            queued_at: seconds(link.review.queued_at),
        };
        let object = |(review, digest, bytes): (access::store::ObjectReview, Digest, u64)| {
            CollectableObject { digest: digest.to_string(), bytes, queued_at: seconds(review.queued_at) }
        };
        Ok(WharfPreviewCollectionResponse {
            layers: preview.links.into_iter().map(layer).collect(),
            objects: preview.objects.into_iter().map(object).collect(),
            has_more,
        })
    }

    /// Shows what keeps a digest.
    pub async fn wharf_explain_digest(
        &self,
        ctx: &Ctx,
        input: WharfExplainDigestRequest,
    ) -> Result<WharfExplainDigestResponse> {
        self.manages::<organizations::WharfExplainDigest>(ctx, "*").await?;
        self.shown_digest(&input.digest).await
    }

    /// The same for an operator who can open the store.
    pub async fn shown_digest(&self, digest: &str) -> Result<WharfExplainDigestResponse> {
        let digest = digest.parse().map_err(|_| {
            let message = format!("'{digest}' is not a digest, such as sha256:<64 hexadecimal digits>.");
            Error::aws(AwsCode::OrganizationInvalidInput, message)
        })?;
        let stored = self.access.explain_digest(digest).await?;
        let collection = self.access.settings.limits.collection;
        let (grace, delay) = (collection.grace, collection.delay);
        let after = |at: Micros, span| seconds(at.plus(span));
        let shown = |holder: Holder| {
            let review = holder.queued_at.max(holder.renewed_at).filter(|_| holder.queued_at.is_some());
            DigestHolder { reviewed_at: review.and_then(|at| after(at, grace)), ..of_holder(holder) }
        };
        let doomed =
            |(_, bytes, at): (String, u64, Micros)| DoomedCopy { bytes, removed_after: after(at, delay) };
        let queued_at = stored.object.as_ref().and_then(|(_, _, queued_at)| *queued_at);
        Ok(WharfExplainDigestResponse {
            bytes: stored.object.as_ref().map(|(_, bytes, _)| *bytes),
            reviewed_at: queued_at.and_then(|at| after(at, grace)),
            layers: stored.layers.into_iter().map(shown).collect(),
            images: stored.images.into_iter().map(of_holder).collect(),
            doomed: stored.doomed.into_iter().map(doomed).collect(),
        })
    }
}

/// What the collector of one database removed, and what waits.
pub async fn collection_of(access: &Access, now: Timestamp) -> Result<WharfDescribeCollectionResponse> {
    let state = access.collection_state().await?;
    let reconcilers = access.reconcilers().await?;
    let next = reconcilers.iter().find(|state| state.name == COLLECT_GARBAGE);
    let collection = access.settings.limits.collection;
    Ok(WharfDescribeCollectionResponse {
        now: epoch_seconds(now),
        freed_objects: state.freed_objects,
        freed_bytes: state.freed_bytes,
        layers: queue(state.links),
        objects: queue(state.objects),
        doomed: queue(state.doomed),
        grace_seconds: collection.grace.as_secs(),
        delay_seconds: collection.delay.as_secs(),
        next_run_at: next.and_then(|state| seconds(state.next_run_at)),
    })
}

fn queue(queue: Queue) -> CollectionQueue {
    CollectionQueue { count: queue.count, bytes: queue.bytes, oldest_at: queue.oldest.and_then(seconds) }
}

fn of_holder(holder: Holder) -> DigestHolder {
    DigestHolder {
        account_id: holder.account_id,
        region: holder.region,
        repository_name: holder.name,
        needed_by: holder.needed_by.iter().map(ToString::to_string).collect(),
        tags: holder.tags.iter().map(ToString::to_string).collect(),
        renewed_at: holder.renewed_at.and_then(seconds),
        reviewed_at: None,
        deleted: holder.is_deleted,
    }
}
