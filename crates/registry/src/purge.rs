//! Removes rows that are no longer reachable: of deleted repositories, and of abandoned upload sessions. Each pass is
//! limited, can be repeated, and can run on several nodes at once.

use std::time::{Duration, Instant};

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Internal, Result};
use access::permit::Permit;
pub use access::reconcilers::UPLOAD_LIFETIME;
use access::store::{
    ClaimWork, ExpireUploads, FinishWork, Micros, OpError, Overtaken, PURGE_REPOSITORY, PostponeWork,
    PurgeRepositorySlice, RepositoryKey, StoreResultExt as _, Work, store_error,
};
use fault::Fault;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::{Pace, Pass};

/// Upload sessions ended in one transaction.
const UPLOADS: usize = 500;
/// Repositories in one pass.
const REPOSITORIES: usize = 8;
/// How long one repository is emptied in one pass; the next pass continues.
const TURN: Duration = Duration::from_secs(3);
/// How long a claim on a deleted repository is valid: another node takes over from one that ended.
const LEASE: Duration = Duration::from_mins(2);
/// How long a repository waits that could not be emptied.
const RETRY: Duration = Duration::from_mins(10);

impl Registry {
    /// One pass over deleted repositories; returns how many were removed completely, and whether rows are left.
    pub async fn purge_repositories(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::PurgeRepositories, &self.access);
        let claim = ClaimWork {
            kind: PURGE_REPOSITORY.to_owned(),
            now: micros(now),
            lease_until: after(now, LEASE),
            limit: REPOSITORIES,
        };
        let (mut done, mut has_more) = (0, false);
        for work in permit.write(|()| claim).await.or_store_error()? {
            let (kind, key, fence) = (work.kind.clone(), work.key.clone(), work.fence);
            match purge_repository(&permit, work, micros(now)).await {
                Ok(true) => (done, has_more) = (done + 1, true),
                Ok(false) => has_more = true,
                // Postponed, so one that fails repeatedly does not block the others.
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::error!(repository = key, cause, "a deleted repository could not be emptied");
                    let (due_at, error) = (after(now, RETRY), cause);
                    let postpone = PostponeWork { kind, key, fence, due_at, error };
                    ended(permit.write(|()| postpone).await)?;
                }
            }
        }
        Ok(Pass { done, has_more })
    }

    /// One pass over abandoned upload sessions; returns how many ended.
    pub async fn expire_uploads(&self, now: Timestamp) -> Result<usize> {
        let idle_since = Micros(micros(now).0.saturating_sub(as_micros(UPLOAD_LIFETIME)));
        let expire = ExpireUploads { idle_since, limit: UPLOADS, at: micros(now) };
        let permit = Permit::for_service(authority::ExpireUploads, &self.access);
        permit.write(|()| expire).await.or_store_error()
    }
}

async fn purge_repository(
    permit: &Permit<authority::PurgeRepositories>,
    work: Work,
    at: Micros,
) -> Result<bool> {
    let repository = RepositoryKey::from_text(&work.key).ok_or_else(|| Error::internal(BadKey))?;
    let (mut pace, began) = (Pace::default(), Instant::now());
    let done = loop {
        let (limit, slice) = (pace.rows, Instant::now());
        let removed = permit.write(|()| PurgeRepositorySlice { repository, limit, at });
        let done = removed.await.or_store_error()?;
        fault::hit(Fault::AfterPurgeSlice);
        if done || began.elapsed() > TURN {
            break done;
        }
        tokio::time::sleep(pace.rest_after(slice.elapsed())).await;
    };
    let (kind, key, fence) = (work.kind, work.key, work.fence);
    ended(if done {
        permit.write(|()| FinishWork { kind, key, fence }).await
    } else {
        permit.write(|()| PostponeWork { kind, key, fence, due_at: at, error: None }).await
    })?;
    Ok(done)
}

/// It is not an error if another node took the work over: a slice that is done twice removes nothing twice.
fn ended(outcome: std::result::Result<(), OpError<Overtaken>>) -> Result<()> {
    match outcome {
        Ok(()) | Err(OpError::Refused(Overtaken)) => Ok(()),
        Err(OpError::Store(error)) => Err(store_error(error)),
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
