//! The PostgreSQL driver: a pool of connections, READ COMMITTED, operations run again after a conflict and after a lost
//! connection.

mod breaker;
mod fault;
mod marker;
mod param;
mod replica;
mod session;
#[cfg(test)]
mod statements;
mod tls;
mod tries;
#[cfg(test)]
pub(crate) mod turns;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use breaker::{Breaker, Entered};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use marker::{Marker, Markers};
use replica::Replica;
use session::Sending;
pub(crate) use session::Session;
use tries::{PAUSES, Tries};

use crate::{
    error::StoreError,
    job::{Job, Ran},
    migrate,
    operation::Access,
    tx::{Driver, Tx},
    value::params,
};

/// Syncs the write-ahead log up to here, with all commits before. PostgreSQL keeps the locks of a transaction until its
/// commit is synced, so pushes to one repository would wait for each other's sync. A contended operation therefore commits
/// without a sync, which frees its locks, and then syncs with this small transaction of its own, which shares the sync with
/// others. (A transaction that writes nothing to the log is not synced: PostgreSQL 15, `RecordTransactionCommit`.)
const SYNC: &str = "SELECT pg_logical_emit_message(true, 'wharf', '')";
/// Longest time for a new connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server may not confirm what was sent to it, unless the URL says otherwise (`tcp_user_timeout`).
const CUT: Duration = Duration::from_secs(10);

/// How the PostgreSQL driver is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Most connections of this node.
    pub connections: usize,
    /// How often an operation is tried that meets conflicts, or whose connections break.
    pub attempts: u32,
    /// How long an operation waits for a server that is away: so long may a restart or a failover take.
    pub patience: Duration,
    /// Longest time of one statement. Migrations have no limit.
    pub statement_timeout: Duration,
    /// Whether connections keep prepared statements and settings. A pooler that lends a connection for one transaction
    /// cannot keep them.
    pub keeps_session: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: 16,
            attempts: 8,
            patience: Duration::from_secs(15),
            statement_timeout: Duration::from_secs(30),
            keeps_session: true,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    options: PostgresOptions,
    breaker: Arc<Breaker>,
    markers: Arc<Markers>,
    replica: Option<Arc<Replica>>,
    round_trips: Arc<AtomicU64>,
    #[cfg(test)]
    turns: Option<Arc<turns::Turns>>,
}

/// A standby for lists and reports. The URL can contain a password, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresReplica {
    /// How to connect to it.
    pub url: String,
    /// How long a page waits for the standby to come as far as the primary, before the primary answers.
    pub wait: Duration,
}

/// A pool of connections, which are made when they are needed.
fn pool(url: &str, options: PostgresOptions, patience: Duration) -> Result<Pool, StoreError> {
    let (mut config, tls) = tls::of_url(url)?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    // What was sent to a server whose network was cut has no answer, and another server may have its address by now.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(CUT);
    }
    if options.keeps_session {
        config.options(session_settings(config.get_options(), options.statement_timeout));
    }
    let manager =
        Manager::from_config(config, tls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    Pool::builder(manager)
        .max_size(options.connections.max(1))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(patience))
        .create_timeout(Some(CONNECT * 2))
        .build()
        .map_err(|error| StoreError::Connect(Box::new(error)))
}

impl Postgres {
    fn of_url(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        Ok(Self {
            pool: pool(url, options, options.patience)?,
            options,
            breaker: Arc::new(Breaker::new(options.patience)),
            markers: Arc::default(),
            replica: None,
            round_trips: Arc::default(),
            #[cfg(test)]
            turns: None,
        })
    }

    /// Which of these settings a database has. It is not migrated, so it can have no tables.
    pub(crate) async fn settings_at(
        url: &str,
        options: PostgresOptions,
        names: &[&str],
    ) -> Result<Vec<String>, StoreError> {
        let session = Self::of_url(url, options)?.session().await?;
        let table = session.rows("SELECT 1 WHERE to_regclass('setting') IS NOT NULL", &[]).await?;
        let mut known = Vec::new();
        if table.is_empty() {
            return Ok(known);
        }
        for name in names {
            let found = session.rows("SELECT 1 FROM setting WHERE name = ?1", &params![*name]).await?;
            if !found.is_empty() {
                known.push((*name).to_owned());
            }
        }
        Ok(known)
    }

