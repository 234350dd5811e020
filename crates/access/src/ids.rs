//! IDs that are created before an operation begins. Operations on metadata contain no randomness
//! (docs/adr/0003-store-operations-run-again.md).

use std::sync::Mutex;

use jiff::Timestamp;

/// Each ID begins with the milliseconds since this time (2025-01-01T00:00:00Z).
const EPOCH_MS: i64 = 1_735_689_600_000;
const LOW_BITS: u32 = 22;
const LOW_MASK: i64 = (1 << LOW_BITS) - 1;

/// Creates 63-bit IDs that grow with time: 41 bits of milliseconds, and 22 bits that start at a random value in each
/// process and increase. IDs of two nodes are very unlikely to be equal; one node never repeats an ID.
pub struct IdSource {
    last: Mutex<i64>,
    low: i64,
}

impl IdSource {
    pub fn seeded() -> Self {
        let mut bytes = [0_u8; 8];
        // Without random numbers IDs are still unique within this process; sealing would fail long before.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        Self { last: Mutex::new(0), low: i64::from_le_bytes(bytes) & LOW_MASK }
    }

    /// The next ID: greater than all earlier ones of this source.
    pub fn next(&self, now: Timestamp) -> i64 {
        let at = first_id(now) | self.low;
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *last = at.max(*last + 1);
        *last
    }
}

/// The smallest ID of a time: every ID of an earlier millisecond is smaller.
pub fn first_id(at: Timestamp) -> i64 {
    (at.as_millisecond() - EPOCH_MS).max(0) << LOW_BITS
}

/// `prefix` and 17 characters of base 32: AWS's form of unique IDs and access key IDs (IAM identifiers page).
pub fn unique_id(prefix: &str) -> Result<String, crate::seal::SealError> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    const LEN: usize = 21;
    let mut bytes = [0_u8; LEN];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| crate::seal::SealError::Failed)?;
    let tail = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 31)));
    Ok(prefix.bytes().chain(tail.copied()).take(LEN).map(char::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_even_if_the_clock_stops_or_goes_back() {
        let source = IdSource::seeded();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let earlier = Timestamp::from_second(1_700_000_000).unwrap();
        let ids = [source.next(now), source.next(now), source.next(earlier)];
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    }

    #[test]
    fn unique_ids_have_awss_length() {
        assert_eq!(unique_id("AIDA").unwrap().len(), 21);
    }
}
