//! Work that any number of requests wait for, and that is done once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Work in progress, by key.
pub(crate) struct Flights<K, T>(Mutex<HashMap<K, watch::Receiver<Option<T>>>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K, T> Flights<K, T>
where
    K: Clone + Eq + Hash + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// The result of the work. It is started if nobody has started it, and goes on if the request that started it ends.
    /// None: it panicked.
    pub(crate) async fn join(
        self: &Arc<Self>,
        key: K,
        work: impl FnOnce() -> futures::future::BoxFuture<'static, T>,
    ) -> Option<T> {
        let mut result = self.receiver(key, work);
        let result = result.wait_for(Option::is_some).await.ok()?;
        result.clone()
    }

    fn receiver(
        self: &Arc<Self>,
        key: K,
        work: impl FnOnce() -> futures::future::BoxFuture<'static, T>,
    ) -> watch::Receiver<Option<T>> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = flights.get(&key) {
            return running.clone();
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key.clone(), receiver.clone());
        let (work, flights) = (work(), Arc::clone(self));
        tokio::spawn(async move {
            let landed = Landed { flights, key };
            let result = work.await;
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
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
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
            let work = move || -> futures::future::BoxFuture<'static, usize> {
                Box::pin(async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    runs.fetch_add(1, Ordering::Relaxed) + 1
                })
            };
            flights.join(1, work).await
        };
        let all = futures::future::join_all((0..100).map(|_| join())).await;
        assert!(all.iter().all(|result| *result == Some(1)));
        assert_eq!(join().await, Some(2), "later requests start anew");
    }

    #[tokio::test]
    async fn work_that_panics_can_be_started_again() {
        let flights = Arc::new(Flights::<u8, usize>::default());
        assert_eq!(flights.join(1, || Box::pin(async { panic!("a test of panics") })).await, None);
        assert_eq!(flights.join(1, || Box::pin(async { 7 })).await, Some(7));
    }
}
