//! The check of the store beside requests: started by a request, carried out in slices by background work, read in pages.

use crate::{
    Micros, Never, StoreError,
    ops::operation,
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// How many findings are kept. The others are counted.
pub const MOST_FINDINGS: u64 = 10_000;

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreCheck {
    /// Chosen by whoever started it.
    pub id: String,
    /// Whether it repairs what it can.
    pub repair: bool,
    /// Whether it compares lengths only.
    pub quick: bool,
    pub started_at: Micros,
    /// None: it is not over.
    pub ended_at: Option<Micros>,
    /// Grows with each slice.
    pub version: i64,
    /// How far it has come, in the form of whoever carries it out.
    pub progress: String,
    /// How many problems were found.
    pub findings: u64,
}

impl StoreCheck {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            repair: row.take()?,
            quick: row.take()?,
            started_at: row.take()?,
            ended_at: row.take()?,
            version: row.take()?,
            progress: row.take()?,
            findings: row.take()?,
        })
    }
}

/// Starts a check; it replaces the one before, which must be over.
#[derive(Clone, Debug)]
pub struct StartStoreCheck {
    pub id: String,
    pub repair: bool,
    pub quick: bool,
    /// How far it has come: nowhere.
    pub progress: String,
    /// Now.
    pub at: Micros,
}

/// The check before is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckInProgress;

operation!(StartStoreCheck: Durable [] -> (), CheckInProgress, |op, tx| {
    let upsert = "INSERT INTO store_check (one, id, repair, quick, started_at, ended_at, version, progress, findings) \
            VALUES (1, ?1, ?2, ?3, ?4, NULL, 0, ?5, 0) \
        ON CONFLICT (one) DO UPDATE SET id = excluded.id, repair = excluded.repair, quick = excluded.quick, \
        started_at = excluded.started_at, ended_at = NULL, version = 0, progress = excluded.progress, findings = 0 \
        WHERE store_check.ended_at IS NOT NULL OR (store_check.id = excluded.id AND store_check.version = 0)";
    if tx.execute(upsert, &params![op.id, op.repair, op.quick, op.at, op.progress]).await? == 0 {
        return Ok(Err(CheckInProgress));
    }
    tx.execute("DELETE FROM store_check_finding", &[]).await?;
    Ok(Ok(()))
});

/// Reads the last check, if there was one.
#[derive(Clone, Copy, Debug)]
pub struct GetStoreCheck;

operation!(GetStoreCheck: Point -> Option<StoreCheck>, Never, |_op, tx| {
    let select = "SELECT id, repair, quick, started_at, ended_at, version, progress, findings FROM store_check";
    Ok(Ok(tx.row(select, &[]).await?.map(|mut row| StoreCheck::read(&mut row)).transpose()?))
});

/// Records a slice of a check.
#[derive(Clone, Debug)]
pub struct RecordCheckSlice {
    /// The check.
    pub id: String,
    /// The version that the slice began with.
    pub version: i64,
    pub progress: String,
    /// What the slice found, each in the form of whoever carries it out.
    pub findings: Vec<String>,
    /// When the check ended, with its last slice.
    pub ended_at: Option<Micros>,
}

/// Another node has recorded this slice, or another check was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRecorded;

operation!(RecordCheckSlice: Durable [] -> (), SliceRecorded, |op, tx| {
    let update = "UPDATE store_check SET version = version + 1, progress = ?3, ended_at = ?4, findings = findings + ?5 \
        WHERE id = ?1 AND version = ?2 AND ended_at IS NULL RETURNING findings";
    let found = op.findings.len() as u64;
    let values = params![op.id, op.version, op.progress, op.ended_at, found];
    let Some(count) = tx.value::<u64>(update, &values).await? else { return Ok(Err(SliceRecorded)) };
    let first = count.saturating_sub(found);
    for (position, finding) in (first..MOST_FINDINGS).zip(&op.findings) {
        let insert = "INSERT INTO store_check_finding (position, finding) VALUES (?1, ?2)";
        tx.execute(insert, &params![position, finding]).await?;
    }
    Ok(Ok(()))
});

/// Lists what the last check found, in its order.
#[derive(Clone, Copy, Debug)]
pub struct ListCheckFindings {
    /// How many to leave out.
    pub from: u64,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListCheckFindings: Point -> Vec<String>, Never, |op, tx| {
    let select = "SELECT finding FROM store_check_finding WHERE position >= ?1 ORDER BY position LIMIT ?2";
    let rows = tx.rows(select, &params![op.from, op.limit]).await?;
    let findings: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(findings?))
});
