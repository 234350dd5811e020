//! `wharf migrate-store`: between SQLite and PostgreSQL and between folders, while pulls are served. Buckets are in the tests
//! with real clients.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Offline, Wharf, noise, sha256};

use crate::backup::{create_repository, objects_in, read_all, signal};
use crate::crash_collect::{binary, ready};
use crate::gc::{on_server, push_image};
use crate::postgres::Postgres;
use crate::process::{complaint, said};

/// A configuration with this database and a folder of blobs beside it.
fn configuration(folder: &Path, database: &str) -> PathBuf {
    std::fs::create_dir(folder).unwrap();
    let path = folder.join("wharf.toml");
    let text = format!(
        "data_dir = \"{0}/data\"\n[server]\nlisten = \"127.0.0.1:0\"\n[database]\nurl = \"{database}\"\n\
         [blobs]\npath = \"{0}/blobs\"\n",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn migrate(server: &Wharf, data: &Path, (from, to): (&Path, &Path), words: &[&str]) -> Output {
    let mut command = on_server(server, data, &["migrate-store", "--json"]);
    command.arg("--from").arg(from).arg("--to").arg(to).args(words).output().unwrap()
}

#[track_caller]
fn migrated(server: &Wharf, data: &Path, sides: (&Path, &Path), words: &[&str]) -> Value {
    let done = migrate(server, data, sides, words);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

#[test]
fn a_store_moves_to_postgresql_and_back_while_it_serves() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = Postgres::start();
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    push_image(&client, "app", "v1", &[&noise(300_000, 1), &noise(5_000, 2)]);
    // More than are copied at once: some are left when the copy is killed.
    let layers: Vec<_> = (100..120).map(|seed| noise(20_000, seed)).collect();
    push_image(&client, "app", "v2", &layers.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let scaled = configuration(&folder.path().join("scaled"), &database.url());

    // Killed while it copies layers, twice.
    for fault in ["append-durable:2", "append-durable:1"] {
        let killed = migrate(&server, &data, (&data, &scaled), &["--fault", fault]);
        assert!(killed.status.code().is_none(), "{}", String::from_utf8_lossy(&killed.stderr));
    }
    let unfinished = complaint(Command::new(binary()).args(["serve", "--config"]).arg(&scaled));
    assert!(unfinished.contains("run wharf migrate-store again"), "{unfinished}");
    assert_eq!(read_all(&client), 2, "pulls are served");
    let refused = client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    assert!(String::from_utf8_lossy(&refused.body).contains("read-only while its data is moved"));
    let refused = client.ecr("CreateRepository", r#"{"repositoryName":"other"}"#).unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());

    // Also after a restart.
    server.kill().unwrap();
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    assert_eq!(client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap().status, 503);
    let moved = migrated(&server, &data, (&data, &scaled), &["--verify", "all"]);
    assert_eq!(moved["Check"]["Findings"], json!([]), "{moved}");
    assert_eq!((&moved["Objects"], &moved["ReadAgain"]), (&json!(24), &json!(24)), "{moved}");
    assert!(moved["CopiedObjects"].as_u64().unwrap() < 24, "it goes on: {moved}");
    let again = migrate(&server, &data, (&data, &scaled), &[]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("not empty"));
    assert_eq!(read_all(&client), 2);
    assert!(!data.join("move").exists(), "the snapshot is removed");

    // Back: the rows and the bytes are the same.
    let back = folder.path().join("back");
    let returned = migrated(&server, &data, (&scaled, &back), &[]);
    assert_eq!((&returned["Rows"], &returned["Objects"]), (&moved["Rows"], &moved["Objects"]));
    let (old, new) = (Offline::open(&data).unwrap(), Offline::open(&back).unwrap());
    assert_eq!(old.objects().unwrap(), new.objects().unwrap());
    assert_eq!(old.files().unwrap(), new.files().unwrap());
    drop((old, new));
    std::fs::copy(data.join("dev.toml"), back.join("dev.toml")).unwrap();
    let third = ready(&back, &[]).unwrap();
    let other = third.client().unwrap();
    assert_eq!(read_all(&other), 2);
    push_image(&other, "app", "v3", &[&noise(10_000, 9)]);
    assert_eq!(read_all(&other), 3);

    // PostgreSQL was the source of the second move. The check of its store needs no change.
    let release = said(Command::new(binary()).args(["migrate-store", "release", "--at"]).arg(&scaled));
    assert!(release.contains("writable"), "{release}");
    let checked = said(Command::new(binary()).args(["fsck", "--config"]).arg(&scaled));
    assert!(checked.contains("Problems: 0."), "{checked}");
    // The first store is released by its server.
    said(on_server(&server, &data, &["migrate-store", "release", "--at"]).arg(&data));
    push_image(&client, "app", "v4", &[&noise(20_000, 4)]);
}

#[test]
fn layers_move_alone_and_damaged_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let layer = noise(50_000, 1);
    push_image(&client, "app", "v1", &[&layer]);
    // The same database, and another folder.
    let database = format!("sqlite://{}", data.join("wharf.db").display());
    let moved_to = configuration(&folder.path().join("other"), &database);
    let text = std::fs::read_to_string(&moved_to).unwrap();
    let own = format!("data_dir = \"{}\"", data.display());
    let rest = text.split_once('\n').unwrap().1;
    std::fs::write(&moved_to, format!("{own}\n{rest}")).unwrap();
    let blobs = folder.path().join("other/blobs");

    let file = || {
        let files = Offline::open(&data).unwrap().files().unwrap();
        let (key, _) = files.into_iter().find(|(_, len)| *len == 50_000).unwrap();
        data.join("blobs/objects").join(&key[..2]).join(key)
    };
    let good = std::fs::read(file()).unwrap();
    let mut bad = good.clone();
    bad[9] ^= 1;
    std::fs::write(file(), &bad).unwrap();
    let failed = migrate(&server, &data, (&data, &moved_to), &[]);
    let why = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(4), "{why}");
    assert!(
        why.contains(&format!("{}: its bytes have the digest {}", sha256(&layer), sha256(&bad))),
        "{why}"
    );
    std::fs::write(file(), &good).unwrap();

    let moved = migrated(&server, &data, (&data, &moved_to), &[]);
    assert_eq!((&moved["MovesRows"], &moved["MovesLayers"]), (&json!(false), &json!(true)), "{moved}");
    assert_eq!((&moved["Objects"], &moved["CopiedObjects"]), (&json!(2), &json!(1)), "{moved}");
    server.kill().unwrap();
    let mut old = Command::new(binary());
    old.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    let refused = complaint(&mut old);
    assert!(refused.contains("store ID"), "{refused}");
    said(Command::new(binary()).args(["migrate-store", "release", "--at"]).arg(&moved_to));
    let server = ready(&data, &[("WHARF__BLOBS__PATH", blobs.to_str().unwrap())]).unwrap();
    let client = server.client().unwrap();
    assert_eq!(read_all(&client), 1);
    push_image(&client, "app", "v2", &[&noise(7_000, 2)]);
}

#[test]
fn rows_that_move_alone_take_the_layers_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    push_image(&client, "app", "v1", &[&noise(50_000, 1)]);
    let blobs = data.join("blobs");
    let known = std::fs::read_to_string(blobs.join("store-id")).unwrap();
    let other = folder.path().join("other");
    let moved_to = configuration(&other, &format!("sqlite://{}/data/wharf.db", other.display()));
    let text = std::fs::read_to_string(&moved_to).unwrap();
    let text = text.replace(other.join("blobs").to_str().unwrap(), blobs.to_str().unwrap());
    std::fs::write(&moved_to, text).unwrap();
    let moved = migrated(&server, &data, (&data, &moved_to), &[]);
    assert_eq!((&moved["MovesRows"], &moved["MovesLayers"]), (&json!(true), &json!(false)), "{moved}");
    assert_eq!(read_all(&client), 1, "the old server serves pulls");
    // Its collector would remove layers of the new database.
    let release = ["migrate-store", "release", "--at"];
    let refused = complaint(on_server(&server, &data, &release).arg(&data));
    assert!(refused.contains("given the layers"), "{refused}");
    server.kill().unwrap();
    let refused = complaint(Command::new(binary()).args(release).arg(&data));
    assert!(refused.contains("given the layers"), "{refused}");

    let new = other.join("data");
    std::fs::copy(data.join("dev.toml"), new.join("dev.toml")).unwrap();
    let server = ready(&new, &[("WHARF__BLOBS__PATH", blobs.to_str().unwrap())]).unwrap();
    let client = server.client().unwrap();
    push_image(&client, "app", "v2", &[&noise(60_000, 2)]);
    let repair = || {
        let mut command = Command::new(binary());
        command.args(["fsck", "--repair", "--data-dir"]).arg(&data);
        command
    };
    let refused = complaint(&mut repair());
    assert!(refused.contains("store ID"), "{refused}");
    let taken = std::fs::read_to_string(blobs.join("store-id")).unwrap();
    // Also if somebody follows the advice of the message.
    std::fs::write(blobs.join("store-id"), known).unwrap();
    let refused = complaint(&mut repair());
    assert!(refused.contains("read-only"), "{refused}");
    std::fs::write(blobs.join("store-id"), taken).unwrap();
    assert_eq!(read_all(&client), 2);
}

/// A move that is stopped while it copies, before it has ended.
fn stopped_in_a_copy(server: &Wharf, data: &Path, to: &Path) -> Child {
    let mut command = on_server(server, data, &["migrate-store"]);
    command.arg("--from").arg(data).arg("--to").arg(to).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let until = Instant::now() + Duration::from_mins(1);
    while objects_in(&to.join("blobs")).is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
    signal(&child, "STOP");
    assert!(child.try_wait().unwrap().is_none(), "the test was late");
    child
}

#[test]
fn a_source_that_was_released_meanwhile_is_not_moved() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let layers: Vec<_> = (1..150).map(|seed| noise(2_000, seed)).collect();
    push_image(&client, "app", "v1", &layers.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let to = folder.path().join("to");
    let moving = stopped_in_a_copy(&server, &data, &to);
    said(on_server(&server, &data, &["migrate-store", "release", "--at"]).arg(&data));
    push_image(&client, "app", "v2", &[&noise(20_000, 1_000)]);
    signal(&moving, "CONT");
    let done = moving.wait_with_output().unwrap();
    let why = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && why.contains("was released"), "{why}");
    let unfinished = complaint(Command::new(binary()).args(["fsck", "--data-dir"]).arg(&to));
    assert!(unfinished.contains("run wharf migrate-store again"), "{unfinished}");
    assert_eq!(read_all(&client), 2);
}
