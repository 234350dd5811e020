//! The right to append to one object: one holder at a time, and whoever asks last gets it.
//!
//! Two requests can carry bytes for one upload at once: a stalled one whose connection the server still believes in,
//! and its retry. Both would truncate to the offset they have read and write over each other, and the hash state of
//! one would vouch for bytes of the other. So appending takes a hold, and the rule for its user is:
//!
//! 1. take the hold, 2. *then* read the upload's row, 3. append, 4. record the progress, 5. let go of the hold,
//!
//! with 4 and 5 on a task that a disconnecting client does not end. A request that is waiting for its client gives
//! way to one that asks for the hold.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedMutexGuard};

use crate::key::ObjectKey;

/// The right to append to one object, until it and its clones are dropped.
#[derive(Clone)]
pub struct Hold(Arc<Held>);

struct Held {
    key: ObjectKey,
    slot: Arc<Slot>,
    table: Arc<Holds>,
    turn: Option<OwnedMutexGuard<()>>,
}

#[derive(Default)]
struct Slot {
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many wait for the turn.
    waiting: AtomicUsize,
    /// Rung when one more waits.
    called: Notify,
}

/// The holds of a store.
#[derive(Default)]
pub(crate) struct Holds(Mutex<HashMap<ObjectKey, Arc<Slot>>>);

impl Holds {
    fn table(&self) -> MutexGuard<'_, HashMap<ObjectKey, Arc<Slot>>> {
        // No code that can panic runs under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn hold(self: &Arc<Self>, key: &ObjectKey) -> Hold {
        let slot = Arc::clone(self.table().entry(*key).or_default());
        // Made before waiting, so that the table forgets the slot also when this future is dropped while it waits.
        let mut held = Held { key: *key, slot, table: Arc::clone(self), turn: None };
        let waiting = Waiting::new(&held.slot);
        let turn = Arc::clone(&held.slot.turn).lock_owned().await;
        drop(waiting);
        held.turn = Some(turn);
        Hold(Arc::new(held))
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.table().len()
    }
}

impl Hold {
    /// The object that may be appended to.
    pub fn key(&self) -> &ObjectKey {
        &self.0.key
    }

    /// Ends when somebody else asks for this hold.
    pub(crate) async fn is_wanted(&self) {
        let slot = &self.0.slot;
        loop {
            let mut called = std::pin::pin!(slot.called.notified());
            // Listening begins before the count is read, so that no call falls in between.
            called.as_mut().enable();
            if slot.waiting.load(Ordering::SeqCst) > 0 {
                return;
            }
            called.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.turn = None;
        let mut table = self.table.table();
        // Two references: the table's and this one. New ones are only made under the table's lock.
        if Arc::strong_count(&self.slot) == 2 {
            table.remove(&self.key);
        }
    }
}

/// Counts one waiter, also when its future is dropped.
struct Waiting(Arc<Slot>);

impl Waiting {
    fn new(slot: &Arc<Slot>) -> Self {
        slot.waiting.fetch_add(1, Ordering::SeqCst);
        slot.called.notify_waiters();
        Self(Arc::clone(slot))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn a_second_hold_waits_calls_and_follows() {
        let holds = Arc::new(Holds::default());
        let key = ObjectKey::random();
        let first = holds.hold(&key).await;
        assert!(first.is_wanted().now_or_never().is_none());

        let mut second = Box::pin(holds.hold(&key));
        assert!((&mut second).now_or_never().is_none());
        first.is_wanted().await;
        let kept = first.clone();
        drop(first);
        assert!((&mut second).now_or_never().is_none(), "a clone keeps the hold");
        drop(kept);
        let second = second.await;
        assert!(second.is_wanted().now_or_never().is_none());
        drop(second);
        assert_eq!(holds.count(), 0);
    }

    #[tokio::test]
    async fn holds_of_two_objects_do_not_meet() {
        let holds = Arc::new(Holds::default());
        let one = holds.hold(&ObjectKey::random()).await;
        let _two = holds.hold(&ObjectKey::random()).await;
        assert!(one.is_wanted().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_leaves_no_trace() {
        let holds = Arc::new(Holds::default());
        let key = ObjectKey::random();
        let first = holds.hold(&key).await;
        assert!(holds.hold(&key).now_or_never().is_none());
        assert!(first.is_wanted().now_or_never().is_none(), "nobody waits any more");
        drop(first);
        assert_eq!(holds.count(), 0);
    }
}
