//! The SQLite driver: one writer thread that commits in groups, a pool of readers, a thread that checkpoints.

#[cfg(test)]
mod audit;
mod checkpoint;
mod connection;
mod group;
mod lock;
#[cfg(test)]
mod measured_rows;
mod readers;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

pub(crate) use connection::{execute, rows};
use group::Group;
use readers::Readers;
pub(crate) use snapshot::Snapshots;
use writer::Writer;

use crate::{
    error::StoreError,
    job::{Job, Ran},
    kept::Kept,
    meta::Outcome,
    migrate,
    operation::Operation,
    tx::{Driver, Tx},
};

/// How the SQLite driver is set up.
#[derive(Clone, Copy, Debug)]
pub struct SqliteOptions {
    /// Most operations in one commit.
    pub group_size: usize,
    /// How many writes may wait before more are refused.
    pub queue: usize,
    /// How many pages may be read at once.
    pub page_readers: usize,
    /// Bytes of the page cache of each connection.
    pub cache_bytes: u32,
    /// Most pages of the database, for tests of a full disk; None for no limit.
    pub max_pages: Option<u32>,
    /// Whether each answer from memory is compared with the store: so in builds for tests.
    pub verifies_kept: bool,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            group_size: 256,
            queue: 8192,
            page_readers: 4,
            cache_bytes: 2 << 20,
            max_pages: None,
            verifies_kept: cfg!(debug_assertions),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Sqlite {
    inner: Arc<Inner>,
}

struct Inner {
    wal: PathBuf,
    kept: Arc<Kept>,
    // Dropped first: the writer ends what is queued before the checkpoint thread is told to stop.
    writer: Writer,
    readers: Readers,
    // Dropped last.
    _lock: File,
}

impl Sqlite {
    pub(crate) fn open(path: &Path, options: SqliteOptions) -> Result<Self, StoreError> {
        let lock = lock::hold(path)?;
        let mut connection = connection::writer(path, options)?;
        migrate::sqlite(&mut connection)?;
        let wal = connection::wal_path(path);
        let checkpoint = checkpoint::start(path, options)?;
        #[cfg(test)]
        audit::start(&connection)?;
        let kept = Arc::new(Kept::new(options.verifies_kept));
        let group = Group::new(connection, Arc::clone(&kept));
        let writer = Writer::start(group, options, wal.clone(), checkpoint)?;
        let readers = Readers::new(path.to_owned(), options);
        Ok(Self { inner: Arc::new(Inner { wal, kept, writer, readers, _lock: lock }) })
    }

    /// Runs a read of several statements, on the blocking pool. The reader answers it.
    pub(crate) async fn page(&self, mut job: Job) -> Result<(), StoreError> {
        let inner = Arc::clone(&self.inner);
        let permit = inner.readers.admit().await?;
        tokio::task::spawn_blocking(move || {
            let read = inner.readers.page(&mut job);
            // A caller with an answer can close the database.
            drop((inner, permit));
            match read {
                Ok(()) => job.answer(),
                Err(error) => job.fail(error),
            }
        });
        Ok(())
    }

    /// Runs a read of one statement where it is called, and answers it.
    pub(crate) fn point_job(&self, job: Job) -> Result<(), StoreError> {
        self.inner.readers.point_job(job)
    }

    /// Runs a read of one statement.
    pub(crate) fn point<O: Operation>(&self, operation: &O) -> Outcome<O> {
        self.inner.readers.point(operation)
    }

    /// The plans of the statements of an operation that reads.
    #[cfg(test)]
    pub(crate) fn plans<O: Operation>(&self, operation: &O) -> Result<Vec<crate::tx::Plan>, StoreError> {
        self.inner.readers.plans(operation)
    }

    pub(crate) fn kept(&self) -> &Kept {
        &self.inner.kept
    }

    /// Queues a write. The writer answers it.
    pub(crate) fn write(&self, job: Job) -> Result<(), StoreError> {
        self.inner.writer.write(job)
    }

    /// Writes a snapshot of the database.
    pub(crate) fn write_snapshot(&self, snapshots: &Snapshots, id: &str) -> Result<PathBuf, StoreError> {
        snapshots.write(id, self.inner.readers.path())
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        connection::file_len(&self.inner.wal)
    }
}

/// Runs a future to its end in one poll: everything that an operation awaits on SQLite is ready at once.
fn run_now<T>(future: std::pin::Pin<&mut (dyn Future<Output = T> + Send + '_)>) -> Result<T, StoreError> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(output) => Ok(output),
        std::task::Poll::Pending => Err(StoreError::Bug("it awaited something other than its transaction")),
    }
}

/// Runs a job in the transaction of this connection.
fn run_job(job: &mut Job, connection: &mut rusqlite::Connection) -> Ran {
    run_in(job, Tx::new(Driver::Sqlite(connection)))
}

fn run_in(job: &mut Job, mut tx: Tx<'_>) -> Ran {
    run_now(std::pin::pin!(job.run(&mut tx))).unwrap_or(Ran::Failed)
}

/// Runs one statement, with a panic turned into an error of this operation alone.
fn run_point<O: Operation>(operation: &O, connection: &mut rusqlite::Connection) -> Outcome<O> {
    let run = std::panic::AssertUnwindSafe(|| {
        let mut tx = Tx::single(Driver::Sqlite(connection));
        run_now(std::pin::pin!(operation.run(&mut tx)))?
    });
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        tracing::error!(operation = O::NAME, "a metadata operation panicked");
        Err(StoreError::Panicked)
    })
}
