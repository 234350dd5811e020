//! HTTPS with HTTP/1.1 and HTTP/2, and a certificate that is replaced while the server runs, tested with curl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::configuration::Serve;
use crate::process::{run, wait_for};

/// Writes a new certificate for `localhost` over the server's files; returns a copy for clients to trust.
fn renew(folder: &Path, name: &str) -> PathBuf {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let trusted = folder.join(name);
    fs::write(&trusted, made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("certificate.pem"), made.cert.pem()).unwrap();
    trusted
}

/// The status and the HTTP version; None if the client does not trust the server.
fn curl(serve: &Serve, trusted: &Path, option: &str) -> Option<String> {
    let mut command = Command::new("curl");
    command.env_clear().args([
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code} %{http_version}",
        option,
        "--cacert",
    ]);
    command.arg(trusted).arg(format!("{}/readyz", serve.endpoint.replace("http:", "https:")));
    let output = run(&mut command);
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn https_has_both_versions_and_reloads_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let first = renew(path, "first.pem");
    let section = format!(
        "[server.tls]\ncertificate = \"{0}/certificate.pem\"\nkey = \"{0}/key.pem\"\n",
        path.display()
    );
    let serve = Serve::start(path, &section, "");
    assert_eq!(curl(&serve, &first, "--http2").unwrap(), "200 2");
    assert_eq!(curl(&serve, &first, "--http1.1").unwrap(), "200 1.1");

    // An incomplete renewal changes nothing for clients.
    fs::write(path.join("certificate.pem"), "-----BEGIN CERT").unwrap();
    serve.running.logged("the old ones stay in use");
    assert_eq!(curl(&serve, &first, "--http2").unwrap(), "200 2");

    let second = renew(path, "second.pem");
    wait_for("the new certificate", || curl(&serve, &second, "--http2"));
    assert_eq!(curl(&serve, &first, "--http2"), None, "the old one is out of use");
}
