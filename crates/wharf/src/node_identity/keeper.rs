//! Keeps credentials available: renews them in time, and serves the old ones until they expire if STS is not reachable.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Temporary;
use super::source::Source;

/// The first wait after a failure. Each failure doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const LAST_RETRY: Duration = Duration::from_mins(1);

/// The current credentials.
#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    credentials: Option<Temporary>,
    failure: Option<String>,
}

impl Kept {
    /// The credentials, or the reason why there are none.
    pub(crate) fn get(&self, now: Timestamp) -> Result<Temporary, String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(good) = state.credentials.as_ref().filter(|credentials| credentials.is_good(now)) {
            return Ok(good.clone());
        }
        Err(state.failure.clone().unwrap_or_else(|| "no credentials yet".to_owned()))
    }

    pub(super) fn put(&self, outcome: Result<Temporary, String>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(credentials) => *state = State { credentials: Some(credentials), failure: None },
            Err(failure) => state.failure = Some(failure),
        }
    }
}

/// Renews credentials forever.
pub(crate) async fn keep(source: impl Source, kept: Kept) {
    let mut retry = FIRST_RETRY;
    loop {
        match source.obtain().await {
            Ok(credentials) => {
                // In the past already if this machine's clock is ahead. The next attempt is then as soon as the loop
                // allows.
                let wait = credentials.renew_at().duration_since(Timestamp::now());
                let wait = Duration::try_from(wait).unwrap_or_default();
                tracing::info!(expires_at = %credentials.expires_at, "credentials obtained");
                kept.put(Ok(credentials));
                retry = FIRST_RETRY;
                if wait < LAST_RETRY {
                    tracing::warn!(
                        "new credentials have almost expired already: check the clock of this machine"
                    );
                }
                tokio::time::sleep(wait.max(LAST_RETRY)).await;
            }
            Err(error) => {
                tracing::warn!(%error, retry_seconds = retry.as_secs(), "cannot get credentials");
                kept.put(Err(error.to_string()));
                tokio::time::sleep(jittered(retry)).await;
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
    }
}

/// A random wait between half and all of the given one: many nodes that lost their server must not all return at the
/// same time.
fn jittered(wait: Duration) -> Duration {
    let mut byte = [0];
    // Without random numbers the wait is the shortest.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    wait / 2 + wait * u32::from(byte[0]) / 512
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::aws_client::CallError;
    use crate::node_identity::temporary::tests::temporary;

    /// Fails a few times, then returns credentials for an hour. The counter of calls is shared.
    struct Flaky {
        calls: Arc<AtomicUsize>,
        failures: usize,
    }

    impl Source for Flaky {
        async fn obtain(&self) -> Result<Temporary, CallError> {
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            if call < self.failures {
                return Err(anyhow::anyhow!("down").into());
            }
            let now = Timestamp::now().as_second();
            Ok(temporary(&call.to_string(), now, now + 3600))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_retried_with_growing_waits() {
        let (kept, calls) = (Kept::default(), Arc::<AtomicUsize>::default());
        assert_eq!(kept.get(Timestamp::now()).err().unwrap(), "no credentials yet");
        let source = Flaky { calls: Arc::clone(&calls), failures: 5 };
        let task = tokio::spawn(keep(source, kept.clone()));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(kept.get(Timestamp::now()).err().unwrap(), "down");
        // At most 1 + 2 + 4 + 8 + 16 s.
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!(kept.get(Timestamp::now()).ok().unwrap().access_key_id, "ASIA5");
        tokio::time::sleep(Duration::from_secs(2600)).await;
        assert_eq!(calls.load(Ordering::Relaxed), 6);
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert_eq!(calls.load(Ordering::Relaxed), 7);
        task.abort();
    }

    /// Returns credentials that have expired already: this machine's clock is ahead of the server's.
    struct Over(Arc<AtomicUsize>);

    impl Source for Over {
        async fn obtain(&self) -> Result<Temporary, CallError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let past = Timestamp::now().as_second() - 7200;
            Ok(temporary("over", past - 3600, past))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn expired_new_credentials_are_retried_within_a_minute() {
        let calls = Arc::<AtomicUsize>::default();
        let task = tokio::spawn(keep(Over(Arc::clone(&calls)), Kept::default()));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert_eq!(calls.load(Ordering::Relaxed), 1, "no hammer");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        task.abort();
    }

    #[test]
    fn old_credentials_serve_until_they_expire() {
        let kept = Kept::default();
        kept.put(Ok(temporary("A", 0, 3600)));
        kept.put(Err("down".to_owned()));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(kept.get(at(3599)).ok().unwrap().access_key_id, "ASIAA");
        assert_eq!(kept.get(at(3600)).err().unwrap(), "down");
    }
}
