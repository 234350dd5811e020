//! The folders of blobs, and the check that they are the folders of this database.
//!
//! Each folder has an ID, and the database keeps it. If another disk should be mounted and is not, the folder is empty: the
//! start fails then. Otherwise a server would answer that layers are missing, and `wharf fsck --repair` would remove their
//! rows.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blob::DiskOptions;
use blob::disk::{STORE_ID_FILE, ensure_store_id, store_id};
use meta::{GetSetting, ListObjects, Meta, PutSettingOnce};

/// The folders of blobs.
#[derive(Clone, Debug)]
pub(crate) struct BlobFolders {
    pub(crate) standard: PathBuf,
    /// Of archived layers, if they have a folder of their own.
    pub(crate) archive: Option<PathBuf>,
}

/// The names of the IDs in the database.
const STANDARD: &str = "blob-store";
const ARCHIVE: &str = "archive-store";

impl BlobFolders {
    /// Opens the folders. The first start creates them and records their IDs.
    pub(crate) async fn open(self, meta: &Meta) -> anyhow::Result<blob::Store> {
        let folders = [(STANDARD, Some(self.standard.clone())), (ARCHIVE, self.archive.clone())];
        for (setting, path) in &folders {
            if let Some(path) = path {
                expect(meta, setting, path).await?;
            }
        }
        let store = tokio::task::spawn_blocking(move || self.create()).await??;
        for (setting, path) in folders {
            if let Some(path) = path {
                record(meta, setting, path).await?;
            }
        }
        Ok(store)
    }

    fn create(&self) -> anyhow::Result<blob::Store> {
        let store = blob::Store::disk(&self.standard, DiskOptions::default())
            .with_context(|| cannot_open(&self.standard))?;
        match &self.archive {
            Some(path) => store.with_archive(path, DiskOptions::default()).with_context(|| cannot_open(path)),
            None => Ok(store),
        }
    }
}

fn cannot_open(path: &Path) -> String {
    format!("cannot open the blob folder {}", path.display())
}

/// Refuses a folder that is not the one of this database, before anything is created in it.
async fn expect(meta: &Meta, setting: &str, path: &Path) -> anyhow::Result<()> {
    let (root, exists) = (path.to_owned(), path.join("objects").exists());
    let found = tokio::task::spawn_blocking(move || store_id(&root)).await?;
    let found = found.with_context(|| cannot_open(path))?;
    let known = meta.read(GetSetting { name: setting.to_owned() }).await?;
    match known {
        Some(known) => compare(path, &known, found.as_deref()),
        // The database of an earlier version has no ID yet.
        None if !exists && setting == STANDARD => {
            let objects = meta.read(ListObjects { after: None, limit: 1 }).await?;
            if !objects.is_empty() {
                bail!(
                    "the database has layers, and their folder {} is empty: is its disk mounted?",
                    path.display()
                );
            }
            Ok(())
        }
        None => Ok(()),
    }
}

/// Records the ID of the folder, or finds the one of another node.
async fn record(meta: &Meta, setting: &str, path: PathBuf) -> anyhow::Result<()> {
    let root = path.clone();
    let made = tokio::task::spawn_blocking(move || ensure_store_id(&root, &DiskOptions::default())).await?;
    let id = made.with_context(|| cannot_open(&path))?;
    let put = PutSettingOnce { name: setting.to_owned(), value: id.clone().into_bytes() };
    compare(&path, &meta.write(put).await?, Some(&id))
}

fn compare(path: &Path, known: &[u8], found: Option<&str>) -> anyhow::Result<()> {
    if found.map(str::as_bytes) == Some(known) {
        return Ok(());
    }
    let (path, known) = (path.display(), String::from_utf8_lossy(known));
    let has = found.map_or_else(|| "has no store ID".to_owned(), |id| format!("has the store ID {id}"));
    bail!(
        "the folder {path} {has}, and the database belongs to the store {known}. Is its disk mounted, and do all nodes \
         use the same folder? If this folder is the right one, write the ID into it: echo {known} > {path}/{STORE_ID_FILE}"
    )
}
