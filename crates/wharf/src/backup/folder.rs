//! The folder of a backup.
//!
//! ```text
//! wharf-backup                  marks the folder
//! lock                          one command writes at a time
//! in-progress                   the ID of a backup that has not ended
//! objects/ab/ab…                bytes of layers, shared by all snapshots
//! archive/objects/ab/ab…        bytes of archived layers
//! snapshots/TIME/wharf.db       the rows
//! snapshots/TIME/objects.tsv    the objects that the rows name
//! snapshots/TIME/backup.json    written last: a snapshot without it does not count
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::copying::Roots;
use crate::files;

const MARK: &str = "wharf-backup";
const MARK_TEXT: &[u8] = b"wharf backup 1\n";
const SNAPSHOTS: &str = "snapshots";

/// Names of files in the folder of a snapshot.
pub(crate) const DATABASE: &str = "wharf.db";
pub(crate) const OBJECTS: &str = "objects.tsv";
pub(crate) const RECORD: &str = "backup.json";
/// Only if it was asked for.
pub(crate) const SECRETS: [&str; 2] = ["master.key", "dev.toml"];

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
    /// What was copied for this snapshot; the folder had the rest.
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
    pub(crate) path: PathBuf,
    pub(crate) taken_at: Timestamp,
    pub(crate) record: Record,
}

/// A folder of backups. It is locked until this is dropped.
pub(crate) struct BackupFolder {
    path: PathBuf,
    _lock: File,
}

impl BackupFolder {
    /// Opens the folder to write to it; it is created, if it does not exist or is empty.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        files::make_private_folder(&path)?;
        let mark = path.join(MARK);
        if !mark.exists() {
            let names = fs::read_dir(&path)?.flatten().map(|entry| entry.file_name());
            let others = names
                .filter(|name| !["lost+found", "lock", "wharf-backup.partial"].iter().any(|own| name == own));
            if others.count() > 0 {
                bail!("{} holds other things: a backup needs a folder of its own", path.display());
            }
            files::write_private(&mark, MARK_TEXT)?;
        }
        Self::open(&path, true)
    }

    /// Opens a folder that exists.
    pub(crate) fn open(path: &Path, to_write: bool) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        if files::read_optional(&path.join(MARK))?.as_deref() != Some(MARK_TEXT) {
            bail!("{} is not a backup that this version of wharf can read", path.display());
        }
        let lock_path = path.join("lock");
        let mut options = OpenOptions::new();
        let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
        let lock = lock.with_context(|| format!("cannot open {}", lock_path.display()))?;
        match if to_write { lock.try_lock() } else { lock.try_lock_shared() } {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!("another command uses the backup {}", path.display()),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    /// The folders of bytes.
    pub(crate) fn roots(&self) -> Roots {
        Roots { standard: self.path.clone(), archive: Some(self.path.join("archive")) }
    }

    /// The file with the ID of a backup that has not ended.
    pub(crate) fn in_progress(&self) -> PathBuf {
        self.path.join("in-progress")
    }

    /// A new folder for a snapshot. Removes those that do not count.
    pub(crate) fn begin_snapshot(&self, taken_at: Timestamp) -> anyhow::Result<(String, PathBuf)> {
        let parent = self.path.join(SNAPSHOTS);
        files::make_private_folder(&parent)?;
        super::files::sync_folder(&self.path)?;
        for entry in fs::read_dir(&parent)? {
            let path = entry?.path();
            if !path.join(RECORD).exists() {
                fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        let name = taken_at.strftime("%Y%m%dT%H%M%S.%3fZ").to_string();
        let path = parent.join(&name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        super::files::sync_folder(&parent)?;
        Ok((name, path))
    }

    /// The snapshots that count, from the oldest to the newest.
    pub(crate) fn snapshots(&self) -> anyhow::Result<Vec<Snapshot>> {
        let entries = match fs::read_dir(self.path.join(SNAPSHOTS)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut snapshots = Vec::new();
        for entry in entries {
            let (path, name) = {
                let entry = entry?;
                (entry.path(), entry.file_name().to_string_lossy().into_owned())
            };
            let Some(record) = files::read_optional(&path.join(RECORD))? else { continue };
            let record: Record = serde_json::from_slice(&record)
                .with_context(|| format!("{} is not valid", path.join(RECORD).display()))?;
            let taken_at = record.taken_at.parse().context("TakenAt is not a time")?;
            snapshots.push(Snapshot { name, path, taken_at, record });
        }
        snapshots.sort_by_key(|snapshot| snapshot.taken_at);
        Ok(snapshots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_without_its_record_does_not_count() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("backup");
        assert!(BackupFolder::open(&path, false).is_err());
        let folder = BackupFolder::create(&path).unwrap();
        assert!(BackupFolder::create(&path).is_err(), "it is locked");
        let at: Timestamp = "2026-05-04T03:02:01Z".parse().unwrap();
        let (name, begun) = folder.begin_snapshot(at).unwrap();
        assert_eq!(name, "20260504T030201.000Z");
        fs::write(begun.join(DATABASE), b"rows").unwrap();
        assert_eq!(folder.snapshots().unwrap().len(), 0);
        folder.begin_snapshot(Timestamp::now()).unwrap();
        assert!(!begun.exists());

        let other = above.path().join("other");
        fs::create_dir(&other).unwrap();
        fs::write(other.join("notes"), b"").unwrap();
        let refused = BackupFolder::create(&other).err().unwrap().to_string();
        assert!(refused.contains("holds other things"), "{refused}");
    }
}
