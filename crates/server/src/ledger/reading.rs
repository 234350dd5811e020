//! Bodies that are being received into memory. If there is no room for a new one, the slowest body of a client that has
//! not authenticated is ended, so bodies that never end do not block others.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Charge, Full, PATIENCE, Share};

/// A body counts as at least this much: its request uses memory too.
const LEAST_BYTES: u64 = 32 * 1024;
/// Up to this size the charge doubles as a body grows. After that the whole body is charged at once, so half-received
/// bodies do not wait for each other.
const STEPS_BYTES: u64 = 4 * 1024 * 1024;
/// A body whose rate was measured for less time is not ended.
const GRACE: Duration = Duration::from_millis(250);
/// A body that receives this many bytes per second is not ended either: it will soon be complete.
const SLOW_BYTES: u64 = 256 * 1024;

/// How often the slowest bodies are searched, regardless of the number of waiting charges.
const BETWEEN_SWEEPS: Duration = Duration::from_millis(10);

/// The state of a body while it arrives.
#[derive(Debug)]
struct Progress {
    share: Arc<Share>,
    /// The end of the last measurement, and how much had arrived by then: the rate is measured from there.
    mark: Mutex<(Instant, u64)>,
    charged: AtomicU64,
    received: AtomicU64,
    /// Its memory when it was told to end; nothing if it was not.
    leaving: AtomicU64,
    give_up: Notify,
}

impl Progress {
    /// The current bytes per second, if known already.
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

/// The bodies of clients that have not authenticated.
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

    /// Ends the slowest bodies until enough room will be free for everything that waits. Bodies of greedy shares are
    /// ended first, because a body that waits for them is not slow by itself. Every waiting charge calls this; one
    /// search serves all of them.
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

/// A body on its way into memory, with a charge that grows as it arrives.
pub(crate) struct Reading {
    charge: Charge,
    /// The charge for each byte, which includes the parsed values.
    times: u64,
    expected: u64,
    /// The final charge. A large body may not use the reserved room, not even when it begins.
    size: u64,
    progress: Arc<Progress>,
}

impl Reading {
    /// Starts receiving a body of at most `expected` bytes.
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

    /// Ready when this body must end.
    pub(crate) fn given_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let progress = Arc::clone(&self.progress);
        async move { progress.give_up.notified().await }
    }

    /// Makes room for a body of `bytes`; returns for how many there is room now.
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

    /// The charge of a complete body.
    pub(crate) fn end(mut self, bytes: u64) -> Charge {
        self.charge.shrink_to(bytes.saturating_mul(self.times).max(LEAST_BYTES));
        self.charge
    }
}
