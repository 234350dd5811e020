//! What waits for a destination: read in the order in which it is due, and ended.

use aws::ids::{AccountId, Region};
use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{operation, replication_queue::ReplicationAction, row_version},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Which image or tag, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationKey {
    /// The repository that is replicated.
    pub source: RepositoryKey,
    pub digest: Digest,
    pub tag: Option<Tag>,
    pub destination: i64,
}

impl ReplicationKey {
    pub(crate) fn tag_text(&self) -> &str {
        self.tag.as_ref().map_or("", Tag::as_str)
    }
}

/// Something to do at a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationItem {
    pub key: ReplicationKey,
    pub action: ReplicationAction,
    /// New each time it is queued: what ends an earlier one does not end a later one.
    pub version: i64,
    /// How often it failed.
    pub attempts: i64,
    pub queued_at: Micros,
    /// Whether it is shown as failed.
    pub has_failed: bool,
    /// The name of the repository; None if it is being deleted.
    pub repository_name: Option<String>,
}

/// Lists what is due for a destination, the longest due first.
#[derive(Clone, Debug)]
pub struct ListDueReplications {
    pub destination: i64,
    /// Now.
    pub now: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDueReplications: Page -> Vec<ReplicationItem>, Never, |op, tx| {
    let select = "SELECT i.registry, i.repository, i.digest, i.tag, i.destination, i.action, i.version, i.attempts, \
            i.queued_at, i.status, r.name FROM replication i \
        LEFT JOIN repository r ON r.registry = i.registry AND r.id = i.repository AND r.deleted_at IS NULL \
        WHERE i.destination = ?1 AND i.due_at <= ?2 ORDER BY i.due_at LIMIT ?3";
    let rows = tx.rows(select, &params![op.destination, op.now, op.limit]).await?;
    let read = |mut row: Row| {
        let source = RepositoryKey { registry: row.take()?, id: row.take()? };
        let (digest, tag): (_, String) = (row.take()?, row.take()?);
        let tag = if tag.is_empty() { None } else { Some(tag.parse().map_err(|_| StoreError::Corrupt("tag"))?) };
        Ok(ReplicationItem {
            key: ReplicationKey { source, digest, tag, destination: row.take()? },
            action: ReplicationAction::read(row.take()?)?,
            version: row.take()?,
            attempts: row.take()?,
            queued_at: row.take()?,
            has_failed: row.take::<i64>()? == FAILED,
            repository_name: row.take()?,
        })
    };
    let items: Result<_, StoreError> = rows.into_iter().map(read).collect();
    Ok(Ok(items?))
});

/// The number of the status of what is complete, or has failed.
pub(crate) const COMPLETE: i64 = 2;
pub(crate) const FAILED: i64 = 3;

/// How an item ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicationEnd {
    /// There is nothing to do any more, and nothing was done.
    Complete,
    /// A peer has it.
    Replicated,
    /// It is tried again, and is not shown as failed.
    Retry(Micros),
    /// It failed, and is tried again if there is a time.
    Failed { code: String, retry_at: Option<Micros> },
}

/// Ends an item, unless it was queued again. Returns whether it is shown as failed since then.
#[derive(Clone, Debug)]
pub struct EndReplication {
    pub key: ReplicationKey,
    pub version: i64,
    pub end: ReplicationEnd,
    /// Where it comes from and goes, for the event of a failure.
    pub repository_name: String,
    pub route: ReplicationPlaces,
    /// Now.
    pub at: Micros,
}

/// The two registries of a replication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationPlaces {
    pub source: (AccountId, Region),
    pub destination: (AccountId, Region),
}

