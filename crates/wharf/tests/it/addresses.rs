//! The names of registries: `wharf dev` with its own names, and the hosts file for them.

use crate::first_start::KEY;
use crate::http::ecr;
use crate::process::{Dev, said, wharf};

fn env_of(dev: &Dev) -> String {
    said(wharf().args(["env", "--data-dir"]).arg(&dev.data))
}

fn named(folder: &std::path::Path, words: &[&str]) -> Dev {
    Dev::start_with(folder, |command| {
        command.env("WHARF_DEV_ACCESS_KEY_ID", KEY.0).env("WHARF_DEV_SECRET_ACCESS_KEY", KEY.1);
        command.args(["--account-id", "123456789012"]).args(words);
    })
}

/// A free port of this machine. A test uses it to connect with another name than the server's own.
fn at_localhost(dev: &mut Dev, port: &str) {
    dev.endpoint = format!("http://localhost:{port}");
}

#[test]
fn a_hosts_file_has_every_registry_and_service() {
    let words = ["--public-suffix", "r.test", "--account", "123456789012", "--account", "111122223333"];
    let lines = said(wharf().arg("hosts").args(words).args(["--regions", "eu-west-1,us-east-1"]));
    for name in [
        "123456789012.dkr.ecr.eu-west-1.r.test",
        "111122223333.dkr.ecr.us-east-1.r.test",
        "api.ecr.eu-west-1.r.test",
        "sts.us-east-1.r.test",
        "sts.r.test",
        "iam.r.test",
        "organizations.r.test",
    ] {
        assert!(lines.lines().any(|line| line == format!("127.0.0.1 {name}")), "{name}: {lines}");
    }
    let one = ["--account", "123456789012", "--region", "eu-west-1", "--address", "::1", "--json"];
    let json = said(wharf().args(["hosts", "--public-suffix", "r.test"]).args(one));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let registry = serde_json::json!({"Address": "::1", "Name": "123456789012.dkr.ecr.eu-west-1.r.test",
        "Account": "123456789012", "Region": "eu-west-1"});
    assert_eq!(json[0], registry);
}

#[test]
fn a_hosts_file_has_the_accounts_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let dev = named(folder.path(), &["--account", "shared=111122223333"]);
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_REGION", "eu-west-1").args([
        "hosts",
        "--public-suffix",
        "r.test",
        "--endpoint",
        &dev.endpoint,
    ]);
    let lines = said(&mut command);
    for account in ["123456789012", "111122223333"] {
        assert!(lines.contains(&format!("127.0.0.1 {account}.dkr.ecr.eu-west-1.r.test\n")), "{lines}");
    }
}

#[test]
fn dev_uses_the_given_names() {
    let folder = tempfile::tempdir().unwrap();
    let dev = named(folder.path(), &["--public-suffix", "r.test"]);
    let port = dev.endpoint.rsplit(':').next().unwrap().to_owned();
    let registry = format!("123456789012.dkr.ecr.us-east-1.r.test:{port}");
    assert!(env_of(&dev).contains(&format!("WHARF_REGISTRY='{registry}'")), "{}", env_of(&dev));
    assert!(
        dev.running.printed().contains(&format!("docker push {registry}/hello")),
        "{}",
        dev.running.printed()
    );
    let (status, text) = ecr(&dev.endpoint, KEY, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert!(status == 200 && text.contains(&format!("{registry}/hello")), "{text}");
}

#[test]
fn the_suffix_of_a_hosts_file_comes_from_the_registry() {
    let words = ["hosts", "--account", "123456789012", "--region", "eu-west-1"];
    let line = "127.0.0.1 123456789012.dkr.ecr.eu-west-1.r.test\n";
    let of_shell =
        said(wharf().args(words).env("WHARF_REGISTRY", "123456789012.dkr.ecr.us-east-1.r.test:5100"));
    assert!(of_shell.contains(line), "{of_shell}");
    let folder = tempfile::tempdir().unwrap();
    let dev = named(folder.path(), &["--public-suffix", "r.test"]);
    let of_folder = said(wharf().args(words).env("WHARF_DATA_DIR", &dev.data));
    assert!(of_folder.contains(line), "{of_folder}");
    let none = wharf().args(words).env("WHARF_REGISTRY", "localhost:5100").output().unwrap();
    let complaint = String::from_utf8_lossy(&none.stderr).into_owned();
    assert!(!none.status.success() && complaint.contains("--public-suffix"), "{complaint}");
}

#[test]
fn dev_uses_the_given_host() {
    let folder = tempfile::tempdir().unwrap();
    let mut dev = named(folder.path(), &["--public-host", "wharf.test:8080"]);
    assert_eq!(dev.endpoint, "http://wharf.test:8080");
    assert!(env_of(&dev).contains("WHARF_REGISTRY='wharf.test:8080'"), "{}", env_of(&dev));
    let port = dev.running.listens_on();
    at_localhost(&mut dev, &port);
    let (status, text) = ecr(&dev.endpoint, KEY, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert!(status == 200 && text.contains("\"wharf.test:8080/123456789012/hello\""), "{text}");
}

#[test]
fn dev_names_the_account_in_the_repository_uri() {
    let folder = tempfile::tempdir().unwrap();
    let dev = named(folder.path(), &[]);
    let registry = format!("{}/123456789012", dev.endpoint);
    let (_, text) = ecr(&dev.endpoint, KEY, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert!(text.contains(&format!("\"{}/hello\"", registry.trim_start_matches("http://"))), "{text}");
    let (_, text) = ecr(&dev.endpoint, KEY, "GetAuthorizationToken", r#"{"registryIds":["111122223333"]}"#);
    assert!(text.contains(&format!("\"{}/111122223333\"", dev.endpoint)), "{text}");
}
