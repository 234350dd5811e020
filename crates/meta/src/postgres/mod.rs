//! The PostgreSQL driver: a pool of connections, READ COMMITTED, writes run again after a conflict.
//!
//! TLS to PostgreSQL does not exist yet: connect over a Unix socket or a trusted network.

mod param;
mod session;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
pub(crate) use session::Session;
use tokio_postgres::{NoTls, error::SqlState};

use crate::{
    error::StoreError,
    job::{Job, Ran},
    migrate,
    operation::Access,
    tx::{Driver, Tx},
};

/// Syncs the write-ahead log up to here, with all commits before. PostgreSQL keeps the locks of a transaction until its
/// commit is synced, so pushes to one repository would wait for each other's sync. A contended operation therefore commits
/// without a sync, which frees its locks, and then syncs with this small transaction of its own, which shares the sync with
/// others. (A transaction that writes nothing to the log is not synced: PostgreSQL 15, `RecordTransactionCommit`.)
const SYNC: &str = "SELECT pg_logical_emit_message(true, 'wharf', '')";

/// How the PostgreSQL driver is set up.
#[derive(Clone, Copy, Debug)]
pub struct PostgresOptions {
    /// Most connections of this node.
    pub connections: usize,
    /// How often a write is tried when it meets conflicts or lost connections.
    pub attempts: u32,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self { connections: 16, attempts: 8 }
    }
}

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    attempts: u32,
    round_trips: Arc<AtomicU64>,
}

impl Postgres {
    pub(crate) async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let config: tokio_postgres::Config = url.parse()?;
        let manager =
            Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .build()
            .map_err(|error| StoreError::Connect(Box::new(error)))?;
        let opened =
            Self { pool, attempts: options.attempts.max(1), round_trips: Arc::new(AtomicU64::new(0)) };
        let session = opened.session().await?;
        let migrated = migrate::postgres(&session).await;
        session.give_back(migrated.is_ok());
        migrated?;
        Ok(opened)
    }

    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    async fn session(&self) -> Result<Session, StoreError> {
        let object: Object = self.pool.get().await.map_err(|error| StoreError::Connect(Box::new(error)))?;
        Ok(Session::new(object, Arc::clone(&self.round_trips)))
    }

    /// Runs a read of one statement, which has a snapshot of its own. When the caller goes away nothing is left open.
    pub(crate) async fn point(&self, mut job: Box<dyn Job>) -> Result<(), StoreError> {
        let session = self.session().await?;
        job.run(&mut Tx::single(Driver::Postgres(&session))).await;
        session.give_back(true);
        job.answer();
        Ok(())
    }

    /// Runs a job on a task of its own, which answers it, so that a caller that goes away leaves no half-done
    /// transaction.
    pub(crate) fn spawn(&self, job: Box<dyn Job>) {
        let begin = match job.access() {
            Access::Point | Access::Page => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Relaxed | Access::Contended => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO off"
            }
            Access::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        let this = self.clone();
        tokio::spawn(async move { this.repeat(job, begin).await });
    }

    /// Runs the transaction until it is settled. An operation carries its own id, so that a COMMIT whose answer was
    /// lost may be tried again: it finds what it made.
    async fn repeat(&self, mut job: Box<dyn Job>, begin: &str) {
        let mut attempt = 1;
        loop {
            let ended = self.transaction(job.as_mut(), begin).await;
            let failed = ended.as_ref().err().or(job.error()).filter(|error| may_repeat(error));
            if let Some(error) = failed
                && attempt < self.attempts
            {
                tracing::debug!(operation = job.name(), attempt, %error, "a transaction runs again");
                attempt += 1;
                tokio::task::yield_now().await;
                continue;
            }
            return match ended {
                Ok(()) => job.answer(),
                Err(error) => job.fail(error),
            };
        }
    }

    /// Runs a test in one transaction that is never committed.
    #[cfg(test)]
    pub(crate) async fn in_one_transaction(&self, case: impl AsyncFnOnce(&mut Tx<'_>)) {
        let session = self.session().await.unwrap();
        session.command("BEGIN").await.unwrap();
        case(&mut Tx::new(Driver::Postgres(&session))).await;
        session.command("ROLLBACK").await.unwrap();
        session.give_back(true);
    }

    /// The plans of the statements of an operation. Small tables are planned as if they were large.
    #[cfg(test)]
    pub(crate) async fn plans<O: crate::Operation>(
        &self,
        operation: &O,
    ) -> Result<Vec<crate::tx::Plan>, StoreError> {
        let session = self.session().await?;
        let begin =
            "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off";
        session.command(begin).await?;
        let mut tx = Tx::explaining(Driver::Postgres(&session));
        operation.run(&mut tx).await?.ok();
        let plans = tx.into_plans();
        session.command("ROLLBACK").await?;
        session.give_back(true);
        Ok(plans)
    }

    /// Runs the job once. An error is one of the transaction; the job keeps its own.
    async fn transaction(&self, job: &mut dyn Job, begin: &str) -> Result<(), StoreError> {
        let session = self.session().await?;
        if let Err(error) = session.command(begin).await {
            session.give_back(false);
            return Err(error);
        }
        let ran = job.run(&mut Tx::new(Driver::Postgres(&session))).await;
        let end = if ran == Ran::Done { "COMMIT" } else { "ROLLBACK" };
        let mut ended = session.command(end).await;
        if job.access() == Access::Contended && ran == Ran::Done && ended.is_ok() {
            ended = session.command(SYNC).await;
        }
        session.give_back(ended.is_ok());
        if ran == Ran::Done { ended } else { Ok(()) }
    }
}

/// Serialization failure and deadlock (PostgreSQL manual, "Serialization Failure Handling"), a row that another
/// transaction was removing, a broken connection.
fn may_repeat(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict => true,
        StoreError::Postgres(error) => match error.code() {
            Some(code) => {
                *code == SqlState::T_R_SERIALIZATION_FAILURE
                    || *code == SqlState::T_R_DEADLOCK_DETECTED
                    || *code == SqlState::ADMIN_SHUTDOWN
            }
            None => {
                error.is_closed()
                    || std::error::Error::source(error)
                        .is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            }
        },
        _ => false,
    }
}
