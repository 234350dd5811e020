//! How far destinations are behind.

use access::context::micros;
use access::error::Result;
use access::store::ReplicationLag;
use jiff::Timestamp;

use crate::Registry;

/// How far a destination is behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationLag {
    /// The registry that is replicated: account and Region.
    pub source: String,
    /// The registry that gets its images.
    pub destination: String,
    /// Images and tags that wait, and those that failed.
    pub waiting: i64,
    pub failed: i64,
    /// How long the oldest that waits has waited.
    pub seconds: i64,
}

impl Registry {
    /// How far the destinations of all registries are behind.
    pub async fn replication_lags(&self, now: Timestamp) -> Result<Vec<DestinationLag>> {
        let lags = self.access.replication_lags().await?;
        let shown = |lag: ReplicationLag| DestinationLag {
            source: format!("{}/{}", lag.destination.source_account_id, lag.destination.source_region),
            destination: format!("{}/{}", lag.destination.account_id, lag.destination.region),
            waiting: lag.waiting,
            failed: lag.failed,
            seconds: lag_seconds(&lag, now),
        };
        Ok(lags.into_iter().map(shown).collect())
    }
}

/// How long the oldest that waits has waited.
pub(crate) fn lag_seconds(lag: &ReplicationLag, now: Timestamp) -> i64 {
    lag.oldest.map_or(0, |oldest| (micros(now).0.saturating_sub(oldest.0) / 1_000_000).max(0))
}
