//! The memory for the parts of an upload. It is charged before it is held.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

/// Memory that is charged until this value is dropped.
pub type Held = Box<dyn Any + Send + Sync>;

/// An account of memory.
pub trait Memory: Send + Sync {
    /// Waits until there is room for this many bytes, and charges them. None if there was no room in time.
    fn take(&self, bytes: u64) -> BoxFuture<'_, Option<Held>>;
}

const KIB: u64 = 1024;
/// How long a store's own memory is waited for. Uploads end in time, so a longer wait is a fault.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A store's own memory: for background work, which has no account of a client.
pub(crate) struct StoreMemory {
    kib: Arc<Semaphore>,
    most: u32,
}

impl StoreMemory {
    pub(crate) fn new(bytes: u64) -> Self {
        let most = u32::try_from(bytes / KIB).unwrap_or(u32::MAX);
        Self { kib: Arc::new(Semaphore::new(most as usize)), most }
    }
}

impl Memory for StoreMemory {
    fn take(&self, bytes: u64) -> BoxFuture<'_, Option<Held>> {
        // A part that is larger than everything gets everything.
        let kib = u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX).min(self.most);
        async move {
            let permit = Arc::clone(&self.kib).acquire_many_owned(kib);
            let permit = tokio::time::timeout(LONGEST_WAIT, permit).await.ok()?;
            permit.ok().map(|permit| Box::new(permit) as Held)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_waits() {
        let memory = StoreMemory::new(10 * KIB);
        let first = memory.take(6 * KIB + 1).await.unwrap();
        let mut second = memory.take(4 * KIB);
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        drop(second.await.unwrap());
        assert!(memory.take(11 * KIB).now_or_never().is_some(), "a larger one gets everything");
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_fits_is_refused() {
        let memory = StoreMemory::new(10 * KIB);
        let _held = memory.take(6 * KIB).await.unwrap();
        assert!(memory.take(6 * KIB).await.is_none());
    }
}
