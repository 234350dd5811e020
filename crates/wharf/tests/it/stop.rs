//! A stop lets running requests finish, within a time limit.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::configuration::Serve;
use crate::first_start::{KEY, with_key};
use crate::http::{answer, ask, basic, connect, ecr, get, send_head};
use crate::process::wait_for;

/// An upload of ten bytes of which five were sent.
fn half_an_upload(endpoint: &str, key: (&str, &str)) -> TcpStream {
    let (status, text) = ecr(endpoint, key, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert_eq!(status, 200, "{text}");
    let basic = basic(endpoint, key);
    let (status, text) = ask(endpoint, "POST /v2/hello/blobs/uploads/", &basic);
    assert_eq!(status, 202, "{text}");
    let location = text.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    let path = location.find("/v2/").map(|at| &location[at..]).unwrap();
    let mut stream = connect(endpoint);
    let headers = [
        ("host", "localhost"),
        ("authorization", &basic),
        ("content-length", "10"),
        ("content-type", "application/octet-stream"),
        ("expect", "100-continue"),
    ];
    send_head(&mut stream, &format!("PATCH {path}"), &headers);
    // From here on the server is in the middle of the request.
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"01234").unwrap();
    stream
}

fn is_refused(endpoint: &str) -> bool {
    let port: u16 = endpoint.rsplit(':').next().unwrap().parse().unwrap();
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

#[test]
fn a_running_upload_finishes_before_the_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = with_key(folder.path());
    let mut upload = half_an_upload(&dev.endpoint, KEY);
    dev.running.signal("TERM");
    wait_for("the end of listening", || is_refused(&dev.endpoint).then_some(()));
    assert!(dev.running.is_running(), "it waits for the upload");
    upload.write_all(b"56789").unwrap();
    let (status, text) = answer(&mut upload);
    assert_eq!(status, 202, "{text}");
    assert!(text.to_ascii_lowercase().contains("range: 0-9"), "{text}");
    let ended = dev.running.ended();
    assert_eq!(ended.code(), Some(0), "{}", dev.running.log());
}

#[test]
fn a_stalled_upload_is_cut_off_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Serve::start(folder.path(), "drain_seconds = 1\n", "");
    let kept: toml::Table =
        fs::read_to_string(folder.path().join("data/first-credentials.toml")).unwrap().parse().unwrap();
    let value = |name: &str| kept[name].as_str().unwrap().to_owned();
    let _upload = half_an_upload(&serve.endpoint, (&value("access_key_id"), &value("secret_access_key")));
    let began = Instant::now();
    serve.running.signal("TERM");
    let ended = serve.running.ended();
    assert_eq!(ended.code(), Some(0), "{}", serve.running.log());
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(8)).contains(&began.elapsed()),
        "{:?}",
        began.elapsed()
    );
    serve.running.logged("cut off");
}

#[test]
fn a_second_signal_ends_the_process_immediately() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = with_key(folder.path());
    let _upload = half_an_upload(&dev.endpoint, KEY);
    dev.running.signal("INT");
    dev.running.logged("a second signal cuts them off");
    dev.running.signal("INT");
    assert_eq!(dev.running.ended().code(), Some(130));
}

#[test]
fn an_idle_connection_does_not_delay_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let _idle = connect(&dev.endpoint);
    assert_eq!(get(&dev.endpoint, "/healthz").0, 200);
    let began = Instant::now();
    dev.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
