//! A layer on its way from an upstream registry: written to the store once, and read from there by every client as far as
//! it has come. No memory is held for it, and a slow client holds up nobody.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use access::error::{Code, Error, Result};
use access::store::RepositoryKey;
use oci::digest::Digest;
use tokio::sync::watch;

use super::import::LayerKey;

/// How far a layer has come.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// The upstream registry has not answered yet.
    Opening,
    /// This many bytes can be read.
    Received(u64),
    /// The layer is verified and stored.
    Stored,
    /// The repository has the layer already. Nothing is received.
    Found,
    Failed(Error),
}

/// A layer on its way.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) digest: Digest,
    /// Its size, as its manifest says.
    pub(crate) size: u64,
    /// Where its bytes are.
    pub(super) object_key: String,
    progress: watch::Sender<Progress>,
}

impl Arrival {
    pub(super) fn new(digest: Digest, size: u64, object_key: String) -> Arc<Self> {
        Arc::new(Self { digest, size, object_key, progress: watch::Sender::new(Progress::Opening) })
    }

    /// A layer that is not received, because its upstream registry failed a moment ago.
    pub(super) fn failed(digest: Digest, size: u64, error: Error) -> Arc<Self> {
        let progress = watch::Sender::new(Progress::Failed(error));
        Arc::new(Self { digest, size, object_key: String::new(), progress })
    }

    pub(super) fn has_come(&self, progress: Progress) {
        self.progress.send_replace(progress);
    }

    /// Waits until the upstream registry has answered with the layer. False: the repository has it already.
    pub(super) async fn opened(&self) -> Result<bool> {
        let progress = self.reached(|progress| !matches!(progress, Progress::Opening)).await?;
        Ok(!matches!(progress, Progress::Found))
    }

    /// Waits until the layer is stored.
    pub(super) async fn stored(&self) -> Result<()> {
        self.reached(|progress| matches!(progress, Progress::Stored)).await.map(|_| ())
    }

    /// Waits until the byte at `offset` can be sent to a client that asked for the bytes before `end`; returns where the
    /// bytes end that can be sent now. The last byte is sent only after the whole layer is verified, so that no answer is
    /// complete before: neither a whole layer nor a range of it.
    pub(super) async fn beyond(&self, offset: u64, end: u64) -> Result<u64> {
        let unverified = |received: u64| received.min(end.saturating_sub(1));
        let is_there = |progress: &Progress| matches!(progress, Progress::Received(received) if unverified(*received) > offset);
        match self.reached(is_there).await? {
            Progress::Received(received) => Ok(unverified(received)),
            _ => Ok(end),
        }
    }

    /// The progress when it is as wanted, or the layer is stored.
    async fn reached(&self, is_wanted: impl Fn(&Progress) -> bool) -> Result<Progress> {
        let mut progress = self.progress.subscribe();
        let is_over = |progress: &Progress| {
            matches!(progress, Progress::Stored | Progress::Found | Progress::Failed(_))
        };
        let reached = progress.wait_for(|progress| is_wanted(progress) || is_over(progress)).await;
        let ended = || Error::new(Code::Unavailable, "The layer did not arrive. Try again.");
        match reached.map_err(|_| ended())?.clone() {
            Progress::Failed(error) => Err(error),
            progress => Ok(progress),
        }
    }
}

/// A layer of an upstream registry on its way to a repository. A repository that gets another name gets the layer from another
/// upstream registry: what the former one answers is nothing to it.
pub(super) type ArrivalKey = (RepositoryKey, LayerKey);

/// The layers on their way on this node.
#[derive(Default)]
pub(super) struct Arrivals(Mutex<HashMap<ArrivalKey, Weak<Arrival>>>);

impl Arrivals {
    /// The layer on its way, or a new one. Also returns whether it is new: then the caller has it received.
    pub(super) fn join(&self, key: ArrivalKey, new: impl FnOnce() -> Arc<Arrival>) -> (Arc<Arrival>, bool) {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = arrivals.get(&key).and_then(Weak::upgrade) {
            return (running, false);
        }
        let arrival = new();
        arrivals.insert(key, Arc::downgrade(&arrival));
        (arrival, true)
    }

    /// The layer is stored or has failed: later requests start anew.
    pub(super) fn end(&self, key: &ArrivalKey, arrival: &Arc<Arrival>) {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if arrivals.get(key).is_some_and(|current| current.as_ptr() == Arc::as_ptr(arrival)) {
            arrivals.remove(key);
        }
    }

    /// Ends a layer that nobody but the caller has: later requests start anew. False: somebody waits for it.
    pub(super) fn end_unwanted(&self, key: &ArrivalKey, arrival: &Arc<Arrival>) -> bool {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unwanted = Arc::strong_count(arrival) == 1;
        if is_unwanted {
            arrivals.remove(key);
        }
        is_unwanted
    }
}
