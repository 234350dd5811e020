//! Repeats requests whose answer was lost. The client does that only for requests that it takes for idempotent, and not
//! for deletions and for writes with a condition. Their callers look at what is stored when a repeated write is refused.

use std::time::{Duration, Instant};

use super::{S3Store, error};

/// The pauses before the second attempt and the third.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

impl S3Store {
    pub(super) async fn repeat<T, F>(&self, request: impl Fn() -> F + Send + Sync) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>> + Send,
        T: Send,
    {
        let begun = Instant::now();
        for pause in PAUSES {
            match request().await {
                Err(error) if error::is_lost(&error) && begun.elapsed() < self.retry_timeout => {
                    tokio::time::sleep(pause).await;
                }
                done => return done,
            }
        }
        request().await
    }
}
