//! `wharf keys`: on a running server and on the store of a stopped server; crashes between the steps of a master key
//! rotation.

use std::fs;
use std::path::Path;
use std::process::Command;

use fault::Fault;

use crate::first_start::{KEY, with_key};
use crate::http::ecr;
use crate::process::{Dev, complaint, run, said, wait_for, wharf};

fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_ENDPOINT_URL_ORGANIZATIONS", &dev.endpoint).arg("keys").args(words);
    command
}

fn on_store(data: &Path, words: &[&str]) -> Command {
    let mut command = wharf();
    command.arg("keys").args(words).arg("--data-dir").arg(data);
    command
}

fn is_let_in(dev: &Dev) -> bool {
    ecr(&dev.endpoint, KEY, "DescribeRepositories", "{}").0 == 200
}

#[test]
fn sealing_keys_of_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let list = said(&mut on_server(&dev, &["list"]));
    assert_eq!(list.lines().count(), 2, "{list}");
    let made = said(&mut on_server(&dev, &["rotate"]));
    assert!(made.starts_with("Key 2 seals from 20"), "{made}");
    let list = said(&mut on_server(&dev, &["list"]));
    assert!(list.lines().nth(2).is_some_and(|line| line.contains("seals from")), "{list}");
    let json = said(&mut on_server(&dev, &["list", "--json"]));
    assert!(json.contains("\"State\": \"WAITING\"") && json.contains("\"MasterKeys\": 1"), "{json}");
    assert!(is_let_in(&dev));
    dev.stop();
    let list = said(&mut on_store(&folder.path().join("data"), &["list"]));
    assert_eq!(list.lines().count(), 3, "{list}");
    let dev = with_key(folder.path());
    assert!(is_let_in(&dev));
}

#[test]
fn a_running_server_uses_a_new_master_key() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let key = dev.data.join("master.key");
    let old = fs::read(&key).unwrap();
    said(&mut on_store(&dev.data, &["rotate", "--master"]));
    let new = fs::read(&key).unwrap();
    assert!(old != new && !dev.data.join("master.key.next").exists());
    dev.running.logged("the master key was rotated");
    assert!(is_let_in(&dev));
    // The server keeps changing the ring, and starts again with only the new key.
    said(&mut on_server(&dev, &["rotate"]));
    dev.stop();
    let dev = with_key(folder.path());
    assert!(is_let_in(&dev));
    dev.stop();
    fs::write(&key, old).unwrap();
    let data = folder.path().join("data");
    complaint(&mut on_store(&data, &["list"]));
}

#[test]
fn a_crash_during_a_master_key_rotation_is_recovered() {
    let steps =
        [Fault::MasterKeyWritten, Fault::MasterKeyAdded, Fault::MasterKeyInPlace, Fault::MasterKeyDropped];
    for goes_on_by_server in [false, true] {
        for step in steps {
            let folder = tempfile::tempdir().unwrap();
            with_key(folder.path()).stop();
            let data = folder.path().join("data");
            let old = fs::read(data.join("master.key")).unwrap();
            let died = run(on_store(&data, &["rotate", "--master"]).args(["--fault", step.name()]));
            assert_eq!(died.status.code(), None, "{}: {died:?}", step.name());
            said(&mut on_store(&data, &["list"]));
            if goes_on_by_server {
                let dev = with_key(folder.path());
                let is_done = || {
                    let list = complaint(&mut on_store(&data, &["list"]));
                    assert!(list.contains("in use"), "{list}");
                    (!data.join("master.key.next").exists()).then_some(())
                };
                wait_for("the server to continue", is_done);
                assert!(is_let_in(&dev), "{}", step.name());
                dev.stop();
            } else {
                said(&mut on_store(&data, &["rotate", "--master"]));
            }
            let list = said(&mut on_store(&data, &["list", "--json"]));
            assert!(list.contains("\"MasterKeys\": 1"), "{}: {list}", step.name());
            assert!(fs::read(data.join("master.key")).unwrap() != old, "{}", step.name());
            let dev = with_key(folder.path());
            assert!(is_let_in(&dev), "{}", step.name());
        }
    }
}

#[test]
fn a_misspelled_folder_gets_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let said = complaint(&mut on_store(&nowhere, &["rotate", "--master"]));
    assert!(said.contains("does not exist"), "{said}");
    assert!(!nowhere.exists());
}
