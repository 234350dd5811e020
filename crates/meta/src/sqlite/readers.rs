//! Connections for reading: point reads run where they are called, pages on the blocking pool, few at a time.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{SqliteOptions, connection, run_in, run_job, run_point};
use crate::{
    error::StoreError,
    job::Job,
    meta::Outcome,
    operation::Operation,
    tx::{Driver, Tx},
};

/// How many idle connections are kept; more are opened when more threads read at once.
const IDLE: usize = 16;

pub(super) struct Readers {
    path: PathBuf,
    options: SqliteOptions,
    idle: Mutex<Vec<Connection>>,
    pages: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, options: SqliteOptions) -> Self {
        let pages = Arc::new(Semaphore::new(options.page_readers.max(1)));
        Self { path, options, idle: Mutex::default(), pages }
    }

    /// The file of the database.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a turn to read a page.
    pub(super) async fn admit(&self) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.pages).acquire_owned().await.map_err(|_| StoreError::Closed)
    }

    /// Reads with one statement, which is a snapshot of its own.
    pub(super) fn point<O: Operation>(&self, operation: &O) -> Outcome<O> {
        self.lend(&mut |connection| run_point(operation, connection))
    }

    /// Reads with one statement, and answers.
    pub(super) fn point_job(&self, mut job: Job) -> Result<(), StoreError> {
        self.lend(&mut |connection| {
            run_in(&mut job, Tx::single(Driver::Sqlite(connection)));
            Ok(())
        })?;
        job.answer();
        Ok(())
    }

    /// Reads with several statements in one snapshot.
    pub(super) fn page(&self, job: &mut Job) -> Result<(), StoreError> {
        self.lend(&mut |connection| {
            connection.prepare_cached("BEGIN")?.execute([])?;
            run_job(job, connection);
            // No snapshot outlives the call; a connection that cannot end it is not lent again.
            connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(())
        })
    }

    /// The plans of the statements of an operation that reads.
    #[cfg(test)]
    pub(super) fn plans<O: Operation>(&self, operation: &O) -> Result<Vec<crate::tx::Plan>, StoreError> {
        use futures::FutureExt as _;
        self.lend(&mut |connection| {
            // What an operation writes is undone.
            connection.execute_batch("PRAGMA query_only = 0; BEGIN")?;
            let mut tx = crate::Tx::explaining(crate::tx::Driver::Sqlite(connection));
            let ran = operation.run(&mut tx).now_or_never();
            ran.ok_or(StoreError::Bug("it awaited something other than its transaction"))??.ok();
            let plans = tx.into_plans();
            connection.execute_batch("ROLLBACK; PRAGMA query_only = 1")?;
            Ok(plans)
        })
    }

    fn lend<T>(
        &self,
        read: &mut dyn FnMut(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = match kept {
            Some(kept) => kept,
            None => connection::reader(&self.path, self.options)?,
        };
        let outcome = read(&mut lent);
        if lent.is_autocommit() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE {
                idle.push(lent);
            }
        }
        outcome
    }
}
