//! The queue of background work, and the keys of doomed bytes. Both are claimed row by row.

use std::collections::BTreeMap;

use oci::digest::Digest;

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        backup_hold, operation, row_version,
        usage::{self, Change},
    },
    tx::{chunks, list, push_list},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The delay that is recorded with a doomed key. [`ClaimDoomed`] replaces it by the delay of the settings.
pub const DOOM_DELAY: Micros = Micros(15 * 60 * 1_000_000);

/// Adds work to the queue, unless the same work is waiting. Runs inside an operation.
pub(crate) async fn enqueue(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    due_at: Micros,
) -> Result<(), StoreError> {
    add(tx, (kind, key, due_at), "NOTHING").await
}

/// Adds work to the queue, or makes waiting work due earlier. Work that is being done is done again. Runs inside an operation.
pub(crate) async fn enqueue_sooner(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    due_at: Micros,
) -> Result<(), StoreError> {
    // A claim whose lease is over may still be at work: it has read before this, and must not end the work.
    let update = "UPDATE SET due_at = CASE WHEN work.due_at > excluded.due_at OR work.lease_until > excluded.due_at \
                  THEN excluded.due_at ELSE work.due_at END, lease_until = 0, fence = work.fence + 1 \
                  WHERE work.due_at > excluded.due_at OR work.lease_until > 0";
    add(tx, (kind, key, due_at), update).await
}

/// Adds work to the queue in place of the same work from before, whose time, claim and attempts no longer count. Runs
/// inside an operation.
pub(crate) async fn enqueue_anew(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    due_at: Micros,
) -> Result<(), StoreError> {
    let update = "UPDATE SET due_at = excluded.due_at, lease_until = 0, fence = work.fence + 1, attempts = 0, \
                  error = NULL";
    add(tx, (kind, key, due_at), update).await
}

/// Has work done again soon, if it exists: what waits becomes due by then. What is being done now goes on, and is due again
/// when it ends, because it may have read before this. Runs inside an operation.
pub(crate) async fn repeat_by(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    due_at: Micros,
) -> Result<(), StoreError> {
    // A claim removes the mark. So of many repeats between two claims only the first one writes.
    let update = "UPDATE work SET due_at = CASE WHEN due_at > ?3 THEN ?3 ELSE due_at END, again_at = ?3 \
                  WHERE kind = ?1 AND key = ?2 AND (due_at > ?3 OR again_at IS NULL OR again_at > ?3)";
    tx.execute(update, &params![kind, key, due_at]).await?;
    Ok(())
}

/// Moves all work about a repository to its new key, in which it is claimed anew. The keys of work begin with that of the
/// repository. Runs inside an operation.
pub(crate) async fn move_to(
    tx: &mut Tx<'_>,
    kind: &str,
    (from, to): (RepositoryKey, RepositoryKey),
) -> Result<(), StoreError> {
    let range = keys_of(from);
    let (from, to) = (from.to_text(), to.to_text());
    let delete =
        "DELETE FROM work WHERE kind = ?1 AND (key = ?2 OR (key >= ?3 AND key < ?4)) RETURNING key, due_at";
    for mut row in tx.rows(delete, &params![kind, from, range.0, range.1]).await? {
        let (key, due_at): (String, Micros) = (row.take()?, row.take()?);
        let rest = key.strip_prefix(&from).unwrap_or_default();
        enqueue(tx, kind, &format!("{to}{rest}"), due_at).await?;
    }
    Ok(())
}

/// Ends all work about a repository. Runs inside an operation.
pub(crate) async fn end_of(tx: &mut Tx<'_>, kind: &str, repository: RepositoryKey) -> Result<(), StoreError> {
    let delete = "DELETE FROM work WHERE kind = ?1 AND key = ?2";
    tx.execute(delete, &params![kind, repository.to_text()]).await?;
    let (from, until) = keys_of(repository);
    end_between(tx, kind, (&from, &until)).await
}

/// Ends work whose keys are in a range without its end. Runs inside an operation.
pub(crate) async fn end_between(
    tx: &mut Tx<'_>,
    kind: &str,
    (from, until): (&str, &str),
) -> Result<(), StoreError> {
    let delete = "DELETE FROM work WHERE kind = ?1 AND key >= ?2 AND key < ?3";
    tx.execute(delete, &params![kind, from, until]).await.map(|_| ())
}

/// The range of the keys that begin with the key of a repository. A space or a slash follows: the bytes from a space to
/// those before the digits.
fn keys_of(repository: RepositoryKey) -> (String, String) {
    let key = repository.to_text();
    (format!("{key} "), format!("{key}0"))
}

