//! Answers of reads, kept in memory while nothing that they depend on changes. Only with SQLite, where this process is
//! the only one that writes.

mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}
mod counters;
#[cfg(test)]
mod model;
mod places;
#[cfg(test)]
mod races;
mod resolve;
mod shelf;

use std::{hash::Hash, sync::Arc};

use counters::Counters;
pub(crate) use counters::{Commit, Stamp};
use shelf::Entry;
pub use shelf::{SCOPES, Shelf};

use crate::{
    AccessKey, Account, Basis, FindAccessKey, FindAccount, FindTarget, Found, ListTagsForResource,
    LoadManagedDocuments, Never, Operation, Resolve, Scope, StoreError,
};

/// Bytes that each kind of answer may take.
const BASES: u64 = 8 << 20;
const FOUND: u64 = 8 << 20;
const ACCESS_KEYS: u64 = 2 << 20;
const ACCOUNTS: u64 = 1 << 20;
const TAGS: u64 = 2 << 20;
const DOCUMENTS: u64 = 4 << 20;

/// Reads of one statement.
pub(crate) trait Points {
    /// Runs a read.
    fn point<O: Operation<Refusal = Never>>(&self, operation: &O) -> Result<O::Output, StoreError>;

    /// The same to verify an answer; not counted as a read.
    fn again<O: Operation<Refusal = Never>>(&self, operation: &O) -> Result<O::Output, StoreError>;
}

/// A read of one statement whose answer may be kept.
pub trait Keep: Operation<Output: PartialEq + Send + Sync, Refusal = Never> + Clone + Eq + Hash {
    /// What the answer depends on; None if it is not kept. That something does not exist is not kept, so requests for
    /// what does not exist take no memory.
    fn depends_on(&self, answer: &Self::Output) -> Option<[Scope; SCOPES]>;

    /// The approximate size of the answer beyond its type.
    fn weight(&self, answer: &Self::Output) -> usize;

    /// Where its answers are kept.
    fn shelf(kept: &Kept) -> &Shelf<Self, Self::Output>;
}

/// The kept answers of a store.
pub struct Kept {
    counters: Counters,
    /// Whether each kept answer is compared with the store.
    verifies: bool,
    bases: Shelf<Resolve, Basis>,
    found: Shelf<FindTarget, Found>,
    access_keys: Shelf<FindAccessKey, Option<AccessKey>>,
    accounts: Shelf<FindAccount, Option<Account>>,
    tags: Shelf<ListTagsForResource, Vec<(String, String)>>,
    documents: Shelf<LoadManagedDocuments, Vec<(String, String)>>,
}

impl Kept {
    pub(crate) fn new(verifies: bool) -> Self {
        Self {
            counters: Counters::new(places::PLACES),
            verifies,
            bases: Shelf::new(BASES),
            found: Shelf::new(FOUND),
            access_keys: Shelf::new(ACCESS_KEYS),
            accounts: Shelf::new(ACCOUNTS),
            tags: Shelf::new(TAGS),
            documents: Shelf::new(DOCUMENTS),
        }
    }

    /// Announces a COMMIT that changes these scopes; None if it changes nothing that is kept.
    pub(crate) fn begin(&self, scopes: &[Scope]) -> Option<Commit<'_>> {
        let places = scopes.iter().flat_map(|scope| places::of(*scope));
        (!scopes.is_empty()).then(|| self.counters.begin(places))
    }

    /// The kept answer of an operation if it is current, or else the store's, which is kept from now on.
    pub(crate) fn read<O: Keep>(
        &self,
        operation: O,
        store: &impl Points,
    ) -> Result<Arc<O::Output>, StoreError> {
        if let Some(kept) = O::shelf(self).get(&operation) {
            self.verify(&kept, || store.again(&operation).map(Some));
            if self.is_current(&kept) {
                return Ok(kept.answer);
            }
        }
        let stamp = self.counters.stamp();
        let answer = Arc::new(store.point(&operation)?);
        if let Some(scopes) = operation.depends_on(&answer) {
            let weight = operation.weight(&answer);
            O::shelf(self).put(operation, Arc::clone(&answer), stamp, scopes, weight);
        }
        Ok(answer)
    }

    fn is_current<A>(&self, entry: &Entry<A>) -> bool {
        self.counters.is_current(entry.stamp, &entry.places)
    }

    /// Compares an answer with the store, in builds for tests. If they differ, the answer must have ended: otherwise an
    /// operation does not name all that it changes.
    fn verify<A: PartialEq>(&self, entry: &Entry<A>, fresh: impl FnOnce() -> Result<Option<A>, StoreError>) {
        if self.verifies
            && let Ok(fresh) = fresh()
        {
            let differs = fresh.as_ref() != Some(&*entry.answer);
            debug_assert!(!differs || !self.is_current(entry), "a kept answer is outdated");
        }
    }
}

fn of_pairs(pairs: &[(String, String)]) -> usize {
    pairs.iter().map(|(key, value)| key.len() + value.len() + size_of::<(String, String)>()).sum()
}

impl Keep for FindAccessKey {
    fn depends_on(&self, answer: &Option<AccessKey>) -> Option<[Scope; SCOPES]> {
        answer.as_ref().map(|_| [Scope::Identity; SCOPES])
    }

    fn weight(&self, answer: &Option<AccessKey>) -> usize {
        let of_key = |key: &AccessKey| {
            let principal = &key.principal;
            key.sealed_secret.len() + principal.unique_id.len() + principal.path.len() + principal.name.len()
        };
        answer.as_ref().map_or(0, of_key)
    }

    fn shelf(kept: &Kept) -> &Shelf<Self, Self::Output> {
        &kept.access_keys
    }
}

impl Keep for FindAccount {
    fn depends_on(&self, answer: &Option<Account>) -> Option<[Scope; SCOPES]> {
        answer.as_ref().map(|_| [Scope::Identity; SCOPES])
    }

    fn weight(&self, answer: &Option<Account>) -> usize {
        answer.as_ref().map_or(0, |account| account.name.len() + account.status.len())
    }

    fn shelf(kept: &Kept) -> &Shelf<Self, Self::Output> {
        &kept.accounts
    }
}

impl Keep for ListTagsForResource {
    fn depends_on(&self, _answer: &Vec<(String, String)>) -> Option<[Scope; SCOPES]> {
        Some([Scope::Repository(self.repository); SCOPES])
    }

    fn weight(&self, answer: &Vec<(String, String)>) -> usize {
        of_pairs(answer)
    }

    fn shelf(kept: &Kept) -> &Shelf<Self, Self::Output> {
        &kept.tags
    }
}

impl Keep for LoadManagedDocuments {
    fn depends_on(&self, _answer: &Vec<(String, String)>) -> Option<[Scope; SCOPES]> {
        Some([Scope::Identity; SCOPES])
    }

    fn weight(&self, answer: &Vec<(String, String)>) -> usize {
        of_pairs(answer) + self.arns.iter().map(|arn| arn.len() + size_of::<String>()).sum::<usize>()
    }

    fn shelf(kept: &Kept) -> &Shelf<Self, Self::Output> {
        &kept.documents
    }
}
