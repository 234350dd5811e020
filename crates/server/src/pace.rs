//! How long a body may take: a time for any body, and more for each byte that came, so that a slow link is served
//! and one that only drips is not.

use std::time::Duration;

/// A total time as a function of the bytes moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) grace: Duration,
    /// Bytes that a second more is given for; None: no more is given.
    pub(crate) bytes_per_second: Option<u64>,
}

impl Pace {
    /// The time within which so many bytes have to be there.
    pub(crate) fn allowed(&self, bytes: u64) -> Duration {
        let more = self.bytes_per_second.map_or(0, |rate| bytes.saturating_mul(1000) / rate.max(1));
        self.grace.saturating_add(Duration::from_millis(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_grows_with_what_came() {
        let pace = Pace { grace: Duration::from_mins(1), bytes_per_second: Some(4096) };
        assert_eq!(pace.allowed(0).as_secs(), 60);
        assert_eq!(pace.allowed(4096 * 30).as_secs(), 90);
        assert_eq!(Pace { bytes_per_second: None, ..pace }.allowed(1 << 40).as_secs(), 60);
    }
}
