//! The images of a backfill: read in slices, replicated one after another, and shown when it has ended.

use std::collections::BTreeSet;

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        replication::{DESTINATION, ReplicationDestinationRow},
        replication_backfill::{BackfillStatus, held, set_status},
        replication_item::{COMPLETE, FAILED},
        repository::{Hold, hold},
        row_version,
        setting_change::queue_again,
    },
    tx::{chunks, list, push_list},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A backfill fails if at least half of its replications failed, once this many have ended (ECR User Guide, "Replication
/// backfill").
const LEAST_FOR_FAILURE: u64 = 100;

/// Repositories that one slice passes over, because no rule matches their names.
const PASSED_OVER: usize = 1_000;

/// Reads the next images that a backfill replicates. Returns whether all were read.
#[derive(Clone, Debug)]
pub struct PrepareBackfill {
    pub id: String,
    /// About how many images and tags are read.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

/// Where the reading is.
struct Cursor {
    repository: i64,
    image: ImageId,
    prepared: i64,
}

operation!(PrepareBackfill: Durable [] -> bool, Never, |op, tx| {
    let Some(backfill) = held(tx, &op.id).await? else { return Ok(Ok(true)) };
    if backfill.status != BackfillStatus::Preparing {
        return Ok(Ok(true));
    }
    let select = "SELECT prepared_repository, prepared_image, prepared FROM replication_backfill WHERE id = ?1";
    let row = tx.row(select, &params![op.id]).await?;
    let mut row = row.ok_or(StoreError::Bug("a held backfill is not there"))?;
    let mut cursor = Cursor { repository: row.take()?, image: row.take()?, prepared: row.take()? };
    let beyond = "SELECT id FROM repository WHERE registry = ?1 AND id >= ?2 ORDER BY id LIMIT 1 OFFSET ?3";
    let values = params![backfill.registry, cursor.repository, PASSED_OVER];
    let beyond = tx.value::<i64>(beyond, &values).await?;
    let repository = "SELECT r.id, r.name FROM repository r WHERE r.registry = ?1 AND r.id >= ?2 AND r.id < ?4 \
        AND r.deleted_at IS NULL AND EXISTS (SELECT 1 FROM replication_rule u WHERE u.registry = r.registry \
        AND u.destination = ?3 AND substr(r.name, 1, length(u.prefix)) = u.prefix) ORDER BY r.id LIMIT 1";
    let before = beyond.unwrap_or(i64::MAX);
    let values = params![backfill.registry, cursor.repository, backfill.destination, before];
    let Some(mut row) = tx.row(repository, &values).await? else {
        if let Some(repository) = beyond {
            cursor = Cursor { repository, image: ImageId(i64::MIN), ..cursor };
            op.go_on(tx, &cursor).await?;
            return Ok(Ok(false));
        }
        let count = "UPDATE replication_backfill SET total = prepared WHERE id = ?1";
        tx.execute(count, &params![op.id]).await?;
        let status = if cursor.prepared == 0 { BackfillStatus::Complete } else { BackfillStatus::InProgress };
        set_status(tx, &op.id, (status, None), op.at).await?;
        return Ok(Ok(true));
    };
    let (id, name): (i64, String) = (row.take()?, row.take()?);
    let key = RepositoryKey { registry: backfill.registry, id };
    if id != cursor.repository {
        cursor = Cursor { repository: id, image: ImageId(i64::MIN), ..cursor };
        // One that is deleted meanwhile gets no row, which nothing would remove after its own rows are removed.
        if hold(tx, key, Hold::Alive).await?.is_some() {
            queue_again(tx, key, op.at).await?;
        }
    }
    match op.last_of_slice(tx, key, cursor.image).await? {
        Some(last) => {
            cursor.prepared += op.copy(tx, (key, &name), &cursor, last).await?;
            cursor.image = last;
        }
        None => cursor = Cursor { repository: id.saturating_add(1), image: ImageId(i64::MIN), ..cursor },
    }
    op.go_on(tx, &cursor).await?;
    Ok(Ok(false))
});

impl PrepareBackfill {
    /// The next slice begins there.
    async fn go_on(&self, tx: &mut Tx<'_>, cursor: &Cursor) -> Result<(), StoreError> {
        let update = "UPDATE replication_backfill SET prepared_repository = ?2, prepared_image = ?3, prepared = ?4 \
                      WHERE id = ?1";
        tx.execute(update, &params![self.id, cursor.repository, cursor.image, cursor.prepared]).await?;
        Ok(())
    }

    /// The last image of the next slice. None: the repository has no more.
    async fn last_of_slice(
        &self,
        tx: &mut Tx<'_>,
        key: RepositoryKey,
        after: ImageId,
    ) -> Result<Option<ImageId>, StoreError> {
        let select = "SELECT id, tag_count FROM image WHERE registry = ?1 AND repository = ?2 AND id > ?3 \
                      ORDER BY id LIMIT ?4";
        let (mut last, mut count) = (None, 0);
        for mut row in tx.rows(select, &params![key.registry, key.id, after, self.limit]).await? {
            let (id, tags): (ImageId, u64) = (row.take()?, row.take()?);
            count += usize::try_from(tags.max(1)).unwrap_or(usize::MAX);
            if count > self.limit && last.is_some() {
                break;
            }
            last = Some(id);
        }
        Ok(last)
    }

    /// Writes the items of a slice: images in the archive are left out. Returns how many.
    async fn copy(
        &self,
        tx: &mut Tx<'_>,
        (key, name): (RepositoryKey, &str),
        cursor: &Cursor,
        last: ImageId,
    ) -> Result<i64, StoreError> {
        let select = "SELECT i.digest, COALESCE(t.name, '') FROM image i LEFT JOIN tag t \
                ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
            WHERE i.registry = ?1 AND i.repository = ?2 AND i.id > ?3 AND i.id <= ?4 AND i.status = 1 \
            ORDER BY i.id, t.name";
        let rows = tx.rows(select, &params![key.registry, key.id, cursor.image, last]).await?;
        let mut count = 0;
        for mut row in rows {
            let (digest, tag): (Digest, String) = (row.take()?, row.take()?);
            let insert = "INSERT INTO replication_backfill_item \
                (backfill, position, repository, repository_name, digest, tag, status) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)";
            let position = cursor.prepared + count;
            tx.execute(insert, &params![self.id, position, key.id, name, digest, tag]).await?;
            count += 1;
        }
        Ok(count)
    }
}

/// An image of a backfill, with one of its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillItem {
    pub position: i64,
    pub repository: i64,
    pub repository_name: String,
    pub digest: Digest,
    pub tag: Option<Tag>,
    /// Why it failed, if it did.
    pub failure_code: Option<String>,
    pub has_failed: bool,
}

/// The images of a backfill with one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillItemStatus {
    Waiting,
    Complete,
    Failed,
}

