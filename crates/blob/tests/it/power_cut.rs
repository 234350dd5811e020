//! A power cut at every call to the disk: what an append has reported exists afterwards, and appends continue.

use std::path::Path;
use std::sync::Arc;

use blob::disk::Disk as _;
use blob::{AppendError, DiskOptions, ObjectKey, Store};
use bytes::Bytes;
use futures::StreamExt as _;

use super::simulated_disk::{SimulatedDisk, Unsynced};
use super::{BodyBroke, body, bytes, digest, hashed, memory_folder, read, sha256, stored_len};

/// What a cut leaves of unsynced changes: nothing, everything, and four cases between.
pub(crate) const OUTCOMES: [Unsynced; 6] = [
    Unsynced::Lost,
    Unsynced::Kept,
    Unsynced::Chance(1),
    Unsynced::Chance(20),
    Unsynced::Chance(300),
    Unsynced::Chance(4_000),
];

fn open(folder: &Path, disk: &SimulatedDisk) -> std::io::Result<Store> {
    Store::disk(folder.join("blobs"), DiskOptions { disk: Arc::new(disk.clone()) })
}

/// A store with a durable layout, on a disk with power.
fn store_on(folder: &Path) -> (SimulatedDisk, Store) {
    let disk = SimulatedDisk::new(folder);
    let store = open(folder, &disk).unwrap();
    (disk, store)
}

/// The rows of a registry: written only after the store has reported.
#[derive(Clone, Default)]
struct Rows(Vec<(ObjectKey, Vec<u8>)>);

impl Rows {
    fn record(&mut self, key: ObjectKey, content: Vec<u8>) {
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, content));
    }

    fn of(&self, key: ObjectKey) -> Vec<u8> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, content)| content.clone()).unwrap_or_default()
    }

    /// Everything that was recorded can be read after each outcome of the cut, and can be appended to.
    async fn check(&self, disk: &SimulatedDisk, at: u64) {
        for outcome in OUTCOMES {
            let folder = memory_folder();
            disk.survivors(outcome, folder.path());
            let store = Store::disk(folder.path().join("blobs"), DiskOptions::default()).unwrap();
            for (key, content) in &self.0 {
                let len = content.len() as u64;
                let there = stored_len(&store, key).await;
                assert!(there >= Some(len), "cut at call {at}, {outcome:?}: {there:?} of {len} bytes");
                assert!(read(&store, key, 0, len).await == *content, "cut at call {at}, {outcome:?}");
                let all = [content.as_slice(), b"more"].concat();
                let appended = store.append(key, hashed(content), &mut body(b"more", 3), None).await.unwrap();
                assert_eq!(appended.stage.digest(), digest(&all));
                assert_eq!(stored_len(&store, key).await, Some(all.len() as u64));
                assert_eq!(read(&store, key, 0, all.len() as u64).await, all);
            }
        }
    }
}

/// Appends at the offset in the row, and records what is reported.
async fn append(store: &Store, rows: &mut Rows, key: ObjectKey, more: &[u8], breaks: bool) {
    let mut content = rows.of(key);
    let end = if breaks { vec![Err(BodyBroke)] } else { Vec::new() };
    let mut stream = body(more, 100_000).chain(futures::stream::iter(end));
    match store.append(&key, hashed(&content), &mut stream, None).await {
        Ok(_) | Err(AppendError::Body { .. }) => {
            content.extend_from_slice(more);
            rows.record(key, content);
        }
        // There is no power now.
        Err(_) => {}
    }
}

/// One of each change of an object. It never stops early: after the cut every call fails.
async fn everything(store: &Store, keys: &[ObjectKey], rows: &mut Rows) {
    let [empty, small, grows, broken, forgotten, rewound, doomed] = keys else { panic!("7 keys") };
    append(store, rows, *empty, b"", false).await;
    append(store, rows, *small, b"small", false).await;
    append(store, rows, *grows, &bytes(700_000, 1), false).await;
    append(store, rows, *grows, b"", false).await;
    append(store, rows, *grows, &bytes(1_000, 2), false).await;
    append(store, rows, *broken, &bytes(150_000, 3), true).await;
    append(store, rows, *broken, &bytes(150_000, 4), false).await;
    // Created by a request that recorded nothing, then started again.
    let _ = store.append(forgotten, sha256(), &mut body(&bytes(9_000, 5), 1_000), None).await;
    append(store, rows, *forgotten, &bytes(3_000, 6), false).await;
    // Longer than the row: truncated, once with an empty and once with a non-empty append.
    append(store, rows, *rewound, b"kept", false).await;
    let kept = rows.of(*rewound);
    let _ = store.append(rewound, hashed(&kept), &mut body(&bytes(5_000, 7), 1_000), None).await;
    append(store, rows, *rewound, b"", false).await;
    let _ = store.append(rewound, hashed(b"kept"), &mut body(&bytes(9_000, 8), 1_000), Some(6_000)).await;
    append(store, rows, *rewound, b"!", false).await;
    append(store, rows, *doomed, b"gone soon", false).await;
    rows.0.retain(|(key, _)| key != doomed);
    let _ = store.delete(doomed).await;
}

