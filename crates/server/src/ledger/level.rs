//! A limit of the ledger: how much is in use, and how much is waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use super::SMALL_BYTES;

/// A limit and how much of it is in use.
#[derive(Debug)]
pub(super) struct Level {
    most: u64,
    used: AtomicU64,
    /// The sum of the waiting charges.
    wanted: AtomicU64,
    /// The memory of bodies that were told to end and have not ended yet.
    leaving: AtomicU64,
}

impl Level {
    pub(super) fn new(most: u64) -> Self {
        Self { most, used: AtomicU64::new(0), wanted: AtomicU64::new(0), leaving: AtomicU64::new(0) }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Up to which level a charge with this (final) size may fill the limit.
    pub(super) fn most_for(&self, size: u64) -> u64 {
        if size <= SMALL_BYTES { self.most } else { self.most / 4 * 3 }
    }

    pub(super) fn add(&self, bytes: u64, size: u64) -> bool {
        self.add_within(bytes, self.most_for(size))
    }

    /// The same for a share that leaves a quarter of the limit to others.
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

    /// Counts the size of a waiting charge until the returned value is dropped.
    pub(super) fn want(&self, bytes: u64) -> Counted<'_> {
        Counted::add(&self.wanted, bytes)
    }

    /// A body with this much memory was told to end.
    pub(super) fn leaves(&self, bytes: u64) {
        self.leaving.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It has ended.
    pub(super) fn left(&self, bytes: u64) {
        self.leaving.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether more bodies must end to make room for the waiting charges.
    pub(super) fn lacks(&self) -> bool {
        self.lacks_below(self.most_for(u64::MAX))
    }

    /// The same for waiting greedy shares.
    pub(super) fn lacks_for_greedy(&self) -> bool {
        self.lacks_below(self.most_for(u64::MAX) / 4 * 3)
    }

    fn lacks_below(&self, most: u64) -> bool {
        let wanted = self.wanted.load(Ordering::Relaxed);
        let over = self.used().saturating_add(wanted).saturating_sub(most);
        wanted.min(over) > self.leaving.load(Ordering::Relaxed)
    }
}

/// Bytes in a sum for the lifetime of this value.
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