impl BackfillItemStatus {
    const fn number(self) -> i64 {
        match self {
            Self::Waiting => 1,
            Self::Complete => COMPLETE,
            Self::Failed => FAILED,
        }
    }
}

/// Lists the images of a backfill in their order: one status, or all that have ended.
#[derive(Clone, Debug)]
pub struct ListBackfillItems {
    pub id: String,
    /// None: all that have ended.
    pub status: Option<BackfillItemStatus>,
    /// Only those after this one.
    pub after: i64,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListBackfillItems: Page -> Vec<BackfillItem>, Never, |op, tx| {
    let select = "SELECT position, repository, repository_name, digest, tag, failure_code, status \
        FROM replication_backfill_item WHERE backfill = ?1 AND status = ?4 AND position > ?2 ORDER BY position LIMIT ?3";
    // Each status is a range of the index. One range of all positions would also read those that wait, which can be most of
    // a backfill that was stopped.
    let ended = [BackfillItemStatus::Complete, BackfillItemStatus::Failed];
    let statuses = op.status.as_ref().map_or(ended.as_slice(), std::slice::from_ref);
    let mut items = Vec::new();
    for status in statuses {
        let rows = tx.rows(select, &params![op.id, op.after, op.limit, status.number()]).await?;
        for row in rows {
            items.push(BackfillItem::read(row)?);
        }
    }
    items.sort_by_key(|item| item.position);
    items.truncate(op.limit);
    Ok(Ok(items))
});

impl BackfillItem {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        let (position, repository, repository_name) = (row.take()?, row.take()?, row.take()?);
        let (digest, tag): (_, String) = (row.take()?, row.take()?);
        let tag =
            if tag.is_empty() { None } else { Some(tag.parse().map_err(|_| StoreError::Corrupt("tag"))?) };
        let (failure_code, status): (_, i64) = (row.take()?, row.take()?);
        let has_failed = status == FAILED;
        Ok(Self { position, repository, repository_name, digest, tag, failure_code, has_failed })
    }
}

/// Ends images of a backfill, and the backfill itself if it is over.
#[derive(Clone, Debug)]
pub struct EndBackfillItems {
    pub id: String,
    /// The positions, each with the code of its failure if it failed.
    pub ended: Vec<(i64, Option<String>)>,
    /// Why the whole backfill fails, if it does.
    pub failure: Option<String>,
    /// Whether the images that did not fail are shown as replicated since then: those that a peer has.
    pub is_at_peer: bool,
    /// Now.
    pub at: Micros,
}

