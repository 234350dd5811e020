//! A low limit of open files: the server logs how it adapts, and files and sockets do not use each other's descriptors.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::first_start::KEY;
use crate::http::{answer, ask, basic, connect, ecr, get, send_head};
use crate::process::{Dev, wait_for};

/// `wharf dev` with a limit of open files, soft and hard.
fn dev(folder: &std::path::Path, limit: &str) -> Dev {
    Dev::start_with(folder, |command| {
        let mut limited = Command::new("sh");
        limited.arg("-c").arg(format!("ulimit {limit} && exec \"$0\" \"$@\""));
        limited.arg(command.get_program()).args(command.get_args()).env_clear();
        limited.env("PATH", "/usr/bin:/bin");
        limited.env("WHARF_DEV_ACCESS_KEY_ID", KEY.0).env("WHARF_DEV_SECRET_ACCESS_KEY", KEY.1);
        *command = limited;
    })
}

fn push(endpoint: &str, basic: &str, blob: &[u8]) -> String {
    let digest =
        format!("sha256:{}", hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, blob)));
    let mut stream = connect(endpoint);
    let length = blob.len().to_string();
    let headers = [("host", "localhost"), ("authorization", basic), ("content-length", &length)];
    send_head(&mut stream, &format!("POST /v2/hello/blobs/uploads/?digest={digest}"), &headers);
    stream.write_all(blob).unwrap();
    let (status, text) = answer(&mut stream);
    assert_eq!(status, 201, "{text}");
    digest
}

/// A connection that requested a blob and reads only the beginning.
fn half_a_download(endpoint: &str, line: &str, basic: &str) -> TcpStream {
    let mut stream = connect(endpoint);
    write!(stream, "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: {basic}\r\n\r\n").unwrap();
    stream
}

#[test]
fn a_low_limit_reduces_the_settings_and_is_never_reached() {
    let folder = tempfile::tempdir().unwrap();
    let dev = dev(folder.path(), "-n 400");
    let told = dev.running.logged("ulimit -n");
    assert!(told.contains("\"max_connections\":120") && told.contains("\"max_open_files\":120"), "{told}");

    let (status, text) = ecr(&dev.endpoint, KEY, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert_eq!(status, 200, "{text}");
    let basic = basic(&dev.endpoint, KEY);
    let blob = vec![7; 8 << 20];
    let digest = push(&dev.endpoint, &basic, &blob);
    let line = format!("GET /v2/hello/blobs/{digest}");
    let mut held: Vec<TcpStream> = (0..600).map(|_| connect(&dev.endpoint)).collect();
    held.extend((0..60).map(|_| half_a_download(&dev.endpoint, &line, &basic)));
    for stream in held.iter_mut().skip(600) {
        let mut status = [0; 12];
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    assert_eq!(get(&dev.endpoint, "/healthz").0, 200);
    let (status, text) = ask(&dev.endpoint, &format!("HEAD /v2/hello/blobs/{digest}"), &basic);
    assert_eq!(status, 200, "{text}");
    assert!(!dev.running.log().contains("\"status\":500"), "{}", dev.running.log());
}

#[test]
fn a_soft_limit_is_raised_to_the_hard_one() {
    let folder = tempfile::tempdir().unwrap();
    let dev = dev(folder.path(), "-S -n 400");
    assert_eq!(get(&dev.endpoint, "/readyz").0, 200);
    let held: Vec<TcpStream> = (0..500).map(|_| connect(&dev.endpoint)).collect();
    wait_for("an answer", || (get(&dev.endpoint, "/readyz").0 == 200).then_some(()));
    assert!(!dev.running.log().contains("accepting a connection failed"), "{}", dev.running.log());
    drop(held);
}
