//! The kept answers of one kind of read, up to a number of bytes.

use std::{hash::Hash, sync::Arc};

use quick_cache::{Weighter, sync::Cache};

use super::{counters::Stamp, places};
use crate::Scope;

/// On how many scopes an answer can depend. One that depends on fewer repeats one.
pub const SCOPES: usize = 3;

/// What an entry takes beyond its answer: its question, its places, the cache's own data.
const ENTRY: usize = 384;

/// Answers by question.
pub struct Shelf<Q, A>(Cache<Q, Entry<A>, Weight>);

/// How many bytes of room an entry needs.
#[derive(Clone)]
struct Weight;

impl<Q, A> Weighter<Q, Entry<A>> for Weight {
    fn weight(&self, _: &Q, entry: &Entry<A>) -> u64 {
        entry.weight.into()
    }
}

/// An answer with what tells whether it is current.
pub(super) struct Entry<A> {
    pub(super) answer: Arc<A>,
    pub(super) stamp: Stamp,
    pub(super) places: [usize; SCOPES],
    weight: u32,
}

impl<A> Clone for Entry<A> {
    fn clone(&self) -> Self {
        Self { answer: Arc::clone(&self.answer), ..*self }
    }
}

impl<Q, A> Shelf<Q, A>
where
    Q: Eq + Hash + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    pub(super) fn new(bytes: u64) -> Self {
        Self(Cache::with_weighter(usize::try_from(bytes).unwrap_or(usize::MAX) / 1024, bytes, Weight))
    }

    pub(super) fn get(&self, question: &Q) -> Option<Entry<A>> {
        self.0.get(question)
    }

    pub(super) fn put(
        &self,
        question: Q,
        answer: Arc<A>,
        stamp: Stamp,
        depends_on: [Scope; SCOPES],
        weight: usize,
    ) {
        let weight = u32::try_from(ENTRY + size_of::<A>() + weight).unwrap_or(u32::MAX);
        let places = depends_on.map(places::first_of);
        self.0.insert(question, Entry { answer, stamp, places, weight });
    }
}
