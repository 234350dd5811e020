//! Counters of commits. They tell whether anything that a kept answer depends on has changed since it was read
//! (docs/adr/0019-kept-answers-and-counters.md).
//!
//! Commits have numbers. Before a COMMIT, the writer stores its number in the counter of each place that the commit
//! changes; after the COMMIT it stores the number as the newest that is done. A reader takes the newest number that is
//! done as its stamp, and then reads. The answer is current as long as no counter of its places is above its stamp:
//!
//! - A commit that ended before the stamp was taken is in the answer.
//! - Any other commit has a higher number, and raised its counters before anyone could see it.
//!
//! The tests check this with every order of steps.

use super::atomic::{AtomicU64, Ordering};

/// The counters of a store that one process writes, on one thread.
pub(crate) struct Counters {
    /// The number of the newest commit that has ended.
    done: AtomicU64,
    /// For each place, the number of the newest commit that changed it or is about to.
    changed: Box<[AtomicU64]>,
}

/// The time of a read, as the number of the newest commit before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp(u64);

/// A COMMIT that is running. It ends when this is dropped: after the COMMIT, or after the rollback if it failed.
pub(crate) struct Commit<'a> {
    counters: &'a Counters,
    number: u64,
}

impl Counters {
    pub(crate) fn new(places: usize) -> Self {
        Self { done: AtomicU64::new(0), changed: (0..places).map(|_| AtomicU64::new(0)).collect() }
    }

    /// Announces a COMMIT. Only the writer's thread calls this, for one commit at a time.
    pub(crate) fn begin(&self, places: impl IntoIterator<Item = usize>) -> Commit<'_> {
        let number = self.done.load(Ordering::Relaxed) + 1;
        for changed in places.into_iter().filter_map(|place| self.changed.get(place)) {
            // SQLite makes a commit visible with full memory barriers, so whoever sees the commit sees this too.
            changed.store(number, Ordering::Release);
        }
        Commit { counters: self, number }
    }

    /// The stamp of a read that begins now.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp(self.done.load(Ordering::Acquire))
    }

    /// Whether what was read under this stamp is current.
    pub(crate) fn is_current(&self, stamp: Stamp, places: &[usize]) -> bool {
        places.iter().all(|place| {
            self.changed.get(*place).is_some_and(|changed| changed.load(Ordering::Acquire) <= stamp.0)
        })
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        self.counters.done.store(self.number, Ordering::Release);
    }
}
