//! Where a backup is: a folder or a bucket, encrypted or not.
//!
//! ```text
//! wharf-backup                  marks the place, and says whether it is encrypted
//! lock                          one command writes at a time; only in a folder
//! in-progress                   the ID of a backup that has not ended
//! objects/ab/ab…                bytes of layers, shared by all snapshots
//! archive/objects/ab/ab…        bytes of archived layers
//! snapshots/TIME/wharf.db       the rows
//! snapshots/TIME/objects.tsv    the objects that the rows name
//! snapshots/TIME/backup.json    written last: a snapshot without it does not count
//! ```
//!
//! All files but the mark, the lock and `in-progress` are encrypted, if the backup is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use blob::{ObjectKey, Vault};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::sealing::{self, BackupKey};
use super::target::Target;
use crate::files;

const MARK: &str = "wharf-backup";
const MARK_TEXT: &[u8] = b"wharf backup 1\n";
/// The mark of an encrypted backup: this line, and the same line encrypted, which shows whether a key is the right one.
const SEALED_MARK: &[u8] = b"wharf backup 1 encrypted\n";
const SNAPSHOTS: &str = "snapshots";
const IN_PROGRESS: &str = "in-progress";

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

/// A place of backups. A folder is locked until this is dropped.
pub(crate) struct BackupPlace {
    vault: Vault,
    key: Option<BackupKey>,
    name: String,
    _lock: Option<File>,
}

impl BackupPlace {
    /// Opens the place to write to it; it is created, if it does not exist or is empty.
    pub(crate) async fn create(target: &Target) -> anyhow::Result<Self> {
        let vault = target.vault()?;
        if let Vault::Folder(path, _) = &vault {
            files::make_private_folder(path)?;
            check_own(path)?;
        }
        let marked = vault.read(MARK).await.with_context(|| format!("cannot read {}", target.name()))?;
        if marked.is_none() {
            let mark = match target.key()? {
                None => MARK_TEXT.to_vec(),
                Some(key) => {
                    let line = stream::iter([Ok(Bytes::from_static(SEALED_MARK))]);
                    let sealed = collect(sealing::seal(&key, MARK, line)?).await?;
                    [SEALED_MARK, &sealed].concat()
                }
            };
            put(&vault, MARK, mark).await?;
        }
        Self::open(target, true).await
    }

    /// Opens a place that exists.
    pub(crate) async fn open(target: &Target, to_write: bool) -> anyhow::Result<Self> {
        let (vault, name) = (target.vault()?, target.name());
        let mark = vault.read(MARK).await.with_context(|| format!("cannot read {name}"))?;
        let key = match (mark.as_deref(), target.key()?) {
            (Some(mark), None) if mark == MARK_TEXT => None,
            (Some(mark), Some(_)) if mark == MARK_TEXT => {
                bail!(
                    "the backup {name} is not encrypted: leave out --encryption-key-file, or name another place"
                )
            }
            (Some(mark), key) => {
                let Some(sealed) = mark.strip_prefix(SEALED_MARK) else {
                    bail!("{name} is not a backup that this version of wharf can read")
                };
                let key = key.with_context(|| {
                    format!("the backup {name} is encrypted: name its key with --encryption-key-file")
                })?;
                check_key(&key, sealed).await.with_context(|| {
                    format!("the key of --encryption-key-file is not the one of the backup {name}")
                })?;
                Some(key)
            }
            (None, _) => bail!("{name} is not a backup that this version of wharf can read"),
        };
        let lock = match &vault {
            Vault::Folder(path, _) => Some(lock(path, to_write)?),
            Vault::Bucket(..) => None,
        };
        Ok(Self { vault, key, name, _lock: lock })
    }

