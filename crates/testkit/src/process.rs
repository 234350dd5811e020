//! The real binary as a process on its own folder.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{Client, Credentials};

/// A running server. It is killed when this is dropped.
pub struct Wharf {
    child: Child,
    data: PathBuf,
    address: SocketAddr,
    host: String,
    /// The time from its start until it accepted connections.
    pub start_took: Duration,
}

/// The result of a start.
pub enum Started {
    /// The server accepts connections.
    Ready(Wharf),
    /// The process ended before that; with an armed fault point this can be the wanted result.
    Ended,
}

impl Wharf {
    /// Starts `wharf dev` on a data folder, with a fault point armed if one is given. Its log goes to `log` in the
    /// parent folder.
    pub fn start(binary: &Path, data: &Path, fault: Option<&str>) -> Result<Started> {
        Self::start_with(binary, data, fault, &[])
    }

    /// The same with settings in the environment.
    pub fn start_with(
        binary: &Path,
        data: &Path,
        fault: Option<&str>,
        settings: &[(&str, &str)],
    ) -> Result<Started> {
        let endpoint = data.join("endpoint");
        let _ = fs::remove_file(&endpoint);
        let log = File::create(data.with_extension("log"))?;
        let mut command = Command::new(binary);
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.env_remove("WHARF_DATA_DIR").env_remove("WHARF_LOG");
        command.envs(settings.iter().copied());
        if let Some(fault) = fault {
            command.args(["--fault", fault]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let begun = Instant::now();
        let mut child = command.spawn().with_context(|| format!("cannot start {}", binary.display()))?;
        loop {
            if child.try_wait()?.is_some() {
                return Ok(Started::Ended);
            }
            // The listener is open before the file is written.
            if let Ok(url) = fs::read_to_string(&endpoint) {
                let host = url.trim().trim_start_matches("http://").to_owned();
                let port = host.rsplit(':').next().and_then(|port| port.parse().ok()).context("no port")?;
                let address = (Ipv4Addr::LOCALHOST, port).into();
                let start_took = begun.elapsed();
                return Ok(Started::Ready(Self { child, data: data.to_owned(), address, host, start_took }));
            }
            if begun.elapsed() > Duration::from_secs(30) {
                child.kill()?;
                bail!(
                    "the server is not ready after 30 s: {}",
                    fs::read_to_string(data.with_extension("log"))?
                );
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// A client that is logged in as the administrator.
    pub fn client(&self) -> Result<Client> {
        Client::login(self.address, &self.host, Credentials::of_dev_folder(&self.data)?)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process has ended by itself within a time limit.
    pub fn ends_within(&mut self, time: Duration) -> Result<bool> {
        let begun = Instant::now();
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            if begun.elapsed() > time {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// The peak memory of the process, in KiB (`VmHWM`).
    pub fn peak_memory_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder in memory if there is one: a killed process loses nothing that it has written, so these tests need no disk,
/// which is slow.
pub fn memory_folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}
