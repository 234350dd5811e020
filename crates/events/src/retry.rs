//! When a delivery is tried again, and when it becomes a dead letter.

use std::time::Duration;

use access::store::DeliveryLimits;
use jiff::{SignedDuration, Timestamp};

/// How much waits for one target: about the events of a day at one a second.
pub(crate) const LIMITS: DeliveryLimits = DeliveryLimits { waiting: 100_000, dead: 10_000 };
/// The same for a target of a tenant's rule: tenants can have many targets.
pub(crate) const TENANT_LIMITS: DeliveryLimits = DeliveryLimits { waiting: 10_000, dead: 1_000 };
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// How often and how long a delivery is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retries {
    pub(crate) attempts: i64,
    pub(crate) age: Duration,
}

impl Default for Retries {
    /// EventBridge's defaults (User Guide, "Retrying event delivery").
    fn default() -> Self {
        Self { attempts: 185, age: Duration::from_hours(24) }
    }
}

/// Why a delivery failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: String,
    /// Whether another attempt can succeed.
    pub(crate) is_temporary: bool,
    /// When the target wants the next attempt.
    pub(crate) after: Option<Duration>,
    /// Whether the target refused the credentials.
    pub(crate) is_unauthorized: bool,
}

impl Failure {
    pub(crate) fn temporary(error: impl std::fmt::Display) -> Self {
        Self { error: error.to_string(), is_temporary: true, after: None, is_unauthorized: false }
    }

    pub(crate) fn permanent(error: impl std::fmt::Display) -> Self {
        Self { error: error.to_string(), is_temporary: false, after: None, is_unauthorized: false }
    }
}

/// The next attempt, after this many failures of the target; None: the delivery becomes a dead letter.
pub(crate) fn next_attempt(
    failure: &Failure,
    retries: Retries,
    (attempts, failures): (i64, i64),
    (happened, now): (Timestamp, Timestamp),
) -> Option<Timestamp> {
    let age = now.duration_since(happened);
    let is_over = attempts > retries.attempts || age >= signed(retries.age);
    if !failure.is_temporary || is_over {
        return None;
    }
    let exponent = u32::try_from(failures.clamp(0, 16)).unwrap_or(16);
    let pause = Duration::from_secs(1 << exponent).min(LONGEST_PAUSE);
    // Up to a tenth more, so that targets which failed together are not called together.
    let more = pause / 10 * u32::from(now.subsec_nanosecond().unsigned_abs().to_le_bytes()[0]) / 255;
    let asked = failure.after.unwrap_or_default().min(LONGEST_PAUSE);
    now.checked_add(signed((pause + more).max(asked))).ok()
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(failure: &Failure, attempts: i64, failures: i64, age: u64) -> Option<u64> {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let happened = now.checked_sub(signed(Duration::from_secs(age))).unwrap();
        let next = next_attempt(failure, Retries::default(), (attempts, failures), (happened, now))?;
        Some(next.duration_since(now).unsigned_abs().as_secs())
    }

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let away = Failure::temporary("away");
        let pauses: Vec<_> = [0, 1, 2, 3, 8, 9, 60].map(|failures| next(&away, 1, failures, 0)).into();
        assert_eq!(pauses, [1, 2, 4, 8, 256, 300, 300].map(Some));
        let asked = Failure { after: Some(Duration::from_secs(90)), ..away.clone() };
        assert_eq!(next(&asked, 1, 0, 0), Some(90));
        let greedy = Failure { after: Some(Duration::from_hours(90)), ..away };
        assert_eq!(next(&greedy, 1, 0, 0), Some(300));
    }

    #[test]
    fn a_delivery_ends_after_its_attempts_or_its_age() {
        let away = Failure::temporary("away");
        assert_eq!(next(&away, 185, 185, 0), Some(300));
        assert_eq!(next(&away, 186, 186, 0), None);
        assert_eq!(next(&away, 1, 1, 24 * 3600 - 1), Some(2));
        assert_eq!(next(&away, 1, 1, 24 * 3600), None);
        assert_eq!(next(&Failure::permanent("no"), 1, 0, 0), None);
    }
}
