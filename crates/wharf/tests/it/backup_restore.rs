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
    server.kill().unwrap();
    said(Command::new(binary()).args(["backup", "--data-dir"]).arg(&data).arg(&to));
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
