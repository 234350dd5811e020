//! Each object has one append at a time, until its last blocking job ends.
//!
//! If the future of an append is dropped, a blocking thread may still have a batch of it. Without a turn, that batch
//! could be written after the next append has written, and the hash of the next append would include bytes of the
//! first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::key::ObjectKey;

/// The right to write to one object, until it is dropped. The writing jobs hold it too.
pub(crate) struct Turn {
    key: ObjectKey,
    slot: Slot,
    table: Arc<Turns>,
    guard: Option<OwnedMutexGuard<()>>,
}

type Slot = Arc<Queue>;

/// The writer of one object, and the appends that wait.
#[derive(Default)]
struct Queue {
    guard: Arc<tokio::sync::Mutex<()>>,
    /// The number of appends that appended bytes while another had or awaited the turn.
    took_bytes: AtomicU64,
}

/// The turns of a store.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<ObjectKey, Slot>>);

impl Turns {
    fn table(&self) -> MutexGuard<'_, HashMap<ObjectKey, Slot>> {
        // Code under this lock cannot panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the turn to write to an object. None if another append has appended bytes in the meantime.
    pub(crate) async fn take(self: &Arc<Self>, key: &ObjectKey) -> Option<Turn> {
        let slot = Arc::clone(self.table().entry(*key).or_default());
        // Created before waiting, so the table removes the slot even if this future is dropped while it waits.
        let mut turn = Turn { key: *key, slot, table: Arc::clone(self), guard: None };
        let before = turn.slot.took_bytes.load(Ordering::SeqCst);
        turn.guard = Some(Arc::clone(&turn.slot.guard).lock_owned().await);
        (turn.slot.took_bytes.load(Ordering::SeqCst) == before).then_some(turn)
    }
}

impl Turn {
    /// The appends that wait now have an outdated stage.
    pub(crate) fn took_bytes(&self) {
        self.slot.took_bytes.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn key(&self) -> &ObjectKey {
        &self.key
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut table = self.table.table();
        // There are two references: the table's and this one. New ones are created only under the table's lock.
        if Arc::strong_count(&self.slot) == 2 {
            table.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn a_second_turn_follows_the_first() {
        let turns = Arc::new(Turns::default());
        let key = ObjectKey::random();
        let first = turns.take(&key).await.unwrap();
        let mut second = Box::pin(turns.take(&key));
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert!(second.await.is_some());
        assert_eq!(turns.table().len(), 0);
    }

    #[tokio::test]
    async fn a_waiter_is_overtaken_by_an_append_with_bytes() {
        let turns = Arc::new(Turns::default());
        let key = ObjectKey::random();
        let first = turns.take(&key).await.unwrap();
        let mut second = Box::pin(turns.take(&key));
        assert!((&mut second).now_or_never().is_none());
        first.took_bytes();
        drop(first);
        assert!(second.await.is_none());
        assert!(turns.take(&key).await.is_some());
        assert_eq!(turns.table().len(), 0);
    }

    #[tokio::test]
    async fn turns_of_two_objects_are_independent() {
        let turns = Arc::new(Turns::default());
        let _first = turns.take(&ObjectKey::random()).await;
        assert!(turns.take(&ObjectKey::random()).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_dropped_waiter_releases_its_slot() {
        let turns = Arc::new(Turns::default());
        let key = ObjectKey::random();
        let first = turns.take(&key).await.unwrap();
        assert!(turns.take(&key).now_or_never().is_none());
        drop(first);
        assert_eq!(turns.table().len(), 0);
    }
}
