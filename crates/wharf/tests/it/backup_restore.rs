//! `wharf restore`: what it refuses, what it names, and what it leaves out.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::{Offline, noise, sha256};

use crate::backup::{back_up, create_repository, read_all, restore, restored};
use crate::crash_collect::{binary, ready};
use crate::gc::push_image;
use crate::process::{complaint, said, wait_for};

#[test]
fn missing_and_damaged_layers_are_named_and_no_row_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    let layers = [noise(5_000, 1), noise(5_001, 2), noise(5_002, 3)];
    push_image(&client, "app", "v1", &[&layers[0], &layers[1], &layers[2]]);
    back_up(&server, &data, &to);
    let of_size = |root: &Path, size: u64| {
        let files = Offline::open(&data).unwrap().files().unwrap();
        let (key, _) = files.into_iter().find(|(_, len)| *len == size).unwrap();
        root.join("objects").join(&key[..2]).join(key)
    };
    let (missing, changed) = (of_size(&to, 5_000), of_size(&to, 5_001));
    let good = (std::fs::read(&missing).unwrap(), std::fs::read(&changed).unwrap());
    std::fs::remove_file(&missing).unwrap();
    let mut bad = good.1.clone();
    bad[100] ^= 1;
    std::fs::write(&changed, &bad).unwrap();
    let new = folder.path().join("new");
    let done = restore(&to, &new, &[]);
    let why = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(4), "{why}");
    assert!(why.contains(&format!("{}: its bytes are missing", sha256(&layers[0]))), "{why}");
    assert!(
        why.contains(&format!("{}: its bytes have the digest {}", sha256(&layers[1]), sha256(&bad))),
        "{why}"
    );
    assert!(!why.contains(&sha256(&layers[2])), "{why}");
    assert!(!new.join("wharf.db").exists());
    let refused = restore(&to, &new, &[]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is not empty"));

    // Damage of the deployment itself is found by the backup. There is no new snapshot.
    std::fs::write(&missing, &good.0).unwrap();
    std::fs::remove_file(&changed).unwrap();
    std::fs::write(of_size(&data.join("blobs"), 5_001), &bad).unwrap();
    server.kill().unwrap();
    let offline = || {
        let mut command = Command::new(binary());
        command.args(["backup", "--with-master-key", "--data-dir"]).arg(&data).arg(&to);
        command
    };
    let failed = offline().output().unwrap();
    let why = String::from_utf8_lossy(&failed.stderr);
    assert!(failed.status.code() == Some(4) && why.contains(&sha256(&layers[1])), "{why}");
    std::fs::write(of_size(&data.join("blobs"), 5_001), &good.1).unwrap();
    let done = said(&mut offline());
    assert!(done.contains("4 objects") && done.contains("Copied: 1 objects"), "{done}");
    restored(&to, &folder.path().join("whole"), &[]);
}

#[test]
fn uploads_end_and_the_master_key_is_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    push_image(&client, "app", "v1", &[&noise(5_000, 1)]);
    let upload = client.v2("POST", "/v2/app/blobs/uploads/", "", b"").unwrap().expect(202).unwrap();
    let upload = upload.header("location").unwrap().to_owned();
    client.v2("PATCH", &upload, "application/octet-stream", b"abc").unwrap().expect(202).unwrap();
    let replication = said(Command::new(binary()).args(["replication", "key", "--data-dir"]).arg(&data));
    let with_keys = folder.path().join("with-keys");
    back_up(&server, &data, &with_keys);
    server.kill().unwrap();
    said(Command::new(binary()).args(["backup", "--data-dir"]).arg(&data).arg(&to));
    let whole = folder.path().join("whole");
    restored(&with_keys, &whole, &[]);
    let again = said(Command::new(binary()).args(["replication", "key", "--data-dir"]).arg(&whole));
    assert_eq!(again, replication, "peers know the restored deployment");
    let new = folder.path().join("new");
    let refused = String::from_utf8(restore(&to, &new, &[]).stderr).unwrap();
    assert!(refused.contains("--master-key-file") && !new.exists(), "{refused}");
    let other = folder.path().join("other");
    let key = data.join("master.key");
    let key = key.to_str().unwrap();
    restored(&to, &other, &["--master-key-file", key]);
    let offline = Offline::open(&other).unwrap();
    assert_eq!((offline.uploads().unwrap().len(), offline.objects().unwrap().len()), (0, 2));
    assert_eq!(offline.files().unwrap().len(), 2);
    assert_eq!(Offline::open(&data).unwrap().uploads().unwrap().len(), 1);

    let notes = folder.path().join("notes");
    std::fs::create_dir(&notes).unwrap();
    std::fs::write(notes.join("mine"), "").unwrap();
    let refused = complaint(Command::new(binary()).args(["backup", "--data-dir"]).arg(&data).arg(&notes));
    assert!(refused.contains("holds other things"), "{refused}");
}

