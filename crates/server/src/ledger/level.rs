//! A bound of the ledger: how much of it is in use, and what is waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SMALL_BYTES;

/// A bound and how much of it is in use.
#[derive(Debug)]
pub(super) struct Level {
    most: u64,
    used: AtomicU64,
    /// What the charges want together that wait.
    wanted: AtomicU64,
    /// What bodies hold that were told to give way, and have not yet.
    leaving: AtomicU64,
}

impl Level {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0), wanted: AtomicU64::new(0), leaving: AtomicU64::new(0) }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// The most that a charge may fill which is, or becomes, of this size.
    pub(super) fn most_for(&self, size: u64) -> u64 {
        if size <= SMALL_BYTES { self.most } else { self.most / 4 * 3 }
    }

    pub(super) fn add(&self, bytes: u64, size: u64) -> bool {
        self.add_within(bytes, self.most_for(size))
    }

    /// The same for a share that leaves a quarter of the bound to others.
    pub(super) fn add_greedy(&self, bytes: u64, size: u64) -> bool {
        self.add_within(bytes, self.most_for(size) / 4 * 3)
    }

    fn add_within(&self, bytes: u64, most: u64) -> bool {
        let add = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }

    pub(super) fn subtract(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Counts what a charge waits for, until what is returned is dropped.
    pub(super) fn want(&self, bytes: u64) -> Counted<'_> {
        Counted::add(&self.wanted, bytes)
    }

    /// A body gives way that holds so much.
    pub(super) fn leaves(&self, bytes: u64) {
        self.leaving.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has.
    pub(super) fn left(&self, bytes: u64) {
        self.leaving.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether more bodies have to give way, so that what waits finds room.
    pub(super) fn lacks(&self) -> bool {
        self.lacks_below(self.most_for(u64::MAX))
    }

    /// The same where greedy shares wait.
    pub(super) fn lacks_for_greedy(&self) -> bool {
        self.lacks_below(self.most_for(u64::MAX) / 4 * 3)
    }

    fn lacks_below(&self, most: u64) -> bool {
        let wanted = self.wanted.load(Ordering::Relaxed);
        let over = self.used().saturating_add(wanted).saturating_sub(most);
        wanted.min(over) > self.leaving.load(Ordering::Relaxed)
    }
}

/// Bytes in a sum for as long as this lives.
pub(super) struct Counted<'a> {
    sum: &'a AtomicU64,
    bytes: u64,
}

impl<'a> Counted<'a> {
    fn add(sum: &'a AtomicU64, bytes: u64) -> Self {
        sum.fetch_add(bytes, Ordering::Relaxed);
        Self { sum, bytes }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
