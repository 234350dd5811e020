//! When images were last pulled. Pulls are collected in memory and written together, about once a second.
//!
//! ECR updates `lastRecordedPullTime` within a day, Wharf within an hour. A pull never waits for the store. A crash loses
//! the pulls that are not written yet.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use access::Access;
use access::context::Ctx;
use access::effects::authority;
use access::op::ecr;
use access::permit::Permit;
use access::store::{ImageId, ImageRow, Micros, Pull, RecordPulls, RepositoryKey};
use jiff::Timestamp;
use quick_cache::sync::Cache;

/// A pull soon after the recorded one is not written.
const COARSENESS: Duration = Duration::from_hours(1);
/// How long pulls are collected before they are written.
const COLLECTED: Duration = Duration::from_secs(1);
/// Pulls in one operation of the store: few enough that a push never waits long for it.
const BATCH: usize = 1_024;
/// The most pulls that wait, about 5 MB. More are not recorded; the next pull of such an image is.
const MOST_WAITING: usize = 32_768;
// The cache counts entries: each is two IDs and a hash, some hundred bytes.
const CACHED_PULLS: usize = 20_000;
/// How long a pull is remembered. An exclusion that ends is noticed after this time.
const REMEMBERED: Duration = Duration::from_mins(5);

/// An image and a hash of who pulled it.
type Key = (RepositoryKey, ImageId, u64);

/// The pulls that wait to be written.
pub(crate) struct PullTimes {
    /// Who pulled which image recently. What is here is recorded, or waits, or its principal is excluded.
    recent: Cache<Key, Timestamp>,
    hasher: RandomState,
    waiting: Mutex<Waiting>,
    /// Held while pulls are written.
    writing: tokio::sync::Mutex<()>,
    permit: Permit<authority::RecordPulls>,
}

#[derive(Default)]
struct Waiting {
    pulls: Vec<Pull>,
    /// Whether a task will write them.
    is_timed: bool,
}

impl PullTimes {
    pub(crate) fn new(access: &Access) -> Arc<Self> {
        Arc::new(Self {
            recent: Cache::new(CACHED_PULLS),
            hasher: RandomState::new(),
            waiting: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            permit: Permit::for_service(authority::RecordPulls, access),
        })
    }

    /// Notes a pull. It is written later.
    pub(crate) fn note(self: &Arc<Self>, ctx: &Ctx, permit: &Permit<ecr::BatchGetImage>, image: &ImageRow) {
        let (repository, id) = (permit.repository(), image.id);
        let key = (repository, id, self.hasher.hash_one(&permit.caller().unique_id));
        let is_fresh = |then: Timestamp| ctx.now.duration_since(then).unsigned_abs() < REMEMBERED;
        if self.recent.get(&key).is_some_and(is_fresh) {
            return;
        }
        let principal_arn = permit.caller().principal_arn();
        if self.wait([Pull { repository, id, at: ctx.at(), principal_arn }]) == 1 {
            self.recent.insert(key, ctx.now);
        }
    }

    /// Has pulls written later; returns how many there was room for.
    fn wait(self: &Arc<Self>, pulls: impl IntoIterator<Item = Pull>) -> usize {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.pulls.len();
        waiting.pulls.extend(pulls.into_iter().take(MOST_WAITING.saturating_sub(before)));
        if !waiting.is_timed {
            waiting.is_timed = true;
            tokio::spawn(Arc::clone(self).write_later());
        }
        waiting.pulls.len() - before
    }

    async fn write_later(self: Arc<Self>) {
        tokio::time::sleep(COLLECTED).await;
        self.write().await;
    }

    /// Writes what waits. What the store does not take waits again.
    pub(crate) async fn write(self: &Arc<Self>) {
        let _writing = self.writing.lock().await;
        let Waiting { pulls, .. } = take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let apart = Micros::of(COARSENESS);
        for batch in pulls.chunks(BATCH) {
            let pulls: Arc<[Pull]> = batch.into();
            if let Err(error) = self.permit.write(|()| RecordPulls { pulls, apart }).await {
                let lost = batch.len() - self.wait(batch.iter().cloned());
                tracing::warn!(?error, pulls = batch.len(), lost, "the times of pulls were not recorded yet");
            }
        }
    }
}
