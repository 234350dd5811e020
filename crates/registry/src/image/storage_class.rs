//! The storage class of an image: standard, or the archive. Restoring takes the time of a setting.

use std::sync::Arc;
use std::time::Duration;

use access::context::{Ctx, micros};
use access::effects::authority;
use access::error::{Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::reconcilers;
use access::store::{
    ClaimWork, FinishRestore, FinishWork, ImageRef, Micros, OpError, Overtaken, RESTORE_IMAGE,
    StorageClassRefusal, StorageClassUpdate, StoreResultExt as _, UpdateImageStorageClass, store_error,
};
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::{Pass, Reconciler};

const INTERVAL: Duration = Duration::from_secs(5);
/// Images in one pass.
const BATCH: usize = 100;
/// How long a claim is valid.
const LEASE: Micros = Micros(60 * 1_000_000);

/// Moves an image to the archive, or from it in `activation`.
pub(crate) async fn update(
    ctx: &Ctx,
    permit: &Permit<ecr::UpdateImageStorageClass>,
    image: ImageRef,
    (to_archive, activation): (bool, Duration),
) -> Result<std::result::Result<StorageClassUpdate, StorageClassRefusal>> {
    let at = ctx.at();
    let span = i64::try_from(activation.as_micros()).unwrap_or(i64::MAX);
    let restored_at = Micros(at.0.saturating_add(span));
    let update = |repository| UpdateImageStorageClass { repository, image, to_archive, restored_at, at };
    match permit.write(update).await {
        Ok(update) => Ok(Ok(update)),
        Err(OpError::Refused(refusal)) => Ok(Err(refusal)),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

/// Ends the restoring of images.
pub(crate) struct RestoreImages(pub(crate) Arc<Registry>);

impl Reconciler for RestoreImages {
    fn name(&self) -> &'static str {
        reconcilers::RESTORE_IMAGES
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move { self.0.restore_images(now).await.map(Into::into) })
    }
}

impl Registry {
    /// One pass over the images whose restoring ends; returns how many.
    pub async fn restore_images(&self, now: Timestamp) -> Result<usize> {
        let permit = Permit::for_service(authority::RestoreImages, &self.access);
        let at = micros(now);
        let lease_until = Micros(at.0.saturating_add(LEASE.0));
        let claim = ClaimWork { kind: RESTORE_IMAGE.to_owned(), now: at, lease_until, limit: BATCH };
        let claimed = permit.write(|()| claim).await.or_store_error()?;
        let count = claimed.len();
        for work in claimed {
            let finish = FinishRestore::of_key(&work.key, at).ok_or_else(|| Error::internal(BadKey))?;
            permit.write(|()| finish).await.or_store_error()?;
            let done = FinishWork { kind: work.kind, key: work.key, fence: work.fence };
            match permit.write(|()| done).await {
                Ok(()) | Err(OpError::Refused(Overtaken)) => {}
                Err(OpError::Store(error)) => return Err(store_error(error)),
            }
        }
        Ok(count)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no image")]
struct BadKey;
