//! The process stops at each fault point of a store. What it reported exists at the next start.
//!
//! This test starts itself again as the process that stops, with [`CHILD`] set. The child writes down what the store
//! reports, as the rows of a registry would, and the parent knows its progress only from there.

use std::path::Path;
use std::process::{Command, Stdio};

use blob::{ObjectKey, OpenError, Store};
use fault::Fault;
use oci::digest::Algorithm;

use testkit::s3_server;

use super::bucket::PART_BYTES;
use super::{Place, body, bytes, digest, read};

const CHILD: &str = "WHARF_TEST_CRASH";

/// What a store passes, and the lengths of the requests that reach all of it.
pub(super) struct Passed {
    faults: [Fault; 5],
    parts: [usize; 3],
}

const FAULTS: [Fault; 5] =
    [Fault::AppendCreated, Fault::AppendWritten, Fault::AppendSynced, Fault::AppendDurable, Fault::Deleted];

#[expect(non_upper_case_globals, reason = "the suite names it by its store")]
pub(super) const disk: Passed = Passed { faults: FAULTS, parts: [3_000, 0, 1_200_000] };

/// The last request ends in the third part.
#[expect(non_upper_case_globals, reason = "the suite names it by its store")]
pub(super) const s3: Passed = Passed { faults: FAULTS, parts: [3_000, 0, 2 * PART_BYTES] };

fn key(of: u8) -> ObjectKey {
    ObjectKey::from_bytes([of; 16])
}

/// A file that stands for the row of an upload: it is written only after the store has reported.
fn record(folder: &Path, name: &str, content: &[u8]) {
    std::fs::write(folder.join(name), content).unwrap();
}

/// One upload in three parts, an empty blob, and a delete.
async fn work(store: &Store, folder: &Path, parts: [usize; 3]) {
    let all = bytes(parts.iter().sum(), 1);
    let (mut stage, mut from) = (store.begin(Algorithm::Sha256), 0);
    for part in parts {
        let appended = store.append(&key(1), stage, &mut body(&all[from..from + part]), None).await.unwrap();
        (stage, from) = (appended.stage, from + part);
        record(folder, "stage", &stage.save().unwrap());
        record(folder, "offset", from.to_string().as_bytes());
    }
    store.finish(&key(1), &stage).await.unwrap();
    record(folder, "finished", b"");
    store.finish(&key(2), &store.begin(Algorithm::Sha256)).await.unwrap();
    record(folder, "empty", b"");
    // The row is deleted before the bytes.
    std::fs::remove_file(folder.join("empty")).unwrap();
    record(folder, "deleting", b"");
    store.delete(&key(2)).await.unwrap();
    record(folder, "deleted", b"");
}

/// What was reported exists, and the upload can be completed.
async fn check(store: &Store, folder: &Path, parts: [usize; 3], point: &str) {
    let row = |name: &str| std::fs::read(folder.join(name)).ok();
    let all = bytes(parts.iter().sum(), 1);
    let from: usize = row("offset").map_or(0, |offset| String::from_utf8(offset).unwrap().parse().unwrap());
    let stage = store.resume(Algorithm::Sha256, from as u64, row("stage").as_deref()).unwrap();
    if row("finished").is_some() {
        assert!(read(store, &key(1), 0, all.len() as u64).await == all, "{point}");
    }
    let rest = store.append(&key(1), stage, &mut body(&all[from..]), None).await.unwrap();
    assert_eq!(rest.stage.digest(), digest(&all), "{point}");
    store.finish(&key(1), &rest.stage).await.unwrap();
    assert!(read(store, &key(1), 0, all.len() as u64).await == all, "{point}");
    if row("empty").is_some() {
        assert_eq!(read(store, &key(2), 0, 0).await, b"", "{point}");
    }
    // A delete can be repeated. Afterwards the object does not exist.
    store.delete(&key(2)).await.unwrap();
    assert!(matches!(store.open(&key(2), 0, 0).await, Err(OpenError::Missing)), "{point}");
}

/// Whether the process stopped when it reached the point for the `pass`-th time.
fn died(test: &str, point: &str, folder: &Path) -> bool {
    let status = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact"])
        .env(CHILD, format!("{point} {}", folder.display()))
        .envs(s3_server::address().ok().map(|address| (s3_server::ADDRESS, address)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    if !status.success() {
        use std::os::unix::process::ExitStatusExt as _;
        assert!(status.signal().is_some(), "{point}: the child failed instead of dying: {status}");
    }
    !status.success()
}

pub(super) fn at_any_point(test: &str, open: fn(&Path) -> Store, passed: &Passed) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Ok(child) = std::env::var(CHILD) {
        let (point, folder) = child.split_once(' ').unwrap();
        fault::arm(point).unwrap();
        return runtime.block_on(async { work(&open(folder.as_ref()), folder.as_ref(), passed.parts).await });
    }
    let mut met = Vec::new();
    for fault in Fault::ALL {
        for pass in 1.. {
            let place = Place::new(open);
            let point = format!("{}:{pass}", fault.name());
            // Created here, so the child begins with the same store each time.
            drop(place.open());
            if !died(test, &point, place.folder.path()) {
                break;
            }
            runtime.block_on(async { check(&place.open(), place.folder.path(), passed.parts, &point).await });
            met.push(*fault);
        }
    }
    met.dedup();
    assert_eq!(met, passed.faults);
}
