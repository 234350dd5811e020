//! The snapshots of a backup. One counts when its record is written, which is the last of its files.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::{fs, io};

use anyhow::{Context as _, bail};
use blob::Vault;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::place::{BackupPlace, collect};

const SNAPSHOTS: &str = "snapshots";

/// Names of files in the folder of a snapshot.
pub(crate) const DATABASE: &str = "wharf.db";
pub(crate) const OBJECTS: &str = "objects.tsv";
pub(crate) const RECORD: &str = "backup.json";
/// Only if it was asked for.
pub(crate) const SECRETS: [&str; 3] = ["master.key", "dev.toml", "peer.key"];

/// The record of a snapshot: `backup.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Record {
    /// When the rows were read, as in RFC 3339.
    pub(crate) taken_at: String,
    /// The version of the program.
    pub(crate) version: String,
    /// What the rows name.
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    /// What was copied for this snapshot; the place had the rest.
    pub(crate) copied_objects: u64,
    pub(crate) copied_bytes: u64,
    pub(crate) database_bytes: u64,
    pub(crate) database_digest: String,
    pub(crate) objects_digest: String,
    pub(crate) has_master_key: bool,
}

/// A snapshot that counts.
pub(crate) struct Snapshot {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) taken_at: Timestamp,
    pub(crate) record: Record,
}

impl Snapshot {
    /// The name of one of its files.
    pub(crate) fn file(&self, name: &str) -> String {
        file_of(&self.name, name)
    }
}

/// The name of a file of a snapshot.
pub(crate) fn file_of(snapshot: &str, name: &str) -> String {
    format!("{SNAPSHOTS}/{snapshot}/{name}")
}

impl BackupPlace {
    /// The name for a new snapshot. Removes those that do not count.
    pub(crate) async fn begin_snapshot(&self, taken_at: Timestamp) -> anyhow::Result<String> {
        let files = self.vault.list(SNAPSHOTS).await?;
        self.remove_incomplete(&files).await?;
        Ok(taken_at.strftime("%Y%m%dT%H%M%S.%3fZ").to_string())
    }

    /// Removes those of the listed files whose snapshot has no record. The record itself is asked for: a list can be
    /// incomplete.
    async fn remove_incomplete(&self, files: &[(String, u64)]) -> anyhow::Result<()> {
        let mut whole = BTreeMap::new();
        for (file, _) in files {
            let name = snapshot_of(file).unwrap_or_default();
            if let Entry::Vacant(vacant) = whole.entry(name) {
                vacant.insert(self.vault.len(&file_of(name, RECORD)).await?.is_some());
            }
            if whole.get(name) == Some(&false) {
                self.vault.remove(file).await?;
            }
        }
        Ok(())
    }

    /// Writes the record of a snapshot of this backup: it counts. If another backup has begun, it may have removed the
    /// files of the snapshot, because it found no record. So this is compared again afterwards: a backup that begins later
    /// finds the record.
    pub(crate) async fn end_snapshot(&self, id: &str, name: &str, record: &Record) -> anyhow::Result<()> {
        self.check_in_progress(id).await?;
        if !self.has_file(&file_of(name, DATABASE), record.database_bytes).await? {
            bail!("the rows of the snapshot are not in {} any more", self.name);
        }
        self.write_all(&file_of(name, RECORD), serde_json::to_vec_pretty(record)?).await?;
        let is_last = self.check_in_progress(id).await;
        if is_last.is_err() {
            self.vault.remove(&file_of(name, RECORD)).await?;
        }
        is_last
    }

