//! The time limit of a body: a time for any body, plus time for each received byte. A slow link is served, and a client
//! that sends single bytes is not.

use std::time::Duration;

/// A total time that depends on the transferred bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) grace: Duration,
    /// The number of bytes for one more second; None: no extra time.
    pub(crate) bytes_per_second: Option<u64>,
}

impl Pace {
    /// The time within which this many bytes must have arrived.
    pub(crate) fn allowed(&self, bytes: u64) -> Duration {
        let more = self.bytes_per_second.map_or(0, |rate| bytes.saturating_mul(1000) / rate.max(1));
        self.grace.saturating_add(Duration::from_millis(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_limit_grows_with_the_received_bytes() {
        let pace = Pace { grace: Duration::from_mins(1), bytes_per_second: Some(4096) };
        assert_eq!(pace.allowed(0).as_secs(), 60);
        assert_eq!(pace.allowed(4096 * 30).as_secs(), 90);
        assert_eq!(Pace { bytes_per_second: None, ..pace }.allowed(1 << 40).as_secs(), 60);
    }
}
