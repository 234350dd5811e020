//! Removes what nobody can reach any more, row by row: repositories that were deleted, and upload sessions that
//! were left. Each pass is bounded, may be repeated, and may run on several nodes at once.

use std::time::Duration;

use ::blob::fault::{self, Fault};
use jiff::Timestamp;
use meta::{
    ClaimWork, ExpireUploads, FinishWork, Micros, PURGE_REPOSITORY, PostponeWork, PurgeRepositorySlice,
    RepositoryKey, Work,
};

use crate::Registry;
use crate::context::micros;
use crate::error::{Error, Result};
use crate::store::{StoreResultExt as _, store_error};

/// Rows removed in one transaction: small enough that a push never waits long behind it.
const SLICE: usize = 500;
/// Repositories worked on in one pass.
const REPOSITORIES: usize = 8;
/// Transactions spent on one repository in one pass.
const SLICES: usize = 200;
/// How long a claim on a deleted repository lasts: a node that dies loses it to another.
const LEASE: Duration = Duration::from_mins(2);
/// An upload session that nobody wrote to for so long is gone.
pub const UPLOAD_LIFETIME: Duration = Duration::from_hours(168);

impl Registry {
    /// One pass over deleted repositories; tells how many are gone for good.
    pub async fn purge_repositories(&self, now: Timestamp) -> Result<usize> {
        let claim = ClaimWork {
            kind: PURGE_REPOSITORY.to_owned(),
            now: micros(now),
            lease_until: after(now, LEASE),
            limit: REPOSITORIES,
        };
        let mut gone = 0;
        for work in self.meta.write(claim).await.or_store_error()? {
            gone += usize::from(self.purge_repository(work, micros(now)).await?);
        }
        Ok(gone)
    }

    async fn purge_repository(&self, work: Work, at: Micros) -> Result<bool> {
        let repository = RepositoryKey::from_text(&work.key).ok_or_else(|| Error::internal(BadKey))?;
        let mut done = false;
        for _ in 0..SLICES {
            done = self
                .meta
                .write(PurgeRepositorySlice { repository, limit: SLICE, at })
                .await
                .or_store_error()?;
            fault::hit(Fault::AfterPurgeSlice);
            if done {
                break;
            }
        }
        let (kind, key, fence) = (work.kind, work.key, work.fence);
        let ended = if done {
            self.meta.write(FinishWork { kind, key, fence }).await
        } else {
            self.meta.write(PostponeWork { kind, key, fence, due_at: at, error: None }).await
        };
        match ended {
            // Another node took the work over: a slice done twice removes nothing twice.
            Ok(()) | Err(meta::OpError::Refused(meta::Overtaken)) => Ok(done),
            Err(meta::OpError::Store(error)) => Err(store_error(error)),
        }
    }

    /// One pass over upload sessions that were left; tells how many ended.
    pub async fn expire_uploads(&self, now: Timestamp) -> Result<usize> {
        let idle_since = Micros(micros(now).0.saturating_sub(as_micros(UPLOAD_LIFETIME)));
        let expire = ExpireUploads { idle_since, limit: SLICE, at: micros(now) };
        self.meta.write(expire).await.or_store_error()
    }
}

fn as_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn after(now: Timestamp, span: Duration) -> Micros {
    Micros(micros(now).0.saturating_add(as_micros(span)))
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no repository")]
struct BadKey;
