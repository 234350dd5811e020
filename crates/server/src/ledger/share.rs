//! Shares of the ledger, and charges on them.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::mem::Discriminant;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::level::Level;
use super::{Book, Full, Holder, PATIENCE, SMALL_BYTES};

/// How often a waiting charge retries. Polling is cheaper than notification: every sent answer would wake all waiting
/// charges.
const RETRY: Duration = Duration::from_millis(10);
/// The maximum number of waiting charges of one share, for small and for large ones: their requests use memory too.
const MOST_WAITING: usize = 256;
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Holder, Weak<Share>>>;

/// The shares in use, in parts with separate locks.
#[derive(Debug, Default)]
pub(super) struct Shares {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

impl Shares {
    fn lock(&self, holder: &Holder) -> Option<MutexGuard<'_, HashMap<Holder, Weak<Share>>>> {
        let at = usize::try_from(self.hasher.hash_one(holder) % SHARDS as u64).unwrap_or(0);
        // Code under this lock cannot panic.
        Some(self.shards.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The share of an owner, if it is in use.
    pub(super) fn find(&self, holder: &Holder) -> Option<Arc<Share>> {
        self.lock(holder)?.get(holder)?.upgrade()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

/// The part of the budget for one owner.
#[derive(Debug)]
pub(crate) struct Share {
    holder: Holder,
    level: Level,
    /// The share of the account that contains this one.
    account: Option<Arc<Share>>,
    /// How many charges wait: small ones, large ones.
    waiting: [AtomicUsize; 2],
    pub(super) book: Arc<Book>,
}

impl Book {
    pub(super) fn share(
        self: &Arc<Self>,
        holder: Holder,
        most: u64,
        account: Option<Arc<Share>>,
    ) -> Arc<Share> {
        let mut shard = self.shares.lock(&holder);
        if let Some(share) = shard.as_ref().and_then(|shard| shard.get(&holder)?.upgrade()) {
            return share;
        }
        let share = Arc::new(Share {
            holder: holder.clone(),
            level: Level::new(most),
            account,
            waiting: Default::default(),
            book: Arc::clone(self),
        });
        if let Some(shard) = &mut shard {
            shard.insert(holder, Arc::downgrade(&share));
        }
        share
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(mut shard) = self.book.shares.lock(&self.holder) else { return };
        // A new one can exist already.
        if shard.get(&self.holder).is_some_and(|share| share.strong_count() == 0) {
            shard.remove(&self.holder);
        }
    }
}

impl Share {
    /// Shares without authentication have a limit for all of their kind together. Principals have a limit for their
    /// account, because a tenant can create any number of them.
    fn pool(&self) -> Option<&Level> {
        match self.holder {
            Holder::Address(_) => Some(&self.book.strangers),
            Holder::Claim(..) => Some(&self.book.claims),
            Holder::Principal(_) => self.account.as_ref().map(|account| &account.level),
            Holder::Account(_) => None,
        }
    }

    pub(super) fn is_unproven(&self) -> bool {
        matches!(self.holder, Holder::Address(_) | Holder::Claim(..))
    }

    /// The limits in which the bodies of this share compete.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::once(&self.level).chain(self.pool())
    }

    /// Whether it holds more than an eighth of the limit for its kind. Such shares leave a quarter to the others, and
    /// their bodies are ended first.
    pub(super) fn is_greedy(&self) -> bool {
        self.pool().is_some_and(|pool| self.level.used() > pool.most() / 8)
    }

    /// Whether a body of this share must end for a waiting charge: of the same share, or of any share if `in_turn`.
    pub(super) fn lacks(&self, in_turn: bool) -> bool {
        self.level.lacks() || in_turn && self.pool().is_some_and(Level::lacks_for_greedy)
    }

    /// The kind of its owner.
    pub(super) fn kind(&self) -> Discriminant<Holder> {
        std::mem::discriminant(&self.holder)
    }

    /// How full the share is, in eighths of the part for large charges.
    pub(crate) fn eighths(&self) -> u64 {
        let part = |level: &Level| level.used().saturating_mul(8) / level.most_for(u64::MAX).max(1);
        part(&self.level).max(part(&self.book.total))
    }

    fn add(&self, bytes: u64, size: u64) -> bool {
        let is_greedy = self.is_greedy();
        if !self.level.add(bytes, size) {
            return false;
        }
        let add_to = |pool: &Level| {
            if is_greedy { pool.add_greedy(bytes, size) } else { pool.add(bytes, size) }
        };
        if self.pool().is_some_and(|pool| !add_to(pool)) {
            self.level.subtract(bytes);
            return false;
        }
        if !self.book.total.add(bytes, size) {
            self.levels().for_each(|level| level.subtract(bytes));
            return false;
        }
        self.book.figures.held.inc_by(bytes.cast_signed());
        true
    }

    fn subtract(&self, bytes: u64) {
        self.levels().for_each(|level| level.subtract(bytes));
        self.book.total.subtract(bytes);
        self.book.figures.held.dec_by(bytes.cast_signed());
    }

    /// Charges nothing yet.
    pub(crate) fn nothing(self: &Arc<Self>) -> Charge {
        Charge { share: Arc::clone(self), bytes: 0 }
    }

    /// A charge, if there is room now.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        self.add(bytes, bytes).then(|| Charge { share: Arc::clone(self), bytes })
    }

    /// A charge when there is room, waiting for a short time.
    pub(crate) async fn take(self: &Arc<Self>, bytes: u64) -> Result<Charge, Full> {
        self.take_within(bytes, PATIENCE).await
    }

    /// The same with another waiting time.
    pub(crate) async fn take_within(self: &Arc<Self>, bytes: u64, time: Duration) -> Result<Charge, Full> {
        self.take_as(bytes, bytes, time).await
    }

    /// The same for a part of something larger, whose size decides how full the share may be.
    pub(super) async fn take_as(
        self: &Arc<Self>,
        bytes: u64,
        size: u64,
        time: Duration,
    ) -> Result<Charge, Full> {
        if !self.add(bytes, size)
            && let Err(full) = self.wait(bytes, size, Instant::now() + time).await
        {
            self.book.figures.refused.inc();
            return Err(full);
        }
        Ok(Charge { share: Arc::clone(self), bytes })
    }

    async fn wait(self: &Arc<Self>, bytes: u64, size: u64, until: Instant) -> Result<(), Full> {
        let [small, large] = &self.waiting;
        let waiting = if size <= SMALL_BYTES { small } else { large };
        let _waiting = Waiting::begin(waiting).filter(|_| self.can_ever_fit(size)).ok_or(Full)?;
        let _wanted: Vec<_> = self.levels().map(|level| level.want(bytes)).collect();
        while Instant::now() < until {
            if self.is_unproven() {
                self.book.readings.give_up_slowest();
            }
            tokio::time::sleep(RETRY).await;
            if self.add(bytes, size) {
                return Ok(());
            }
        }
        Err(Full)
    }

    fn can_ever_fit(&self, size: u64) -> bool {
        self.levels().chain([&self.book.total]).all(|level| size <= level.most_for(size))
    }
}

/// Counts a waiting charge.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Charged memory. It is released when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    share: Arc<Share>,
    bytes: u64,
}

impl Charge {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Grows to at least this size when there is room, as a part of something larger.
    pub(super) async fn grow_to(&mut self, bytes: u64, size: u64) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let more = self.share.take_as(more, size, PATIENCE).await?;
        self.merge(more);
        Ok(())
    }

    /// Adds another charge of the same share to this one.
    pub(crate) fn merge(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.share, &other.share), "charges of two shares");
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Shrinks to at most this size.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        let Some(less) = self.bytes.checked_sub(bytes) else { return };
        self.bytes = bytes;
        self.share.subtract(less);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.share.subtract(self.bytes);
        }
    }
}
