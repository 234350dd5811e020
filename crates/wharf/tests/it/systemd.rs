//! The server takes the sockets that systemd opened, and tells it when it is ready and when it stops.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::http::get;
use crate::process::{Running, complaint, wait_for};

/// Passes the shell's standard input and output as the sockets 3 and 4, as systemd passes sockets. The process that they
/// are for is this one, unless another one is given.
const START: &str =
    r#"exec 3<&0 4>&1 </dev/null >/dev/null; LISTEN_PID=${2:-$$} exec "$0" serve --config "$1""#;

/// The server as it is started with these sockets; the configuration names an address that cannot be used.
fn activated(folder: &Path, server: &TcpListener, other: &TcpListener, names: &str) -> Command {
    let config = folder.join("wharf.toml");
    let data = folder.join("data");
    let text = format!(
        "data_dir = \"{}\"\n[bootstrap]\naccount_id = \"123456789012\"\n[server]\nlisten = \"192.0.2.1:1\"\n",
        data.display()
    );
    fs::write(&config, text).unwrap();
    let passed = |socket: &TcpListener| Stdio::from(OwnedFd::from(socket.try_clone().unwrap()));
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", START, env!("CARGO_BIN_EXE_wharf")]).arg(config);
    command.env("LISTEN_FDS", "2").env("LISTEN_FDNAMES", names);
    command.stdin(passed(server)).stdout(passed(other));
    command
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

fn endpoint(socket: &TcpListener) -> String {
    format!("http://localhost:{}", socket.local_addr().unwrap().port())
}

/// What the service sends to its manager.
fn heard(manager: &UnixDatagram) -> String {
    let mut buffer = [0; 256];
    let length = manager.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn sockets_and_notifications_of_systemd_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let (server, metrics) = (listener(), listener());
    let mut command = activated(folder.path(), &server, &metrics, "wharf.socket:metrics");
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut running = Running::start_with_output(command, folder.path());
    let mut told = vec![heard(&manager)];
    while told.last().unwrap() != "READY=1" {
        told.push(heard(&manager));
    }
    assert_eq!(get(&endpoint(&server), "/readyz").0, 200);
    let (status, text) = get(&endpoint(&metrics), "/metrics");
    assert!(status == 200 && text.contains("wharf_http_requests_total"), "{text}");
    let alive: Vec<String> = (0..2).map(|_| heard(&manager)).collect();
    assert_eq!(alive, ["WATCHDOG=1", "WATCHDOG=1"]);
    running.signal("TERM");
    wait_for("the notification", || (heard(&manager) == "STOPPING=1").then_some(()));
    assert_eq!(running.ended().code(), Some(0));
    // systemd keeps the socket: a client that connects now waits for the next start.
    assert!(std::net::TcpStream::connect(server.local_addr().unwrap()).is_ok());
}

#[test]
fn two_sockets_for_the_registry_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = activated(folder.path(), &listener(), &listener(), "a:b");
    let text = complaint(&mut command);
    assert!(text.contains("more than one socket for the registry"), "{text}");
    let mut command = activated(folder.path(), &listener(), &listener(), "metrics:metrics");
    let text = complaint(&mut command);
    assert!(text.contains("more than one socket for metrics"), "{text}");
}

#[test]
fn sockets_for_another_process_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = activated(folder.path(), &listener(), &listener(), "a:metrics");
    command.args(["1"]);
    let text = complaint(&mut command);
    assert!(text.contains("cannot listen on 192.0.2.1:1"), "{text}");
}
