//! `wharf backup`: while others push and delete, after an interruption, and again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Offline, Wharf, noise, sha256};

use crate::crash_collect::{AT_ONCE, binary, ready};
use crate::gc::{on_server, push_image};
use crate::process::{complaint, said, wait_for};

/// `wharf backup` of a running server, with its access key and master key.
fn backup_of(server: &Wharf, data: &Path, to: &Path, words: &[&str]) -> Command {
    let mut command = on_server(server, data, &["backup", "--with-master-key", "--json"]);
    command.arg(to).args(words);
    command
}

/// The same, which must succeed: what it says.
pub(crate) fn back_up(server: &Wharf, data: &Path, to: &Path) -> Value {
    serde_json::from_str(&said(&mut backup_of(server, data, to, &[]))).unwrap()
}

pub(crate) fn restore(from: &Path, to: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("restore").arg(from).arg("--data-dir").arg(to).args(words).output().unwrap()
}

#[track_caller]
pub(crate) fn restored(from: &Path, to: &Path, words: &[&str]) -> Value {
    let done = restore(from, to, &[words, &["--json"]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// The files of objects below a folder, with their lengths.
pub(crate) fn objects_in(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for byte in std::fs::read_dir(folder.join("objects")).into_iter().flatten() {
        for file in std::fs::read_dir(byte.unwrap().path()).unwrap() {
            let file = file.unwrap();
            found.insert(file.file_name().into_string().unwrap(), file.metadata().unwrap().len());
        }
    }
    found
}

/// Reads every image with its layers; returns how many there are.
pub(crate) fn read_all(client: &Client) -> usize {
    let images = client.ecr("DescribeImages", r#"{"repositoryName":"app","maxResults":1000}"#).unwrap();
    let images = images.expect(200).unwrap().json().unwrap();
    let images = images["imageDetails"].as_array().unwrap().clone();
    for image in &images {
        let digest = image["imageDigest"].as_str().unwrap();
        let manifest = client.v2("GET", &format!("/v2/app/manifests/{digest}"), "", b"").unwrap();
        let manifest = manifest.expect(200).unwrap();
        assert_eq!(sha256(&manifest.body), digest);
        let manifest: Value = serde_json::from_slice(&manifest.body).unwrap();
        for part in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
            let digest = part["digest"].as_str().unwrap();
            let layer = client.v2("GET", &format!("/v2/app/blobs/{digest}"), "", b"").unwrap();
            assert_eq!(sha256(&layer.expect(200).unwrap().body), digest);
        }
    }
    images.len()
}

pub(crate) fn create_repository(client: &Client) {
    client.ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
}

fn delete(client: &Client, digest: &str) {
    client.v2("DELETE", &format!("/v2/app/manifests/{digest}"), "", b"").unwrap().expect(202).unwrap();
}

/// Pushes and deletes until it is told to stop. Without a grace a layer may end before its image comes.
fn churn(client: &Client, stop: &AtomicBool) {
    let mut images = Vec::new();
    for seed in 1_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let layers = [noise(20_000, seed), noise(3_000, seed + 1_000_000)];
        let push = || push_image(client, "app", &format!("v{seed}"), &[&layers[0], &layers[1]]);
        if let Ok(digest) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(push)) {
            images.push(digest);
        }
        if images.len() > 5 {
            delete(client, &images.remove(0));
        }
    }
}

#[test]
fn a_backup_beside_pushes_and_deletes_restores_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &AT_ONCE).unwrap();
    create_repository(&server.client().unwrap());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let client = server.client().unwrap();
        let stop = &stop;
        scope.spawn(move || churn(&client, stop));
        std::thread::sleep(Duration::from_secs(3));
        for _ in 0..4 {
            back_up(&server, &data, &to);
            std::thread::sleep(Duration::from_millis(700));
        }
        stop.store(true, Ordering::Relaxed);
    });
    server.kill().unwrap();
    let snapshots = said(Command::new(binary()).args(["backup", "list", "--json"]).arg(&to));
    let snapshots: Value = serde_json::from_str(&snapshots).unwrap();
    for (number, snapshot) in snapshots.as_array().unwrap().iter().enumerate() {
        let new = folder.path().join(format!("new-{number}"));
        let report = restored(&to, &new, &["--at", snapshot["Record"]["TakenAt"].as_str().unwrap()]);
        assert_eq!(report["Snapshot"], snapshot["Snapshot"]);
        assert_eq!(report["Check"]["Findings"], json!([]), "{report}");
        let server = ready(&new, &[]).unwrap();
        assert!(read_all(&server.client().unwrap()) >= 3, "there were images");
        server.kill().unwrap();
    }
}

