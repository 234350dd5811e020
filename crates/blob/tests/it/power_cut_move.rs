//! A power cut at every call to the disk while objects move to the archive and back, and while the collector removes those
//! that no row names: what a row names can be read afterwards.

use std::path::Path;
use std::sync::Arc;

use blob::{DiskOptions, ObjectKey, Place, Store};
use oci::digest::Algorithm;

use super::power_cut::OUTCOMES;
use super::simulated_disk::SimulatedDisk;
use super::{body, bytes, digest, memory_folder, read, sha256};

fn store_on(folder: &Path, options: impl Fn() -> DiskOptions) -> Store {
    let store = Store::disk(folder.join("blobs"), options()).unwrap();
    store.with_archive(folder.join("archive"), options()).unwrap()
}

fn start(folder: &Path) -> (SimulatedDisk, Store) {
    let disk = SimulatedDisk::new(folder);
    let store = store_on(folder, || DiskOptions { disk: Arc::new(disk.clone()) });
    (disk, store)
}

/// The row of an object: its key, and its bytes.
type Row = (ObjectKey, Vec<u8>);

/// Pushes an object; its row is written after the store has reported it.
async fn push(store: &Store, rows: &mut Vec<Row>, seed: u64) {
    let (key, content) = (ObjectKey::random(), bytes(90_000, seed));
    if store.append(&key, sha256(), &mut body(&content, 40_000), None).await.is_ok() {
        rows.push((key, content));
    }
}

/// Moves the objects of all rows to this place. A row names the copy once its digest was compared; then the original goes.
async fn move_all(store: &Store, rows: &mut [Row], place: Place) {
    for (key, content) in rows {
        let (from, to) = (*key, ObjectKey::random_in(place));
        let copied = store.copy(&from, &to, Algorithm::Sha256, content.len() as u64).await;
        if copied.is_ok_and(|copy| copy == digest(content)) {
            *key = to;
            let _ = store.delete(&from).await;
        }
    }
}

/// It never stops early: after the cut every call fails.
async fn everything(store: &Store) -> Vec<Row> {
    let mut rows = Vec::new();
    for seed in 1..4 {
        push(store, &mut rows, seed).await;
    }
    move_all(store, &mut rows, Place::Archive).await;
    // An image is deleted: its row goes before its bytes.
    if let Some((key, _)) = rows.pop() {
        let _ = store.delete(&key).await;
    }
    move_all(store, &mut rows, Place::Standard).await;
    push(store, &mut rows, 4).await;
    rows
}

async fn check(rows: &[Row], disk: &SimulatedDisk, at: u64) {
    for outcome in OUTCOMES {
        let folder = memory_folder();
        disk.survivors(outcome, folder.path());
        let store = store_on(folder.path(), DiskOptions::default);
        for (key, content) in rows {
            let len = content.len() as u64;
            assert!(read(&store, key, 0, len).await == *content, "cut at call {at}, {outcome:?}: {key:?}");
        }
    }
}

#[tokio::test]
async fn moves_and_collection_survive_a_power_cut_at_any_call() {
    let folder = memory_folder();
    let (disk, store) = start(folder.path());
    let before = disk.calls();
    let rows = everything(&store).await;
    let calls = disk.calls() - before;
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|(key, _)| key.place() == Place::Standard));
    assert!(calls > 40, "{calls} calls");
    check(&rows, &disk, calls).await;
    for at in 0..calls {
        let folder = memory_folder();
        let (disk, store) = start(folder.path());
        disk.cut_after(at);
        check(&everything(&store).await, &disk, at).await;
    }
}
