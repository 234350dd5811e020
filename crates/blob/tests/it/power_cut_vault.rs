//! A power cut at every call to the disk while a backup is written into a folder: a file that has its name is complete, and
//! one that was reported is there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use blob::{ObjectKey, Vault};
use bytes::Bytes;
use futures::StreamExt as _;

use super::power_cut::OUTCOMES;
use super::simulated_disk::SimulatedDisk;
use super::{body, bytes, memory_folder};

/// What was asked for under each name, and whether it was reported.
type Written = Vec<(String, Vec<u8>, bool)>;

fn vault(root: &Path, disk: &SimulatedDisk) -> Vault {
    Vault::Folder(root.join("backup"), Arc::new(disk.clone()))
}

async fn put(vault: &Vault, written: &mut Written, name: &str, content: Vec<u8>) {
    let chunks = body(&content, 40_000).map(|chunk| chunk.map_err(io::Error::other));
    let reported = vault.put(name, chunks).await.is_ok();
    written.push((name.to_owned(), content, reported));
}

/// What a backup does: layers, then the list of what it has, again and again. It never stops early.
async fn everything(vault: &Vault, keys: &[ObjectKey]) -> Written {
    let mut written = Written::new();
    for (round, key) in (0..).zip(keys) {
        put(vault, &mut written, &Vault::name_of(key), bytes(100_000, round)).await;
        put(vault, &mut written, "latest.json", bytes(300, 50 + round)).await;
        let breaks = futures::stream::iter([
            Ok(Bytes::from_static(b"half")),
            Err(io::Error::other("the source broke")),
        ]);
        assert!(vault.put("broken", breaks).await.is_err());
    }
    written
}

/// Under each name is what was reported last, or something that was asked for later; all of it.
async fn check(written: &Written, disk: &SimulatedDisk, at: u64) {
    for outcome in OUTCOMES {
        let folder = memory_folder();
        disk.survivors(outcome, folder.path());
        let vault = Vault::folder(folder.path().join("backup"));
        let mut wanted: BTreeMap<&str, Vec<Option<&[u8]>>> = BTreeMap::from([("broken", vec![None])]);
        for (name, content, reported) in written {
            let may_be = wanted.entry(name).or_insert_with(|| vec![None]);
            if *reported {
                may_be.clear();
            }
            may_be.push(Some(content));
        }
        for (name, may_be) in wanted {
            let found = vault.read(name).await.unwrap();
            let is_wanted = may_be.contains(&found.as_deref());
            assert!(
                is_wanted,
                "cut at call {at}, {outcome:?}: {name} has {:?} bytes",
                found.map(|found| found.len())
            );
            // It can be written again.
            let again = futures::stream::iter([Ok(Bytes::from_static(b"again"))]);
            vault.put(name, again).await.unwrap();
            assert_eq!(vault.read(name).await.unwrap().unwrap(), b"again");
        }
    }
}

#[tokio::test]
async fn a_backup_survives_a_power_cut_at_any_call() {
    let keys: Vec<_> = (1..4).map(|key| ObjectKey::from_bytes([key; 16])).collect();
    let folder = memory_folder();
    let disk = SimulatedDisk::new(folder.path());
    let written = everything(&vault(folder.path(), &disk), &keys).await;
    assert!(written.iter().all(|(_, _, reported)| *reported));
    let calls = disk.calls();
    assert!(calls > 60, "{calls} calls");
    check(&written, &disk, calls).await;
    for at in 0..calls {
        let folder = memory_folder();
        let disk = SimulatedDisk::new(folder.path());
        disk.cut_after(at);
        let written = everything(&vault(folder.path(), &disk), &keys).await;
        check(&written, &disk, at).await;
    }
}