/// Adds work; `if_waiting` is what happens to the same work that is waiting.
async fn add(
    tx: &mut Tx<'_>,
    (kind, key, due_at): (&str, &str, Micros),
    if_waiting: &str,
) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT INTO work (kind, key, due_at, lease_until, fence, attempts, error) \
         VALUES (?1, ?2, ?3, 0, ?4, 0, NULL) ON CONFLICT (kind, key) DO {if_waiting}"
    );
    // Work can be queued again after its row was removed. No claim of the earlier work is one of the later work.
    let fence = row_version::fresh();
    tx.execute(&insert, &params![kind, key, due_at, fence]).await?;
    Ok(())
}

/// Bytes whose row ends.
pub(crate) struct Bytes<'a> {
    /// Where they are.
    pub(crate) object_key: &'a str,
    /// Their digest, if they were an object.
    pub(crate) digest: Option<&'a Digest>,
    pub(crate) size: u64,
}

/// Marks an object key as doomed. Runs inside an operation.
pub(crate) async fn doom(tx: &mut Tx<'_>, bytes: &Bytes<'_>, at: Micros) -> Result<(), StoreError> {
    let insert = "INSERT INTO doomed (object_key, doomed_at, due_at, size, digest) VALUES (?1, ?2, ?3, ?4, ?5) \
                  ON CONFLICT (object_key) DO NOTHING";
    let due_at = Micros(at.0.saturating_add(DOOM_DELAY.0));
    tx.execute(insert, &params![bytes.object_key, at, due_at, bytes.size, bytes.digest]).await?;
    Ok(())
}

/// Dooms the bytes of uploads whose rows were deleted. The rows have the repository, the key and the number of bytes.
pub(crate) async fn doom_uploads(tx: &mut Tx<'_>, rows: Vec<Row>, at: Micros) -> Result<usize, StoreError> {
    let count = rows.len();
    let mut ended: BTreeMap<RepositoryKey, u64> = BTreeMap::new();
    for mut row in rows {
        let repository = RepositoryKey { registry: row.take()?, id: row.take()? };
        let (object_key, size): (String, u64) = (row.take()?, row.take()?);
        doom(tx, &Bytes { object_key: &object_key, digest: None, size }, at).await?;
        *ended.entry(repository).or_default() += size;
    }
    for (repository, bytes) in ended {
        usage::add(tx, repository, Change::upload(-usage::signed(bytes))).await?;
    }
    Ok(count)
}

/// Adds work to the queue.
#[derive(Clone, Debug)]
pub struct EnqueueWork {
    /// The kind of work.
    pub kind: String,
    /// What it applies to.
    pub key: String,
    /// The earliest time.
    pub due_at: Micros,
}

operation!(EnqueueWork: Durable [] -> (), Never, |op, tx| {
    enqueue(tx, &op.kind, &op.key, op.due_at).await?;
    Ok(Ok(()))
});

/// Claims due work of one kind until the end of a lease.
#[derive(Clone, Debug)]
pub struct ClaimWork {
    /// The kind of work.
    pub kind: String,
    pub now: Micros,
    /// When others may claim it again.
    pub lease_until: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

/// Claimed work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The kind of work.
    pub kind: String,
    /// What it applies to.
    pub key: String,
    /// The number of this claim. A later claim has another number, and effects of an earlier claim are refused.
    pub fence: i64,
    /// How often it was claimed.
    pub attempts: i64,
}

operation!(ClaimWork: Durable [] -> Vec<Work>, Never, |op, tx| {
    macro_rules! claim {
        ($lock:literal) => {
            concat!(
                "UPDATE work SET lease_until = ?3, fence = fence + 1, attempts = attempts + 1, again_at = NULL \
                 WHERE kind = ?1 AND key IN (SELECT w.key FROM work w \
                 WHERE w.kind = ?1 AND w.due_at <= ?2 AND w.lease_until <= ?2 ORDER BY w.due_at LIMIT ?4", $lock,
                ") RETURNING kind, key, fence, attempts"
            )
        };
    }
    let sql = tx.fork(claim!(""), claim!(" FOR UPDATE SKIP LOCKED"));
    let rows = tx.rows(sql, &params![op.kind, op.now, op.lease_until, op.limit]).await?;
    let work: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(Work {
        kind: row.take()?,
        key: row.take()?,
        fence: row.take()?,
        attempts: row.take()?,
    })).collect();
    Ok(Ok(work?))
});

/// A claim, as what it does names it: the effects of an earlier claim are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The kind of work.
    pub kind: String,
    /// What it applies to.
    pub key: String,
    /// The claim's number.
    pub fence: i64,
}

impl Work {
    /// The claim that gave this work.
    pub fn claim(&self) -> Claim {
        Claim { kind: self.kind.clone(), key: self.key.clone(), fence: self.fence }
    }
}

impl Claim {
    /// Whether no later claim has replaced it. Runs inside an operation, which holds what all claims of this key change.
    pub(crate) async fn is_current(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let select = "SELECT 1 FROM work WHERE kind = ?1 AND key = ?2 AND fence = ?3";
        Ok(tx.value::<i64>(select, &params![self.kind, self.key, self.fence]).await?.is_some())
    }
}

