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
    FinishRestore, ImageRef, Micros, OpError, RESTORE_IMAGE, RestoreProgress, StorageClassRefusal,
    StorageClassUpdate, StoreResultExt as _, UpdateImageStorageClass, store_error,
};
use fault::Fault;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY, Reconciler};

const INTERVAL: Duration = Duration::from_secs(5);
/// Images in one pass.
const BATCH: usize = 100;

/// Moves an image to the archive, or from it in `activation`.
pub(crate) async fn update(
    ctx: &Ctx,
    permit: &Permit<ecr::UpdateImageStorageClass>,
    image: ImageRef,
    (to_archive, activation): (bool, Duration),
) -> Result<std::result::Result<StorageClassUpdate, StorageClassRefusal>> {
    let at = ctx.at();
    let restored_at = at.plus(activation);
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
        let claimed = queue::claim(&permit, RESTORE_IMAGE, now, BATCH).await?;
        let count = claimed.len();
        for work in claimed {
            let outcome = restore(&permit, &work.key, micros(now)).await;
            queue::end(&permit, work, outcome, micros(now).plus(RETRY)).await?;
        }
        Ok(count)
    }
}

/// The layers of the image come back first, if they are in the archive.
async fn restore(permit: &Permit<authority::RestoreImages>, key: &str, at: Micros) -> Result<Next> {
    let finish = FinishRestore::of_key(key, at).ok_or_else(|| Error::internal(BadKey))?;
    fault::hit(Fault::LifecycleRestoreClaimed);
    let progress = permit.write(|()| finish).await.or_store_error()?;
    fault::hit(Fault::LifecycleRestored);
    Ok(match progress {
        RestoreProgress::Done => Next::Finish,
        RestoreProgress::GoesOn => Next::At(at),
        RestoreProgress::Waits => Next::At(at.plus(INTERVAL)),
    })
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no image")]
struct BadKey;
