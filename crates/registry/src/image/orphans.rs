//! Deletes the referrers of images that were deleted (ECR User Guide, "Deleting an image"), some time later.

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::store::{
    DeleteReferrers, DeletedSubject, FindLifecycleRepository, ORPHANED_REFERRERS, StoreResultExt as _,
};
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY};

/// Subjects in one pass.
const SUBJECTS: usize = 50;
/// Images in one transaction.
const SLICE: usize = 50;

impl Registry {
    /// One pass over the deleted images whose referrers are due; returns how many images were deleted.
    pub async fn delete_orphaned_referrers(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::DeleteReferrers, &self.access);
        let claimed = queue::claim(&permit, ORPHANED_REFERRERS, now, SUBJECTS).await?;
        let (mut done, has_more) = (0, !claimed.is_empty());
        for work in claimed {
            let deleting = delete(&permit, &work.key, now);
            let deleted = queue::while_leased(&permit, &work.claim(), deleting).await;
            let next = deleted.map(|images| {
                done += images;
                Next::Finish
            });
            queue::end(&permit, work, next, micros(now).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more })
    }
}

/// Deletes the referrers of one subject, slice by slice. What stays is looked at once.
async fn delete(permit: &Permit<authority::DeleteReferrers>, key: &str, now: Timestamp) -> Result<usize> {
    let subject = DeletedSubject::of_key(key).ok_or_else(|| Error::internal(BadKey))?;
    let find = FindLifecycleRepository { repository: subject.repository };
    let Some(repository) = permit.read(|()| find).await? else { return Ok(0) };
    let mut delete = DeleteReferrers {
        subject,
        after: None,
        limit: SLICE,
        account_id: repository.account_id,
        region: repository.region,
        repository_name: repository.name,
        at: micros(now),
    };
    let mut images = 0;
    loop {
        let slice = delete.clone();
        let deleted = permit.write(|()| slice).await.or_store_error()?;
        images += deleted.images.len();
        if deleted.last.is_none() {
            return Ok(images);
        }
        delete.after = deleted.last;
    }
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no deleted image")]
struct BadKey;