    pub(crate) async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let opened = Self::of_url(url, options)?;
        let session = opened.session().await?.unlimited();
        let migrated = async {
            if options.keeps_session {
                session.command("SET statement_timeout TO 0").await?;
            }
            migrate::postgres(&session).await?;
            marker::trim(&session).await
        };
        let migrated = migrated.await;
        // Its statements have no limit, unlike those of the others.
        session.give_back(false);
        migrated?;
        Ok(opened)
    }

    /// Names one of several databases. Requests for the others go on when it is away.
    pub(crate) fn is_one_of_several(&self, name: &str) {
        self.breaker.is_one_of_several(name);
    }

    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// Runs lists on a standby from now on, which need not be there yet.
    pub(crate) fn with_replica(self, replica: &PostgresReplica) -> Result<Self, StoreError> {
        let pool = pool(&replica.url, self.options, replica.wait)?;
        Ok(Self { replica: Some(Arc::new(Replica::new(pool, replica.wait))), ..self })
    }

    /// How many lists a standby answered.
    pub(crate) fn replica_reads(&self) -> u64 {
        self.replica.as_ref().map_or(0, |replica| replica.answered())
    }

    async fn session(&self) -> Result<Session, StoreError> {
        self.session_of(&self.pool).await
    }

    async fn session_of(&self, pool: &Pool) -> Result<Session, StoreError> {
        let object: Object = pool.get().await.map_err(no_session)?;
        let sending = Sending { limit: self.options.statement_timeout, prepares: self.options.keeps_session };
        let session = Session::new(object, Arc::clone(&self.round_trips), sending);
        #[cfg(test)]
        let session = session.with_turns(self.turns.clone());
        Ok(session)
    }

    /// The same with statements that wait for their turns.
    #[cfg(test)]
    pub(crate) fn with_turns(self, turns: Arc<turns::Turns>) -> Self {
        Self { turns: Some(turns), ..self }
    }

    /// Runs a read of one statement, which has a snapshot of its own. When the caller goes away nothing is left open.
    pub(crate) async fn point(&self, mut job: Job) -> Result<(), StoreError> {
        let mut tries = Tries::new(self.options, self.breaker.enter()?);
        loop {
            let ended = self.statement(&mut job).await;
            let failed = ended.as_ref().err().or(job.error());
            if let Some(error) = failed
                && tries.once_more(job.name(), error).await
            {
                continue;
            }
            if failed.is_none() {
                tries.reached();
            }
            ended?;
            job.answer();
            return Ok(());
        }
    }

    async fn statement(&self, job: &mut Job) -> Result<(), StoreError> {
        let session = self.session().await?;
        job.run(&mut Tx::single(Driver::Postgres(&session))).await;
        session.give_back(job.error().is_none());
        Ok(())
    }

    /// Runs a job on a task of its own, which answers it, so that a caller that goes away leaves no half-done
    /// transaction.
    pub(crate) fn spawn(&self, job: Job) {
        let entered = match self.breaker.enter() {
            Ok(entered) => entered,
            Err(error) => return job.fail(error),
        };
        let this = self.clone();
        tokio::spawn(async move { this.repeat(job, entered).await });
    }

    /// Runs the transaction until it is settled.
    async fn repeat(&self, mut job: Job, entered: Entered) {
        let mut tries = Tries::new(self.options, entered);
        loop {
            let ended = self.transaction(&mut job, &mut tries).await;
            if let Some(error) = ended.as_ref().err().or(job.error())
                && tries.once_more(job.name(), error).await
            {
                continue;
            }
            return match ended {
                Ok(()) => job.answer(),
                Err(error) => job.fail(error),
            };
        }
    }

    /// Runs the job once. An error is one of the transaction, which had no effect, unless it is
    /// [`StoreError::Unsettled`]; the job keeps its own.
    async fn transaction(&self, job: &mut Job, tries: &mut Tries) -> Result<(), StoreError> {
        let session = self.session().await?;
        // What runs on a read-only store, whose marks nobody can write, can run twice.
        let marker = (job.access().writes() && !job.is_for_read_only()).then(|| self.markers.take());
        let begun = match &marker {
            Some(marker) => session.begin(begin(job.access()), marker).await,
            None => session.command(begin(job.access())).await,
        };
        if let Err(error) = begun {
            if matches!(error, StoreError::ReadOnly) {
                self.markers.give_back(marker);
                return self.without_a_change(session, job).await;
            }
            session.give_back(false);
            return Err(error);
        }
        tries.reached();
        let ran = job.run(&mut Tx::new(Driver::Postgres(&session))).await;
        if ran != Ran::Done {
            let ended = session.command("ROLLBACK").await;
            session.give_back(ended.is_ok());
            // After an error the transaction may still hold the row of the marker.
            self.markers.give_back(marker.filter(|_| ended.is_ok()));
            return Ok(());
        }
        let mut ended = session.command("COMMIT").await;
        if job.access() == Access::Contended && ended.is_ok() {
            ended = session.command(SYNC).await;
        }
        session.give_back(ended.is_ok());
        match (ended, marker) {
            (Err(error), Some(marker)) => self.settle(marker, error).await,
            (ended, marker) => {
                self.markers.give_back(marker);
                ended
            }
        }
    }

    /// Runs a job on a store that is read-only. It may do what changes nothing: a node can start on such a store.
    async fn without_a_change(&self, session: Session, job: &mut Job) -> Result<(), StoreError> {
        let ran = run_unchanged(&session, job).await;
        let ended = session.command("ROLLBACK").await;
        session.give_back(ended.is_ok());
        if ran? { Ok(()) } else { Err(StoreError::ReadOnly) }
    }

    /// Finds out whether a COMMIT took effect whose answer is an error, which is returned if it did not. It waits as long as
    /// for a failover, also if no other operation waits any more: nobody else can find out.
    async fn settle(&self, marker: Marker, error: StoreError) -> Result<(), StoreError> {
        let (until, mut pause) = (Instant::now() + self.options.patience, PAUSES.0);
        loop {
            let found = async {
                let session = self.session().await?;
                let found = marker.is_committed(&session).await;
                session.give_back(found.is_ok());
                found
            };
            match found.await {
                Ok(committed) => {
                    self.markers.give_back(Some(marker));
                    return if committed { Ok(()) } else { Err(error) };
                }
                Err(_) if Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
                Err(lost) => {
                    tracing::error!(%error, %lost, "PostgreSQL was lost during a commit and did not come back");
                    return Err(StoreError::Unsettled);
                }
            }
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
}

/// Runs a job in a transaction that is not committed. Returns whether it changed nothing.
async fn run_unchanged(session: &Session, job: &mut Job) -> Result<bool, StoreError> {
    session.command("ROLLBACK; BEGIN").await?;
    if job.run(&mut Tx::new(Driver::Postgres(session))).await != Ran::Done {
        return Ok(true);
    }
    // A transaction gets a number when it changes or locks a row.
    let mut rows = session.rows("SELECT pg_current_xact_id_if_assigned()::text", &[]).await?;
    let row = rows.first_mut().ok_or(StoreError::Bug("a SELECT without a table gave no row"))?;
    Ok(row.take::<Option<String>>()?.is_none())
}

/// How the transaction of an operation begins.
fn begin(access: Access) -> &'static str {
    match access {
        Access::Point | Access::Page | Access::List => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Access::Relaxed | Access::Contended => {
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit TO off"
        }
        Access::BeforeBytes | Access::Durable => "BEGIN ISOLATION LEVEL READ COMMITTED",
    }
}

/// Options of each connection, after those of the URL. They end what a node left behind that the server cannot see: a
/// network that was cut keeps its transactions, and their locks, open.
fn session_settings(given: Option<&str>, statement_timeout: Duration) -> String {
    let milliseconds = statement_timeout.as_millis();
    format!(
        "-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout=10000 -c tcp_user_timeout=10000 {}",
        given.unwrap_or_default()
    )
}

fn no_session(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => StoreError::Connect(Box::new(error)),
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Overloaded,
        error => StoreError::Connect(Box::new(error)),
    }
}
