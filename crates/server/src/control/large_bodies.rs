//! One budget for the large bodies that the control plane holds in memory (`UploadLayerPart`, `PutImage`): a request
//! that is large waits until there is room for all of it, and small ones never wait for it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;

/// Memory for large bodies of all requests together, in units of a MiB.
const ROOM: usize = 256;
/// What is no larger than this needs no room; the number of connections bounds it.
const SMALL: u64 = 1 << 20;
/// How long a request waits for room before its client is told to come again.
const PATIENCE: Duration = Duration::from_secs(20);

/// The budget.
pub(crate) struct LargeBodies {
    room: Arc<Semaphore>,
}

impl Default for LargeBodies {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(ROOM)) }
    }
}

impl LargeBodies {
    /// Room for a body of this many bytes, given back when dropped; None for a small one.
    pub(super) async fn take(&self, bytes: u64) -> Result<Option<OwnedSemaphorePermit>, Fault> {
        if bytes <= SMALL {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX);
        let waiting = Arc::clone(&self.room).acquire_many_owned(units);
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(room)) => Ok(Some(room)),
            _ => Err(Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailableException",
                "Too many large requests are being served. Try again shortly.",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_wait_for_room_and_small_ones_do_not() {
        let bodies = LargeBodies::default();
        let all = bodies.take((ROOM as u64) << 20).await.ok().flatten();
        assert!(all.is_some());
        assert!(bodies.take(SMALL).await.is_ok_and(|room| room.is_none()));
        let waiting = tokio::time::timeout(Duration::from_millis(20), bodies.take(SMALL + 1)).await;
        assert!(waiting.is_err(), "there is no room");
        drop(all);
        assert!(bodies.take(SMALL + 1).await.is_ok_and(|room| room.is_some()));
    }
}
