//! The binary as a process of the test: started with a clean environment, waited for with a limit, and ended by its
//! process ID.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

/// The binary, with only the search path of the caller's environment.
pub(crate) fn wharf() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

/// Runs a command that must succeed, and returns its standard output.
#[track_caller]
pub(crate) fn said(command: &mut Command) -> String {
    let output = run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail, and returns its error output.
#[track_caller]
pub(crate) fn complaint(command: &mut Command) -> String {
    let output = run(command);
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// Retries until there is an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running server. It is killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    out: PathBuf,
}

impl Running {
    /// Starts a command with its output in files of `folder`.
    pub(crate) fn start(mut command: Command, folder: &Path) -> Self {
        command.stdout(File::create(folder.join("test.out")).unwrap());
        Self::start_with_output(command, folder)
    }

    /// The same with the command's own standard output.
    pub(crate) fn start_with_output(mut command: Command, folder: &Path) -> Self {
        let (log, out) = (folder.join("test.log"), folder.join("test.out"));
        command.stderr(File::create(&log).unwrap());
        Self { child: command.spawn().unwrap(), log, out }
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// The standard output so far.
    pub(crate) fn printed(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// Waits until the log has a line with these words.
    #[track_caller]
    pub(crate) fn logged(&self, words: &str) -> String {
        wait_for(&format!("{words} in the log"), || {
            self.log().lines().find(|line| line.contains(words)).map(str::to_owned)
        })
    }

    /// Sends it `TERM` or another signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        wait_for("the end of the process", || child.try_wait().unwrap())
    }

    /// The port that it listens on, from the operating system.
    pub(crate) fn listens_on(&self) -> String {
        let inodes: Vec<String> = fs::read_dir(format!("/proc/{}/fd", self.child.id()))
            .unwrap()
            .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
            .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
            .collect();
        let table = fs::read_to_string(format!("/proc/{}/net/tcp", self.child.id())).unwrap();
        let mut sockets = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
        let listening =
            sockets.find(|fields| fields[3] == "0A" && inodes.iter().any(|inode| inode == fields[9]));
        let port = listening.unwrap()[1].rsplit(':').next().unwrap().to_owned();
        u16::from_str_radix(&port, 16).unwrap().to_string()
    }

    /// Memory of the process itself, without the pages of files, in KiB.
    pub(crate) fn own_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `wharf dev` on a folder.
pub(crate) struct Dev {
    pub(crate) running: Running,
    pub(crate) data: PathBuf,
    pub(crate) endpoint: String,
}

impl Dev {
    /// Starts on the folder `data` in `folder`, on a free port.
    #[track_caller]
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, |_| {})
    }

    /// The same, after a change of the command.
    #[track_caller]
    pub(crate) fn start_with(folder: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let data = folder.join("data");
        let mut command = wharf();
        command.arg("dev").arg("--data-dir").arg(&data).args(["--listen", "127.0.0.1:0"]);
        change(&mut command);
        let mut running = Running::start(command, folder);
        let endpoint = wait_for("the start", || {
            assert!(running.is_running(), "{}", running.log());
            running.printed().contains("push").then(|| fs::read_to_string(data.join("endpoint")).unwrap())
        });
        Self { running, data, endpoint }
    }

    /// Stops it as an operator does. It must succeed.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.running.signal("TERM");
        let status = self.running.ended();
        assert!(status.success(), "{status}: {}", self.running.log());
    }
}
