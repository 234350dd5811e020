//! Where the store of a case is: a folder of its own, or a database of its own on one PostgreSQL server.

use std::{
    future::Future,
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::{
    cluster::{Cluster, EMPTY},
    lossy::Lossy,
    world::World,
};
use crate::{Meta, PostgresOptions, SqliteOptions, StoreError};

/// A machine that does other work too is slow.
pub(super) const PATIENT: PostgresOptions = PostgresOptions {
    connections: 16,
    attempts: 8,
    patience: Duration::from_mins(3),
    statement_timeout: Duration::from_mins(1),
    keeps_session: true,
};

/// The place of a store.
pub(super) enum Place {
    Sqlite(tempfile::TempDir),
    Postgres(String),
    /// PostgreSQL behind a proxy that breaks connections at commits, used as behind a pooler.
    Lossy(String, Lossy),
}

pub(super) fn on_sqlite<F: Future<Output = ()>>(case: impl FnOnce(World) -> F) {
    run(async {
        let place = Place::Sqlite(tempfile::tempdir().unwrap());
        case(World::make(place).await).await;
    });
}

pub(super) fn on_postgres<F: Future<Output = ()>>(case: impl FnOnce(World) -> F) {
    run(async {
        let (name, url) = database(migrated().await).await;
        case(World::make(Place::Postgres(url)).await).await;
        cluster().remove(&name).await.unwrap();
    });
}

/// Runs a case on PostgreSQL, with connections that break at every second commit.
pub(super) fn on_lossy_postgres<F: Future<Output = ()>>(case: impl FnOnce(World) -> F) {
    run(async {
        let (name, url) = database(migrated().await).await;
        let proxy = Lossy::start(&cluster().folder());
        case(World::make(Place::Lossy(url, proxy)).await).await;
        cluster().remove(&name).await.unwrap();
    });
}

/// Runs a case on a PostgreSQL server of its own, whose every sync takes 50 ms.
pub(super) fn on_slow_postgres<F: Future<Output = ()>>(case: impl FnOnce(World) -> F) {
    run(async {
        let cluster = Cluster::start(true).unwrap();
        let url = cluster.database("slow", EMPTY).await.unwrap();
        let slow = format!("{url} options='-c commit_delay=50000 -c commit_siblings=0'");
        case(World::make(Place::Postgres(slow)).await).await;
    });
}

/// Runs a case on PostgreSQL, with a door to it that can be closed.
pub(super) fn on_leaving_postgres<F: Future<Output = ()>>(case: impl FnOnce(World, Door) -> F) {
    run(async {
        let (name, url) = database(migrated().await).await;
        let door = Door { folder: tempfile::tempdir().unwrap(), name: name.clone() };
        door.open();
        case(World::make(Place::Postgres(url)).await, door).await;
        cluster().remove(&name).await.unwrap();
    });
}

/// A second way to a database.
pub(super) struct Door {
    folder: tempfile::TempDir,
    name: String,
}

impl Door {
    pub(super) fn url(&self) -> String {
        cluster().url(&self.name).replace(&cluster().folder().display().to_string(), &self.folder())
    }

    fn folder(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// The server can be reached.
    pub(super) fn open(&self) {
        let server = cluster().folder().join(SOCKET);
        std::os::unix::fs::symlink(server, self.folder.path().join(SOCKET)).unwrap();
    }

    /// The server goes away: connections end, and there are no new ones.
    pub(super) async fn close(&self) {
        std::fs::remove_file(self.folder.path().join(SOCKET)).unwrap();
        cluster().disconnect(&self.name).await.unwrap();
    }
}

/// The name of a server's socket.
const SOCKET: &str = ".s.PGSQL.5432";

/// Runs a case on a PostgreSQL server of its own, with a standby.
pub(super) fn on_replicated_postgres<F: Future<Output = ()>>(case: impl FnOnce(World, Cluster) -> F) {
    on_postgres_with_standbys(|world, [standby]| case(world, standby));
}

/// Runs a case on a server with so many standbys.
pub(super) fn on_postgres_with_standbys<const N: usize, F: Future<Output = ()>>(
    case: impl FnOnce(World, [Cluster; N]) -> F,
) {
    run(async {
        let cluster = Cluster::start(true).unwrap();
        let url = cluster.database(REPLICATED, EMPTY).await.unwrap();
        let standbys = std::array::from_fn(|_| cluster.standby().unwrap());
        for standby in &standbys {
            standby.ready().await.unwrap();
        }
        case(World::make(Place::Postgres(url)).await, standbys).await;
    });
}

/// The database of a server with a standby.
pub(super) const REPLICATED: &str = "replicated";

/// A database on the one server of the process, like another one: its name, and how to connect to it.
async fn database(template: &str) -> (String, String) {
    static DATABASES: AtomicI64 = AtomicI64::new(0);
    let name = format!("case{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    let url = cluster().database(&name, template).await.unwrap();
    (name, url)
}

/// The name of a database whose schema is there, because a copy takes less time than the migrations.
async fn migrated() -> &'static str {
    static MIGRATED: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MIGRATED
        .get_or_init(|| async {
            let url = cluster().database("migrated", EMPTY).await.unwrap();
            drop(Meta::postgres(&url, PostgresOptions::default()).await.unwrap());
            cluster().disconnect("migrated").await.unwrap();
        })
        .await;
    "migrated"
}

/// The one server of the process.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(false)).as_ref().unwrap_or_else(|why| panic!("{why}"))
}

fn run(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(case);
}

impl Place {
    /// An empty one of the same kind.
    pub(super) async fn another(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::Sqlite(tempfile::tempdir().unwrap()),
            Self::Postgres(_) | Self::Lossy(..) => Self::Postgres(database(EMPTY).await.1),
        }
    }

    /// An empty one of the other kind.
    pub(super) async fn other_kind(&self) -> Self {
        match self {
            Self::Sqlite(_) => Self::Postgres(database(EMPTY).await.1),
            Self::Postgres(_) | Self::Lossy(..) => Self::Sqlite(tempfile::tempdir().unwrap()),
        }
    }

    pub(super) async fn open(&self) -> Result<Meta, StoreError> {
        match self {
            Self::Sqlite(folder) => {
                Meta::sqlite(folder.path().join("wharf.db"), SqliteOptions::default()).await
            }
            Self::Postgres(url) => Meta::postgres(url, PATIENT).await,
            Self::Lossy(url, proxy) => {
                proxy.break_commits(false);
                let server = cluster().folder().display().to_string();
                let url = url.replace(&server, &proxy.folder().display().to_string());
                let opened =
                    Meta::postgres(&url, PostgresOptions { attempts: 100, keeps_session: false, ..PATIENT })
                        .await;
                proxy.break_commits(true);
                opened
            }
        }
    }
}
