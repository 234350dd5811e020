//! Credentials for one call: from the cache while they are fresh, else from STS.

use std::path::Path;

use jiff::Timestamp;

use super::Temporary;
use super::cache::Cache;
use super::source::Source;
use crate::aws_client::CallError;

/// The credentials to print, and a failure that did not prevent printing them.
pub(crate) struct Outcome {
    pub(crate) credentials: Temporary,
    pub(crate) warning: Option<String>,
}

/// Gets credentials. If STS is not reachable, the cached ones are returned until they expire.
pub(crate) async fn get(
    source: &impl Source,
    folder: Option<&Path>,
    identity: &str,
    now: Timestamp,
) -> Result<Outcome, CallError> {
    let cache = folder.map(|folder| Cache::of(folder, identity));
    let kept = cache.as_ref().and_then(|cache| cache.load(now));
    if let Some(fresh) = kept.as_ref().filter(|kept| now < kept.renew_at()) {
        return Ok(Outcome { credentials: fresh.clone(), warning: None });
    }
    match (source.obtain().await, kept) {
        (Ok(credentials), _) => {
            let stored = cache.map_or(Ok(()), |cache| cache.store(&credentials));
            Ok(Outcome {
                credentials,
                warning: stored.err().map(|error| format!("the credentials could not be cached: {error:#}")),
            })
        }
        (Err(error), Some(credentials)) => {
            let warning = Some(format!(
                "the credentials could not be renewed; the old ones are used until they expire: {error}"
            ));
            Ok(Outcome { credentials, warning })
        }
        (Err(error), None) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::node_identity::temporary::tests::temporary;

    /// Returns credentials for one hour, named after their creation time. Fails before second zero.
    struct Clock(AtomicI64);

    impl Source for Clock {
        async fn obtain(&self) -> Result<Temporary, CallError> {
            match self.0.load(Ordering::Relaxed) {
                second @ 0.. => Ok(temporary(&second.to_string(), second, second + 3600)),
                _ => Err(anyhow::anyhow!("down").into()),
            }
        }
    }

    #[tokio::test]
    async fn sts_is_called_in_time_and_failures_use_the_cache() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock(AtomicI64::new(0));
        let ask = async |second: i64, is_up: bool| {
            clock.0.store(if is_up { second } else { -1 }, Ordering::Relaxed);
            let now = Timestamp::from_second(second).unwrap();
            let got = get(&clock, Some(folder.path()), "one", now).await;
            got.map(|got| (got.credentials.access_key_id, got.warning.is_some()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(ask(0, true).await, Ok(("ASIA0".to_owned(), false)));
        assert_eq!(ask(2699, true).await, Ok(("ASIA0".to_owned(), false)));
        assert_eq!(ask(2700, false).await, Ok(("ASIA0".to_owned(), true)));
        assert_eq!(ask(2701, true).await, Ok(("ASIA2701".to_owned(), false)));
        assert_eq!(ask(2701 + 3600, false).await, Err("down".to_owned()));
        let got = get(&clock, None, "one", Timestamp::from_second(9000).unwrap()).await;
        assert_eq!(got.err().unwrap().to_string(), "down", "without a folder nothing is kept");
    }
}
