//! Bodies that are being received into memory. Those of clients that have proven nothing give way: where there is no
//! room for a new one, the slowest of them is given up, so that bodies which never end keep nobody out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Charge, Full, Share};

/// A body that is being received counts as at least this much: its request is held too.
const LEAST_BYTES: u64 = 8 * 1024;
/// Up to this size the charge doubles as a body grows. Then room for all of it is taken at once, so that bodies which
/// are half received do not wait for each other.
const STEPS_BYTES: u64 = 4 * 1024 * 1024;
/// A body whose rate has been measured for less time is not given up.
const GRACE: Duration = Duration::from_millis(250);
/// Nor is one of which as many bytes arrive in a second: it will be done with its room soon.
const SLOW_BYTES: u64 = 256 * 1024;

/// What is known of a body while it arrives.
#[derive(Debug)]
struct Progress {
    share: Weak<Share>,
    /// Until when, and how much had been received then: the rate is measured from there on.
    mark: Mutex<(Instant, u64)>,
    charged: AtomicU64,
    received: AtomicU64,
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
}

/// The bodies of clients that have proven nothing, as they arrive.
#[derive(Debug, Default)]
pub(super) struct Readings(Mutex<Vec<Weak<Progress>>>);

impl Readings {
    fn enter(&self, progress: &Arc<Progress>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.len() == list.capacity() {
            list.retain(|entry| entry.strong_count() > 0);
        }
        list.push(Arc::downgrade(progress));
    }

    /// Gives up the slowest bodies, of one share or of all, until `bytes` of room are on their way.
    pub(super) fn give_up_slowest(&self, share: Option<&Arc<Share>>, bytes: u64) {
        let now = Instant::now();
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|entry| entry.strong_count() > 0);
        let of_share = |progress: &Arc<Progress>| {
            share.is_none_or(|share| std::ptr::eq(progress.share.as_ptr(), Arc::as_ptr(share)))
        };
        let mut slow: Vec<(u64, Arc<Progress>)> = list
            .iter()
            .filter_map(Weak::upgrade)
            .filter(of_share)
            .filter_map(|progress| Some((progress.rate(now).filter(|rate| *rate < SLOW_BYTES)?, progress)))
            .collect();
        drop(list);
        slow.sort_by_key(|(rate, _)| *rate);
        let mut room = 0_u64;
        for (_, progress) in slow {
            if room >= bytes {
                return;
            }
            room = room.saturating_add(progress.charged.load(Ordering::Relaxed));
            progress.give_up.notify_one();
        }
    }
}

/// A body on its way into memory, with the charge that grows as it arrives.
pub(crate) struct Reading {
    charge: Charge,
    /// The charge for each byte: what is made of a body is charged with it.
    times: u64,
    expected: u64,
    progress: Arc<Progress>,
}

impl Reading {
    /// Begins to receive a body of at most `expected` bytes.
    pub(crate) async fn begin(share: &Arc<Share>, expected: u64, times: u64) -> Result<Self, Full> {
        let charge = share.take(LEAST_BYTES).await?;
        let progress = Arc::new(Progress {
            share: Arc::downgrade(share),
            mark: Mutex::new((Instant::now(), 0)),
            charged: AtomicU64::new(LEAST_BYTES),
            received: AtomicU64::new(0),
            give_up: Notify::new(),
        });
        if share.is_stranger() {
            share.book.readings.enter(&progress);
        }
        Ok(Self { charge, times, expected, progress })
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
            self.charge.grow_to(step.max(bytes).saturating_mul(self.times)).await?;
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
