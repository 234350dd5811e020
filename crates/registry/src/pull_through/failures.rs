//! What upstream registries refused a moment ago. They are not asked again at once, however many clients ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use access::error::{Code, Error};

use super::import::{ImportKey, LayerKey, Of};

/// How long a failure is remembered.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How long a registry that limits requests is left alone, if it does not say so itself, and at most.
const LIMITED: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(10);
/// Failures in memory.
const MOST: usize = 10_000;

pub(super) type Failures = Remembered<ImportKey>;
pub(super) type LayerFailures = Remembered<(Of, LayerKey)>;

/// Errors by key, until a time.
pub(super) struct Remembered<K>(Mutex<HashMap<K, (Instant, Error)>>);

impl<K> Default for Remembered<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Remembered<K> {
    /// The error that is still remembered.
    pub(super) fn get(&self, key: &K, now: Instant) -> Option<Error> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(key).filter(|(until, _)| *until > now).map(|(_, error)| error.clone())
    }

    pub(super) fn put(&self, key: K, error: Error, retry_after: Option<Duration>, now: Instant) {
        let usual = if error.code == Code::UpstreamTooManyRequests { LIMITED } else { REMEMBERED };
        let until = now + retry_after.unwrap_or(usual).min(LONGEST);
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST {
            failures.retain(|_, (until, _)| *until > now);
        }
        if failures.len() >= MOST {
            failures.clear();
        }
        failures.insert(key, (until, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_remembered_briefly() {
        let (failures, now) = (Remembered::default(), Instant::now());
        let error = |code| Error::new(code, "text");
        failures.put(1, error(Code::ManifestUnknown), None, now);
        failures.put(2, error(Code::UpstreamTooManyRequests), Some(Duration::from_mins(5)), now);
        failures.put(3, error(Code::UpstreamTooManyRequests), Some(Duration::from_hours(24)), now);
        let known = |key: u8, after: u64| failures.get(&key, now + Duration::from_secs(after)).is_some();
        assert!(known(1, 9) && !known(1, 11));
        assert!(known(2, 299) && !known(2, 301), "the registry's own time");
        assert!(known(3, 599) && !known(3, 601), "but not for ever");
        assert!(!known(4, 0));
    }
}
