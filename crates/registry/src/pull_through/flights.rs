//! Work that any number of requests wait for, and that is done once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

/// How long a result is kept for requests that looked before it was stored, and how many are kept.
const KEPT: Duration = Duration::from_secs(3);
const MOST_KEPT: usize = 256;

/// Work in progress, by key.
pub(crate) struct Flights<K, T> {
    running: Mutex<HashMap<K, watch::Receiver<Option<T>>>>,
    kept: AtomicUsize,
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self { running: Mutex::default(), kept: AtomicUsize::new(0) }
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The result of the work. It is started if nobody has started it, and goes on if the request that started it ends.
    /// None: it panicked. A result for which `keep` is true is kept for a moment.
    pub(crate) async fn join(
        self: &Arc<Self>,
        key: K,
        work: impl FnOnce() -> BoxFuture<'static, T>,
        keep: fn(&T) -> bool,
    ) -> Option<T> {
        let mut result = self.receiver(key, work, keep);
        let result = result.wait_for(Option::is_some).await.ok()?;
        result.clone()
    }

    fn receiver(
        self: &Arc<Self>,
        key: K,
        work: impl FnOnce() -> BoxFuture<'static, T>,
        keep: fn(&T) -> bool,
    ) -> watch::Receiver<Option<T>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.get(&key) {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(None);
        running.insert(key.clone(), receiver.clone());
        let (work, flights) = (work(), Arc::clone(self));
        tokio::spawn(async move {
            let landed = Landed { flights: Arc::clone(&flights), key };
            let result = work.await;
            if keep(&result) && flights.kept.load(Ordering::Relaxed) < MOST_KEPT {
                flights.kept.fetch_add(1, Ordering::Relaxed);
                sender.send_replace(Some(result));
                tokio::time::sleep(KEPT).await;
                flights.kept.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            // Requests from now on start anew: they must see what has changed.
            drop(landed);
            sender.send_replace(Some(result));
        });
        receiver
    }
}

/// Ends the entry of the work, also if it panics.
struct Landed<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Landed<K, T> {
    fn drop(&mut self) {
        self.flights.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_is_done_once_for_all_who_wait() {
        let (flights, runs) = (Arc::new(Flights::<u8, usize>::default()), Arc::new(AtomicUsize::new(0)));
        let join = async || {
            let runs = Arc::clone(&runs);
            let work = move || -> BoxFuture<'static, usize> {
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    runs.fetch_add(1, Ordering::Relaxed) + 1
                })
            };
            flights.join(1, work, |_| false).await
        };
        let all = futures::future::join_all((0..100).map(|_| join())).await;
        assert!(all.iter().all(|result| *result == Some(1)));
        assert_eq!(join().await, Some(2), "later requests start anew");
    }

    #[tokio::test]
    async fn work_that_panics_can_be_started_again() {
        let flights = Arc::new(Flights::<u8, usize>::default());
        assert_eq!(flights.join(1, || Box::pin(async { panic!("a test of panics") }), |_| true).await, None);
        assert_eq!(flights.join(1, || Box::pin(async { 7 }), |_| true).await, Some(7));
        assert_eq!(flights.join(1, || Box::pin(async { 8 }), |_| true).await, Some(7), "it is kept");
    }
}
