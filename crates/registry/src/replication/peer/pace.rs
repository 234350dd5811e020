//! The pace of what is sent to a peer: at most so many bytes in one second.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The largest part of a layer in one request, which is held in memory, and the smallest one.
const LARGEST: u64 = 8 << 20;
const SMALLEST: u64 = 64 << 10;

pub(super) struct Pace {
    bandwidth: Option<NonZeroU64>,
    /// When the next bytes may be sent.
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(bandwidth: Option<NonZeroU64>) -> Self {
        Self { bandwidth, next: Mutex::new(Instant::now()) }
    }

    /// The size of a part: what may be sent in about a second.
    pub(super) fn part(&self) -> u64 {
        self.bandwidth.map_or(LARGEST, |bytes| bytes.get().clamp(SMALLEST, LARGEST))
    }

    /// Waits until this many bytes may be sent. False: that is not before this time, and nothing was waited for.
    pub(super) async fn wait(&self, bytes: u64, until: Instant) -> bool {
        let Some(rest) = self.take(bytes, Instant::now(), until) else { return false };
        tokio::time::sleep(rest).await;
        true
    }

    /// How long these bytes wait for those that were sent before. None: for longer than until this time; what is sent to
    /// others does not wait for them.
    fn take(&self, bytes: u64, now: Instant, until: Instant) -> Option<Duration> {
        let Some(bandwidth) = self.bandwidth else { return Some(Duration::ZERO) };
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = (*next).max(now);
        if begin > until {
            return None;
        }
        let micros = bytes.saturating_mul(1_000_000) / bandwidth;
        *next = begin + Duration::from_micros(micros);
        Some(begin.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them() {
        let pace = Pace::new(NonZeroU64::new(1_000));
        let now = Instant::now() + Duration::from_secs(1);
        let until = now + Duration::from_mins(1);
        assert_eq!(pace.take(500, now, until), Some(Duration::ZERO));
        assert_eq!(pace.take(2_000, now, until), Some(Duration::from_millis(500)));
        assert_eq!(pace.take(1, now + Duration::from_secs(1), until), Some(Duration::from_millis(1_500)));
        assert_eq!(Pace::new(None).take(u64::MAX, now, now), Some(Duration::ZERO));
    }

    #[test]
    fn bytes_that_would_come_too_late_take_no_room() {
        let pace = Pace::new(NonZeroU64::new(1_000));
        let now = Instant::now() + Duration::from_secs(1);
        let until = now + Duration::from_secs(20);
        assert_eq!(pace.take(30_000, now, until), Some(Duration::ZERO));
        for _ in 0..9 {
            assert_eq!(pace.take(1_000, now, until), None);
        }
        assert_eq!(pace.take(1_000, now, until + Duration::from_secs(20)), Some(Duration::from_secs(30)));
    }
}