/// Extends the lease of a claim whose work takes long.
#[derive(Clone, Debug)]
pub struct RenewWork {
    pub claim: Claim,
    /// When others may claim it again.
    pub lease_until: Micros,
}

operation!(RenewWork: Relaxed [] -> (), Overtaken, |op, tx| {
    let Claim { kind, key, fence } = &op.claim;
    let update = "UPDATE work SET lease_until = ?4 WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    let done = tx.execute(update, &params![kind, key, fence, op.lease_until]).await? == 1;
    Ok(if done { Ok(()) } else { Err(Overtaken) })
});

/// Removes finished work. If it is to be done again, it stays.
#[derive(Clone, Debug)]
pub struct FinishWork {
    /// The kind of work.
    pub kind: String,
    /// What it applied to.
    pub key: String,
    /// The claim's number.
    pub fence: i64,
}

/// A later claim has replaced this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken;

operation!(FinishWork: Durable [] -> (), Overtaken, |op, tx| {
    let again = "UPDATE work SET due_at = again_at, lease_until = 0, again_at = NULL, error = NULL \
                 WHERE kind = ?1 AND key = ?2 AND fence = ?3 AND again_at IS NOT NULL";
    if tx.execute(again, &params![op.kind, op.key, op.fence]).await? == 1 {
        return Ok(Ok(()));
    }
    let delete = "DELETE FROM work WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    let done = tx.execute(delete, &params![op.kind, op.key, op.fence]).await? == 1;
    Ok(if done { Ok(()) } else { Err(Overtaken) })
});

/// Returns work to the queue for later, or for the time when it is to be done again if that is earlier.
#[derive(Clone, Debug)]
pub struct PostponeWork {
    /// The kind of work.
    pub kind: String,
    /// What it applies to.
    pub key: String,
    /// The claim's number.
    pub fence: i64,
    /// The earliest time.
    pub due_at: Micros,
    /// The error, if there was one.
    pub error: Option<String>,
}

operation!(PostponeWork: Durable [] -> (), Overtaken, |op, tx| {
    let update = "UPDATE work SET due_at = CASE WHEN again_at < ?4 THEN again_at ELSE ?4 END, again_at = NULL, \
                  lease_until = 0, error = ?5 \
                  WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    let done = tx.execute(update, &params![op.kind, op.key, op.fence, op.due_at, op.error]).await? == 1;
    Ok(if done { Ok(()) } else { Err(Overtaken) })
});

/// Claims object keys whose bytes may be removed now: none while a backup holds them.
#[derive(Clone, Debug)]
pub struct ClaimDoomed {
    pub now: Micros,
    /// How long the bytes must have been doomed.
    pub delay: Micros,
    /// When others may claim them again.
    pub lease_until: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ClaimDoomed: Durable [] -> Vec<String>, Never, |op, tx| {
    if !backup_hold::valid_holds(tx, op.now).await?.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    macro_rules! claim {
        ($lock:literal) => {
            concat!(
                "UPDATE doomed SET due_at = ?3 WHERE object_key IN (SELECT d.object_key FROM doomed d \
                 WHERE d.due_at <= ?1 ORDER BY d.due_at LIMIT ?2", $lock, ") RETURNING object_key"
            )
        };
    }
    let sql = tx.fork(claim!(""), claim!(" FOR UPDATE SKIP LOCKED"));
    // A claim makes its key due again at the end of the lease.
    let lease = recorded(op.lease_until, op.delay);
    let rows = tx.rows(sql, &params![recorded(op.now, op.delay), op.limit, lease]).await?;
    let keys: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(keys?))
});

/// A time as it is compared with the rows, which have the end of the recorded delay.
pub(crate) fn recorded(at: Micros, delay: Micros) -> Micros {
    Micros(at.0.saturating_sub(delay.0).saturating_add(DOOM_DELAY.0))
}

/// Removes doomed keys whose bytes are gone.
#[derive(Clone, Debug)]
pub struct ForgetDoomed {
    pub keys: Vec<String>,
}

operation!(ForgetDoomed: Durable [] -> (), Never, |op, tx| {
    let (mut objects, mut bytes) = (0_u64, 0_u64);
    for keys in chunks(&op.keys) {
        let sql = format!("DELETE FROM doomed WHERE object_key IN ({}) RETURNING size", list(1, keys.len()));
        let mut values = Vec::new();
        push_list(&mut values, keys);
        for mut row in tx.rows(&sql, &values).await? {
            objects += 1;
            bytes = bytes.saturating_add(row.take()?);
        }
    }
    let count = "UPDATE collection SET freed_objects = freed_objects + ?1, freed_bytes = freed_bytes + ?2";
    tx.execute(count, &params![objects, bytes]).await?;
    Ok(Ok(()))
});
