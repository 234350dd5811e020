//! Group commit: many operations share one transaction and one sync, and none can spoil another's.

use std::sync::Arc;

use rusqlite::Connection;

use super::run_job;
use crate::{
    error::StoreError,
    job::{Job, Ran},
    kept::Kept,
    operation::Access,
    ops::read_only::IS_READ_ONLY,
};

/// The connection that writes, with what it is set to.
pub(super) struct Group {
    connection: Connection,
    /// Whether a commit syncs the log.
    full: bool,
    /// The answers that its commits end.
    kept: Arc<Kept>,
}

/// What became of a group's transaction.
enum End {
    Committed,
    /// SQLite ended the transaction while this job ran (disk full, I/O error); nothing of the group is there.
    Lost(usize, Ran),
    /// This job changes a store that is read-only; nothing of the group is there.
    Forbidden(usize),
    /// The transaction could not begin or commit; nothing of the group is there.
    Failed(rusqlite::Error),
}

impl Group {
    pub(super) fn new(connection: Connection, kept: Arc<Kept>) -> Self {
        Self { connection, full: true, kept }
    }

    /// Runs the jobs in one transaction and answers them after its COMMIT.
    pub(super) fn commit(&mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            match self.attempt(&mut jobs) {
                End::Committed => return jobs.into_iter().for_each(Job::answer),
                // The job that met the error keeps it as its answer; the others run again without it.
                End::Forbidden(at) => jobs.remove(at).fail(StoreError::ReadOnly),
                End::Lost(at, Ran::Failed) => jobs.remove(at).answer(),
                End::Lost(at, _) => {
                    jobs.remove(at).fail(StoreError::Bug("it went on after a database error"));
                }
                End::Failed(error) if jobs.len() == 1 => {
                    tracing::error!(error = %error, "a metadata commit failed");
                    return jobs
                        .into_iter()
                        .for_each(|job| job.fail(StoreError::Sqlite(error_again(&error))));
                }
                // Too large together, perhaps: each for itself.
                End::Failed(_) => return jobs.into_iter().for_each(|job| self.commit(vec![job])),
            }
        }
    }

    fn attempt(&mut self, jobs: &mut [Job]) -> End {
        let full = jobs.iter().any(|job| !matches!(job.access(), Access::Relaxed | Access::BeforeBytes));
        let end = self.transaction(jobs, full);
        if !self.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(error = %error, "a metadata transaction could not be rolled back");
        }
        end.unwrap_or_else(End::Failed)
    }

    fn transaction(&mut self, jobs: &mut [Job], full: bool) -> Result<End, rusqlite::Error> {
        if full != self.full {
            // NORMAL leaves the log unsynced: what is relaxed costs no sync of its own. The next FULL commit
            // syncs the log as a whole, so that nothing durable ever rests on something that is not.
            self.connection.pragma_update(None, "synchronous", if full { "FULL" } else { "NORMAL" })?;
            self.full = full;
        }
        let mut changes = Vec::new();
        self.execute("BEGIN IMMEDIATE")?;
        // A job after the one that makes the store read-only in this group is committed with it, so it is part of what is
        // moved.
        let is_read_only = self.connection.prepare_cached(IS_READ_ONLY)?.exists([])?;
        for (at, job) in jobs.iter_mut().enumerate() {
            self.execute("SAVEPOINT operation")?;
            let before = self.connection.total_changes();
            let ran = run_job(job, &mut self.connection);
            if self.connection.is_autocommit() {
                return Ok(End::Lost(at, ran));
            }
            // What changes nothing may run: a server can start on a store that is read-only.
            if is_read_only && !job.is_for_read_only() && self.connection.total_changes() != before {
                return Ok(End::Forbidden(at));
            }
            if matches!(ran, Ran::Done) {
                let named = job.changes();
                #[cfg(test)]
                assert_eq!(super::audit::unnamed(&self.connection, &named)?, [], "changed and not named");
                changes.extend(named);
            } else {
                self.execute("ROLLBACK TO operation")?;
            }
            self.execute("RELEASE operation")?;
        }
        // From here on no kept answer that the commit changes is used. Answers that are read before its end are outdated
        // at once.
        let kept = Arc::clone(&self.kept);
        let commit = kept.begin(&changes);
        let ended = self.execute("COMMIT");
        drop(commit);
        ended.map(|()| End::Committed)
    }

    fn execute(&self, sql: &str) -> Result<(), rusqlite::Error> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }
}

/// The error once more: rusqlite's own cannot be cloned.
fn error_again(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            rusqlite::Error::SqliteFailure(*code, message.clone())
        }
        other => rusqlite::Error::ToSqlConversionFailure(other.to_string().into()),
    }
}
