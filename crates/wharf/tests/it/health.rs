//! `wharf health` tells whether the server of this machine accepts requests.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::configuration::Serve;
use crate::process::{complaint, said, wharf};

/// The command with the server's own configuration, and the port that the server got.
fn health(folder: &Path, serve: &Serve) -> Command {
    let mut command = wharf();
    command.args(["health", "--config"]).arg(folder.join("wharf.toml"));
    let port = serve.endpoint.rsplit(':').next().unwrap();
    command.env("WHARF__SERVER__LISTEN", format!("0.0.0.0:{port}"));
    command
}

#[test]
fn health_follows_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = Serve::start(folder.path(), "", "");
    assert_eq!(said(&mut health(folder.path(), &serve)), "ready\n");
    serve.running.signal("TERM");
    serve.running.ended();
    let text = complaint(&mut health(folder.path(), &serve));
    assert!(text.contains("no answer from http://127.0.0.1:"), "{text}");
}

#[test]
fn a_server_that_says_it_is_not_ready_is_not_healthy() {
    let folder = tempfile::tempdir().unwrap();
    let serve = Serve::start(folder.path(), "", "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let draining = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let asked = stream.read(&mut [0; 1024]).unwrap();
        let body = "draining\n";
        write!(stream, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        asked
    });
    let mut command = health(folder.path(), &serve);
    let text = complaint(command.env("WHARF__SERVER__LISTEN", format!("127.0.0.1:{port}")));
    assert!(text.contains("not ready: 503 draining"), "{text}");
    assert!(draining.join().unwrap() > 0);
}

#[test]
fn a_server_with_tls_is_checked_by_its_address() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["registry.example.org".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls =
        format!("[server.tls]\ncertificate = \"{}\"\nkey = \"{}\"\n", certificate.display(), key.display());
    let serve = Serve::start(folder.path(), &tls, "");
    assert_eq!(said(&mut health(folder.path(), &serve)), "ready\n");
}
