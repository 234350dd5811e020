//! What an operation is: an owned value that can run again, with no clock, randomness or I/O inside.

use std::future::Future;

use crate::{Scope, error::StoreError, tx::Tx};

/// How an operation touches the store; decides where it runs and what its answer promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads with exactly one statement: one round trip on PostgreSQL, inline on SQLite.
    Point,
    /// Reads more: one read snapshot, on the blocking pool on SQLite.
    Page,
    /// A page of a list or a report for a client. On PostgreSQL a standby may answer it, so no permission, no write and no
    /// pull may depend on it.
    List,
    /// Writes that a power cut may take back (upload progress, pull times).
    Relaxed,
    /// Writes that come before a file: a row that is lost would leave its file unknown. They are on stable storage before
    /// they are answered on PostgreSQL, which loses the others when it is killed. SQLite loses them only in a power cut, and
    /// does not sync them.
    BeforeBytes,
    /// Writes that are on stable storage before they are answered.
    Durable,
    /// The same, and it changes a row that many writers change, such as the row of a repository. On PostgreSQL the row is
    /// free again before the commit is synced.
    Contended,
}

impl Access {
    /// Whether the operation changes anything.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Relaxed | Self::BeforeBytes | Self::Durable | Self::Contended)
    }
}

/// Which database an operation runs on, if the registries of an account are in a database of their own
/// (docs/adr/0047-registries-on-several-databases.md). Elsewhere both are the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// The directory: accounts, principals and everything that belongs to them.
    Directory,
    /// The database of the registries: what is in them, and the work on it.
    Registries,
}

/// What an operation gives: its output, or the refusal of a rule.
pub type Ruling<O> = Result<<O as Operation>::Output, <O as Operation>::Refusal>;

/// One metadata operation: one transaction, written once for both drivers.
///
/// It may run several times (PostgreSQL retries after a conflict, SQLite replays a group after a full disk),
/// so everything that differs between runs (ids, times, tokens) is made by the caller and carried in it.
pub trait Operation: Send + Sync + 'static {
    /// What it gives when no rule refuses it.
    type Output: Send + 'static;
    /// How a rule refuses it.
    type Refusal: Send + 'static;
    /// Its name in logs and metrics.
    const NAME: &'static str;
    /// How it touches the store.
    const ACCESS: Access;
    /// Which database it runs on. There is no default: each file of operations says it.
    const DATABASE: Database;

    /// Whether it may change a store that is read-only: only what makes it read-only, and writable again.
    const ON_READ_ONLY: bool = false;

    /// What its commit changes of what may be kept in memory. There is no default: an operation that forgot it would
    /// leave outdated permissions in use.
    fn changes(&self) -> Vec<Scope>;

    /// Runs it in a transaction; the driver commits if no rule refused it.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Ruling<Self>, StoreError>> + Send
    where
        Self: Sized;
}
