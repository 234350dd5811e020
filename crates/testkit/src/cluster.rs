//! The cluster of `deploy/local-cluster`: three nodes behind a load balancer, PostgreSQL and an S3 server. What is killed
//! starts again. PostgreSQL can fail over, and a test can put proxies before the servers.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, Credentials, memory_folder};

/// A running cluster. It ends when this is dropped.
pub struct Cluster {
    script: Child,
    folder: TempDir,
    binary: PathBuf,
    /// A client of the load balancer.
    pub client: Client,
    /// A client of each node.
    pub nodes: Vec<Client>,
}

/// What a cluster has.
#[derive(Clone, Copy)]
pub struct ClusterOptions<'a> {
    /// The server.
    pub binary: &'a Path,
    /// How many nodes.
    pub nodes: u32,
    /// `versitygw` or `seaweedfs`.
    pub store: &'a str,
    /// `stream` or `redirect`.
    pub serve: &'a str,
    /// Where the data is: a folder in memory, if there is none.
    pub folder: Option<&'a Path>,
    /// Settings of the nodes, as variables of the environment.
    pub settings: &'a [(&'a str, &'a str)],
    /// Whether PostgreSQL has a synchronous standby.
    pub standby: bool,
    /// The ports of the servers, and those through which each node reaches them, as the option `--links` of the script.
    pub links: Option<&'a str>,
}

impl Cluster {
    /// Starts it, and waits until all nodes are ready.
    pub fn start(options: &ClusterOptions<'_>) -> Result<Self> {
        let folder =
            options.folder.map_or_else(memory_folder, |folder| Ok(TempDir::with_prefix_in("c-", folder)?))?;
        // PostgreSQL runs as another user.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let log = File::create(folder.path().join("log"))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut script = Command::new("python3");
        script.arg(root.join("deploy/local-cluster/cluster.py")).arg("--wharf").arg(options.binary);
        script.arg("--folder").arg(folder.path().join("c")).arg("--restart");
        script.args((!options.standby).then_some("--no-standby"));
        script.args(options.links.into_iter().flat_map(|links| ["--links", links]));
        script.args([
            "--nodes",
            &options.nodes.to_string(),
            "--store",
            options.store,
            "--serve",
            options.serve,
        ]);
        script.env("PATH", path_with_tools()).envs(options.settings.iter().copied());
        let script = script.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut starting = Starting { script: Some(script) };
        starting.wait(folder.path())?;
        let state = state(folder.path())?;
        let text =
            |name: &str| state.pointer(name).and_then(Value::as_str).context("a text").map(str::to_owned);
        let host = text("/environment/WHARF_REGISTRY")?;
        let (id, secret) =
            (text("/environment/AWS_ACCESS_KEY_ID")?, text("/environment/AWS_SECRET_ACCESS_KEY")?);
        let login = |port: u64| -> Result<Client> {
            let address: SocketAddr = (Ipv4Addr::LOCALHOST, u16::try_from(port)?).into();
            Client::login(address, &host, Credentials::new(&id, &secret, &text("/environment/AWS_REGION")?))
        };
        let client = login(host.rsplit(':').next().context("no port")?.parse()?)?;
        let ports = state
            .get("nodes")
            .and_then(Value::as_array)
            .context("no nodes")?
            .iter()
            .filter_map(Value::as_u64);
        let nodes = ports.map(login).collect::<Result<_>>()?;
        let script = starting.script.take().context("it was taken")?;
        Ok(Self { script, folder, binary: options.binary.to_owned(), client, nodes })
    }

