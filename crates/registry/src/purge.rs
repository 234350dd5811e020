//! Removes rows that are no longer reachable: of deleted repositories, and of abandoned upload sessions. Each pass is
//! limited, can be repeated, and can run on several nodes at once.

use std::time::{Duration, Instant};

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::permit::Permit;
pub use access::reconcilers::UPLOAD_LIFETIME;
use access::store::{
    ExpireUploads, Micros, PURGE_REPOSITORY, PurgeRepositorySlice, StoreResultExt as _, Work,
};
use fault::Fault;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pace, Pass, RETRY};

/// Upload sessions ended in one transaction.
const UPLOADS: usize = 500;
/// Repositories in one pass.
const REPOSITORIES: usize = 8;
/// How long one repository is emptied in one pass; the next pass continues.
const TURN: Duration = Duration::from_secs(3);

impl Registry {
    /// One pass over deleted repositories; returns how many were removed completely, and whether rows are left.
    pub async fn purge_repositories(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::PurgeRepositories, &self.access);
        let (mut done, mut has_more) = (0, false);
        for work in queue::claim(&permit, PURGE_REPOSITORY, now, REPOSITORIES).await? {
            let outcome = purge_repository(&permit, &work, micros(now)).await;
            match outcome {
                Ok(Next::Finish) => (done, has_more) = (done + 1, true),
                Ok(Next::At(_)) => has_more = true,
                Err(_) => {}
            }
            queue::end(&permit, work, outcome, micros(now).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more })
    }

    /// One pass over abandoned upload sessions; returns how many ended.
    pub async fn expire_uploads(&self, now: Timestamp) -> Result<usize> {
        let idle_since = micros(now).minus(UPLOAD_LIFETIME);
        let expire = ExpireUploads { idle_since, limit: UPLOADS, at: micros(now) };
        let permit = Permit::for_service(authority::ExpireUploads, &self.access);
        permit.write(|()| expire).await.or_store_error()
    }
}

async fn purge_repository(
    permit: &Permit<authority::PurgeRepositories>,
    work: &Work,
    at: Micros,
) -> Result<Next> {
    let repository = queue::repository(work)?;
    let (mut pace, began) = (Pace::default(), Instant::now());
    loop {
        let (limit, slice) = (pace.rows, Instant::now());
        let removed = permit.write(|()| PurgeRepositorySlice { repository, limit, at });
        let done = removed.await.or_store_error()?;
        fault::hit(Fault::AfterPurgeSlice);
        if done {
            return Ok(Next::Finish);
        }
        if began.elapsed() > TURN {
            return Ok(Next::At(at));
        }
        tokio::time::sleep(pace.rest_after(slice.elapsed())).await;
    }
}
