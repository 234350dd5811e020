//! Removes bytes whose rows are gone: files of cancelled uploads and of completions that lost a race. The row
//! went first; the bytes follow after a delay, then the note of them.

use std::time::Duration;

use ::blob::fault::{self, Fault};
use jiff::Timestamp;
use meta::{ClaimDoomed, ForgetDoomed};

use crate::Registry;
use crate::context::micros;
use crate::error::{Error, Result};
use crate::store::{StoreResultExt as _, blob_error};

/// Objects removed in one pass.
const BATCH: usize = 256;

/// How long the sweeper rests when there was nothing to do.
pub const PAUSE: Duration = Duration::from_secs(30);

impl Registry {
    /// One pass; tells how many objects went. Safe to repeat and to run on several nodes.
    pub async fn sweep_doomed(&self, now: Timestamp) -> Result<usize> {
        let claim = ClaimDoomed { now: micros(now), limit: BATCH };
        let keys = self.meta.write(claim).await.or_store_error()?;
        fault::hit(Fault::BeforeDeleteBytes);
        for key in &keys {
            let key = key.parse().map_err(Error::internal)?;
            self.blobs.delete(&key).await.map_err(blob_error)?;
        }
        fault::hit(Fault::AfterDeleteBytes);
        let count = keys.len();
        if count > 0 {
            self.meta.write(ForgetDoomed { keys }).await.or_store_error()?;
        }
        Ok(count)
    }
}
