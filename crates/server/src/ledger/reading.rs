//! Bodies that are being received into memory. Those of clients that have proven nothing give way: where there is no
//! room for a new one, the slowest of them is given up, so that bodies which never end keep nobody out.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Charge, Full, PATIENCE, Share};

/// A body that is being received counts as at least this much: its request is held too.
const LEAST_BYTES: u64 = 32 * 1024;
/// Up to this size the charge doubles as a body grows. Then room for all of it is taken at once, so that bodies which
/// are half received do not wait for each other.
const STEPS_BYTES: u64 = 4 * 1024 * 1024;
/// A body whose rate has been measured for less time is not given up.
const GRACE: Duration = Duration::from_millis(250);
/// Nor is one of which as many bytes arrive in a second: it will be done with its room soon.
const SLOW_BYTES: u64 = 256 * 1024;

/// How often bodies are looked at whose turn it is to give way, however many charges wait.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(10);

/// What is known of a body while it arrives.
#[derive(Debug)]
struct Progress {
    share: Arc<Share>,
    /// Until when, and how much had been received then: the rate is measured from there on.
    mark: Mutex<(Instant, u64)>,
    charged: AtomicU64,
    received: AtomicU64,
    /// What it held when it was told to give way; nothing as long as it was not.
    leaving: AtomicU64,
    give_up: Notify,
}

impl Progress {
    /// Bytes a second of late, if that can be told already.
    fn rate(&self, now: Instant) -> Option<u64> {
        let mut mark = self.mark.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(mark.0);
        if passed < GRACE {
            return None;
        }
        let received = self.received.load(Ordering::Relaxed);
        let milliseconds = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = received.saturating_sub(mark.1).saturating_mul(1000) / milliseconds;
        if passed >= GRACE * 2 {
            *mark = (now, received);
        }
        Some(rate)
    }

    fn give_way(&self) {
        let held = self.charged.load(Ordering::Relaxed);
        self.leaving.store(held, Ordering::Relaxed);
        self.share.levels().for_each(|level| level.leaves(held));
        self.give_up.notify_one();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let held = self.leaving.load(Ordering::Relaxed);
        self.share.levels().for_each(|level| level.left(held));
    }
}

/// The bodies of clients that have proven nothing, as they arrive.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    bodies: Vec<Weak<Progress>>,
    swept: Option<Instant>,
}

impl List {
    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= BETWEEN_SWEEPS);
        if is_due {
            self.swept = Some(now);
        }
        is_due
    }
}

impl Readings {
    fn enter(&self, progress: &Arc<Progress>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.bodies.len() == list.bodies.capacity() {
            list.bodies.retain(|entry| entry.strong_count() > 0);
        }
        list.bodies.push(Arc::downgrade(progress));
    }

    /// Gives up the slowest bodies until there is room on its way for everything that waits; those of greedy shares
    /// first, since a body that waits for them is not slow by itself. All who wait call it; one look at the bodies is
    /// made for all of them.
    pub(super) fn give_up_slowest(&self) {
        let now = Instant::now();
        let bodies: Vec<Arc<Progress>> = {
            let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !list.is_due(now) {
                return;
            }
            list.bodies.retain(|entry| entry.strong_count() > 0);
            list.bodies.iter().filter_map(Weak::upgrade).collect()
        };
        let greedy = bodies.iter().map(|body| &body.share).filter(|share| share.is_greedy());
        let greedy: HashSet<_> = greedy.map(|share| share.kind()).collect();
        let is_in_turn = |share: &Share| share.is_greedy() || !greedy.contains(&share.kind());
        let mut slow: Vec<(u64, &Arc<Progress>, bool)> = bodies
            .iter()
            .filter(|body| body.leaving.load(Ordering::Relaxed) == 0)
            .map(|body| (body, is_in_turn(&body.share)))
            .filter(|(body, in_turn)| body.share.lacks(*in_turn))
            .filter_map(|(body, in_turn)| {
                Some((body.rate(now).filter(|rate| *rate < SLOW_BYTES)?, body, in_turn))
            })
            .collect();
        slow.sort_by_key(|(rate, ..)| *rate);
        for (_, body, in_turn) in slow {
            if body.share.lacks(in_turn) {
                body.give_way();
            }
        }
    }
}

/// A body on its way into memory, with the charge that grows as it arrives.
pub(crate) struct Reading {
    charge: Charge,
    /// The charge for each byte: what is made of a body is charged with it.
    times: u64,
    expected: u64,
    /// What will be charged for all of it. A large body may not use the room for small charges when it begins, either.
    size: u64,
    progress: Arc<Progress>,
}

impl Reading {
    /// Begins to receive a body of at most `expected` bytes.
    pub(crate) async fn begin(share: &Arc<Share>, expected: u64, times: u64) -> Result<Self, Full> {
        let size = expected.saturating_mul(times).max(LEAST_BYTES);
        let charge = share.take_as(LEAST_BYTES, size, PATIENCE).await?;
        let progress = Arc::new(Progress {
            share: Arc::clone(share),
            mark: Mutex::new((Instant::now(), 0)),
            charged: AtomicU64::new(LEAST_BYTES),
            received: AtomicU64::new(0),
            leaving: AtomicU64::new(0),
            give_up: Notify::new(),
        });
        if share.is_unproven() {
            share.book.readings.enter(&progress);
        }
        Ok(Self { charge, times, expected, size, progress })
    }

    /// Ready when this body is to give way to others.
    pub(crate) fn given_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let progress = Arc::clone(&self.progress);
        async move { progress.give_up.notified().await }
    }

    /// Makes room for a body that has grown to `bytes`; tells for how many there is room now.
    pub(crate) async fn make_room(&mut self, bytes: u64) -> Result<u64, Full> {
        self.progress.received.store(bytes, Ordering::Relaxed);
        if bytes.saturating_mul(self.times) > self.charge.bytes() {
            let step = if bytes <= STEPS_BYTES {
                bytes.next_power_of_two().min(self.expected)
            } else {
                self.expected
            };
            let bytes = step.max(bytes).saturating_mul(self.times);
            self.charge.grow_to(bytes, self.size.max(bytes)).await?;
            self.progress.charged.store(self.charge.bytes(), Ordering::Relaxed);
        }
        Ok(self.charge.bytes() / self.times.max(1))
    }

    /// The charge of a body of which all has arrived.
    pub(crate) fn end(mut self, bytes: u64) -> Charge {
        self.charge.shrink_to(bytes.saturating_mul(self.times).max(LEAST_BYTES));
        self.charge
    }
}
