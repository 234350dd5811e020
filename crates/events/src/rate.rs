//! The rate of calls of each API destination.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Destinations whose next call is remembered.
const KEPT: usize = 1_000;

/// When each API destination may be called next.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Instant>>);

impl Rates {
    /// Takes the next call of a destination. Err: how long to wait before the next attempt.
    pub(crate) fn take(&self, destination: &str, rate: u32, now: Instant) -> Result<(), Duration> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if next.len() >= KEPT {
            next.retain(|_, at| *at > now);
        }
        let at = next.get(destination).copied().unwrap_or(now);
        if at > now {
            return Err(at.saturating_duration_since(now));
        }
        next.insert(destination.to_owned(), now + Duration::from_secs(1) / rate.max(1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_destination_have_a_distance() {
        let (rates, now) = (Rates::default(), Instant::now());
        assert_eq!(rates.take("a", 4, now), Ok(()));
        assert_eq!(rates.take("a", 4, now), Err(Duration::from_millis(250)));
        assert_eq!(rates.take("b", 4, now), Ok(()));
        assert_eq!(rates.take("a", 4, now + Duration::from_millis(250)), Ok(()));
    }
}
