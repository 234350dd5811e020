//! `wharf serve` and `wharf config check`: what a file may contain, what the environment changes, which errors are
//! reported.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::http::{basic, get};
use crate::process::{Running, complaint, said, wharf};

/// `wharf serve` with its own configuration file.
pub(crate) struct Serve {
    pub(crate) running: Running,
    pub(crate) endpoint: String,
    /// The address of the metrics; empty without a listener for them.
    pub(crate) metrics: String,
}

impl Serve {
    /// Starts on a free port. `server` are lines of `[server]`, `rest` are other sections.
    #[track_caller]
    pub(crate) fn start(folder: &Path, server: &str, rest: &str) -> Self {
        let file = write(folder, server, rest);
        let mut command = wharf();
        command.args(["--log-format", "json", "serve", "--config"]).arg(file);
        let running = Running::start(command, folder);
        let line: serde_json::Value = serde_json::from_str(&running.logged("\"ready\"")).unwrap();
        let port = |field: &str| {
            let text = line[field].as_str().unwrap_or_default();
            text.trim_end_matches(')').rsplit(':').next().unwrap_or_default().to_owned()
        };
        let endpoint = format!("http://localhost:{}", port("address"));
        let metrics = format!("http://localhost:{}", port("metrics"));
        Self { running, endpoint, metrics }
    }
}

fn write(folder: &Path, server: &str, rest: &str) -> PathBuf {
    let file = folder.join("wharf.toml");
    let data = folder.join("data");
    let text = format!(
        "data_dir = \"{}\"\n[bootstrap]\naccount_id = \"123456789012\"\n{rest}\n[server]\nlisten = \"127.0.0.1:0\"\n{server}",
        data.display()
    );
    fs::write(&file, text).unwrap();
    file
}

fn check(file: &Path) -> Command {
    let mut command = wharf();
    command.args(["config", "check"]).arg(file);
    command
}

#[test]
fn serve_creates_the_first_administrator_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Serve::start(folder.path(), "", "[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let path = folder.path().join("data/first-credentials.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(serve.running.logged("access key of the first administrator").contains(path.to_str().unwrap()));
    let kept: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
    let (id, secret) = (kept["access_key_id"].as_str().unwrap(), kept["secret_access_key"].as_str().unwrap());
    assert!(!serve.running.log().contains(secret), "a secret is in the log");
    assert!(basic(&serve.endpoint, (id, secret)).starts_with("Basic "));
    assert_eq!(get(&serve.endpoint, "/readyz").0, 200);
    let (status, text) = get(&serve.metrics, "/metrics");
    assert!(status == 200 && text.contains("# TYPE"), "{text}");
    assert_ne!(get(&serve.endpoint, "/metrics").0, 200, "metrics have their own listener");

    serve.running.signal("TERM");
    assert!(serve.running.ended().success());
    fs::remove_file(&path).unwrap();
    let again = Serve::start(folder.path(), "", "");
    assert!(basic(&again.endpoint, (id, secret)).starts_with("Basic "), "the key still works");
    assert!(!path.exists(), "the file that the operator removed is not created again");
}

#[test]
fn check_accepts_what_serve_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "", "");
    let told = said(&mut check(&file));
    assert!(told.contains("is valid: listens on 127.0.0.1:0"), "{told}");
    let told = said(check(&file).env("WHARF__SERVER__LISTEN", "127.0.0.2:81"));
    assert!(told.contains("listens on 127.0.0.2:81"), "{told}");
    let told = said(check(&file).env("WHARF__SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"));
    assert!(told.contains("warning: server.trusted_proxies") && told.contains("is valid"), "{told}");
    assert!(!folder.path().join("data").exists(), "a check creates nothing");
}

#[test]
fn errors_name_the_path_of_the_member() {
    let folder = tempfile::tempdir().unwrap();
    for (server, rest, words) in [
        ("lisen = \"x\"", "", &["wharf.toml", "unknown field", "lisen"][..]),
        ("", "[metric]\n", &["wharf.toml", "metric"]),
        ("[server.tls]\ncertificate = \"/none.pem\"\nkey = \"/none.key\"", "", &["/none.pem"]),
        ("trusted_proxies = [\"10.0.0.0/40\"]", "", &["server.trusted_proxies[0]", "10.0.0.0/40"]),
        ("", "[database]\nurl = \"mysql://user:hunter2@host\"\n", &["database.url"]),
    ] {
        let file = write(folder.path(), server, rest);
        let told = complaint(&mut check(&file));
        assert!(words.iter().all(|word| told.contains(word)), "{words:?}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
        let told = complaint(wharf().args(["serve", "--config"]).arg(&file));
        assert!(words.iter().all(|word| told.contains(word)), "serve, {words:?}: {told}");
    }
    let file = write(folder.path(), "", "");
    let told = complaint(check(&file).env("WHARF__SERVER__LISEN", "x"));
    assert!(told.contains("WHARF__SERVER__LISEN"), "{told}");
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let file = write(folder.path(), "", "");
    let told =
        complaint(wharf().env("WHARF__SERVER__LISTEN", &address).args(["serve", "--config"]).arg(file));
    assert!(told.contains(&format!("cannot listen on {address}")) && told.contains("in use"), "{told}");
}
