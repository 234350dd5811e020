//! Backfills of replication: started, stopped, listed, and removed some time after their end.

use aws::ids::{AccountId, Region};

use crate::{
    Micros, Never, RegistryKey, StoreError, Tx,
    ops::{operation, registry::lock_registry},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The states of a backfill (ECR API Reference, "ReplicationBackfillSummary").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillStatus {
    /// The images are being read.
    Preparing,
    InProgress,
    Complete,
    Failed,
    /// It stops when what is being replicated has ended.
    Stopping,
    Stopped,
}

impl BackfillStatus {
    const ALL: [Self; 6] =
        [Self::Preparing, Self::InProgress, Self::Complete, Self::Failed, Self::Stopping, Self::Stopped];

    /// Its name in the database and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "PREPARING",
            Self::InProgress => "IN_PROGRESS",
            Self::Complete => "COMPLETE",
            Self::Failed => "FAILED",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
        }
    }

    /// Whether nothing more is done.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Stopped)
    }

    fn read(text: &str) -> Result<Self, StoreError> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or(StoreError::Corrupt("the status of a backfill"))
    }
}

/// A backfill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationBackfillRow {
    pub id: String,
    pub registry: RegistryKey,
    /// The destination of the configuration.
    pub destination: i64,
    pub account_id: AccountId,
    pub region: Region,
    pub status: BackfillStatus,
    pub failure_code: Option<String>,
    pub started_at: Micros,
    pub ended_at: Option<Micros>,
    /// How many replications there are; None until the images were read.
    pub total: Option<u64>,
    pub completed: u64,
    pub failed: u64,
}

const SELECT: &str = "SELECT id, registry, destination, account_id, region, status, failure_code, started_at, ended_at, \
    total, completed, failed FROM replication_backfill";

impl ReplicationBackfillRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            registry: row.take()?,
            destination: row.take()?,
            account_id: row.take()?,
            region: row.take()?,
            status: BackfillStatus::read(&row.take::<String>()?)?,
            failure_code: row.take()?,
            started_at: row.take()?,
            ended_at: row.take()?,
            total: row.take()?,
            completed: row.take()?,
            failed: row.take()?,
        })
    }

    fn read_all(rows: Vec<Row>) -> Result<Vec<Self>, StoreError> {
        rows.into_iter().map(|mut row| Self::read(&mut row)).collect()
    }
}

/// Reads a backfill, and holds it until the commit.
pub(crate) async fn held(tx: &mut Tx<'_>, id: &str) -> Result<Option<ReplicationBackfillRow>, StoreError> {
    let select = format!("{SELECT} WHERE id = ?1{}", tx.fork("", " FOR UPDATE"));
    tx.row(&select, &params![id]).await?.map(|mut row| ReplicationBackfillRow::read(&mut row)).transpose()
}

/// Ends a backfill, or changes its status.
pub(crate) async fn set_status(
    tx: &mut Tx<'_>,
    id: &str,
    (status, failure_code): (BackfillStatus, Option<&str>),
    at: Micros,
) -> Result<(), StoreError> {
    let update =
        "UPDATE replication_backfill SET status = ?2, failure_code = ?3, ended_at = ?4 WHERE id = ?1";
    let ended_at = status.is_terminal().then_some(at);
    tx.execute(update, &params![id, status.as_str(), failure_code, ended_at]).await?;
    Ok(())
}

/// Starts a backfill.
#[derive(Clone, Debug)]
pub struct StartReplicationBackfill {
    /// A UUID, chosen by the caller.
    pub id: String,
    pub registry: RegistryKey,
    pub account_id: AccountId,
    pub region: Region,
    /// How many may be in progress.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a backfill was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartReplicationBackfillRefusal {
    /// No rule names the destination.
    NotConfigured,
    /// One to this Region is in progress.
    InProgress,
    /// As many as allowed are in progress.
    Limit,
}

operation!(
    StartReplicationBackfill: Durable [] -> ReplicationBackfillRow, StartReplicationBackfillRefusal,
    |op, tx| {
        lock_registry(tx, op.registry).await?;
        let find = "SELECT id FROM replication_destination \
                    WHERE registry = ?1 AND account_id = ?2 AND region = ?3 AND removed_at IS NULL";
        let place = params![op.registry, op.account_id, op.region];
        let Some(destination) = tx.value::<i64>(find, &place).await? else {
            return Ok(Err(StartReplicationBackfillRefusal::NotConfigured));
        };
        let open = format!("{SELECT} WHERE registry = ?1 AND ended_at IS NULL");
        let open = ReplicationBackfillRow::read_all(tx.rows(&open, &params![op.registry]).await?)?;
        if let Some(own) = open.iter().find(|backfill| backfill.id == op.id) {
            return Ok(Ok(own.clone()));
        }
        if open.iter().any(|backfill| backfill.region == op.region) {
            return Ok(Err(StartReplicationBackfillRefusal::InProgress));
        }
        if i64::try_from(open.len()).unwrap_or(i64::MAX) >= op.limit {
            return Ok(Err(StartReplicationBackfillRefusal::Limit));
        }
        let insert = "INSERT INTO replication_backfill (id, registry, destination, account_id, region, status, \
                started_at, prepared_repository, prepared_image, prepared, completed, failed) \
            VALUES (?1, ?2, ?3, ?4, ?5, 'PREPARING', ?6, ?7, ?7, 0, 0, 0)";
        let values =
            params![op.id, op.registry, destination, op.account_id, op.region, op.at, i64::MIN];
        tx.execute(insert, &values).await?;
        Ok(Ok(held(tx, &op.id).await?.ok_or(StoreError::Bug("a backfill that was started is not there"))?))
    }
);

