//! The rate of requests without credentials, by client address. Each address has a bucket of requests that fills with
//! time. The buckets are a fixed number, so no number of addresses can take more memory: addresses with the same hash
//! share one.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Enough for hundreds of clients at once to rarely share one: 128 KiB.
const BUCKETS: usize = 1 << 12;
/// How many seconds' requests a bucket can hold: a pull is a burst of requests.
const BURST_SECONDS: u32 = 10;

#[derive(Clone, Copy)]
struct Bucket {
    requests: f32,
    /// Milliseconds since the start.
    at: u64,
}

/// The buckets.
pub(crate) struct AnonymousRate {
    per_second: u32,
    started: Instant,
    hasher: RandomState,
    buckets: Vec<Mutex<Bucket>>,
}

impl AnonymousRate {
    pub(crate) fn new(per_second: u32) -> Self {
        let full = Bucket { requests: burst(per_second), at: 0 };
        Self {
            per_second,
            started: Instant::now(),
            hasher: RandomState::new(),
            buckets: (0..BUCKETS).map(|_| Mutex::new(full)).collect(),
        }
    }

    /// Takes a request of an address, or says how long to wait for the next one.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let [low, high, ..] = self.hasher.hash_one(network(address)).to_le_bytes();
        let index = usize::from(u16::from_le_bytes([low, high])) % BUCKETS;
        let Some(bucket) = self.buckets.get(index) else { return Ok(()) };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = u64::try_from(now.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX);
        let passed = Duration::from_millis(now.saturating_sub(bucket.at)).as_secs_f32();
        let rate = rate(self.per_second);
        bucket.requests = passed.mul_add(rate, bucket.requests).min(burst(self.per_second));
        bucket.at = bucket.at.max(now);
        if bucket.requests >= 1.0 {
            bucket.requests -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f32((1.0 - bucket.requests) / rate.max(0.001)))
    }
}

/// A client has all addresses of its IPv6 network (RFC 6177).
fn network(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or_else(
            || u64::try_from(address.to_bits() >> 64).unwrap_or_default(),
            |mapped| u64::from(mapped.to_bits()),
        ),
    }
}

fn rate(per_second: u32) -> f32 {
    f32::from(u16::try_from(per_second).unwrap_or(u16::MAX))
}

fn burst(per_second: u32) -> f32 {
    rate(per_second.saturating_mul(BURST_SECONDS))
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
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), network("192.0.2.1".parse().unwrap()));
    }
}