    /// What it is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The ID of a backup that has not ended.
    pub(crate) async fn in_progress(&self) -> anyhow::Result<Option<String>> {
        let id = self.vault.read(IN_PROGRESS).await?;
        Ok(id.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// Notes the ID of a backup that begins. Another one that is in progress does not count any more.
    pub(crate) async fn begin(&self, id: &str) -> anyhow::Result<()> {
        put(&self.vault, IN_PROGRESS, id.as_bytes().to_vec()).await
    }

    /// Refuses, if another backup has begun after this one: it removes the files of this one. Only a bucket has no lock.
    pub(crate) async fn check_in_progress(&self, id: &str) -> anyhow::Result<()> {
        if self.in_progress().await?.as_deref() != Some(id) {
            bail!("another command has begun a backup to {}: run one at a time", self.name);
        }
        Ok(())
    }

    /// Notes that the backup has ended, unless another one has begun.
    pub(crate) async fn end(&self, id: &str) -> anyhow::Result<()> {
        if self.in_progress().await?.as_deref() == Some(id) {
            self.vault.remove(IN_PROGRESS).await?;
        }
        Ok(())
    }

    /// Whether another command may be writing to the place. A folder is locked.
    pub(crate) async fn may_be_in_use(&self) -> anyhow::Result<bool> {
        Ok(matches!(self.vault, Vault::Bucket(..)) && self.in_progress().await?.is_some())
    }

    /// Writes a file.
    pub(crate) async fn write<S>(&self, name: &str, body: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
    {
        match &self.key {
            Some(key) => self.vault.put(name, sealing::seal(key, name, body)?).await,
            None => self.vault.put(name, body).await,
        }
    }

    /// Writes a small file.
    pub(crate) async fn write_all(&self, name: &str, content: Vec<u8>) -> anyhow::Result<()> {
        let written = self.write(name, stream::iter([Ok(Bytes::from(content))])).await;
        written.with_context(|| format!("cannot write {name}"))
    }

    /// The content of a file, if it exists.
    pub(crate) async fn read(&self, name: &str) -> io::Result<Option<BoxStream<'static, io::Result<Bytes>>>> {
        match (self.vault.get(name).await?, &self.key) {
            (Some(body), Some(key)) => Ok(Some(sealing::open(key, name, body).await?)),
            (body, _) => Ok(body),
        }
    }

    /// A small file, if it exists.
    pub(crate) async fn read_all(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let content = match self.read(name).await {
            Ok(Some(body)) => collect(body).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        content.with_context(|| format!("cannot read {name} in {}", self.name))
    }

    /// Whether the place has an object of this size.
    pub(crate) async fn has(&self, key: &ObjectKey, size: u64) -> io::Result<bool> {
        self.has_file(&Vault::name_of(key), size).await
    }

    async fn has_file(&self, name: &str, size: u64) -> io::Result<bool> {
        let size = if self.key.is_some() { sealing::sealed_len(size) } else { size };
        Ok(self.vault.len(name).await? == Some(size))
    }

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
            if !whole.contains_key(name) {
                whole.insert(name, self.vault.len(&file_of(name, RECORD)).await?.is_some());
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

    /// Removes the objects that `is_kept` does not keep, and files that are not complete. Returns how many objects and bytes
    /// were removed.
    pub(crate) async fn remove_others(
        &self,
        is_kept: impl Fn(&ObjectKey) -> bool,
    ) -> anyhow::Result<(u64, u64)> {
        let (mut objects, mut bytes) = (0, 0);
        for folder in ["objects", "archive/objects"] {
            for (name, len) in self.vault.list(folder).await? {
                let Some(key) = Vault::key_of(&name) else { continue };
                let is_partial = Vault::is_partial(&name);
                if !is_partial && is_kept(&key) {
                    continue;
                }
                self.vault.remove(&name).await?;
                bytes += len;
                objects += u64::from(!is_partial);
            }
        }
        Ok((objects, bytes))
    }
}

/// The snapshot of a file.
fn snapshot_of(file: &str) -> Option<&str> {
    Some(file.strip_prefix(SNAPSHOTS)?.strip_prefix('/')?.split_once('/')?.0)
}

fn invalid(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

async fn put(vault: &Vault, name: &str, content: Vec<u8>) -> anyhow::Result<()> {
    let written = vault.put(name, stream::iter([Ok(Bytes::from(content))])).await;
    written.with_context(|| format!("cannot write {name}"))
}

/// All bytes of a small file.
pub(crate) async fn collect(mut body: impl Stream<Item = io::Result<Bytes>> + Unpin) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    while let Some(bytes) = body.next().await {
        content.extend_from_slice(&bytes?);
    }
    Ok(content)
}

async fn check_key(key: &BackupKey, sealed: &[u8]) -> io::Result<()> {
    let sealed = stream::iter([Ok(Bytes::copy_from_slice(sealed))]);
    collect(sealing::open(key, MARK, sealed).await?).await.map(drop)
}

/// Refuses a folder with other things.
fn check_own(path: &Path) -> anyhow::Result<()> {
    if path.join(MARK).exists() {
        return Ok(());
    }
    let names = fs::read_dir(path)?.flatten().map(|entry| entry.file_name());
    let others =
        names.filter(|name| !["lost+found", "lock", "wharf-backup.partial"].iter().any(|own| name == own));
    if others.count() > 0 {
        bail!("{} holds other things: a backup needs a folder of its own", path.display());
    }
    Ok(())
}

fn lock(path: &Path, to_write: bool) -> anyhow::Result<File> {
    let lock_path = path.join("lock");
    let mut options = OpenOptions::new();
    let lock = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&lock_path);
    let lock = lock.with_context(|| format!("cannot open {}", lock_path.display()))?;
    match if to_write { lock.try_lock() } else { lock.try_lock_shared() } {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => bail!("another command uses the backup {}", path.display()),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
