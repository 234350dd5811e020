//! One token bucket in one atomic number (the generic cell rate algorithm, as in ATM Forum's Traffic Management 4.0).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;

/// The time at which the bucket is full again, in nanoseconds. A new bucket is full.
#[derive(Debug, Default)]
pub(crate) struct Bucket(AtomicU64);

impl Bucket {
    /// Takes a token at `now`, in nanoseconds. A full bucket has the tokens of the time `burst`. The error is the time after
    /// which the next token is there.
    pub(crate) fn take(&self, per_second: u64, burst: Duration, now: u64) -> Result<(), Duration> {
        let interval = SECOND / per_second.clamp(1, SECOND);
        let burst = u64::try_from(burst.as_nanos()).unwrap_or(u64::MAX);
        let latest = now.saturating_add(burst);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now).saturating_add(interval);
            (full_at <= latest).then_some(full_at)
        });
        taken.map(|_| ()).map_err(|full_at| Duration::from_nanos((full_at + interval).saturating_sub(latest)))
    }

    /// When it is full again.
    pub(crate) fn full_at(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BURST: Duration = Duration::from_secs(5);

    #[test]
    fn a_full_bucket_has_the_tokens_of_its_burst() {
        let bucket = Bucket::default();
        let taken = (0..1_000).take_while(|_| bucket.take(10, BURST, 7).is_ok()).count();
        assert_eq!(taken as u64, 10 * BURST.as_secs());
        assert_eq!(bucket.take(10, BURST, 7), Err(Duration::from_millis(100)));
    }

    #[test]
    fn a_bucket_refills_at_its_rate() {
        let bucket = Bucket::default();
        while bucket.take(10, BURST, 0).is_ok() {}
        assert_eq!(bucket.take(10, BURST, SECOND / 20), Err(Duration::from_millis(50)));
        let taken = (0..1_000).take_while(|_| bucket.take(10, BURST, SECOND).is_ok()).count();
        assert_eq!(taken, 10, "what one second refills");
        let taken = (0..1_000).take_while(|_| bucket.take(10, BURST, 1_000 * SECOND).is_ok()).count();
        assert_eq!(taken as u64, 10 * BURST.as_secs(), "never more than a full bucket");
    }

    #[test]
    fn refused_requests_take_no_token() {
        let bucket = Bucket::default();
        while bucket.take(1, BURST, 0).is_ok() {}
        let full_at = bucket.full_at();
        for _ in 0..100 {
            assert_eq!(bucket.take(1, BURST, 0), Err(Duration::from_secs(1)));
        }
        assert_eq!(bucket.full_at(), full_at);
    }
}
