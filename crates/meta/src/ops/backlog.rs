//! How much background work waits: what the next passes of the reconcilers would end.

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{
        lifecycle_policy::LIFECYCLE_POLICY, lifecycle_preview::LIFECYCLE_PREVIEW, object_move::MOVE_OBJECT,
        operation, referrers_queue::REPLICATED_SUBJECT, repository::PURGE_REPOSITORY,
        storage_class::RESTORE_IMAGE, work::recorded,
    },
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Counts what waits for each reconciler, up to a limit.
#[derive(Clone, Debug)]
pub struct CountBacklogs {
    /// Uploads without a write since then have expired.
    pub uploads_idle_since: Micros,
    /// Events with a smaller ID are too old.
    pub events_before: i64,
    /// Links and objects that were queued until then are reviewed.
    pub queued_until: Micros,
    /// How long bytes stay after their row is gone ([`crate::ClaimDoomed`]).
    pub doom_delay: Micros,
    /// The key that seals secrets.
    pub sealing_key: u8,
    /// Now.
    pub at: Micros,
    /// The largest count.
    pub limit: i64,
}

/// The counts. A count that equals the limit means that there may be more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlogs {
    /// Uploads that expired.
    pub uploads: i64,
    /// Deleted repositories that are not empty, including those that wait for a retry.
    pub repositories: i64,
    /// Doomed objects whose bytes may be removed now.
    pub objects: i64,
    /// Stored sessions that expired.
    pub sessions: i64,
    /// Objects that may not be in their place.
    pub moves: i64,
    /// Reports of digests in use that expired.
    pub reports: i64,
    /// Deleted secrets that can no longer be restored.
    pub deleted_secrets: i64,
    /// Secrets and seeds under other keys than the sealing key.
    pub secrets: i64,
    /// Events that are too old.
    pub events: i64,
    /// Events that are not routed, and deliveries that wait.
    pub deliveries: i64,
    /// Links and objects to review.
    pub reviews: i64,
    /// Lifecycle policies to evaluate.
    pub policies: i64,
    /// Previews of lifecycle policies to work out.
    pub previews: i64,
    /// Images whose restoring ends.
    pub restores: i64,
    /// Images and tags on their way to other registries.
    pub replications: i64,
}

/// The tables with sealed values, and the column of the value.
const SEALED: [(&str, &str); 4] = [
    ("access_key", "sealed_secret"),
    ("event_connection", "sealed_auth"),
    ("mfa_device", "sealed_seed"),
    ("secret_value", "sealed"),
];

operation!(CountBacklogs: Page -> Backlogs, Never, |op, tx| {
    let uploads = op.count(tx, "upload WHERE updated_at < ?1", &params![op.uploads_idle_since, op.limit]).await?;
    let repositories = op.count(tx, "work WHERE kind = ?1", &params![PURGE_REPOSITORY, op.limit]).await?;
    let policies = op.due_work(tx, LIFECYCLE_POLICY).await?;
    let previews = op.due_work(tx, LIFECYCLE_PREVIEW).await?;
    let restores = op.due_work(tx, RESTORE_IMAGE).await?;
    let moves = op.due_work(tx, MOVE_OBJECT).await?;
    let due = recorded(op.at, op.doom_delay);
    let objects = op.count(tx, "doomed WHERE due_at <= ?1", &params![due, op.limit]).await?;
    let sessions = op.count(tx, "session_context WHERE expires_at < ?1", &params![op.at, op.limit]).await?;
    let reports = op.count(tx, "in_use_report WHERE expires_at <= ?1", &params![op.at, op.limit]).await?;
    let mut secrets = 0;
    for (table, column) in SEALED {
        let other_keys = format!("{table} WHERE substr({column}, 2, 1) <> ?1");
        secrets += op.count(tx, &other_keys, &params![vec![op.sealing_key], op.limit]).await?;
    }
    let secrets = op.limit.min(secrets);
    let deleted_secrets = op.count(tx, "secret WHERE delete_at <= ?1", &params![op.at, op.limit]).await?;
    let events = op.count(tx, "outbox WHERE id < ?1", &params![op.events_before, op.limit]).await?;
    let unrouted = op.count(tx, "outbox WHERE routed = ?1", &params![0_i64, op.limit]).await?;
    let waiting = op.count(tx, "delivery WHERE sequence > ?1", &params![0_i64, op.limit]).await?;
    let deliveries = op.limit.min(unrouted + waiting);
    let queued = params![op.queued_until, op.limit];
    let links = op.count(tx, "link_review WHERE queued_at <= ?1", &queued).await?;
    let unlinked = op.count(tx, "object_review WHERE queued_at <= ?1", &queued).await?;
    let reviews = op.limit.min(links + unlinked);
    let waiting = "replication WHERE status = 1 AND queued_at <= ?1";
    let images = op.count(tx, waiting, &params![op.at, op.limit]).await?;
    let replications = op.limit.min(images + op.due_work(tx, REPLICATED_SUBJECT).await?);
    Ok(Ok(Backlogs {
        uploads,
        repositories,
        objects,
        sessions,
        moves,
        reports,
        deleted_secrets,
        secrets,
        events,
        deliveries,
        reviews,
        policies,
        previews,
        restores,
        replications,
    }))
});

impl CountBacklogs {
    async fn due_work(&self, tx: &mut Tx<'_>, kind: &str) -> Result<i64, StoreError> {
        let select =
            "SELECT COUNT(*) FROM (SELECT 1 FROM work WHERE kind = ?1 AND due_at <= ?2 LIMIT ?3) AS waiting";
        Ok(tx.value::<i64>(select, &params![kind, self.at, self.limit]).await?.unwrap_or_default())
    }

    async fn count(&self, tx: &mut Tx<'_>, rows: &str, values: &[Param<'_>]) -> Result<i64, StoreError> {
        let select = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {rows} LIMIT ?2) AS waiting");
        Ok(tx.value::<i64>(&select, values).await?.unwrap_or_default())
    }
}
