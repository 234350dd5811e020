//! The one queue of background work, and the keys of bytes that are doomed. Both are claimed row by row.

use crate::{
    Micros, Never, StoreError, Tx,
    ops::operation,
    tx::{chunks, list, push_list},
    value::params,
};

/// How long a doomed key rests before its bytes may go: a request that stalled while it wrote to them, or a reader
/// that was told of them, must have ended by then.
pub const DOOM_DELAY: Micros = Micros(15 * 60 * 1_000_000);

/// How long a claimed doomed key is left to its claimer.
const DOOM_LEASE: Micros = Micros(10 * 60 * 1_000_000);

/// Puts work into the queue, unless the same is waiting. Run inside an operation.
pub(crate) async fn enqueue(
    tx: &mut Tx<'_>,
    kind: &str,
    key: &str,
    due_at: Micros,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO work (kind, key, due_at, lease_until, fence, attempts, error) \
                  VALUES (?1, ?2, ?3, 0, 0, 0, NULL) ON CONFLICT (kind, key) DO NOTHING";
    tx.execute(insert, &params![kind, key, due_at]).await?;
    Ok(())
}

/// Writes an object key among the doomed. Run inside an operation.
pub(crate) async fn doom(tx: &mut Tx<'_>, object_key: &str, at: Micros) -> Result<(), StoreError> {
    let insert = "INSERT INTO doomed (object_key, doomed_at, due_at) VALUES (?1, ?2, ?3) \
                  ON CONFLICT (object_key) DO NOTHING";
    tx.execute(insert, &params![object_key, at, Micros(at.0.saturating_add(DOOM_DELAY.0))]).await?;
    Ok(())
}

/// Puts work into the queue.
#[derive(Clone, Debug)]
pub struct EnqueueWork {
    /// What is to be done.
    pub kind: String,
    /// To what.
    pub key: String,
    /// Not before.
    pub due_at: Micros,
}

operation!(EnqueueWork: Durable -> (), Never, |op, tx| {
    enqueue(tx, &op.kind, &op.key, op.due_at).await?;
    Ok(Ok(()))
});

/// Claims due work of one kind until a lease ends.
#[derive(Clone, Debug)]
pub struct ClaimWork {
    /// What is to be done.
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
    /// What is to be done.
    pub kind: String,
    /// To what.
    pub key: String,
    /// Number of this claim; a later claim has a higher one, and the effects of an earlier one are refused.
    pub fence: i64,
    /// How often it was claimed.
    pub attempts: i64,
}

operation!(ClaimWork: Durable -> Vec<Work>, Never, |op, tx| {
    macro_rules! claim {
        ($lock:literal) => {
            concat!(
                "UPDATE work SET lease_until = ?3, fence = fence + 1, attempts = attempts + 1 \
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

/// Removes work that is done.
#[derive(Clone, Debug)]
pub struct FinishWork {
    /// What was done.
    pub kind: String,
    /// To what.
    pub key: String,
    /// The claim's number.
    pub fence: i64,
}

/// Another claim has overtaken this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overtaken;

operation!(FinishWork: Durable -> (), Overtaken, |op, tx| {
    let delete = "DELETE FROM work WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    let done = tx.execute(delete, &params![op.kind, op.key, op.fence]).await? == 1;
    Ok(if done { Ok(()) } else { Err(Overtaken) })
});

/// Gives work back for later.
#[derive(Clone, Debug)]
pub struct PostponeWork {
    /// What was tried.
    pub kind: String,
    /// On what.
    pub key: String,
    /// The claim's number.
    pub fence: i64,
    /// Not before.
    pub due_at: Micros,
    /// What went wrong, if it did.
    pub error: Option<String>,
}

operation!(PostponeWork: Durable -> (), Overtaken, |op, tx| {
    let update = "UPDATE work SET due_at = ?4, lease_until = 0, error = ?5 \
                  WHERE kind = ?1 AND key = ?2 AND fence = ?3";
    let done = tx.execute(update, &params![op.kind, op.key, op.fence, op.due_at, op.error]).await? == 1;
    Ok(if done { Ok(()) } else { Err(Overtaken) })
});

/// Claims object keys whose bytes may go now.
#[derive(Clone, Debug)]
pub struct ClaimDoomed {
    pub now: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ClaimDoomed: Durable -> Vec<String>, Never, |op, tx| {
    macro_rules! claim {
        ($lock:literal) => {
            concat!(
                "UPDATE doomed SET due_at = ?3 WHERE object_key IN (SELECT d.object_key FROM doomed d \
                 WHERE d.due_at <= ?1 ORDER BY d.due_at LIMIT ?2", $lock, ") RETURNING object_key"
            )
        };
    }
    let sql = tx.fork(claim!(""), claim!(" FOR UPDATE SKIP LOCKED"));
    let lease = Micros(op.now.0.saturating_add(DOOM_LEASE.0));
    let rows = tx.rows(sql, &params![op.now, op.limit, lease]).await?;
    let keys: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(keys?))
});

/// Forgets doomed keys whose bytes are gone.
#[derive(Clone, Debug)]
pub struct ForgetDoomed {
    pub keys: Vec<String>,
}

operation!(ForgetDoomed: Durable -> (), Never, |op, tx| {
    for keys in chunks(&op.keys) {
        let sql = format!("DELETE FROM doomed WHERE object_key IN ({})", list(1, keys.len()));
        let mut values = Vec::new();
        push_list(&mut values, keys);
        tx.execute(&sql, &values).await?;
    }
    Ok(Ok(()))
});
