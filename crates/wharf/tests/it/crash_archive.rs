//! `kill -9` at every fault point of a move to the archive and back. After each restart the layers can be read, and in the
//! end each is in one place.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fault::Fault;
use serde_json::json;
use testkit::{Started, Wharf, noise, sha256};

use crate::crash_collect::{AT_ONCE, binary, ready};
use crate::gc::push_image;

const POINTS: [Fault; 4] = [Fault::MoveRecorded, Fault::CopyWritten, Fault::BeforeSwitch, Fault::AfterSwitch];

fn files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder.join("objects")) else { return 0 };
    entries.map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap().count()).sum()
}

/// Waits until the folders have these numbers of files.
fn wait_for(data: &Path, archive: &Path, wanted: (usize, usize)) -> Result<()> {
    let began = Instant::now();
    loop {
        let now = (files(&data.join("blobs")), files(archive));
        if now == wanted {
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(40), "files: {now:?}, wanted: {wanted:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn layers_survive_every_crash_of_a_move() {
    let folder = testkit::memory_folder().unwrap();
    let (data, archive) = (folder.path().join("data"), folder.path().join("archive"));
    let path = archive.to_str().unwrap().to_owned();
    let settings: Vec<(&str, &str)> =
        AT_ONCE[1..].iter().copied().chain([("WHARF__BLOBS__ARCHIVE_PATH", path.as_str())]).collect();
    let server = ready(&data, &settings).unwrap();
    let client = server.client().unwrap();
    client.ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    let layers = [noise(300_000, 1), noise(400_000, 2)];
    push_image(&client, "app", "v1", &[&layers[0], &layers[1]]);
    server.kill().unwrap();
    for fault in POINTS {
        for (class, status) in [("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")] {
            move_through(&data, &archive, &settings, fault, (class, status))
                .and_then(|()| check(&data, &settings, &layers, status))
                .with_context(|| format!("{} to {class}", fault.name()))
                .unwrap();
        }
    }
}

fn move_through(
    data: &Path,
    archive: &Path,
    settings: &[(&str, &str)],
    fault: Fault,
    (class, status): (&str, &str),
) -> Result<()> {
    let Started::Ready(mut server) = Wharf::start_with(binary(), data, Some(fault.name()), settings)? else {
        anyhow::bail!("it ended before a request")
    };
    let image = json!({"imageTag": "v1"});
    let input = json!({"repositoryName": "app", "imageId": image, "targetStorageClass": class});
    // The server may end while it answers.
    let _ = server.client()?.ecr("UpdateImageStorageClass", &input.to_string());
    ensure!(server.ends_within(Duration::from_secs(30))?, "it never got there");
    // What a killed server has claimed is free again.
    testkit::Offline::open(data)?.let_time_pass()?;
    let server = ready(data, settings)?;
    let client = server.client()?;
    let began = Instant::now();
    loop {
        let input = json!({"repositoryName": "app", "filter": {"imageStatus": "ANY"}}).to_string();
        let shown = client.ecr("DescribeImages", &input)?.expect(200)?.json()?;
        if shown["imageDetails"][0]["imageStatus"] == status {
            break;
        }
        ensure!(began.elapsed() < Duration::from_secs(40), "{shown}");
        std::thread::sleep(Duration::from_millis(100));
    }
    wait_for(data, archive, if class == "ARCHIVE" { (0, 3) } else { (3, 0) })?;
    server.kill()
}

fn check(data: &Path, settings: &[(&str, &str)], layers: &[Vec<u8>], status: &str) -> Result<()> {
    let mut command = Command::new(binary());
    command.envs(settings.iter().copied()).args(["fsck", "--json", "--data-dir"]).arg(data);
    let checked = command.output()?;
    let report = String::from_utf8_lossy(&checked.stdout).into_owned();
    ensure!(checked.status.success(), "fsck: {report}{}", String::from_utf8_lossy(&checked.stderr));
    let server = ready(data, settings)?;
    let client = server.client()?;
    for layer in layers {
        let reply = client.v2("GET", &format!("/v2/app/blobs/{}", sha256(layer)), "", b"")?;
        if status == "ACTIVE" {
            ensure!(reply.expect(200)?.body == *layer, "other bytes");
        } else {
            reply.expect(404)?;
        }
    }
    server.kill()
}
