//! A PostgreSQL server for one run, with its usual settings: it listens only on a socket in a folder of its own. It ends
//! when it is dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::machine;
use crate::command;

/// Where Debian has the programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";
/// The user and the owner of the data; the server refuses to run as root.
const USER: &str = "postgres";

/// The running server.
pub(crate) struct Postgres {
    child: Child,
    folder: TempDir,
}

impl Postgres {
    /// Creates a database and starts the server.
    pub(crate) fn start() -> Result<Self> {
        // Not below the run's folder: the path of a socket must be short, and this user must be able to read it.
        let folder = TempDir::with_prefix("wharf-pg-")?;
        machine::refuse_memory_disk(folder.path())?;
        command::capture(Command::new("chown").arg(USER).arg(folder.path()))?;
        let (programs, data) = (programs()?, folder.path().join("data"));
        let mut initdb = as_user(&programs.join("initdb"));
        initdb.args(["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", "wharf", "-D"]);
        command::capture(initdb.arg(&data))?;
        let log = File::create(folder.path().join("log"))?;
        let mut postgres = as_user(&programs.join("postgres"));
        postgres.args(["-c", "listen_addresses=", "-k"]).arg(folder.path()).arg("-D").arg(&data);
        let postgres = postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = Self { child: postgres.spawn().context("cannot start postgres")?, folder };
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            let mut ready = Command::new(programs.join("pg_isready"));
            if command::capture(ready.arg("-h").arg(server.folder.path())).is_ok() {
                return Ok(server);
            }
            sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        bail!("postgres did not start; its output:\n{log}");
    }

    /// The value of `url` in `[database]`.
    pub(crate) fn url(&self) -> String {
        url(self.folder.path())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT ends it without waiting for its clients.
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

fn url(folder: &Path) -> String {
    format!("postgres://wharf@{}/postgres", folder.display().to_string().replace('/', "%2F"))
}

fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(program).current_dir("/");
    command
}

/// The folder of the newest version.
fn programs() -> Result<PathBuf> {
    let versions =
        fs::read_dir(PROGRAMS).context("PostgreSQL is missing: `cargo xtask install` installs it")?;
    let mut folders = versions.map(|version| Ok(version?.path())).collect::<Result<Vec<_>>>()?;
    folders.sort();
    Ok(folders.pop().context("no version of PostgreSQL")?.join("bin"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_folder_of_the_socket_is_the_host() {
        let url = super::url(std::path::Path::new("/tmp/a"));
        assert_eq!(url, "postgres://wharf@%2Ftmp%2Fa/postgres");
    }
}
