//! Removes bytes whose rows are gone: files of cancelled uploads and of completions that lost a race. The row
//! went first; the bytes follow after a delay, then the note of them.

use std::time::Duration;

use fault::Fault;
use jiff::Timestamp;
use meta::{ClaimDoomed, ForgetDoomed};

use crate::Registry;
use crate::blob_error::blob_error;
use access::context::micros;
use access::error::{Error, Internal, Result};
use access::store::StoreResultExt as _;

/// Objects removed in one pass.
const BATCH: usize = 256;

/// How long the sweeper rests when there was nothing to do.
pub const PAUSE: Duration = Duration::from_secs(30);

impl Registry {
    /// One pass; tells how many objects went. Safe to repeat and to run on several nodes.
    pub async fn sweep_doomed(&self, now: Timestamp) -> Result<usize> {
        let claim = ClaimDoomed { now: micros(now), limit: BATCH };
        let claimed = self.access.meta.write(claim).await.or_store_error()?;
        fault::hit(Fault::BeforeDeleteBytes);
        let mut keys = Vec::with_capacity(claimed.len());
        for key in claimed {
            match self.delete_bytes(&key).await {
                Ok(()) => keys.push(key),
                // Its claim runs out, then it is tried again; the others need not wait for it.
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::error!(object = key, cause, "bytes whose row is gone could not be removed");
                }
            }
        }
        fault::hit(Fault::AfterDeleteBytes);
        let count = keys.len();
        if count > 0 {
            self.access.meta.write(ForgetDoomed { keys }).await.or_store_error()?;
        }
        Ok(count)
    }

    async fn delete_bytes(&self, key: &str) -> Result<()> {
        let key = key.parse().map_err(Error::internal)?;
        self.blobs.delete(&key).await.map_err(blob_error).map(|_| ())
    }
}