#[test]
fn bytes_are_copied_once_and_go_with_their_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &AT_ONCE).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let first = push_until(&client, "one", &noise(5_000, 1));
    let said_first = back_up(&server, &data, &to);
    assert_eq!((said_first["Objects"].as_u64(), said_first["CopiedObjects"].as_u64()), (Some(2), Some(2)));
    assert_eq!(back_up(&server, &data, &to)["CopiedObjects"], 0);
    push_until(&client, "two", &noise(6_000, 2));
    let third = back_up(&server, &data, &to);
    assert_eq!((third["Objects"].as_u64(), third["CopiedObjects"].as_u64()), (Some(4), Some(2)), "{third}");
    assert!(!data.join("backup").read_dir().unwrap().any(|_| true), "nothing is left in the data folder");

    delete(&client, &first);
    said(&mut on_server(&server, &data, &["gc", "run", "--timeout", "60"]));
    assert_eq!(back_up(&server, &data, &to)["Objects"], 2);
    assert_eq!(objects_in(&to).len(), 4, "earlier snapshots need them");
    let prune = |keep: &str| said(Command::new(binary()).args(["backup", "prune", "--keep", keep]).arg(&to));
    assert_eq!(prune("2").trim(), "Removed 2 snapshots, and 0 objects of 0 bytes.");
    let pruned = prune("1");
    assert!(pruned.starts_with("Removed 1 snapshots, and 2 objects"), "{pruned}");
    assert_eq!(objects_in(&to).len(), 2);
    // A damaged record of an old snapshot.
    let old = to.join("snapshots/20200101T000000.000Z");
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join("backup.json"), "{").unwrap();
    let refused = complaint(Command::new(binary()).args(["backup", "prune", "--keep", "1"]).arg(&to));
    assert!(refused.contains("20200101T000000.000Z is damaged"), "{refused}");
    let done = restore(&to, &folder.path().join("new"), &[]);
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("20200101T000000.000Z is damaged"), "{said}");
}

/// Pushes an image whose layers may be collected while it is pushed.
fn push_until(client: &Client, tag: &str, layer: &[u8]) -> String {
    wait_for("a push", || {
        let push = || push_image(client, "app", tag, &[layer]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(push)).ok()
    })
}

#[test]
fn an_interrupted_backup_does_not_count_and_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &AT_ONCE).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let image = push_until(&client, "one", &noise(50_000, 1));
    let layer = sha256(&noise(50_000, 1));
    // The process ends when the second object is written, as with kill -9.
    let killed = backup_of(&server, &data, &to, &["--fault", "archive-copied:2"]).output().unwrap();
    assert!(!killed.status.success());
    let list = || said(Command::new(binary()).args(["backup", "list"]).arg(&to));
    assert_eq!(list().trim(), "There is no snapshot.");
    let refused =
        complaint(Command::new(binary()).arg("restore").arg(&to).args(["--data-dir", "/nowhere/x"]));
    assert!(refused.contains("no snapshot"), "{refused}");
    assert!(objects_in(&to).keys().any(|name| name.ends_with(".partial")), "{:?}", objects_in(&to));

    // Its hold is valid: the row goes, and the bytes stay.
    delete(&client, &image);
    let offline = Offline::open(&data).unwrap();
    wait_for("the end of the row", || (!offline.objects().unwrap().contains_key(&layer)).then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    let of_layer = || offline.files().unwrap().values().filter(|len| **len == 50_000).count();
    assert_eq!(of_layer(), 1, "the bytes are held");

    // The next run ends the hold of the first one, and then its own.
    push_until(&client, "two", &noise(40_000, 2));
    assert_eq!(back_up(&server, &data, &to)["Objects"], 2);
    wait_for("the removal of the bytes", || (of_layer() == 0).then_some(()));
    let new = folder.path().join("new");
    restored(&to, &new, &[]);
    let server = ready(&new, &[]).unwrap();
    assert_eq!(read_all(&server.client().unwrap()), 1);
}

#[test]
fn a_hold_expires_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &AT_ONCE).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let image = push_until(&client, "one", &noise(50_000, 1));
    let begun = Instant::now();
    let words = ["--hold-seconds", "6", "--fault", "archive-copied:1"];
    assert!(!backup_of(&server, &data, &to, &words).output().unwrap().status.success());
    delete(&client, &image);
    let offline = Offline::open(&data).unwrap();
    wait_for("the removal of the bytes", || offline.files().unwrap().is_empty().then_some(()));
    assert!(begun.elapsed() >= Duration::from_secs(6), "they were held");
}

/// A backup that is stopped after its snapshot, before it copies bytes.
fn stopped_after_its_snapshot(server: &Wharf, data: &Path, to: &Path) -> Child {
    let mut child = backup_of(server, data, to, &[]).stdout(Stdio::null()).spawn().unwrap();
    wait_for("the snapshot", || to.join("in-progress").exists().then_some(()));
    signal(&child, "STOP");
    assert!(child.try_wait().unwrap().is_none());
    child
}

pub(crate) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
}

#[test]
fn a_layer_that_ends_after_the_snapshot_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ready(&data, &AT_ONCE).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let image = push_until(&client, "one", &noise(50_000, 1));
    // The test can be late.
    let (to, mut backup) = (0..20)
        .find_map(|number| {
            let to = folder.path().join(format!("backup-{number}"));
            let mut backup = stopped_after_its_snapshot(&server, &data, &to);
            if objects_in(&to).is_empty() {
                return Some((to, backup));
            }
            signal(&backup, "CONT");
            backup.wait().unwrap();
            None
        })
        .unwrap();
    delete(&client, &image);
    let offline = Offline::open(&data).unwrap();
    wait_for("the end of the rows", || offline.objects().unwrap().is_empty().then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    signal(&backup, "CONT");
    assert!(backup.wait().unwrap().success());
    wait_for("the removal of the bytes", || offline.files().unwrap().is_empty().then_some(()));
    let new = folder.path().join("new");
    restored(&to, &new, &[]);
    let server = ready(&new, &[]).unwrap();
    assert_eq!(read_all(&server.client().unwrap()), 1);
}
