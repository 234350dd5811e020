//! A PostgreSQL server for one process: created by `initdb` in a temporary folder, reachable only over a Unix socket,
//! stopped and removed when the process ends for any reason.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// The template of an empty database.
pub(crate) const EMPTY: &str = "template0";

/// Numbers the folders of this process.
static CLUSTERS: AtomicU64 = AtomicU64::new(0);

/// A running server. It stops when this is dropped, or when the process ends.
pub(crate) struct Cluster {
    folder: PathBuf,
    _supervisor: Child,
    /// The supervisor ends the server when this pipe closes.
    _lifeline: ChildStdin,
}

/// The data of a new server.
const INITIALIZE: &str = r#"
folder="$1" bin="$2"; shift 2
"$@" "$bin/initdb" -D "$folder/data" -U wharf -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 \
    || { echo "initdb failed: $(tail -n 3 "$folder/initdb.log")"; rm -rf "$folder"; exit 1; }
"#;

/// The data of a standby are a copy of its primary's.
const FOLLOW: &str = r#"
folder="$1" bin="$2"; shift 2
"$@" "$bin/pg_basebackup" -D "$folder/data" -h "$WHARF_TEST_PRIMARY" -U wharf -R -X stream -c fast >"$folder/copy.log" 2>&1 \
    || { echo "pg_basebackup failed: $(tail -n 3 "$folder/copy.log")"; rm -rf "$folder"; exit 1; }
"#;

/// Started by a shell that waits for the end of its standard input. A killed process closes that too.
const SUPERVISE: &str = r#"
"$@" "$bin/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c max_connections=400 \
    -c fsync="$WHARF_TEST_FSYNC" -c shared_buffers=64MB >"$folder/postgres.log" 2>&1 </dev/null &
server=$!
echo started
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$folder"
"#;

impl Cluster {
    /// Creates and starts a server. `fsync` off is faster and loses everything in a power cut, which no test survives.
    pub(crate) fn start(fsync: bool) -> Result<Self, String> {
        Self::begin(fsync, None)
    }

    fn begin(fsync: bool, primary: Option<&Path>) -> Result<Self, String> {
        let bin = binaries()?;
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("wharf-pg-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let mut command = Command::new("sh");
        let script = if primary.is_some() { FOLLOW } else { INITIALIZE };
        command.args(["-c", &[script, SUPERVISE].concat(), "sh"]).arg(&folder).arg(&bin);
        command.env("WHARF_TEST_PRIMARY", primary.unwrap_or(Path::new("")));
        if is_root(&folder)? {
            // PostgreSQL refuses to run as root.
            let given = Command::new("chown").arg("postgres").arg(&folder).status();
            if !given.is_ok_and(|status| status.success()) {
                return Err("there is no user `postgres`: install Debian's package postgresql".into());
            }
            command.args(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        }
        command.env("WHARF_TEST_FSYNC", if fsync { "on" } else { "off" });
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut supervisor = command.spawn().map_err(|error| format!("cannot start sh: {error}"))?;
        let lifeline = supervisor.stdin.take().ok_or("no pipe to the supervisor")?;
        let mut said = String::new();
        BufReader::new(supervisor.stdout.take().ok_or("no pipe from the supervisor")?)
            .read_line(&mut said)
            .map_err(|error| error.to_string())?;
        if said.trim() != "started" {
            return Err(said);
        }
        let cluster = Self { folder, _supervisor: supervisor, _lifeline: lifeline };
        cluster.await_socket()?;
        Ok(cluster)
    }

    fn await_socket(&self) -> Result<(), String> {
        let until = Instant::now() + Duration::from_mins(1);
        while std::os::unix::net::UnixStream::connect(self.folder.join(".s.PGSQL.5432")).is_err() {
            if Instant::now() > until {
                let log = fs::read_to_string(self.folder.join("postgres.log")).unwrap_or_default();
                return Err(format!("PostgreSQL did not start within a minute: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A standby of this server, as Debian's tools make it: a copy that follows the log.
    pub(crate) fn standby(&self) -> Result<Self, String> {
        Self::begin(true, Some(&self.folder))
    }

    /// Returns when it answers.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        self.command("SELECT 1").await
    }

    /// The folder of its socket.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.clone()
    }

    /// How to connect to one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("host={} user=wharf dbname={database}", self.folder.display())
    }

    /// Creates a database like another one and returns how to connect to it.
    pub(crate) async fn database(&self, name: &str, template: &str) -> Result<String, String> {
        // Its default order is a dictionary's, so a text column without COLLATE "C" shows in the first sorted page.
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE {template} LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'"
        );
        self.command(&create).await.map(|()| self.url(name))
    }

    /// Removes a database, also when connections to it are still open.
    pub(crate) async fn remove(&self, name: &str) -> Result<(), String> {
        self.command(&format!("DROP DATABASE {name} WITH (FORCE)")).await
    }

    /// Ends the connections to a database, which could not be a template otherwise.
    pub(crate) async fn disconnect(&self, name: &str) -> Result<(), String> {
        let end =
            format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'");
        self.command(&end).await
    }

    async fn command(&self, sql: &str) -> Result<(), String> {
        let mut tries = 0;
        let (client, connection) = loop {
            match tokio_postgres::connect(&self.url("postgres"), tokio_postgres::NoTls).await {
                Ok(connected) => break connected,
                // The socket exists shortly before the server accepts connections.
                Err(error) if tries == 200 => return Err(error.to_string()),
                Err(_) => tries += 1,
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        let driver = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        drop(driver.await);
        done.map_err(|error| format!("{error:?}"))
    }
}

/// The folder of the newest server binaries.
fn binaries() -> Result<PathBuf, String> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop().ok_or_else(|| {
        "PostgreSQL is not installed: `apt-get install postgresql` (the tests start a server of their own)".into()
    })
}

fn is_root(made: &Path) -> Result<bool, String> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(made).map(|made| made.uid() == 0).map_err(|error| error.to_string())
}
