//! How a metadata operation can fail: refused by a rule, or failed by the store. The two never mix, because
//! only failures of the store may be retried.

use std::{path::PathBuf, time::Duration};

use thiserror::Error;

/// The store could not do its work. Says nothing about the request.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite answered an error.
    #[error("the SQLite database failed")]
    Sqlite(#[source] rusqlite::Error),
    /// PostgreSQL answered an error, or the connection broke.
    #[error("the PostgreSQL database failed")]
    Postgres(#[source] tokio_postgres::Error),
    /// No connection to PostgreSQL could be had.
    #[error("no connection to PostgreSQL")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PostgreSQL is away for longer than it is waited for. The operation did not run.
    #[error("PostgreSQL is away")]
    Away,
    /// TLS to PostgreSQL cannot be used as it was asked for.
    #[error("TLS to PostgreSQL: {0}")]
    Tls(String),
    /// PostgreSQL did not answer in time.
    #[error("PostgreSQL did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer of a COMMIT was lost, and PostgreSQL did not come back in time to say whether it took effect.
    #[error("PostgreSQL was lost during a commit, which may have taken effect")]
    Unsettled,
    /// The operation met a row that another one was removing; running it again settles it.
    #[error("the operation met a concurrent change and did not settle")]
    Conflict,
    /// The store is read-only while it is moved.
    #[error("the store is read-only while it is moved to another place")]
    ReadOnly,
    /// More writes are waiting than the store will queue.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The store is shutting down or its writer is gone.
    #[error("the store is closed")]
    Closed,
    /// An operation panicked; its effects were rolled back.
    #[error("a metadata operation panicked")]
    Panicked,
    /// A text holds NUL, which PostgreSQL cannot store. Both databases refuse it.
    #[error("a text contains the character NUL")]
    Nul,
    /// A stored value is not what the schema promises.
    #[error("a stored value is malformed: {0}")]
    Corrupt(&'static str),
    /// An operation breaks a rule of this crate.
    #[error("bug in a metadata operation: {0}")]
    Bug(&'static str),
    /// The schema of the database cannot be used by this binary.
    #[error("{0}")]
    Schema(String),
    /// Another process, or this one, has opened the database file.
    #[error("the database {} is in use by another process; only one may open it", .0.display())]
    InUse(PathBuf),
    /// Only SQLite has snapshots.
    #[error("only SQLite has snapshots: back up PostgreSQL with its own tools")]
    NoSnapshots,
    /// The database file or its folder could not be used.
    #[error("the database file cannot be used")]
    Io(#[source] std::io::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if code.code() == READ_ONLY => Self::ReadOnly,
            _ => Self::Postgres(error),
        }
    }
}

/// What PostgreSQL answers to a write while the store is read-only: a code that it does not use itself.
pub(crate) const READ_ONLY: &str = "WH001";

/// Why an operation did not give its output.
#[derive(Debug, Error)]
pub enum OpError<R> {
    /// A rule refused it; nothing was changed.
    #[error("refused: {0:?}")]
    Refused(R),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The refusal of operations that cannot be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}
