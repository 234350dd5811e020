//! The history of a repository's tags, and how long it is kept.

use std::time::Duration;

use access::context::micros;
use access::effects::authority;
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{ListTagMoves, StoreResultExt as _, TagMove, TrimTagHistory};
use jiff::Timestamp;
use oci::name::Tag;

use crate::Registry;

/// Rows removed in one pass.
const SLICE: usize = 10_000;

/// The moves of tags, the newest first: one more than `limit` if there are more.
pub(crate) async fn moves(
    permit: &Permit<ecr::WharfListTagHistory>,
    tag: Option<Tag>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<TagMove>> {
    permit.read(|repository| ListTagMoves { repository, tag, before, limit: limit + 1 }).await
}

impl Registry {
    /// Removes what is older than the deployment keeps it: events, and the history of tags. Returns how many rows.
    pub async fn trim_records(&self, now: Timestamp) -> Result<usize> {
        let events = self.access.trim_routed_events(now).await?;
        let kept: Duration = self.access.settings.limits.tags.history;
        let trim = TrimTagHistory { before: micros(now).minus(kept), limit: SLICE };
        let permit = Permit::for_service(authority::TrimTagHistory, &self.access);
        Ok(events + permit.write(|()| trim).await.or_store_error()?)
    }
}
