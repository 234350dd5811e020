//! Queues what refers to images that are replicated, slice by slice.

use access::authz::Permit;
use access::context::micros;
use access::error::{Error, Result};
use access::store::{QueueReferrers, REPLICATED_SUBJECT, ReplicatedSubject, StoreResultExt as _};
use jiff::Timestamp;

use super::Authority;
use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY};

/// Slices in one pass: more wait behind those of other images.
const SLICES: usize = 50;
/// Referrers in one slice, each once for each of its tags. Each has a row for each destination.
const REFERRERS: usize = 100;

impl Registry {
    /// Some slices of the referrers that wait; returns how many.
    pub(super) async fn queue_referrers(&self, permit: &Permit<Authority>, now: Timestamp) -> Result<Pass> {
        let claimed = queue::claim(permit, REPLICATED_SUBJECT, now, SLICES).await?;
        let done = claimed.len();
        for work in claimed {
            let queued = queue_slice(permit, &work.key, now).await;
            queue::end(permit, work, queued.map(|()| Next::Finish), micros(now).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more: done > 0 })
    }
}

async fn queue_slice(permit: &Permit<Authority>, key: &str, now: Timestamp) -> Result<()> {
    let subject = ReplicatedSubject::of_key(key).ok_or_else(|| Error::internal(BadKey))?;
    let queue = QueueReferrers { subject, limit: REFERRERS, at: micros(now) };
    permit.write(|()| queue).await.or_store_error().map(|_| ())
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no image that is replicated")]
struct BadKey;
