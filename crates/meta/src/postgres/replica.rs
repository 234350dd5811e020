//! Lists and reports on a standby. Such a page is never older than its request: the standby must have replayed everything
//! that the primary had on its disk when the page was asked for. What was acknowledged before is in it.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deadpool_postgres::Pool;

use super::{Postgres, Session};
use crate::{
    error::StoreError,
    job::{Job, Ran},
    tx::{Driver, Tx},
    value::params,
};

/// Where the primary is in its log, on which timeline, and which database this is. A standby has the same identifier. The
/// name of a file of the log begins with the timeline, in eight hexadecimal digits.
const POSITION: &str = "SELECT CAST(pg_current_wal_flush_lsn() AS TEXT), system_identifier, \
    CAST(CAST('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) AS BIT(32)) AS BIGINT) \
    FROM pg_control_system()";
/// Whether this is a standby of that database, on its timeline, that has replayed the log up to there. After a failover or
/// a restore, a standby of the former timeline can be further in a log that does not count any more. The timeline is that
/// of the standby's last restart point, so a standby that has changed its timeline is used after the next one.
const HAS_REPLAYED: &str = "SELECT CASE WHEN NOT pg_is_in_recovery() OR system_identifier <> ?2 THEN -1 \
    WHEN (SELECT timeline_id FROM pg_control_checkpoint()) <> CAST(?3 AS BIGINT) THEN 0 \
    WHEN pg_last_wal_replay_lsn() >= CAST(CAST(?1 AS TEXT) AS pg_lsn) THEN 1 ELSE 0 END FROM pg_control_system()";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Longest time for a connection to a standby, while the primary could answer.
const CONNECT: Duration = Duration::from_secs(1);
/// The pause between two looks at a standby that is behind.
const LOOK: Duration = Duration::from_millis(2);
/// How long a standby is left alone that is away, or too far behind.
const REST: Duration = Duration::from_secs(5);

/// Where the primary is.
struct Position {
    lsn: String,
    identifier: i64,
    timeline: i64,
}

/// A standby of the database.
pub(super) struct Replica {
    pool: Pool,
    /// How long a page waits for the standby to come as far as the primary.
    wait: Duration,
    /// Not asked before this moment.
    rests_until: Mutex<Option<Instant>>,
    answered: AtomicU64,
}

/// Why a standby did not answer.
enum Instead {
    /// It is behind, or follows another timeline.
    Behind,
    /// It is not a standby of this database.
    NotOurs,
    Failed(StoreError),
}

impl From<StoreError> for Instead {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Replica {
    pub(super) fn new(pool: Pool, wait: Duration) -> Self {
        Self { pool, wait, rests_until: Mutex::default(), answered: AtomicU64::new(0) }
    }

    /// How many pages it answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self, why: &Instead) {
        let until = Instant::now() + REST;
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
        match why {
            Instead::Behind => {
                tracing::warn!(
                    "the standby of database.replica_url is behind or on another timeline: the primary answers"
                );
            }
            Instead::NotOurs => {
                tracing::error!("database.replica_url is not a standby of the database: the primary answers");
            }
            Instead::Failed(error) => {
                tracing::warn!(%error, "the standby of database.replica_url failed: the primary answers");
            }
        }
    }
}

impl Postgres {
    /// Runs a list: on the standby if it is there and has what the list must show, otherwise on the primary.
    pub(crate) fn spawn_list(&self, mut job: Job) {
        let entered = match self.breaker.enter() {
            Ok(entered) => entered,
            Err(error) => return job.fail(error),
        };
        let this = self.clone();
        tokio::spawn(async move {
            let replica = this.replica.as_deref().filter(|replica| !replica.rests());
            // Without the primary nobody knows what the list must show.
            if let Some(replica) = replica
                && let Ok(Ok(position)) = tokio::time::timeout(CONNECT, this.position()).await
            {
                match this.on_replica(replica, &position, &mut job).await {
                    Ok(()) => {
                        entered.reached();
                        replica.answered.fetch_add(1, Ordering::Relaxed);
                        return job.answer();
                    }
                    Err(why) => replica.rest(&why),
                }
            }
            this.repeat(job, entered).await;
        });
    }

    async fn on_replica(&self, replica: &Replica, position: &Position, job: &mut Job) -> Result<(), Instead> {
        let connected = tokio::time::timeout(replica.wait + CONNECT, self.session_of(&replica.pool)).await;
        let session = connected.map_err(|_| StoreError::TimedOut(CONNECT))??;
        // A standby that hangs must not hold a page for as long as a statement may take.
        let caught_up = catch_up(&session, position, replica.wait);
        let caught_up = tokio::time::timeout(replica.wait + CONNECT, caught_up)
            .await
            .unwrap_or(Err(StoreError::TimedOut(replica.wait + CONNECT).into()));
        if let Err(why) = caught_up {
            session.give_back(!matches!(why, Instead::Failed(_)));
            return Err(why);
        }
        if let Err(error) = session.command(BEGIN).await {
            session.give_back(false);
            return Err(error.into());
        }
        let ran = job.run(&mut Tx::new(Driver::Postgres(&session))).await;
        let ended = session.command("ROLLBACK").await;
        session.give_back(ended.is_ok() && ran != Ran::Failed);
        ended?;
        // The error of a failed run is the job's, which runs again on the primary.
        if ran == Ran::Failed { Err(StoreError::Conflict.into()) } else { Ok(()) }
    }

    async fn position(&self) -> Result<Position, StoreError> {
        let session = self.session().await?;
        let rows = session.rows(POSITION, &[]).await;
        session.give_back(rows.is_ok());
        let mut rows = rows?;
        let row = rows.first_mut().ok_or(StoreError::Bug("the primary has no position"))?;
        Ok(Position { lsn: row.take()?, identifier: row.take()?, timeline: row.take()? })
    }
}

async fn catch_up(session: &Session, position: &Position, wait: Duration) -> Result<(), Instead> {
    let Position { lsn, identifier, timeline } = position;
    let until = Instant::now() + wait;
    loop {
        let mut rows = session.rows(HAS_REPLAYED, &params![lsn, *identifier, *timeline]).await?;
        let row = rows.first_mut().ok_or(StoreError::Bug("the standby has no position"))?;
        match row.take::<i64>()? {
            1 => return Ok(()),
            0 if Instant::now() < until => tokio::time::sleep(LOOK).await,
            0 => return Err(Instead::Behind),
            _ => return Err(Instead::NotOurs),
        }
    }
}
