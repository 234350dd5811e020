//! Other attempts after failures that pass: a server that restarts, or that limits how often it is called.

use std::time::Duration;

use super::CopyError;

/// How often one step is tried.
const ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait, also if the server asks for more.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Runs a step until it succeeds, fails for good, or was tried often enough.
pub(crate) async fn retried<T>(step: impl AsyncFn() -> Result<T, CopyError>) -> Result<T, CopyError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match step().await {
            Ok(done) => return Ok(done),
            Err(error) => match error.worth_waiting() {
                Some(least) => tokio::time::sleep(wait.max(least).min(LONGEST_WAIT)).await,
                None => return Err(error),
            },
        }
        wait *= 2;
    }
    step().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use upstream::UpstreamError;

    use super::*;

    async fn attempts(error: fn() -> CopyError, failures: u32) -> (u32, bool) {
        let tried = AtomicU32::new(0);
        let outcome =
            retried(
                async || {
                    if tried.fetch_add(1, Ordering::Relaxed) < failures { Err(error()) } else { Ok(()) }
                },
            )
            .await;
        (tried.into_inner(), outcome.is_ok())
    }

    #[tokio::test(start_paused = true)]
    async fn only_failures_that_pass_are_tried_again() {
        let busy = || CopyError::Refused { what: "PUT".to_owned(), status: 503, message: String::new() };
        let limited = || UpstreamError::TooManyRequests { host: "a".to_owned(), retry_after: None }.into();
        let denied = || UpstreamError::AccessDenied { host: "a".to_owned(), status: 403 }.into();
        assert_eq!(attempts(busy, 4).await, (5, true));
        assert_eq!(attempts(limited, 9).await, (5, false));
        assert_eq!(attempts(denied, 1).await, (1, false));
    }
}
