//! Removes doomed bytes: collected objects, files of cancelled and abandoned uploads, and of completions that lost a race.
//! Their row was deleted first. The bytes are removed after a delay, and then the record that they are doomed.

use access::context::micros;
use access::effects::authority;
use access::error::{Internal, Result};
use access::permit::Permit;
use access::store::{ClaimDoomed, ForgetDoomed, Micros, StoreResultExt as _};
use fault::Fault;
use jiff::Timestamp;

use crate::Registry;
use crate::reconcile::LEASE;

/// Objects removed in one pass.
const BATCH: usize = 256;

impl Registry {
    /// One pass; returns how many objects were removed. It can be repeated, and can run on several nodes.
    pub async fn sweep_doomed(&self, now: Timestamp) -> Result<usize> {
        let permit = Permit::for_service(authority::SweepDoomed, &self.access);
        let delay = Micros::of(self.access.settings.limits.collection.delay);
        let now = micros(now);
        let claim = ClaimDoomed { now, delay, lease_until: now.plus(LEASE), limit: BATCH };
        let claimed = permit.write(|()| claim).await.or_store_error()?;
        fault::hit(Fault::BeforeDeleteBytes);
        let mut keys = Vec::with_capacity(claimed.len());
        for key in claimed {
            match self.bytes.delete(&permit, &key).await {
                Ok(()) => keys.push(key),
                // It is tried again when its claim expires; the others do not wait for it.
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::error!(object = key, cause, "bytes whose row is gone could not be removed");
                }
            }
        }
        fault::hit(Fault::AfterDeleteBytes);
        let count = keys.len();
        if count > 0 {
            permit.write(|()| ForgetDoomed { keys }).await.or_store_error()?;
        }
        Ok(count)
    }
}
