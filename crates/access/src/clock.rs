//! How far the clock of this node is from the clock of the database, which all nodes share. Claims, leases and expiry are
//! written with the clock of one node and read with the clock of another.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::Access;
use crate::error::Result;
use crate::store::StoreResultExt as _;

/// How often a node compares the clocks.
pub const INTERVAL: Duration = Duration::from_secs(10);
/// From here on, a difference is reported.
pub const LIMIT: SignedDuration = SignedDuration::from_secs(5);
/// An answer of the database that took longer tells nothing.
const LONGEST_READ: Duration = Duration::from_secs(2);
const UNKNOWN: i64 = i64::MIN;

/// The last comparison.
pub(crate) struct Clock(AtomicI64);

impl Default for Clock {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

impl Access {
    /// Compares the clocks and keeps the result, also that they could not be compared.
    pub async fn compare_clocks(&self) -> Result<Option<SignedDuration>> {
        let (begun, asked) = (Timestamp::now(), Instant::now());
        let there = self.meta.read(meta::ReadClock).await.or_store_error();
        let took = asked.elapsed();
        // The database read its clock somewhere between the question and the answer.
        let here = begun.as_microsecond() + micros_of(took / 2);
        let found = there.as_ref().ok().filter(|_| took < LONGEST_READ);
        self.clock.0.store(found.map_or(UNKNOWN, |there| here - there.0), Ordering::Relaxed);
        there.map(|_| self.clock_skew())
    }

    /// How far this node's clock is ahead of the database's; None if the last comparison failed. A node that is alone has
    /// no other clock.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        if self.is_alone() {
            return Some(SignedDuration::ZERO);
        }
        let micros = Some(self.clock.0.load(Ordering::Relaxed)).filter(|micros| *micros != UNKNOWN);
        micros.map(SignedDuration::from_micros)
    }
}

fn micros_of(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
