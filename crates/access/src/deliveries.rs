//! The state of event targets and their dead letters, for the operator.

use jiff::Timestamp;

use crate::Access;
use crate::context::micros;
use crate::effects::authority;
use crate::error::Result;
use crate::permit::Permit;
use crate::reconcilers::DELIVER_EVENTS;
use crate::store::{
    DeadLetter, DeliveryTarget, ListDeadLetters, ListDeliveryTargets, ReplayDeadLetters, StoreResultExt as _,
};

/// Targets and dead letters in one answer.
pub const PAGE: usize = 100;
/// Dead letters of one transaction.
const SLICE: usize = 500;

impl Access {
    /// A page of the targets that had a delivery, by name.
    pub async fn event_targets(&self, after: Option<String>) -> Result<Vec<DeliveryTarget>> {
        let permit = Permit::for_service(authority::ManageDeliveries, self);
        let (prefix, after) = (String::new(), after.unwrap_or_default());
        permit.read(|()| ListDeliveryTargets { prefix, after, limit: PAGE }).await
    }

    /// A page of the dead letters of a target, the oldest first.
    pub async fn dead_letters(&self, target: String, after: Option<i64>) -> Result<Vec<DeadLetter>> {
        let permit = Permit::for_service(authority::ManageDeliveries, self);
        let after = after.unwrap_or_default();
        permit.read(|()| ListDeadLetters { target, after, limit: PAGE }).await
    }

    /// Delivers dead letters of a target again: one, or all of them. Returns how many.
    pub async fn replay_dead_letters(
        &self,
        target: &str,
        sequence: Option<i64>,
        now: Timestamp,
    ) -> Result<u64> {
        let permit = Permit::for_service(authority::ManageDeliveries, self);
        let mut all = 0;
        loop {
            let target = target.to_owned();
            let replay = ReplayDeadLetters { target, sequence, at: micros(now), limit: SLICE };
            let count = permit.write(|()| replay).await.or_store_error()?;
            all += count;
            if count < u64::try_from(SLICE).unwrap_or(u64::MAX) {
                break;
            }
        }
        if all > 0 {
            self.request_reconciler(DELIVER_EVENTS, now).await?;
        }
        Ok(all)
    }
}
