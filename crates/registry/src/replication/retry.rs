//! When an item that failed is tried again.

use std::time::Duration;

use access::error::{Code, Error, Internal};
use access::store::{Micros, ReplicationEnd, ReplicationItem};

use super::image::failure_code;

/// The first rest after a failure of this server, and the longest one.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_mins(10);
/// The same after a refusal, such as that of a policy. A policy that is corrected within a day needs nothing else.
const REFUSED: Duration = Duration::from_mins(1);
const LONGEST_REFUSED: Duration = Duration::from_hours(1);
/// How long a refusal is tried again.
const PATIENCE: Duration = Duration::from_hours(24);

/// What follows a failure.
pub(super) fn after(item: &ReplicationItem, error: &Error, now: Micros) -> ReplicationEnd {
    let cause = error.internal.as_ref().map(Internal::chain);
    let (digest, repository) = (item.key.digest, item.repository_name.as_deref());
    let (attempts, destination) = (item.attempts, item.key.destination);
    if is_transient(error) {
        tracing::warn!(%digest, repository, destination, attempts, %error, cause, "a replication is tried again");
        return again(item, now);
    }
    tracing::info!(%digest, repository, destination, attempts, %error, cause, "a replication was refused");
    refused(item, failure_code(error), now)
}

/// What follows a refusal of the destination.
pub(super) fn refused(item: &ReplicationItem, code: String, now: Micros) -> ReplicationEnd {
    ReplicationEnd::Failed { code, retry_at: refused_at(item.attempts, item.queued_at, now) }
}

/// When something is tried again that was refused. None: it was queued too long ago.
pub(super) fn refused_at(attempts: i64, queued_at: Micros, now: Micros) -> Option<Micros> {
    let is_recent = now < queued_at.plus(PATIENCE);
    is_recent.then(|| now.plus(doubled(REFUSED, attempts, LONGEST_REFUSED)))
}

/// When an item is tried again that failed for a reason which says nothing about it.
pub(super) fn again(item: &ReplicationItem, now: Micros) -> ReplicationEnd {
    ReplicationEnd::Retry(again_at(item.attempts, now))
}

/// When something is tried again that failed for such a reason.
pub(super) fn again_at(attempts: i64, now: Micros) -> Micros {
    now.plus(doubled(REST, attempts, LONGEST_REST))
}

/// Whether the failure says nothing about the image or the destination.
pub(crate) fn is_transient(error: &Error) -> bool {
    matches!(error.code, Code::Unavailable | Code::Internal | Code::Throttled | Code::OutOfSpace)
}

fn doubled(first: Duration, attempts: i64, longest: Duration) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    first.saturating_mul(1 << doublings).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_doubles_up_to_its_limit() {
        assert_eq!(doubled(REST, 0, LONGEST_REST), REST);
        assert_eq!(doubled(REST, 3, LONGEST_REST), REST * 8);
        assert_eq!(doubled(REST, i64::MAX, LONGEST_REST), LONGEST_REST);
    }
}
