//! What only SQLite has: how its connections are set, a full disk, the log kept short.

use futures::future::join_all;
use oci::digest::{Algorithm, Digest};

use super::{SqliteOptions, connection};
use crate::*;

#[test]
fn a_commit_syncs_and_no_commit_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let writer = connection::writer(&folder.path().join("wharf.db"), SqliteOptions::default()).unwrap();
    let setting = |name| writer.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(setting("synchronous"), 2, "FULL");
    assert_eq!(setting("foreign_keys"), 1);
    assert_eq!(setting("wal_autocheckpoint"), 0);
    let mode: String = writer.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

async fn open(folder: &tempfile::TempDir, options: SqliteOptions) -> Meta {
    Meta::sqlite(folder.path().join("wharf.db"), options).await.unwrap()
}

fn setting(at: usize, len: usize) -> PutSettingOnce {
    let seed = Digest::of(Algorithm::Sha256, at.to_string().as_bytes());
    PutSettingOnce { name: at.to_string(), value: seed.to_stored().repeat(len / 33 + 1) }
}

#[tokio::test]
async fn only_one_opens_a_database_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder, SqliteOptions::default()).await;
    let path = folder.path().join("wharf.db");
    let refused = Meta::sqlite(&path, SqliteOptions::default()).await.err().unwrap();
    assert!(matches!(&refused, StoreError::InUse(used) if *used == path), "{refused}");
    assert!(first.write(setting(1, 1)).await.is_ok(), "the first one goes on");
    drop(first);
    drop(open(&folder, SqliteOptions::default()).await);
}

#[tokio::test]
async fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { max_pages: Some(200), ..SqliteOptions::default() };
    let meta = open(&folder, options).await;
    // One that can never fit, in a group with small ones.
    let writes = (0..20).map(|at| meta.write(setting(at, if at == 7 { 1 << 20 } else { 10 })));
    let results = join_all(writes).await;
    drop(meta);
    let meta = open(&folder, SqliteOptions::default()).await;
    for (at, result) in results.into_iter().enumerate() {
        assert_eq!(result.is_ok(), at != 7, "{at}");
        let stored = meta.read(GetSetting { name: at.to_string() }).await.unwrap();
        assert_eq!(stored.is_some(), at != 7, "{at}");
    }
}

#[tokio::test]
async fn the_log_is_checkpointed() {
    let folder = tempfile::tempdir().unwrap();
    let meta = open(&folder, SqliteOptions::default()).await;
    for at in 0..20 {
        meta.write(setting(at, 1 << 20)).await.unwrap();
    }
    // A log starts anew with the first commit after a checkpoint that reached its end: that needs a pause.
    for at in 20..1_020 {
        meta.write(setting(at, 10)).await.unwrap();
        if meta.wal_bytes().unwrap() < 8 << 20 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the log still has {} bytes", meta.wal_bytes().unwrap());
}