operation!(EndReplication: Durable [] -> bool, Never, |op, tx| {
    let (status, code, due_at) = match &op.end {
        ReplicationEnd::Complete => {
            forget(tx, &op.key, op.version).await?;
            return Ok(Ok(false));
        }
        ReplicationEnd::Replicated => {
            complete(tx, &op.key, op.version).await?;
            return Ok(Ok(false));
        }
        ReplicationEnd::Retry(at) => (1, None, Some(*at)),
        ReplicationEnd::Failed { code, retry_at } => (FAILED, Some(code), *retry_at),
    };
    let ReplicationKey { source, digest, destination, .. } = &op.key;
    let before = "SELECT status FROM replication WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND tag = ?4 \
                  AND destination = ?5 AND version = ?6";
    let tag = op.key.tag_text();
    let key = params![source.registry, source.id, digest, tag, *destination, op.version];
    let Some(before) = tx.value::<i64>(before, &key).await? else { return Ok(Ok(false)) };
    let update = "UPDATE replication SET status = ?7, failure_code = ?8, due_at = ?9, attempts = attempts + 1 \
        WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND tag = ?4 AND destination = ?5 AND version = ?6";
    let mut values = key.to_vec();
    values.extend(params![status, code, due_at].to_vec());
    tx.execute(update, &values).await?;
    Ok(Ok(status == FAILED && before != FAILED))
});

/// Marks an item as complete. A deletion leaves no row.
pub(crate) async fn complete(tx: &mut Tx<'_>, key: &ReplicationKey, version: i64) -> Result<(), StoreError> {
    let ReplicationKey { source, digest, destination, .. } = key;
    let tag = key.tag_text();
    let values = params![source.registry, source.id, digest, tag, *destination, version];
    let delete = "DELETE FROM replication WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND tag = ?4 \
                  AND destination = ?5 AND version = ?6 AND action <> 1";
    if tx.execute(delete, &values).await? == 1 {
        return Ok(());
    }
    let update = "UPDATE replication SET status = 2, failure_code = NULL, due_at = NULL \
        WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND tag = ?4 AND destination = ?5 AND version = ?6";
    tx.execute(update, &values).await?;
    Ok(())
}

/// Removes an item.
async fn forget(tx: &mut Tx<'_>, key: &ReplicationKey, version: i64) -> Result<(), StoreError> {
    let ReplicationKey { source, digest, destination, .. } = key;
    let delete = "DELETE FROM replication WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND tag = ?4 \
                  AND destination = ?5 AND version = ?6";
    let tag = key.tag_text();
    let values = params![source.registry, source.id, digest, tag, *destination, version];
    tx.execute(delete, &values).await.map(|_| ())
}

/// Finds out whether a rule gives a repository to a destination now: the rules can have changed since an item was queued.
#[derive(Clone, Debug)]
pub struct FindReplicationRule {
    pub repository: RepositoryKey,
    pub destination: i64,
    /// Whether the rule must replicate deletions.
    pub deletes: bool,
}

operation!(FindReplicationRule: Point -> bool, Never, |op, tx| {
    let select = "SELECT 1 FROM replication_destination d \
        JOIN replication_rule u ON u.registry = d.registry AND u.destination = d.id AND u.deletes >= ?4 \
        JOIN repository r ON r.registry = d.registry AND r.id = ?2 AND substr(r.name, 1, length(u.prefix)) = u.prefix \
        WHERE d.id = ?3 AND d.registry = ?1 AND d.removed_at IS NULL LIMIT 1";
    let RepositoryKey { registry, id } = op.repository;
    let values = params![registry, id, op.destination, op.deletes];
    Ok(Ok(tx.value::<i64>(select, &values).await?.is_some()))
});

/// Records an image that is replicated and was not queued.
pub(crate) async fn note_complete(
    tx: &mut Tx<'_>,
    key: &ReplicationKey,
    at: Micros,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO replication \
            (registry, repository, digest, tag, destination, action, status, queued_at, attempts, version) \
        VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, 0, ?8) \
        ON CONFLICT (registry, repository, digest, tag, destination) DO NOTHING";
    let ReplicationKey { source, digest, destination, .. } = key;
    let tag = key.tag_text();
    let version = row_version::fresh();
    let values = params![source.registry, source.id, digest, tag, *destination, COMPLETE, at, version];
    tx.execute(insert, &values).await?;
    Ok(())
}

