//! The bytes that this node is receiving and that no row counts yet. Only bytes that were admitted are held: what is refused
//! never counts against others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws::ids::AccountId;

use super::{More, StorageQuota};
use crate::context::RepositoryRef;

#[derive(Debug, Default)]
pub(crate) struct StorageHolds(Mutex<Held>);

/// Holds and decisions have places in one order.
#[derive(Debug, Default)]
struct Held {
    next: u64,
    admitted: BTreeMap<u64, Bytes>,
    /// The decisions that are being made.
    deciding: BTreeSet<u64>,
    /// Holds that ended after a decision began that is still being made. Their rows may be newer than those that it read.
    ended: BTreeMap<u64, Bytes>,
}

#[derive(Debug)]
struct Bytes {
    repository: RepositoryRef,
    /// What was admitted.
    admitted: More,
    /// What no row counts yet.
    unrecorded: More,
}

/// Bytes that a request holds against the storage quotas until it has recorded them or gives up, which drops this.
#[derive(Debug)]
#[must_use = "the bytes count until this is dropped"]
pub struct StorageHold {
    holds: Arc<StorageHolds>,
    /// None: nothing is limited.
    place: Option<u64>,
}

/// A decision on one request: it begins before the rows are read.
#[derive(Debug)]
pub(super) struct Deciding<'a> {
    holds: &'a Arc<StorageHolds>,
    place: u64,
    /// Each quota with what was held against it, or held and stored, when the decision began.
    pub(super) counted: Vec<(&'a StorageQuota, u64)>,
}

impl StorageHolds {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an account holds against a quota.
    pub(super) fn of_account(&self, quota: &StorageQuota, account: &AccountId) -> u64 {
        let held = self.lock();
        let own = held.admitted.values().filter(|bytes| bytes.repository.account_id == *account);
        sum(quota, own.map(|bytes| (&bytes.repository, bytes.unrecorded)))
    }
}

impl Held {
    fn place(&mut self) -> u64 {
        let place = self.next;
        self.next += 1;
        place
    }

    /// What was admitted since a place, also if it ended or is recorded by now.
    fn since(&self, place: u64, quota: &StorageQuota) -> u64 {
        let since = self.admitted.range(place..).chain(self.ended.range(place..));
        sum(quota, since.map(|(_, bytes)| (&bytes.repository, bytes.admitted)))
    }
}

fn sum<'a>(quota: &StorageQuota, held: impl Iterator<Item = (&'a RepositoryRef, More)>) -> u64 {
    held.filter(|(repository, _)| quota.applies_to(repository))
        .fold(0, |sum: u64, (_, more)| sum.saturating_add(quota.adds(more)))
}

impl<'a> Deciding<'a> {
    /// Begins a decision. What is held now and is recorded while the rows are read counts twice, and never not at all.
    pub(super) fn begin(
        holds: &'a Arc<StorageHolds>,
        quotas: impl Iterator<Item = &'a StorageQuota>,
    ) -> Self {
        let mut held = holds.lock();
        let place = held.place();
        held.deciding.insert(place);
        let of = |quota: &StorageQuota| {
            let all = held.admitted.values();
            sum(quota, all.map(|bytes| (&bytes.repository, bytes.unrecorded)))
        };
        let counted = quotas.map(|quota| (quota, of(quota))).collect();
        drop(held);
        Self { holds, place, counted }
    }

    /// Holds the bytes if they fit, in one step with the decision. The error is the quota that would be exceeded.
    pub(super) fn admit(
        self,
        repository: &RepositoryRef,
        more: More,
    ) -> std::result::Result<StorageHold, &'a StorageQuota> {
        let mut held = self.holds.lock();
        for (quota, counted) in &self.counted {
            let all = counted.saturating_add(held.since(self.place, quota)).saturating_add(quota.adds(more));
            if all > quota.bytes {
                return Err(*quota);
            }
        }
        let place = held.place();
        held.admitted
            .insert(place, Bytes { repository: repository.clone(), admitted: more, unrecorded: more });
        drop(held);
        Ok(StorageHold { holds: Arc::clone(self.holds), place: Some(place) })
    }
}

impl Drop for Deciding<'_> {
    fn drop(&mut self) {
        let mut held = self.holds.lock();
        held.deciding.remove(&self.place);
        let oldest = held.deciding.first().copied().unwrap_or(held.next);
        held.ended = held.ended.split_off(&oldest);
    }
}

impl StorageHold {
    /// Nothing is held, because nothing is limited.
    pub(super) fn unlimited(holds: &Arc<StorageHolds>) -> Self {
        Self { holds: Arc::clone(holds), place: None }
    }

    /// How many of these bytes a row counts now.
    pub fn recorded(&self, bytes: u64) {
        let mut held = self.holds.lock();
        let held = self.place.and_then(|place| held.admitted.get_mut(&place));
        if let Some(More::Uploaded { recorded, added }) = held.map(|held| &mut held.unrecorded) {
            *recorded = recorded.saturating_add(bytes);
            *added = added.saturating_sub(bytes);
        }
    }
}

impl Drop for StorageHold {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut held = self.holds.lock();
        let Some(bytes) = held.admitted.remove(&place) else { return };
        if held.deciding.first().is_some_and(|oldest| *oldest < place) {
            held.ended.insert(place, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota() -> StorageQuota {
        StorageQuota { name: "all".to_owned(), bytes: 1_000, account_id: None, prefix: None }
    }

    fn repository() -> RepositoryRef {
        RepositoryRef {
            account_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            name: "app".parse().unwrap(),
        }
    }

    fn admit(deciding: Deciding<'_>, bytes: u64) -> Option<StorageHold> {
        deciding.admit(&repository(), More::Uploaded { recorded: 0, added: bytes }).ok()
    }

    #[test]
    fn what_was_refused_is_not_held() {
        let (holds, quota) = (Arc::default(), quota());
        let begin = || Deciding::begin(&holds, std::iter::once(&quota));
        let (large, small) = (begin(), begin());
        assert!(admit(large, u64::MAX).is_none());
        let small = admit(small, 600);
        assert!(small.is_some());
        assert!(admit(begin(), 600).is_none(), "what was admitted is held");
        drop(small);
        assert!(admit(begin(), 600).is_some());
    }

    #[test]
    fn requests_at_the_same_time_see_each_other() {
        let (holds, quota) = (Arc::default(), quota());
        let begin = || Deciding::begin(&holds, std::iter::once(&quota));
        let deciding: Vec<_> = (0..8).map(|_| begin()).collect();
        let admitted: Vec<_> = deciding.into_iter().filter_map(|one| admit(one, 400)).collect();
        assert_eq!(admitted.len(), 2);
    }

    #[test]
    fn holds_that_ended_during_a_decision_count_for_it() {
        let (holds, quota) = (Arc::default(), quota());
        let begin = || Deciding::begin(&holds, std::iter::once(&quota));
        // The rows that these have read lack what the others record after that.
        let (first, second) = (begin(), begin());
        let recorded = admit(begin(), 300).unwrap();
        recorded.recorded(300);
        drop(admit(begin(), 300).unwrap());
        assert!(admit(first, 500).is_none());
        drop(recorded);
        assert!(admit(second, 500).is_none());
        assert!(admit(begin(), 1_000).is_some(), "a later one reads their rows");
        assert!(holds.lock().ended.is_empty());
    }
}
