//! The queue of evaluations and previews: one item for each repository, claimed by one node at a time.

use std::time::Duration;

use access::context::micros;
use access::error::{Error, Internal, Result};
use access::permit::{OnDeployment, Opens, Permit};
use access::store::{
    ClaimWork, FinishWork, Micros, OpError, Overtaken, PostponeWork, RepositoryKey, StoreResultExt as _,
    Work, store_error,
};
use jiff::Timestamp;

/// Repositories in one pass.
const REPOSITORIES: usize = 8;
/// How long a claim is valid: another node takes over from one that ended.
const LEASE: Duration = Duration::from_secs(90);
/// How long a repository waits after a failure.
const RETRY: Duration = Duration::from_secs(30);

/// What to do with an item when it was worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing is left.
    Finish,
    /// It is due again at this time.
    At(Micros),
}

/// Claims due repositories.
pub(super) async fn claim<G>(permit: &Permit<G>, kind: &str, now: Timestamp) -> Result<Vec<Work>>
where
    G: Opens<ClaimWork, On = OnDeployment>,
{
    let claim = ClaimWork {
        kind: kind.to_owned(),
        now: micros(now),
        lease_until: after(now, LEASE),
        limit: REPOSITORIES,
    };
    permit.write(|()| claim).await.or_store_error()
}

/// The repository of an item.
pub(super) fn repository(work: &Work) -> Result<RepositoryKey> {
    RepositoryKey::from_text(&work.key).ok_or_else(|| Error::internal(BadKey))
}

/// Ends an item. After a failure it is tried again later, so that it does not block the others.
pub(super) async fn end<G>(permit: &Permit<G>, work: Work, outcome: Result<Next>) -> Result<()>
where
    G: Opens<FinishWork, On = OnDeployment> + Opens<PostponeWork>,
{
    let Work { kind, key, fence, .. } = work;
    let (due_at, error) = match outcome {
        Ok(Next::Finish) => return ended(permit.write(|()| FinishWork { kind, key, fence }).await),
        Ok(Next::At(due_at)) => (due_at, None),
        Err(error) => {
            let cause = error.internal.as_ref().map(Internal::chain);
            tracing::error!(repository = key, kind, %error, cause, "a lifecycle policy could not be evaluated");
            let text = cause.unwrap_or_else(|| error.message.to_string());
            (after(Timestamp::now(), RETRY), Some(text))
        }
    };
    ended(permit.write(|()| PostponeWork { kind, key, fence, due_at, error }).await)
}

/// It is not an error if the item was claimed again: it was asked for meanwhile, or took longer than the lease.
fn ended(outcome: std::result::Result<(), OpError<Overtaken>>) -> Result<()> {
    match outcome {
        Ok(()) | Err(OpError::Refused(Overtaken)) => Ok(()),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

pub(super) fn after(now: Timestamp, span: Duration) -> Micros {
    Micros(micros(now).0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
}

#[derive(Debug, thiserror::Error)]
#[error("queued work names no repository")]
struct BadKey;
