//! The handle on the metadata store: runs operations on whichever database is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use trace::{Kind, Open};

use crate::{
    Database, Keep, Never, Resolve, Resolved,
    error::{OpError, StoreError},
    job::{Job, Work, outcome, work},
    kept::Points,
    operation::{Access, Operation, Ruling},
    ops::reference_backfill::BackfillReferences,
    postgres::{Postgres, PostgresOptions, PostgresReplica},
    sqlite::{Snapshots, Sqlite, SqliteOptions},
};

/// The metadata store. Cheap to clone.
#[derive(Clone)]
pub struct Meta {
    driver: Driver,
    /// The directory, if the registries here are placed in a database of their own.
    directory: Option<Arc<Directory>>,
    reads: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Driver {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

struct Directory {
    driver: Driver,
    /// The name of the other database.
    database: Arc<str>,
}

impl Meta {
    fn new(driver: Driver) -> Self {
        Self { driver, directory: None, reads: Arc::default(), writes: Arc::default() }
    }

    /// Opens or makes the SQLite database at this path and migrates it.
    pub async fn sqlite(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let opened = tokio::task::spawn_blocking(move || Sqlite::open(&path, options)).await;
        let meta = Self::new(Driver::Sqlite(opened.map_err(|_| StoreError::Panicked)??));
        meta.backfill().await?;
        Ok(meta)
    }

    /// Connects to the PostgreSQL database at this URL (or key-value string) and migrates it. The URL asks for TLS as in
    /// libpq.
    pub async fn postgres(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let meta = Self::new(Driver::Postgres(Postgres::open(url, options).await?));
        meta.backfill().await?;
        Ok(meta)
    }

    /// Which of these settings the PostgreSQL database at this URL has. It stays as it is.
    pub async fn settings_at(
        url: &str,
        options: PostgresOptions,
        names: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        Postgres::settings_at(url, options, names).await
    }

    /// The registries that are placed here, under this name. Accounts and their principals stay in the directory: each
    /// operation runs on the database that its type says ([`Database`]).
    #[must_use]
    pub fn of_directory(self, directory: &Self, database: &str) -> Self {
        if let Driver::Postgres(postgres) = &self.driver {
            postgres.is_one_of_several(database);
        }
        let directory = Directory { driver: directory.driver.clone(), database: database.into() };
        Self { directory: Some(Arc::new(directory)), ..self }
    }

    /// The database of an operation.
    fn driver_of<O: Operation>(&self) -> &Driver {
        match (&self.directory, O::DATABASE) {
            (Some(directory), Database::Directory) => &directory.driver,
            _ => &self.driver,
        }
    }

    /// Lets a standby answer lists and reports ([`Access::List`]). It may be away now. Only with PostgreSQL.
    pub fn with_replica(mut self, replica: &PostgresReplica) -> Result<Self, StoreError> {
        if let Driver::Postgres(postgres) = self.driver {
            self.driver = Driver::Postgres(postgres.with_replica(replica)?);
        }
        Ok(self)
    }

    /// How many lists and reports a standby answered.
    pub fn replica_reads(&self) -> u64 {
        match &self.driver {
            Driver::Sqlite(_) => 0,
            Driver::Postgres(postgres) => postgres.replica_reads(),
        }
    }

    /// What a migration needs that SQL cannot do.
    async fn backfill(&self) -> Result<(), StoreError> {
        let mut slices = 0_u64;
        loop {
            match self.write(BackfillReferences::default()).await {
                Ok(true) => return Ok(()),
                Ok(false) => slices += 1,
                Err(OpError::Store(error)) => return Err(error),
                Err(OpError::Refused(never)) => match never {},
            }
            tracing::info!(slices, "the references of stored manifests are being written");
        }
    }

    /// Runs an operation that only reads.
    pub fn read<O: Operation>(
        &self,
        operation: O,
    ) -> impl Future<Output = Result<O::Output, OpError<O::Refusal>>> + Send {
        const { assert!(!O::ACCESS.writes(), "an operation that writes must go through Meta::write") };
        let answered = answered(self.driver_of::<O>(), work(operation), &self.reads);
        async move { settle(outcome::<O>(answered.await)) }
    }

    /// Runs a read whose answer may come from memory: with SQLite, while nothing that it depends on has changed.
    pub async fn read_kept<O: Keep>(&self, operation: O) -> Result<Arc<O::Output>, OpError<Never>> {
        match self.driver_of::<O>() {
            driver @ Driver::Sqlite(sqlite) => {
                let _step = step(driver, O::NAME);
                let store = Counted { sqlite, reads: &self.reads };
                Ok(sqlite.kept().read(operation, &store)?)
            }
            Driver::Postgres(_) => self.read(operation).await.map(Arc::new),
        }
    }

    /// Runs `Resolve`. As [`Self::read_kept`], the answer or a part of it may come from memory.
    pub async fn resolve(&self, ask: Resolve) -> Result<Resolved, OpError<Never>> {
        if let Some(directory) = &self.directory {
            return self.resolve_placed(&directory.database, ask).await;
        }
        match &self.driver {
            driver @ Driver::Sqlite(sqlite) => {
                let _step = step(driver, Resolve::NAME);
                Ok(self.resolve_kept(sqlite, ask)?)
            }
            Driver::Postgres(_) => self.read(ask).await,
        }
    }

    /// Not a part of a future, so it is compiled with this crate.
    fn resolve_kept(&self, sqlite: &Sqlite, ask: Resolve) -> Result<Resolved, StoreError> {
        sqlite.kept().resolve(ask, &Counted { sqlite, reads: &self.reads })
    }

    /// Runs an operation that writes. It runs to its end even when this future is dropped after its first poll.
    pub fn write<O: Operation>(
        &self,
        operation: O,
    ) -> impl Future<Output = Result<O::Output, OpError<O::Refusal>>> + Send {
        const { assert!(O::ACCESS.writes(), "an operation that only reads must go through Meta::read") };
        let answered = answered(self.driver_of::<O>(), work(operation), &self.writes);
        async move { settle(outcome::<O>(answered.await)) }
    }

    /// Writes a file into `folder` with everything that is committed, while others read and write. It is named after `id`
    /// and must not exist. Only with SQLite.
    pub async fn write_snapshot(&self, folder: &Path, id: &str) -> Result<PathBuf, StoreError> {
        let Driver::Sqlite(sqlite) = &self.driver else { return Err(StoreError::NoSnapshots) };
        let (sqlite, snapshots, id) = (sqlite.clone(), Snapshots::of(folder), id.to_owned());
        let job = tokio::task::spawn_blocking(move || sqlite.write_snapshot(&snapshots, &id));
        job.await.map_err(|_| StoreError::Panicked)?
    }

    /// Removes the snapshots in `folder` except those with these IDs.
    pub async fn keep_snapshots(&self, folder: &Path, ids: Vec<String>) -> Result<(), StoreError> {
        let snapshots = Snapshots::of(folder);
        let job = tokio::task::spawn_blocking(move || snapshots.keep_only(&ids));
        job.await.map_err(|_| StoreError::Panicked)?
    }

    /// How the database runs the statements of an operation, which leaves nothing.
    #[cfg(test)]
    pub(crate) async fn plans<O: Operation>(&self, operation: O) -> Result<Vec<crate::tx::Plan>, StoreError> {
        match &self.driver {
            Driver::Sqlite(sqlite) => sqlite.plans(&operation),
            Driver::Postgres(postgres) => postgres.plans(&operation).await,
        }
    }

    /// Runs a test in one transaction of PostgreSQL that is never committed.
    #[cfg(test)]
    pub(crate) async fn in_one_transaction(&self, case: impl AsyncFnOnce(&mut crate::tx::Tx<'_>)) {
        if let Driver::Postgres(postgres) = &self.driver {
            postgres.in_one_transaction(case).await;
        }
    }

    /// The same with statements that wait for their turns. Only with PostgreSQL.
    #[cfg(test)]
    pub(crate) fn with_turns(mut self, turns: Arc<crate::postgres::turns::Turns>) -> Self {
        if let Driver::Postgres(postgres) = self.driver {
            self.driver = Driver::Postgres(postgres.with_turns(turns));
        }
        self
    }

    /// How many operations that only read were run on this handle and its clones.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// How many operations that write were run on this handle and its clones.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Bytes of SQLite's write-ahead log, for the metrics; None on PostgreSQL.
    pub fn wal_bytes(&self) -> Option<u64> {
        match &self.driver {
            Driver::Sqlite(sqlite) => Some(sqlite.wal_bytes()),
            Driver::Postgres(_) => None,
        }
    }

    /// How many statements and transaction commands were sent to PostgreSQL; None on SQLite.
    pub fn round_trips(&self) -> Option<u64> {
        match &self.driver {
            Driver::Sqlite(_) => None,
            Driver::Postgres(postgres) => Some(postgres.round_trips()),
        }
    }
}

/// Runs an operation of any type. On the heap: the future is compiled with this crate, once.
fn answered<'a>(
    driver: &'a Driver,
    work: Box<dyn Work>,
    count: &'a AtomicU64,
) -> BoxFuture<'a, Result<Box<dyn Work>, StoreError>> {
    Box::pin(async move {
        count.fetch_add(1, Ordering::Relaxed);
        let (job, answer) = Job::new(work);
        let mut step = step(driver, job.name());
        let answered = match start(driver, job).await {
            // Only a driver that ended drops a job without an answer.
            Ok(()) => answer.await.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(error),
        };
        // A refusal is an answer.
        if answered.is_err() {
            step.fail();
        }
        answered
    })
}

/// The span of an operation in the trace of a request.
fn step(driver: &Driver, operation: &'static str) -> Open {
    let (kind, system) = match driver {
        Driver::Sqlite(_) => (Kind::Internal, "sqlite"),
        Driver::Postgres(_) => (Kind::Client, "postgresql"),
    };
    let mut step = trace::begin(operation, kind);
    step.text("db.system.name", system);
    step
}

/// Brings a job to the driver, which answers it. A read of one statement has run when this returns.
async fn start(driver: &Driver, job: Job) -> Result<(), StoreError> {
    match (driver, job.access()) {
        (Driver::Sqlite(sqlite), Access::Point) => sqlite.point_job(job),
        (Driver::Sqlite(sqlite), Access::Page | Access::List) => sqlite.page(job).await,
        (
            Driver::Sqlite(sqlite),
            Access::Relaxed | Access::BeforeBytes | Access::Durable | Access::Contended,
        ) => sqlite.write(job),
        // On the heap: it is large, and SQLite has no use for it.
        (Driver::Postgres(postgres), Access::Point) => Box::pin(postgres.point(job)).await,
        (Driver::Postgres(postgres), Access::List) => {
            postgres.spawn_list(job);
            Ok(())
        }
        (Driver::Postgres(postgres), _) => {
            postgres.spawn(job);
            Ok(())
        }
    }
}

/// SQLite's reads of one statement, which are counted.
struct Counted<'a> {
    sqlite: &'a Sqlite,
    reads: &'a AtomicU64,
}

impl Points for Counted<'_> {
    fn point<O: Operation<Refusal = Never>>(&self, operation: &O) -> Result<O::Output, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.again(operation)
    }

    fn again<O: Operation<Refusal = Never>>(&self, operation: &O) -> Result<O::Output, StoreError> {
        match self.sqlite.point(operation)? {
            Ok(output) => Ok(output),
            Err(never) => match never {},
        }
    }
}

fn settle<O, R>(result: Result<Result<O, R>, StoreError>) -> Result<O, OpError<R>> {
    match result {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(refusal)) => Err(OpError::Refused(refusal)),
        Err(error) => Err(OpError::Store(error)),
    }
}

/// What both drivers give for an operation.
pub(crate) type Outcome<O> = Result<Ruling<O>, StoreError>;

const _: () = assert!(Access::Durable.writes() && !Access::Point.writes());