    /// `kill -9` of a process, such as `node-2` or `store`. Returns when its successor was started.
    pub fn kill(&self, name: &str) -> Result<()> {
        let before = self.pid(name)?;
        Command::new("kill").args(["-9", &before.to_string()]).status()?;
        let begun = Instant::now();
        while self.pid(name)? == before {
            if begun.elapsed() > Duration::from_secs(20) {
                bail!("{name} was not started again");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Kills the primary of PostgreSQL, whose standby is promoted. Returns when it is.
    pub fn fail_over(&self) -> Result<()> {
        let before = self.primary()?;
        Command::new("kill").args(["-USR1", &self.script.id().to_string()]).status()?;
        self.await_state("the failover", |state| {
            state.get("primary").and_then(Value::as_str) != Some(before.as_str())
        })
    }

    /// Waits until there have been so many failovers, and PostgreSQL has a standby again.
    pub fn await_standby(&self, failovers: u64) -> Result<()> {
        self.await_state("a new standby", |state| {
            state.get("failovers").and_then(Value::as_u64) == Some(failovers)
        })
    }

    /// The process that is the primary of PostgreSQL.
    pub fn primary(&self) -> Result<String> {
        let state = state(self.folder.path())?;
        state.get("primary").and_then(Value::as_str).map(str::to_owned).context("no primary")
    }

    fn await_state(&self, what: &str, is_there: impl Fn(&Value) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !is_there(&state(self.folder.path())?) {
            if begun.elapsed() > Duration::from_mins(1) {
                let log = fs::read_to_string(self.folder.path().join("log"))?;
                bail!("{what} did not come within a minute: {log}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// The process ID of a process.
    pub fn pid(&self, name: &str) -> Result<u64> {
        state(self.folder.path())?
            .pointer(&format!("/pids/{name}"))
            .and_then(Value::as_u64)
            .with_context(|| format!("no process {name}"))
    }

    /// The port of the S3 server.
    pub fn store_port(&self) -> Result<u64> {
        state(self.folder.path())?.get("store").and_then(Value::as_u64).context("no port of the S3 server")
    }

    /// Lets the S3 server give the space of deleted objects back, if it does not do so by itself. A server that is killed
    /// meanwhile may lose objects.
    pub fn vacuum(&self) -> Result<()> {
        let state = state(self.folder.path())?;
        let Some(url) = state.get("vacuum").and_then(Value::as_str) else { return Ok(()) };
        let asked =
            Command::new("curl").args(["-fsS", "--max-time", "60", "-o", "/dev/null", url]).status()?;
        ensure!(asked.success(), "the S3 server does not vacuum: {asked}");
        Ok(())
    }

    /// Whether a node accepts requests, by its number from 0.
    pub fn is_ready(&self, node: usize) -> bool {
        let client = self.nodes.get(node);
        client
            .is_some_and(|client| client.v2("GET", "/readyz", "", b"").is_ok_and(|reply| reply.status == 200))
    }

    /// A command of the binary that calls the cluster as its administrator.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let state = state(self.folder.path())?;
        let mut command = Command::new(&self.binary);
        command.args(words).env("HOME", self.folder.path());
        for (name, value) in state.get("environment").and_then(Value::as_object).context("no environment")? {
            command.env(name, value.as_str().unwrap_or_default());
        }
        Ok(command)
    }

    /// A folder that ends with the cluster.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// Copies the logs to a folder that stays, for a failed test.
    pub fn keep_logs(&self) -> Result<PathBuf> {
        let kept = tempfile::Builder::new().prefix("wharf-soak-logs-").tempdir()?.keep();
        for entry in fs::read_dir(self.folder.path().join("c"))? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "log"))
            {
                fs::copy(&path, kept.join(name))?;
            }
        }
        Ok(kept)
    }
}

fn state(folder: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&fs::read(folder.join("c/state.json"))?)?)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        end(&mut self.script);
    }
}

/// A script that is ended unless it became a cluster.
struct Starting {
    script: Option<Child>,
}

impl Starting {
    fn wait(&mut self, folder: &Path) -> Result<()> {
        let (begun, log) = (Instant::now(), folder.join("log"));
        loop {
            let said = fs::read_to_string(&log)?;
            if said.contains("ready: ") {
                return Ok(());
            }
            let ended = self.script.as_mut().is_some_and(|script| !matches!(script.try_wait(), Ok(None)));
            if ended || begun.elapsed() > Duration::from_mins(2) {
                bail!("no cluster (does `cargo xtask install` miss?): {said}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(script) = &mut self.script {
            end(script);
        }
    }
}

/// It ends its processes first.
fn end(script: &mut Child) {
    let _ = Command::new("kill").args(["-TERM", &script.id().to_string()]).status();
    let _ = script.wait();
}

/// `PATH` with what `cargo xtask install` fills, and Debian's folders.
fn path_with_tools() -> OsString {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let tools =
        std::env::var_os("WHARF_TOOLS").map_or_else(|| home.join(".cache/wharf-tools"), PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [tools.join("bin"), tools.join("venv/bin")].into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders.chain(["/usr/sbin".into()])).unwrap_or(path)
}
