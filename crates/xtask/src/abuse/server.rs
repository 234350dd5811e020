//! Our own `wharf serve`, with the limits that an attack needs. It ends when it is dropped.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use super::sign::Key;

/// The account of the deployment.
pub(super) const ACCOUNT: &str = "123456789012";

/// The settings that differ from their defaults.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// `body_idle_seconds`; the default is 60.
    pub(super) body_idle_seconds: u64,
    /// `ulimit -n` of the server, hard and soft; none: 1024, which may be raised.
    pub(super) descriptors: Option<u32>,
}

/// A running server.
pub(super) struct Server {
    child: Child,
    folder: TempDir,
    binary: PathBuf,
    /// Where requests are served.
    pub(super) address: SocketAddr,
    /// Where metrics are served.
    pub(super) metrics: SocketAddr,
}

impl Server {
    /// Starts `binary serve` in a temporary folder and waits until it is ready.
    pub(super) fn start(binary: &Path, settings: Settings) -> Result<Self> {
        let folder = TempDir::with_prefix("wharf-abuse-")?;
        let file = folder.path().join("wharf.toml");
        fs::write(&file, configuration(folder.path(), settings)?)?;
        let log = folder.path().join("log");
        let mut serve = Command::new("/bin/sh");
        // The soft limit of a shell or of systemd, which the server may raise to the hard limit.
        let limit = settings.descriptors.map_or("-S -n 1024".to_owned(), |files| format!("-n {files}"));
        serve.args([
            "-c",
            &format!("ulimit {limit} && exec \"$1\" serve --log-format json --config \"$2\""),
            "sh",
        ]);
        serve.arg(binary).arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let child = serve.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server =
            Self { child, folder, binary: binary.to_owned(), address: nowhere, metrics: nowhere };
        (server.address, server.metrics) = server.wait_for_addresses()?;
        Ok(server)
    }

    /// The addresses, from the line `ready` in the log; waits at most half a minute.
    fn wait_for_addresses(&mut self) -> Result<(SocketAddr, SocketAddr)> {
        let end = Instant::now() + Duration::from_secs(30);
        while Instant::now() < end {
            let log = self.log();
            if let Some(addresses) = log.lines().find_map(addresses) {
                return Ok(addresses);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("`wharf serve` ended before it was ready ({status}); its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("`wharf serve` was not ready within 30 seconds; its log:\n{}", self.log())
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The program.
    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// A temporary folder, removed with the server.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    /// The whole log.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The access key of the first administrator, which the first start stores in a file.
    pub(super) fn administrator(&self) -> Result<Key> {
        let text = fs::read_to_string(self.folder.path().join("data/first-credentials.toml"))?;
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            value
                .map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
                .with_context(|| format!("no {name} in first-credentials.toml"))
        };
        Ok(Key { id: field("access_key_id")?, secret: field("secret_access_key")? })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(folder: &Path, settings: Settings) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "data_dir = \"{}\"", folder.join("data").display())?;
    writeln!(text, "[bootstrap]\naccount_id = \"{ACCOUNT}\"")?;
    writeln!(
        text,
        "[server]\nlisten = \"127.0.0.1:0\"\n[rates]\nenabled = false\n[metrics]\nlisten = \"127.0.0.1:0\""
    )?;
    writeln!(text, "[server.limits]\nbody_idle_seconds = {}", settings.body_idle_seconds)?;
    Ok(text)
}

/// Both addresses in a log line, if it is the line `ready`.
fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line.get("message")?.as_str()? != "ready" {
        return None;
    }
    let metrics = line.get("metrics")?.as_str()?.trim_start_matches("Some(").trim_end_matches(')');
    Some((line.get("address")?.as_str()?.parse().ok()?, metrics.parse().ok()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_ready_line_contains_both_addresses() {
        let line =
            r#"{"level":"INFO","message":"ready","address":"127.0.0.1:1","metrics":"Some(127.0.0.1:2)"}"#;
        let found = super::addresses(line).map(|(address, metrics)| (address.port(), metrics.port()));
        assert_eq!(found, Some((1, 2)));
        assert_eq!(super::addresses("not JSON"), None);
    }
}
