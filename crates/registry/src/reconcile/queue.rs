//! The queue of background work: an item is claimed by one node at a time, and waits after a failure.

use std::future::Future;
use std::pin::pin;
use std::time::Instant;

use access::context::micros;
use access::error::{Error, Internal, Result};
use access::permit::{OnDeployment, Opens, Permit};
use access::store::{
    Claim, ClaimWork, FinishWork, Micros, OpError, Overtaken, PostponeWork, RenewWork, RepositoryKey,
    StoreResultExt as _, Work, store_error,
};
use jiff::{SignedDuration, Timestamp};

use super::LEASE;

/// What to do with an item when it was worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing is left.
    Finish,
    /// It is due again at this time.
    At(Micros),
}

/// Claims items that are due, for the time of a lease.
pub(crate) async fn claim<G>(
    permit: &Permit<G>,
    kind: &str,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Work>>
where
    G: Opens<ClaimWork, On = OnDeployment>,
{
    let claim =
        ClaimWork { kind: kind.to_owned(), now: micros(now), lease_until: micros(now).plus(LEASE), limit };
    permit.write(|()| claim).await.or_store_error()
}

/// The time in a pass that works on one item after another: what it does must not be dated before it was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    start: Timestamp,
    began: Instant,
}

impl Clock {
    /// The time of the start of a pass.
    pub(crate) fn at(start: Timestamp) -> Self {
        Self { start, began: Instant::now() }
    }

    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.began.elapsed()).unwrap_or_default();
        self.start.saturating_add(passed).unwrap_or(self.start)
    }
}

/// Claims the next item that is due, for a pass that works on one after another: a lease begins with its own work. Returns
/// the time of the claim too.
pub(crate) async fn claim_one<G>(
    permit: &Permit<G>,
    kind: &str,
    clock: Clock,
) -> Result<Option<(Work, Timestamp)>>
where
    G: Opens<ClaimWork, On = OnDeployment>,
{
    let now = clock.now();
    Ok(claim(permit, kind, now, 1).await?.into_iter().next().map(|work| (work, now)))
}

/// Works on a claimed item, and renews its lease while that takes long.
pub(crate) async fn while_leased<G, T>(
    permit: &Permit<G>,
    claim: &Claim,
    work: impl Future<Output = Result<T>>,
) -> Result<T>
where
    G: Opens<RenewWork, On = OnDeployment>,
{
    let mut work = pin!(work);
    loop {
        if let Ok(outcome) = tokio::time::timeout(LEASE / 3, &mut work).await {
            return outcome;
        }
        let lease_until = micros(Timestamp::now()).plus(LEASE);
        let renew = RenewWork { claim: claim.clone(), lease_until };
        match permit.write(|()| renew).await {
            Ok(()) => {}
            // What it writes is refused, and it ends by that.
            Err(OpError::Refused(Overtaken)) => return work.await,
            Err(OpError::Store(error)) => {
                tracing::warn!(%error, "the lease of queued work could not be renewed");
            }
        }
    }
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
