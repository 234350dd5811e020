//! The queue of background work: an item is claimed by one node at a time, and waits after a failure.

use std::time::Duration;

use access::context::micros;
use access::error::{Error, Internal, Result};
use access::permit::{OnDeployment, Opens, Permit};
use access::store::{
    ClaimWork, FinishWork, Micros, OpError, Overtaken, PostponeWork, RepositoryKey, StoreResultExt as _,
    Work, store_error,
};
use jiff::Timestamp;

/// What to do with an item when it was worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing is left.
    Finish,
    /// It is due again at this time.
    At(Micros),
}

/// Claims items that are due. A claim is valid for `lease`: another node takes over from one that ended.
pub(crate) async fn claim<G>(
    permit: &Permit<G>,
    kind: &str,
    now: Timestamp,
    (lease, limit): (Duration, usize),
) -> Result<Vec<Work>>
where
    G: Opens<ClaimWork, On = OnDeployment>,
{
    let claim =
        ClaimWork { kind: kind.to_owned(), now: micros(now), lease_until: micros(now).plus(lease), limit };
    permit.write(|()| claim).await.or_store_error()
}

/// The repository of an item.
pub(crate) fn repository(work: &Work) -> Result<RepositoryKey> {
    RepositoryKey::from_text(&work.key).ok_or_else(|| Error::internal(BadKey))
}

/// Ends an item. After a failure it is tried again later, so that it does not block the others.
pub(crate) async fn end<G>(
    permit: &Permit<G>,
    work: Work,
    outcome: Result<Next>,
    retry_at: Micros,
) -> Result<()>
where
    G: Opens<FinishWork, On = OnDeployment> + Opens<PostponeWork>,
{
    let Work { kind, key, fence, .. } = work;
    let (due_at, error) = match outcome {
        Ok(Next::Finish) => return ended(permit.write(|()| FinishWork { kind, key, fence }).await),
        Ok(Next::At(due_at)) => (due_at, None),
        Err(error) => {
            let cause = error.internal.as_ref().map(Internal::chain);
            tracing::error!(key, kind, %error, cause, "queued work failed and is tried again");
            let text = cause.unwrap_or_else(|| error.message.to_string());
            (retry_at, Some(text))
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

#[derive(Debug, thiserror::Error)]
#[error("queued work names no repository")]
struct BadKey;
