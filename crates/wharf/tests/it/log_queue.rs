//! The log when nobody reads it: requests go on, lost lines are counted, and a stop still ends in time.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use crate::http::{answer, connect, get, send_head};
use crate::process::{wait_for, wharf};

/// A server whose log goes to a pipe.
struct Piped {
    child: Child,
    log: BufReader<ChildStderr>,
    endpoint: String,
    metrics: String,
}

impl Piped {
    fn start(folder: &Path) -> Self {
        let file = folder.join("wharf.toml");
        let data = folder.join("data");
        let text = format!(
            "data_dir = \"{}\"\n[bootstrap]\naccount_id = \"123456789012\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n\
             [server]\nlisten = \"127.0.0.1:0\"\ndrain_seconds = 1\n",
            data.display()
        );
        fs::write(&file, text).unwrap();
        let mut command = wharf();
        command.args(["--log-format", "json", "serve", "--config"]).arg(file);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let line = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "it ended");
            if line.contains("\"ready\"") {
                break serde_json::from_str::<serde_json::Value>(&line).unwrap();
            }
        };
        let at = |field: &str| {
            let text = line[field].as_str().unwrap().trim_end_matches(')');
            format!("http://localhost:{}", text.rsplit(':').next().unwrap())
        };
        Self { child, log, endpoint: at("address"), metrics: at("metrics") }
    }

    /// Requests with lines of 8 KiB each, more than pipe and queue can hold.
    fn fill(&self) {
        let path = format!("/v2/{}", "a/".repeat(4096));
        for _ in 0..400 {
            let mut stream = connect(&self.endpoint);
            send_head(&mut stream, &format!("GET {path}"), &[("host", "localhost")]);
            assert_eq!(answer(&mut stream).0, 401);
        }
    }

    fn dropped(&self, kind: &str) -> u64 {
        let (status, text) = get(&self.metrics, "/metrics");
        assert_eq!(status, 200);
        let name = format!("wharf_log_dropped_lines_total{{kind=\"{kind}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().trim().parse().unwrap()
    }

    fn stop(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", "TERM", &id]).status().unwrap().success());
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn requests_go_on_and_a_stop_ends_while_the_log_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut piped = Piped::start(folder.path());
    assert_eq!(piped.dropped("access"), 0);
    piped.fill();
    assert_eq!(get(&piped.endpoint, "/healthz").0, 200);
    let dropped = piped.dropped("access");
    assert!((100..400).contains(&dropped), "{dropped} of 400");
    assert_eq!(piped.dropped("other"), 0, "room is left for warnings");
    let began = Instant::now();
    piped.stop();
    let ended = wait_for("the end of the process", || piped.child.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn the_log_says_once_that_lines_were_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut piped = Piped::start(folder.path());
    piped.fill();
    let dropped = piped.dropped("access");
    piped.stop();
    let mut text = String::new();
    piped.log.read_to_string(&mut text).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().filter(|line| !line["dropped"].is_null()).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["dropped"], dropped);
    assert!(lines.iter().any(|line| line["message"] == "stopped"), "what fits is written at the end");
    let written = lines.iter().filter(|line| line["status"] == 401).count();
    assert_eq!(u64::try_from(written).unwrap() + dropped, 400);
}
