//! The rate of requests without credentials, by client address. Each address has a bucket of requests that fills with
//! time. The buckets are a fixed number, so no number of addresses can take more memory: addresses with the same hash
//! share one.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::slots::Block;

/// Enough for hundreds of clients at once to rarely share one: 32 KiB.
const BUCKETS: usize = 1 << 12;
/// A bucket can hold the requests of this time: a pull is a burst of requests.
const BURST: Duration = Duration::from_secs(10);
/// If nobody is answered without credentials, clients need not ask again soon.
const NEVER: Duration = Duration::from_secs(1_000);

/// The buckets.
pub(crate) struct AnonymousRate {
    per_second: u32,
    started: Instant,
    hasher: RandomState,
    buckets: Vec<Bucket>,
}

impl AnonymousRate {
    pub(crate) fn new(per_second: u32) -> Self {
        let buckets = (0..BUCKETS).map(|_| Bucket::default()).collect();
        Self { per_second, started: Instant::now(), hasher: RandomState::new(), buckets }
    }

    /// Takes a request of an address, or says how long to wait for the next one.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        if self.per_second == 0 {
            return Err(NEVER);
        }
        let [low, high, ..] = self.hasher.hash_one(Block::of(address)).to_le_bytes();
        let index = usize::from(u16::from_le_bytes([low, high])) % BUCKETS;
        let Some(bucket) = self.buckets.get(index) else { return Ok(()) };
        let now = u64::try_from(now.saturating_duration_since(self.started).as_nanos()).unwrap_or(u64::MAX);
        bucket.take(self.per_second.into(), BURST, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let limit = AnonymousRate::new(2);
        let (client, start) = ("192.0.2.1".parse().unwrap(), limit.started);
        for _ in 0..20 {
            assert_eq!(limit.take(client, start), Ok(()));
        }
        let wait = limit.take(client, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(500));
        assert_eq!(limit.take(client, start + wait), Ok(()));
        assert!(limit.take(client, start + wait).is_err());
        // Another client is not affected, and a bucket never holds more than a burst.
        assert_eq!(limit.take("192.0.2.2".parse().unwrap(), start), Ok(()));
        let later = start + Duration::from_hours(1);
        assert_eq!((0..30).filter(|_| limit.take(client, later).is_ok()).count(), 20);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_bucket() {
        let limit = AnonymousRate::new(1);
        let taken = (0..20).filter(|host| {
            let address = format!("2001:db8:0:1::{host:x}").parse().unwrap();
            limit.take(address, limit.started).is_ok()
        });
        assert_eq!(taken.count(), 10);
        let mapped = Block::of("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(mapped, Block::of("192.0.2.1".parse().unwrap()));
    }
}
