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

/// How often a charge that waits tries again. Looking again is cheaper than being told: every answer that was sent
/// would wake everybody.
const RETRY: Duration = Duration::from_millis(10);
/// Charges that may wait at a time for room in one share, small ones and large ones: the request of each is held too.
const MOST_WAITING: usize = 256;
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Holder, Weak<Share>>>;

/// The shares that are in use, in parts of which each has its own lock.
#[derive(Debug, Default)]
pub(super) struct Shares {
    shards: [Shard; SHARDS],
    hasher: RandomState,
}

impl Shares {
    fn lock(&self, holder: &Holder) -> Option<MutexGuard<'_, HashMap<Holder, Weak<Share>>>> {
        let at = usize::try_from(self.hasher.hash_one(holder) % SHARDS as u64).unwrap_or(0);
        // No code that can panic runs under this lock.
        Some(self.shards.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The share of a holder, if it is in use.
    pub(super) fn find(&self, holder: &Holder) -> Option<Arc<Share>> {
        self.lock(holder)?.get(holder)?.upgrade()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

/// The part of the budget that one holder may use.
#[derive(Debug)]
pub(crate) struct Share {
    holder: Holder,
    level: Level,
    /// That of the account, of which this share is a part.
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
        // A new one may stand there already.
        if shard.get(&self.holder).is_some_and(|share| share.strong_count() == 0) {
            shard.remove(&self.holder);
        }
    }
}

impl Share {
    /// What is not proven has a bound for all of its kind together, and principals have one for their account: a
    /// tenant can make as many of them as it likes.
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

    /// The bounds in which this share's bodies stand in each other's way.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Level> {
        std::iter::once(&self.level).chain(self.pool())
    }

    /// Whether it holds more than an eighth of what all of its kind may. Such shares leave a quarter to the others, and
    /// give way before them.
    pub(super) fn is_greedy(&self) -> bool {
        self.pool().is_some_and(|pool| self.level.used() > pool.most() / 8)
    }

    /// Whether something waits for which a body of this share has to give way: of the same share, or where `in_turn`
    /// of any.
    pub(super) fn lacks(&self, in_turn: bool) -> bool {
        self.level.lacks() || in_turn && self.pool().is_some_and(Level::lacks_for_greedy)
    }

    /// What kind of holder it has.
    pub(super) fn kind(&self) -> Discriminant<Holder> {
        std::mem::discriminant(&self.holder)
    }

    /// How full the share is, in eighths of what large charges may use.
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

    /// A charge if there is room for it now.
    pub(crate) fn try_take(self: &Arc<Self>, bytes: u64) -> Option<Charge> {
        self.add(bytes, bytes).then(|| Charge { share: Arc::clone(self), bytes })
    }

    /// A charge as soon as there is room, which is waited for a short time.
    pub(crate) async fn take(self: &Arc<Self>, bytes: u64) -> Result<Charge, Full> {
        self.take_within(bytes, PATIENCE).await
    }

    /// The same with another time to wait.
    pub(crate) async fn take_within(self: &Arc<Self>, bytes: u64, time: Duration) -> Result<Charge, Full> {
        self.take_as(bytes, bytes, time).await
    }

    /// The same for a part of something of a size, which decides how full the share may be.
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

/// Counts a charge that waits.
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

/// Memory that is held, given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    share: Arc<Share>,
    bytes: u64,
}

impl Charge {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Becomes at least this large, as soon as there is room, as a part of something of a size.
    pub(super) async fn grow_to(&mut self, bytes: u64, size: u64) -> Result<(), Full> {
        let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) else { return Ok(()) };
        let more = self.share.take_as(more, size, PATIENCE).await?;
        self.merge(more);
        Ok(())
    }

    /// Adds another charge on the same share to this one.
    pub(crate) fn merge(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.share, &other.share), "charges of two shares");
        self.bytes += std::mem::take(&mut other.bytes);
    }

    /// Becomes no larger than this.
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