operation!(EndBackfillItems: Durable [] -> BackfillStatus, Never, |op, tx| {
    let Some(backfill) = held(tx, &op.id).await? else { return Ok(Ok(BackfillStatus::Stopped)) };
    if backfill.status.is_terminal() {
        return Ok(Ok(backfill.status));
    }
    op.hold_repositories(tx, backfill.registry).await?;
    let (mut completed, mut failed) = (0_u64, 0_u64);
    for (position, failure) in &op.ended {
        let update = "UPDATE replication_backfill_item SET status = ?3, failure_code = ?4 \
                      WHERE backfill = ?1 AND position = ?2 AND status = 1";
        let status = if failure.is_some() { FAILED } else { COMPLETE };
        if tx.execute(update, &params![op.id, *position, status, failure]).await? == 1 {
            if failure.is_some() { failed += 1 } else { completed += 1 }
            // An image that was deleted since it was sent gets no row, which nothing would remove.
            if failure.is_none() && op.is_at_peer {
                let note = "INSERT INTO replication (registry, repository, digest, tag, destination, action, status, \
                        queued_at, attempts, version) \
                    SELECT ?3, i.repository, i.digest, i.tag, ?4, 1, ?5, ?6, 0, ?7 FROM replication_backfill_item i \
                    WHERE i.backfill = ?1 AND i.position = ?2 AND EXISTS (SELECT 1 FROM image m \
                        WHERE m.registry = ?3 AND m.repository = i.repository AND m.digest = i.digest) \
                    ON CONFLICT (registry, repository, digest, tag, destination) DO NOTHING";
                let (registry, destination) = (backfill.registry, backfill.destination);
                let version = row_version::fresh();
                let values = params![op.id, *position, registry, destination, COMPLETE, op.at, version];
                tx.execute(note, &values).await?;
            }
        }
    }
    let count = "UPDATE replication_backfill SET completed = completed + ?2, failed = failed + ?3 WHERE id = ?1";
    tx.execute(count, &params![op.id, completed, failed]).await?;
    let (completed, failed) = (backfill.completed + completed, backfill.failed + failed);
    let ended = completed + failed;
    let all_ended = backfill.total.is_some_and(|total| ended >= total);
    let too_many = ended >= LEAST_FOR_FAILURE && failed.saturating_mul(2) >= ended;
    let (status, code) = match (&op.failure, backfill.status) {
        (Some(code), _) => (BackfillStatus::Failed, Some(code.as_str())),
        (None, _) if too_many => (BackfillStatus::Failed, Some("TooManyFailures")),
        (None, _) if all_ended => (BackfillStatus::Complete, None),
        (None, BackfillStatus::Stopping) => (BackfillStatus::Stopped, None),
        (None, other) => (other, None),
    };
    if status != backfill.status {
        set_status(tx, &op.id, (status, code), op.at).await?;
    }
    Ok(Ok(status))
});

impl EndBackfillItems {
    /// Holds the repositories of the images that a peer has, in the order of their IDs: no image is deleted between the
    /// reading of it and the commit of its row.
    async fn hold_repositories(&self, tx: &mut Tx<'_>, registry: RegistryKey) -> Result<(), StoreError> {
        let succeeded = self.ended.iter().filter(|(_, failure)| self.is_at_peer && failure.is_none());
        let positions: Vec<i64> = succeeded.map(|(position, _)| *position).collect();
        let mut repositories: BTreeSet<i64> = BTreeSet::new();
        for positions in chunks(&positions) {
            let select = format!(
                "SELECT DISTINCT repository FROM replication_backfill_item WHERE backfill = ?1 AND position IN ({})",
                list(2, positions.len())
            );
            let mut values = params![self.id].to_vec();
            push_list(&mut values, positions);
            for mut row in tx.rows(&select, &values).await? {
                repositories.insert(row.take()?);
            }
        }
        for id in repositories {
            hold(tx, RepositoryKey { registry, id }, Hold::Change).await?;
        }
        Ok(())
    }
}

/// Codes of failures that are shown.
const MOST_CODES: usize = 100;

/// Lists the distinct codes of the failures of a backfill.
#[derive(Clone, Debug)]
pub struct ListBackfillFailures {
    pub id: String,
}

operation!(ListBackfillFailures: Page -> Vec<String>, Never, |op, tx| {
    let next = "SELECT failure_code FROM replication_backfill_item \
                WHERE backfill = ?1 AND failure_code > ?2 ORDER BY failure_code LIMIT 1";
    let (mut codes, mut last) = (Vec::new(), String::new());
    while codes.len() < MOST_CODES {
        let Some(code) = tx.value::<String>(next, &params![op.id, last]).await? else { break };
        last.clone_from(&code);
        codes.push(code);
    }
    Ok(Ok(codes))
});

/// Finds a destination that is in a configuration.
#[derive(Clone, Copy, Debug)]
pub struct FindReplicationDestination {
    pub id: i64,
}

operation!(FindReplicationDestination: Point -> Option<ReplicationDestinationRow>, Never, |op, tx| {
    let select = format!("{DESTINATION} AND d.id = ?1");
    let row = tx.row(&select, &params![op.id]).await?;
    Ok(Ok(row.map(|mut row| ReplicationDestinationRow::read(&mut row)).transpose()?))
});