#[test]
fn archived_layers_are_backed_up_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let cold = folder.path().join("cold");
    let server = ready(&data, &[("WHARF__BLOBS__ARCHIVE_PATH", cold.to_str().unwrap())]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    push_image(&client, "app", "cold", &[&noise(5_000, 1)]);
    push_image(&client, "app", "warm", &[&noise(6_000, 2)]);
    let input =
        json!({"repositoryName": "app", "imageId": {"imageTag": "cold"}, "targetStorageClass": "ARCHIVE"});
    client.ecr("UpdateImageStorageClass", &input.to_string()).unwrap().expect(200).unwrap();
    wait_for("the move", || (crate::backup::objects_in(&cold).len() == 2).then_some(()));
    let made = back_up(&server, &data, &to);
    assert_eq!(made["Objects"], 4, "{made}");
    server.kill().unwrap();
    let refused = String::from_utf8(restore(&to, &folder.path().join("a"), &[]).stderr).unwrap();
    assert!(refused.contains("--archive-path"), "{refused}");
    let (new, new_cold) = (folder.path().join("b"), folder.path().join("new-cold"));
    restored(&to, &new, &["--archive-path", new_cold.to_str().unwrap()]);
    assert_eq!(crate::backup::objects_in(&new_cold).len(), 2);
    let server = ready(&new, &[("WHARF__BLOBS__ARCHIVE_PATH", new_cold.to_str().unwrap())]).unwrap();
    let client = server.client().unwrap();
    let layer = format!("/v2/app/blobs/{}", sha256(&noise(6_000, 2)));
    client.v2("GET", &layer, "", b"").unwrap().expect(200).unwrap();
    let input =
        json!({"repositoryName": "app", "imageId": {"imageTag": "cold"}, "targetStorageClass": "STANDARD"});
    client.ecr("UpdateImageStorageClass", &input.to_string()).unwrap().expect(200).unwrap();
    wait_for("the restored layer", || {
        let manifest = client.v2("GET", "/v2/app/manifests/cold", "", b"").unwrap();
        (manifest.status == 200).then_some(())
    });
    assert_eq!(read_all(&client), 2);
}

#[test]
fn an_encrypted_backup_needs_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let server = ready(&data, &[]).unwrap();
    let client = server.client().unwrap();
    create_repository(&client);
    // More than a chunk, and text that would be found.
    let layer = "a layer in plain text ".repeat(10_000).into_bytes();
    push_image(&client, "app", "v1", &[&layer]);
    server.kill().unwrap();
    let key_file = |name: &str, digit: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, digit.repeat(64)).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, wrong) = (key_file("key", "a"), key_file("wrong", "b"));
    let command = |words: &[&str]| {
        let mut command = Command::new(binary());
        command.args(words).arg(&to);
        command
    };
    let from = data.to_str().unwrap();
    let back_up = ["backup", "--with-master-key", "--data-dir", from];
    let made = said(&mut command(&[&back_up[..], &["--encryption-key-file", &key]].concat()));
    assert!(made.contains("Copied: 2 objects"), "{made}");
    let again = said(&mut command(&[&back_up[..], &["--encryption-key-file", &key]].concat()));
    assert!(again.contains("Copied: 0 objects"), "{again}");
    for words in [&["backup", "list"][..], &["restore", "--data-dir", "/nowhere/x"], &back_up] {
        let without = complaint(&mut command(words));
        assert!(without.contains("is encrypted: name its key"), "{without}");
        let other = complaint(&mut command(&[words, &["--encryption-key-file", &wrong]].concat()));
        assert!(other.contains("is not the one of the backup"), "{other}");
    }
    let missing = complaint(&mut command(&["backup", "list", "--encryption-key-file", "/nowhere/key"]));
    assert!(missing.contains("openssl rand -hex 32"), "{missing}");
    let mut names = Vec::new();
    for entry in walk(&to) {
        let content = std::fs::read(&entry).unwrap();
        for plain in [&b"plain text"[..], b"SQLite format", b"TakenAt", b"sha256:"] {
            assert!(!content.windows(plain.len()).any(|window| window == plain), "{}", entry.display());
        }
        names.push(entry);
    }
    assert_eq!(names.iter().filter(|name| name.starts_with(to.join("objects"))).count(), 2);

    let with_key = ["--encryption-key-file", key.as_str()];
    let listed = said(&mut command(&[&["backup", "list"][..], &with_key].concat()));
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let pruned = said(&mut command(&[&["backup", "prune", "--keep", "1"][..], &with_key].concat()));
    assert_eq!(pruned.trim(), "Removed 1 snapshots, and 0 objects of 0 bytes.");
    let new = folder.path().join("new");
    let report = restored(&to, &new, &with_key);
    assert_eq!(report["Check"]["Findings"], json!([]), "{report}");
    let server = ready(&new, &[]).unwrap();
    assert_eq!(read_all(&server.client().unwrap()), 1);

    // A changed copy is named.
    let is_layer = |path: &&std::path::PathBuf| {
        path.starts_with(to.join("objects")) && std::fs::metadata(path).unwrap().len() > 200_000
    };
    let of_layer = names.iter().find(is_layer).unwrap();
    let mut bad = std::fs::read(of_layer).unwrap();
    bad[100_000] ^= 1;
    std::fs::write(of_layer, bad).unwrap();
    let done = restore(&to, &folder.path().join("other"), &with_key);
    let why = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(4), "{why}");
    assert!(why.contains(&format!("{}: it is damaged", sha256(&layer))), "{why}");

    let plain = folder.path().join("plain");
    said(Command::new(binary()).args(back_up).arg(&plain));
    let refused = complaint(Command::new(binary()).args(back_up).args(with_key).arg(&plain));
    assert!(refused.contains("is not encrypted"), "{refused}");
}

/// The files of a backup that are encrypted.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else if !["wharf-backup", "lock"].iter().any(|name| path.ends_with(name)) {
            found.push(path);
        }
    }
    found
}
