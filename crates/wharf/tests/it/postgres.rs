//! A PostgreSQL server of a test, in a temporary folder. It is ended with the test.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server with the database `postgres` and the user `wharf`.
pub(crate) struct Postgres {
    folder: tempfile::TempDir,
    server: Child,
}

/// PostgreSQL refuses to run as root.
fn command(program: &std::path::Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    // It ends also if the test is killed.
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=INT"]).arg(program);
    command
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
        let mut versions: Vec<_> = versions.map(|version| version.unwrap().path().join("bin")).collect();
        versions.sort();
        let bin = versions.pop().expect("PostgreSQL is not installed: apt-get install postgresql");
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        if rustix::process::geteuid().is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let data = folder.path().join("data");
        let mut init = command(&bin.join("initdb"));
        init.args(["-U", "wharf", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
        assert!(init.current_dir("/").stdout(Stdio::null()).status().unwrap().success());
        let mut server = command(&bin.join("postgres"));
        server.arg("-D").arg(&data).arg("-k").arg(folder.path()).args(["-c", "listen_addresses="]);
        let server = server.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while !folder.path().join(".s.PGSQL.5432").exists() {
            assert!(begun.elapsed() < Duration::from_mins(1), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { folder, server }
    }

    /// How to reach it.
    pub(crate) fn url(&self) -> String {
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        format!("postgres://wharf@{folder}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is its fast stop.
        let id = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &id]).status();
        let _ = self.server.wait();
    }
}