#[tokio::test]
async fn reported_bytes_survive_a_power_cut_at_any_call() {
    let keys: Vec<_> = (0..7).map(|_| ObjectKey::random()).collect();
    let folder = memory_folder();
    let (disk, store) = store_on(folder.path());
    let before = disk.calls();
    let mut rows = Rows::default();
    everything(&store, &keys, &mut rows).await;
    let calls = disk.calls() - before;
    assert_eq!(rows.0.len(), 6);
    assert!(calls > 60, "{calls} calls");
    rows.check(&disk, calls).await;
    for at in 0..calls {
        let folder = memory_folder();
        let (disk, store) = store_on(folder.path());
        disk.cut_after(at);
        let mut rows = Rows::default();
        everything(&store, &keys, &mut rows).await;
        rows.check(&disk, at).await;
    }
}

/// Appends in one folder share its syncs. None may use a sync that began before its file existed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_appends_do_not_mix_their_bytes() {
    for at in (0..120).step_by(4) {
        let folder = memory_folder();
        let (disk, store) = store_on(folder.path());
        disk.cut_after(at);
        let mut tasks = tokio::task::JoinSet::new();
        for seed in 0..16_u64 {
            let store = store.clone();
            tasks.spawn(async move {
                let mut key = [seed as u8; 16];
                key[0] = seed as u8 % 2;
                let mut rows = Rows::default();
                append(&store, &mut rows, ObjectKey::from_bytes(key), &bytes(2_000, seed), false).await;
                append(&store, &mut rows, ObjectKey::from_bytes(key), &bytes(500, seed), false).await;
                rows
            });
        }
        let rows = Rows(tasks.join_all().await.into_iter().flat_map(|rows| rows.0).collect());
        rows.check(&disk, at).await;
    }
}

/// Long bodies are synced in the background; the end must be synced too.
#[tokio::test]
async fn a_reported_long_body_survives_a_power_cut() {
    let folder = memory_folder();
    let (disk, store) = store_on(folder.path());
    let key = ObjectKey::random();
    let part = Bytes::from(bytes(400_000, 1));
    let parts = futures::stream::iter(vec![part.clone(); 100].into_iter().map(Ok::<_, BodyBroke>));
    store.append(&key, sha256(), &mut parts.boxed(), None).await.unwrap();
    let survived = memory_folder();
    disk.survivors(Unsynced::Lost, survived.path());
    let store = Store::disk(survived.path().join("blobs"), DiskOptions::default()).unwrap();
    assert!(read(&store, &key, 0, 40_000_000).await == part.repeat(100));
}

#[tokio::test]
async fn a_first_start_works_after_a_power_cut() {
    let folder = memory_folder();
    let (disk, _store) = store_on(folder.path());
    let calls = disk.calls();
    for at in (0..calls).step_by(23).chain(calls - 8..=calls) {
        let folder = memory_folder();
        let disk = SimulatedDisk::new(folder.path());
        disk.cut_after(at);
        assert_eq!(open(folder.path(), &disk).is_ok(), at == calls);
        for outcome in OUTCOMES {
            let survived = memory_folder();
            disk.survivors(outcome, survived.path());
            // The second start may trust a marker, so every folder must be durable.
            let again = SimulatedDisk::new(survived.path());
            let store = open(survived.path(), &again).unwrap();
            let mut rows = Rows::default();
            for first in [0, 127, 255] {
                append(&store, &mut rows, ObjectKey::from_bytes([first; 16]), b"first", false).await;
            }
            assert_eq!(rows.0.len(), 3);
            rows.check(&again, at).await;
        }
    }
}

#[tokio::test]
async fn created_parent_folders_survive_a_power_cut() {
    let folder = memory_folder();
    let disk = SimulatedDisk::new(folder.path());
    let store = open(&folder.path().join("new/deep"), &disk).unwrap();
    let mut rows = Rows::default();
    let key = ObjectKey::random();
    append(&store, &mut rows, key, b"first", false).await;
    let survived = memory_folder();
    disk.survivors(Unsynced::Lost, survived.path());
    let again = Store::disk(survived.path().join("new/deep/blobs"), DiskOptions::default()).unwrap();
    assert_eq!(stored_len(&again, &key).await, Some(5));
}

/// The simulated disk loses what a real one can lose; otherwise these tests would prove nothing.
#[test]
fn the_simulated_disk_forgets_what_is_not_synced() {
    let folder = memory_folder();
    let disk = SimulatedDisk::new(folder.path());
    let path = |name: &str| folder.path().join(name);
    for name in ["unsynced", "content", "both"] {
        disk.open(&path(name), true).unwrap().write_all_at(b"one", 0).unwrap();
    }
    disk.sync_folder(folder.path()).unwrap();
    disk.open(&path("nameless"), true).unwrap().sync().unwrap();
    disk.open(&path("content"), false).unwrap().sync().unwrap();
    disk.open(&path("both"), false).unwrap().sync().unwrap();
    disk.open(&path("both"), false).unwrap().write_all_at(b"two", 0).unwrap();
    let after = |outcome| {
        let survived = memory_folder();
        disk.survivors(outcome, survived.path());
        ["unsynced", "content", "both", "nameless"].map(|name| std::fs::read(survived.path().join(name)).ok())
    };
    let content = |text: &str| Some(text.as_bytes().to_vec());
    assert_eq!(after(Unsynced::Lost), [content(""), content("one"), content("one"), None]);
    assert_eq!(after(Unsynced::Kept), [content("one"), content("one"), content("two"), content("")]);
}
