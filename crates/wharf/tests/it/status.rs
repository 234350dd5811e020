//! `wharf status` and `wharf reconcile`: on a running server, and on a store that no server holds.

use std::path::Path;
use std::process::Command;

use crate::first_start::{KEY, with_key};
use crate::http::ecr;
use crate::process::{Dev, complaint, said, wharf};

const NAMES: [&str; 20] = [
    "check-store",
    "collect-garbage",
    "deliver-events",
    "execute-lifecycle",
    "expire-uploads",
    "forget-reports",
    "forget-sessions",
    "measure-usage",
    "move-objects",
    "preview-lifecycle",
    "purge-repositories",
    "remove-secrets",
    "replicate-images",
    "replicate-to-peers",
    "reseal-secrets",
    "restore-images",
    "scrub-objects",
    "sweep-objects",
    "trim-events",
    "walk-store",
];

fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_ENDPOINT_URL_ORGANIZATIONS", &dev.endpoint).args(words);
    command
}

fn on_store(data: &Path, words: &[&str]) -> Command {
    let mut command = wharf();
    command.args(words).arg("--data-dir").arg(data);
    command
}

fn delete_a_repository(dev: &Dev) {
    let name = r#"{"repositoryName":"team/app"}"#;
    assert_eq!(ecr(&dev.endpoint, KEY, "CreateRepository", name).0, 200);
    assert_eq!(ecr(&dev.endpoint, KEY, "DeleteRepository", name).0, 200);
}

#[test]
fn background_work_of_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let table = said(&mut on_server(&dev, &["status"]));
    let names: Vec<_> = table.lines().skip(1).map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, NAMES, "{table}");
    assert!(table.lines().next().unwrap().contains("BACKLOG"), "{table}");
    delete_a_repository(&dev);
    let done = said(&mut on_server(&dev, &["reconcile", "purge-repositories", "--now"]));
    assert!(done.starts_with("purge-repositories did "), "{done}");
    let json = said(&mut on_server(&dev, &["status", "--json"]));
    assert_eq!(json.matches("\"Name\"").count(), NAMES.len(), "{json}");
    assert_eq!(json.matches("\"Backlog\": 0").count(), NAMES.len(), "{json}");
    assert!(json.contains("\"LastEndedAt\"") && json.contains("\"NextRunAt\""), "{json}");
    let told = complaint(&mut on_server(&dev, &["reconcile", "sweep", "--now"]));
    assert!(told.contains("no reconciler named 'sweep'") && told.contains("sweep-objects"), "{told}");
    dev.stop();
}

#[test]
fn background_work_of_a_store_that_no_server_holds() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let data = folder.path().join("data");
    let told = complaint(&mut on_store(&data, &["status"]));
    assert!(told.contains("in use") || told.contains("holds") || told.contains("running"), "{told}");
    delete_a_repository(&dev);
    dev.stop();
    said(&mut on_store(&data, &["reconcile", "purge-repositories", "--now"]));
    let again = said(&mut on_store(&data, &["reconcile", "purge-repositories", "--now", "--json"]));
    assert!(again.contains("\"Done\": 0"), "{again}");
    let table = said(&mut on_store(&data, &["status"]));
    assert_eq!(table.lines().count(), 1 + NAMES.len(), "{table}");
    let told = complaint(&mut on_store(&data, &["reconcile", "sweep", "--now"]));
    assert!(told.contains("no reconciler named 'sweep'"), "{told}");
}
