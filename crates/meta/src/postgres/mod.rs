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
use futures::FutureExt;
pub(crate) use session::Session;
use tokio_postgres::{NoTls, error::SqlState};

use crate::{
    error::StoreError,
    meta::Outcome,
    migrate,
    operation::{Access, Operation},
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

    pub(crate) async fn read<O: Operation>(&self, operation: O) -> Outcome<O> {
        if O::ACCESS == Access::Point {
            // One statement has a snapshot of its own; when the caller goes away nothing is left open.
            let session = self.session().await?;
            let outcome = operation.run(&mut Tx::single(Driver::Postgres(&session))).await;
            session.give_back(true);
            return outcome;
        }
        self.spawned(operation, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    pub(crate) async fn write<O: Operation>(&self, operation: O) -> Outcome<O> {
        let begin = match O::ACCESS {
            Access::Relaxed | Access::Contended => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO off"
            }
            _ => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        self.spawned(operation, begin).await
    }

    /// On a task of its own, so that a caller that goes away leaves no half-done transaction.
    async fn spawned<O: Operation>(&self, operation: O, begin: &'static str) -> Outcome<O> {
        let this = self.clone();
        let task = tokio::spawn(async move { this.repeat(&operation, begin).await });
        task.await.map_err(|_| StoreError::Panicked)?
    }

    /// Runs the transaction until it is settled. An operation carries its own id, so that a COMMIT whose answer was
    /// lost may be tried again: it finds what it made.
    async fn repeat<O: Operation>(&self, operation: &O, begin: &str) -> Outcome<O> {
        let mut attempt = 1;
        loop {
            let outcome = self.transaction(operation, begin).await;
            match outcome {
                Err(error) if attempt < self.attempts && may_repeat(&error) => {
                    tracing::debug!(operation = O::NAME, attempt, error = %error, "a transaction runs again");
                    attempt += 1;
                    tokio::task::yield_now().await;
                }
                settled => return settled,
            }
        }
    }

    /// The plans of the statements of an operation. Small tables are planned as if they were large.
    #[cfg(test)]
    pub(crate) async fn plans<O: Operation>(
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

    async fn transaction<O: Operation>(&self, operation: &O, begin: &str) -> Outcome<O> {
        let session = self.session().await?;
        if let Err(error) = session.command(begin).await {
            session.give_back(false);
            return Err(error);
        }
        let mut tx = Tx::new(Driver::Postgres(&session));
        let run = std::panic::AssertUnwindSafe(operation.run(&mut tx)).catch_unwind();
        let outcome = run.await.unwrap_or(Err(StoreError::Panicked));
        let end = if matches!(outcome, Ok(Ok(_))) { "COMMIT" } else { "ROLLBACK" };
        let mut ended = session.command(end).await;
        if O::ACCESS == Access::Contended && end == "COMMIT" && ended.is_ok() {
            ended = session.command(SYNC).await;
        }
        session.give_back(ended.is_ok());
        match (outcome, ended) {
            (Ok(Ok(_)), Err(error)) => Err(error),
            (outcome, _) => outcome,
        }
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
