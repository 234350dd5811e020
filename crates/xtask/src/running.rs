//! Our own `wharf dev` on a free port. It ends when it is dropped.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::abuse::sign::Key;
use crate::{command, process, workspace};

/// A running server with the environment that its `wharf env` prints.
pub(crate) struct Wharf {
    child: Child,
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Wharf {
    /// Starts `binary dev` in a temporary folder and waits until it is ready.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        Self::start_in(binary, &std::env::temp_dir())
    }

    /// The same with the temporary folder inside `parent`.
    pub(crate) fn start_in(binary: &Path, parent: &Path) -> Result<Self> {
        Self::start_with(binary, parent, &[])
    }

    /// The same with settings, as variables of the environment.
    pub(crate) fn start_with(binary: &Path, parent: &Path, settings: &[(&str, &OsStr)]) -> Result<Self> {
        let folder = TempDir::with_prefix_in("wharf-xtask-", parent)?;
        let child = spawn(binary, folder.path(), settings)?;
        let mut wharf = Self { child, folder, environment: BTreeMap::new() };
        wharf.environment = wharf.read_environment(binary)?;
        Ok(wharf)
    }

    /// Stops it as an operator does. Its data stays.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        command::run(Command::new("kill").args(["-TERM", &pid]))?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on its data, after [`Self::stop`].
    pub(crate) fn start_again(&mut self, binary: &Path, settings: &[(&str, &OsStr)]) -> Result<()> {
        let endpoint = self.data().join("endpoint");
        if endpoint.exists() {
            fs::remove_file(endpoint)?;
        }
        self.child = spawn(binary, self.folder.path(), settings)?;
        self.environment = self.read_environment(binary)?;
        Ok(())
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs a command of the binary against the server.
    pub(crate) fn command(&self, binary: &Path, words: &[&str]) -> Result<String> {
        let mut wharf = Command::new(binary);
        wharf.env_clear().env("HOME", self.folder.path()).args(words).envs(&self.environment);
        command::capture(&mut wharf)
    }

    /// The environment after `eval "$(wharf env)"`, without the previous one.
    fn read_environment(&self, binary: &Path) -> Result<BTreeMap<String, String>> {
        let script = r#"eval "$("$1" env --data-dir "$2")" && env -0"#;
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, "sh"]).arg(binary).arg(self.folder.path().join("data"));
        let text = command::capture(shell.env_clear().env("PATH", "/usr/bin:/bin"))?;
        let pairs = text.split('\0').filter_map(|line| line.split_once('='));
        Ok(pairs
            .filter(|(name, _)| name.starts_with("AWS_") || name.starts_with("WHARF_"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// `HOST:PORT` of the registry.
    pub(crate) fn address(&self) -> Result<&str> {
        self.environment
            .get("WHARF_REGISTRY")
            .map(String::as_str)
            .context("`wharf env` sets no WHARF_REGISTRY")
    }

    /// The access key of the administrator.
    pub(crate) fn key(&self) -> Result<Key> {
        let of = |name: &str| self.environment.get(name).cloned().with_context(|| format!("no {name}"));
        Ok(Key { id: of("AWS_ACCESS_KEY_ID")?, secret: of("AWS_SECRET_ACCESS_KEY")? })
    }

    /// The process id of the server.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A temporary folder, removed with the server.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// Runs the AWS CLI against the server, without the caller's own AWS settings.
    pub(crate) fn aws(&self, words: &[&str]) -> Result<String> {
        self.aws_as(&[], words)
    }

    /// The same with other credentials, as variables of the environment.
    pub(crate) fn aws_as(&self, credentials: &[(&str, &str)], words: &[&str]) -> Result<String> {
        let mut aws = Command::new("aws");
        aws.env_clear().env("PATH", workspace::path_with_tools()?).env("HOME", self.folder.path());
        aws.args(words).args(["--output", "text"]).envs(&self.environment);
        command::capture(aws.envs(credentials.iter().copied()))
    }

    /// The value of an `Authorization: Basic` header.
    pub(crate) fn basic_authorization(&self) -> Result<String> {
        self.basic_authorization_as(&[])
    }

    /// The same for other credentials.
    pub(crate) fn basic_authorization_as(&self, credentials: &[(&str, &str)]) -> Result<String> {
        let query = "authorizationData[0].authorizationToken";
        let words = ["ecr", "get-authorization-token", "--query", query];
        Ok(self.aws_as(credentials, &words)?.trim().to_owned())
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}

/// Starts `binary dev` in a folder and waits until it is ready.
fn spawn(binary: &Path, folder: &Path, settings: &[(&str, &OsStr)]) -> Result<Child> {
    let data = folder.join("data");
    let log = File::create(folder.join("log"))?;
    let mut child = Command::new(binary)
        .args(["dev", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    if let Err(error) = wait_for(&data.join("endpoint"), &mut child) {
        // The process may have ended already. In any case no child process may remain.
        let _ = child.kill();
        let _ = child.wait();
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        bail!("{error:#}; its log:\n{log}");
    }
    Ok(child)
}

/// Waits until a file has content, at most half a minute, while the process runs.
fn wait_for(file: &Path, child: &mut Child) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while Instant::now() < end {
        if fs::read_to_string(file).is_ok_and(|text| !text.trim().is_empty()) {
            return Ok(());
        }
        if let Some(status) = child.try_wait()? {
            bail!("`wharf dev` ended before it was ready ({status})");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("`wharf dev` wrote no {} within 30 seconds", file.display())
}