    /// The snapshots that count, from the oldest to the newest, and the names of those whose record is damaged. A record
    /// is asked for by its name: a list can be incomplete.
    pub(crate) async fn snapshots(&self) -> anyhow::Result<(Vec<Snapshot>, Vec<String>)> {
        let (mut snapshots, mut damaged) = (Vec::new(), Vec::new());
        let files = self.vault.list(SNAPSHOTS).await?;
        let names: BTreeSet<&str> = files.iter().filter_map(|(file, _)| snapshot_of(file)).collect();
        for name in names {
            match self.record(name).await {
                Ok(None) => {}
                Ok(Some((taken_at, record))) => {
                    snapshots.push(Snapshot { name: name.to_owned(), taken_at, record });
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => damaged.push(name.to_owned()),
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.name)),
            }
        }
        snapshots.sort_by_key(|snapshot| snapshot.taken_at);
        Ok((snapshots, damaged))
    }

    /// The record of a snapshot, if it has one. The error of a damaged one is `InvalidData`.
    async fn record(&self, name: &str) -> io::Result<Option<(Timestamp, Record)>> {
        let Some(body) = self.read(&file_of(name, RECORD)).await? else { return Ok(None) };
        let record: Record = serde_json::from_slice(&collect(body).await?).map_err(invalid)?;
        Ok(Some((record.taken_at.parse().map_err(invalid)?, record)))
    }

    /// Removes a snapshot. Without its record it does not count.
    pub(crate) async fn remove_snapshot(&self, snapshot: &Snapshot) -> anyhow::Result<()> {
        self.vault.remove(&snapshot.file(RECORD)).await?;
        for (file, _) in self.vault.list(&format!("{SNAPSHOTS}/{}", snapshot.name)).await? {
            self.vault.remove(&file).await?;
        }
        if let Vault::Folder(root, _) = &self.vault {
            let path = root.join(SNAPSHOTS).join(&snapshot.name);
            fs::remove_dir(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }
}

/// The snapshot of a file.
fn snapshot_of(file: &str) -> Option<&str> {
    Some(file.strip_prefix(SNAPSHOTS)?.strip_prefix('/')?.split_once('/')?.0)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::backup::target::Target;

    #[tokio::test]
    async fn a_snapshot_without_its_record_does_not_count() {
        let above = tempfile::tempdir().unwrap();
        let target = Target::folder(&above.path().join("backup"));
        assert!(BackupPlace::open(&target, false).await.is_err());
        let place = BackupPlace::create(&target).await.unwrap();
        assert!(BackupPlace::create(&target).await.is_err(), "it is locked");
        let at: Timestamp = "2026-05-04T03:02:01Z".parse().unwrap();
        let name = place.begin_snapshot(at).await.unwrap();
        assert_eq!(name, "20260504T030201.000Z");
        place.write_all(&file_of(&name, DATABASE), b"rows".to_vec()).await.unwrap();
        assert_eq!(place.snapshots().await.unwrap().0.len(), 0);
        place.begin_snapshot(Timestamp::now()).await.unwrap();
        assert!(place.read_all(&file_of(&name, DATABASE)).await.unwrap().is_none());

        let other = above.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("notes"), b"").unwrap();
        let refused = BackupPlace::create(&Target::folder(&other)).await.err().unwrap().to_string();
        assert!(refused.contains("holds other things"), "{refused}");
    }

    fn record_of(rows: &[u8]) -> Record {
        Record {
            taken_at: "2026-05-04T03:02:01Z".to_owned(),
            version: String::new(),
            objects: 0,
            bytes: 0,
            copied_objects: 0,
            copied_bytes: 0,
            database_bytes: rows.len() as u64,
            database_digest: String::new(),
            objects_digest: String::new(),
            has_master_key: false,
        }
    }

    /// A place with the rows of a snapshot of the backup `one`.
    async fn with_rows(above: &Path) -> (BackupPlace, String) {
        let place = BackupPlace::create(&Target::folder(&above.join("backup"))).await.unwrap();
        place.begin("one").await.unwrap();
        let name = place.begin_snapshot(Timestamp::now()).await.unwrap();
        place.write_all(&file_of(&name, DATABASE), b"rows".to_vec()).await.unwrap();
        (place, name)
    }

    #[tokio::test]
    async fn a_list_without_a_record_removes_no_snapshot() {
        let above = tempfile::tempdir().unwrap();
        let (place, name) = with_rows(above.path()).await;
        place.end_snapshot("one", &name, &record_of(b"rows")).await.unwrap();
        let incomplete = [(file_of(&name, DATABASE), 4)];
        place.remove_incomplete(&incomplete).await.unwrap();
        assert!(place.read_all(&file_of(&name, DATABASE)).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_snapshot_that_another_backup_removed_does_not_count() {
        let above = tempfile::tempdir().unwrap();
        let (place, name) = with_rows(above.path()).await;
        place.begin("two").await.unwrap();
        let refused = place.end_snapshot("one", &name, &record_of(b"rows")).await.unwrap_err().to_string();
        assert!(refused.contains("another command"), "{refused}");
        assert_eq!(place.snapshots().await.unwrap().0.len(), 0);
        // The mark is not the one of the first backup any more.
        place.end("one").await.unwrap();
        place.check_in_progress("two").await.unwrap();
        place.begin_snapshot(Timestamp::now()).await.unwrap();
        let lost = place.end_snapshot("two", &name, &record_of(b"rows")).await.unwrap_err().to_string();
        assert!(lost.contains("not in"), "{lost}");
        place.end("two").await.unwrap();
        assert_eq!(place.in_progress().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_damaged_record_hides_no_other_snapshot() {
        let above = tempfile::tempdir().unwrap();
        let (place, good) = with_rows(above.path()).await;
        place.end_snapshot("one", &good, &record_of(b"rows")).await.unwrap();
        for (bad, text) in [("20260101T000000.000Z", ""), ("20260102T000000.000Z", r#"{"TakenAt": 1"#)] {
            place.write_all(&file_of(bad, RECORD), text.as_bytes().to_vec()).await.unwrap();
        }
        let (snapshots, damaged) = place.snapshots().await.unwrap();
        assert_eq!(snapshots.iter().map(|snapshot| &snapshot.name).collect::<Vec<_>>(), [&good]);
        assert_eq!(damaged, ["20260101T000000.000Z", "20260102T000000.000Z"]);
    }
}