/// Stops a backfill. What is being replicated goes on to its end.
#[derive(Clone, Debug)]
pub struct StopReplicationBackfill {
    pub registry: RegistryKey,
    pub id: String,
    /// Now.
    pub at: Micros,
}

/// Why a backfill was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReplicationBackfillRefusal {
    NotFound,
    /// It is stopping, or has ended.
    Status(BackfillStatus),
}

operation!(
    StopReplicationBackfill: Durable [] -> ReplicationBackfillRow, StopReplicationBackfillRefusal,
    |op, tx| {
        let found = held(tx, &op.id).await?.filter(|found| found.registry == op.registry);
        let Some(found) = found else { return Ok(Err(StopReplicationBackfillRefusal::NotFound)) };
        let status = match found.status {
            BackfillStatus::Preparing => BackfillStatus::Stopped,
            BackfillStatus::InProgress => BackfillStatus::Stopping,
            other => return Ok(Err(StopReplicationBackfillRefusal::Status(other))),
        };
        set_status(tx, &op.id, (status, None), op.at).await?;
        Ok(Ok(ReplicationBackfillRow { status, ..found }))
    }
);

/// Finds a backfill of a registry.
#[derive(Clone, Debug)]
pub struct FindReplicationBackfill {
    pub registry: RegistryKey,
    pub id: String,
}

operation!(FindReplicationBackfill: Point -> Option<ReplicationBackfillRow>, Never, |op, tx| {
    let select = format!("{SELECT} WHERE id = ?1 AND registry = ?2");
    let row = tx.row(&select, &params![op.id, op.registry]).await?;
    Ok(Ok(row.map(|mut row| ReplicationBackfillRow::read(&mut row)).transpose()?))
});

/// Lists the backfills of a registry, the newest first.
#[derive(Clone, Debug)]
pub struct ListReplicationBackfills {
    pub registry: RegistryKey,
    /// Only those before this one.
    pub before: Option<(Micros, String)>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListReplicationBackfills: Point -> Vec<ReplicationBackfillRow>, Never, |op, tx| {
    let select = format!("{SELECT} WHERE registry = ?1 AND (started_at, id) < (?2, ?3) \
        ORDER BY started_at DESC, id DESC LIMIT ?4");
    let (at, id) = op.before.clone().unwrap_or((Micros(i64::MAX), String::new()));
    Ok(Ok(ReplicationBackfillRow::read_all(tx.rows(&select, &params![op.registry, at, id, op.limit]).await?)?))
});

/// Lists the backfills that have not ended, the oldest first.
#[derive(Clone, Debug)]
pub struct ListOpenBackfills {
    /// Only those after this one.
    pub after: Option<(Micros, String)>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListOpenBackfills: Point -> Vec<ReplicationBackfillRow>, Never, |op, tx| {
    let select = format!("{SELECT} WHERE ended_at IS NULL AND (started_at, id) > (?1, ?2) \
        ORDER BY started_at, id LIMIT ?3");
    let (at, id) = op.after.clone().unwrap_or((Micros(i64::MIN), String::new()));
    Ok(Ok(ReplicationBackfillRow::read_all(tx.rows(&select, &params![at, id, op.limit]).await?)?))
});

/// Removes backfills that ended before a time; returns how many rows.
#[derive(Clone, Copy, Debug)]
pub struct TrimReplicationBackfills {
    pub before: Micros,
    /// The maximum number of rows.
    pub limit: usize,
}

operation!(TrimReplicationBackfills: Relaxed [] -> usize, Never, |op, tx| {
    let select = "SELECT id FROM replication_backfill WHERE ended_at IS NOT NULL AND ended_at < ?1 \
                  ORDER BY ended_at LIMIT 1";
    let Some(id) = tx.value::<String>(select, &params![op.before]).await? else { return Ok(Ok(0)) };
    let delete = "DELETE FROM replication_backfill_item WHERE backfill = ?1 AND position IN \
        (SELECT position FROM replication_backfill_item WHERE backfill = ?1 ORDER BY position LIMIT ?2)";
    let removed = tx.execute(delete, &params![id, op.limit]).await?;
    if removed == 0 {
        tx.execute("DELETE FROM replication_backfill WHERE id = ?1", &params![id]).await?;
        return Ok(Ok(1));
    }
    Ok(Ok(usize::try_from(removed).unwrap_or(usize::MAX)))
});