/// The replication of an image to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReplication {
    pub account_id: AccountId,
    pub region: Region,
    /// How many tags of it wait.
    pub waiting: i64,
    /// Why one of them failed.
    pub failure_code: Option<String>,
    /// Whether one failed.
    pub has_failed: bool,
}

/// Shows how far an image is replicated, by destination.
#[derive(Clone, Debug)]
pub struct ListImageReplications {
    pub repository: RepositoryKey,
    pub digest: Digest,
}

operation!(ListImageReplications: Page -> Vec<ImageReplication>, Never, |op, tx| {
    let select = "SELECT d.account_id, d.region, SUM(CASE WHEN i.status = 1 THEN 1 ELSE 0 END), \
            MAX(CASE WHEN i.status = 3 THEN i.failure_code END), MAX(CASE WHEN i.status = 3 THEN 1 ELSE 0 END) \
        FROM replication i JOIN replication_destination d ON d.id = i.destination AND d.removed_at IS NULL \
        WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3 \
        GROUP BY d.id, d.account_id, d.region ORDER BY d.id";
    let RepositoryKey { registry, id } = op.repository;
    let rows = tx.rows(select, &params![registry, id, op.digest]).await?;
    let read = |mut row: Row| {
        let (account_id, region) = (row.take()?, row.take()?);
        let (waiting, failure_code) = (row.take()?, row.take()?);
        let has_failed = row.take::<i64>()? == 1;
        Ok(ImageReplication { account_id, region, waiting, failure_code, has_failed })
    };
    let shown: Result<_, StoreError> = rows.into_iter().map(read).collect();
    Ok(Ok(shown?))
});

/// Removes the rows of destinations that were removed from the configuration; returns how many.
#[derive(Clone, Copy, Debug)]
pub struct ForgetReplications {
    /// The maximum number of rows.
    pub limit: usize,
}

operation!(ForgetReplications: Relaxed [] -> usize, Never, |op, tx| {
    let select = "SELECT id FROM replication_destination WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT 1";
    let Some(destination) = tx.value::<i64>(select, &[]).await? else { return Ok(Ok(0)) };
    let delete = "DELETE FROM replication WHERE (registry, repository, digest, tag, destination) IN \
        (SELECT registry, repository, digest, tag, destination FROM replication WHERE destination = ?1 LIMIT ?2)";
    let mut removed = tx.execute(delete, &params![destination, op.limit]).await?;
    let settings = "DELETE FROM settings_replication WHERE (registry, repository, destination) IN \
        (SELECT registry, repository, destination FROM settings_replication WHERE destination = ?1 LIMIT ?2)";
    removed += tx.execute(settings, &params![destination, op.limit]).await?;
    if removed == 0 {
        tx.execute("DELETE FROM replication_destination WHERE id = ?1", &params![destination]).await?;
        return Ok(Ok(1));
    }
    Ok(Ok(usize::try_from(removed).unwrap_or(usize::MAX)))
});

/// An image that is replicated, as its repository has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationSource {
    pub media_type: String,
    pub body: Vec<u8>,
}

/// Reads an image that is replicated.
#[derive(Clone, Debug)]
pub struct FindReplicationSource {
    pub repository: RepositoryKey,
    pub digest: Digest,
}

operation!(FindReplicationSource: Point -> Option<ReplicationSource>, Never, |op, tx| {
    let select = "SELECT i.media_type, b.body FROM image i JOIN repository r \
            ON r.registry = i.registry AND r.id = i.repository AND r.deleted_at IS NULL \
        JOIN manifest_body b ON b.registry = i.registry AND b.repository = i.repository AND b.image = i.id \
        WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3";
    let RepositoryKey { registry, id } = op.repository;
    let row = tx.row(select, &params![registry, id, op.digest]).await?;
    Ok(Ok(row.map(|mut row| Ok::<_, StoreError>(ReplicationSource { media_type: row.take()?, body: row.take()? })).transpose()?))
});
