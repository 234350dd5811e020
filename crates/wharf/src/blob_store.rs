//! The store of blobs, and the check that it is the store of this database.
//!
//! Each folder and bucket has an ID, and the database keeps it. If another disk should be mounted and is not, the folder is
//! empty: the start fails then. Otherwise a server would answer that layers are missing, and `wharf fsck --repair` would remove their
//! rows.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blob::disk::{STORE_ID_FILE, ensure_store_id, store_id};
use blob::{DiskOptions, S3Url};
use meta::{GetSetting, ListObjects, Meta, PutSettingOnce};

use crate::config::Bucket;

/// Where blobs are.
pub(crate) enum BlobStore {
    /// In folders of this machine.
    Folders(BlobFolders),
    /// In a bucket.
    Bucket(Box<Bucket>),
}

impl BlobStore {
    /// Opens the store. The first start records its ID.
    pub(crate) async fn open(self, meta: &Meta) -> anyhow::Result<blob::Store> {
        match self {
            Self::Folders(folders) => folders.open(meta).await,
            Self::Bucket(bucket) => open_bucket(&bucket, meta).await,
        }
    }

    /// Whether archived layers have a place of their own.
    pub(crate) fn has_archive(&self) -> bool {
        matches!(self, Self::Folders(BlobFolders { archive: Some(_), .. }))
    }
}

/// Opens a bucket. Its first request shows whether it can be reached.
async fn open_bucket(bucket: &Bucket, meta: &Meta) -> anyhow::Result<blob::Store> {
    let url = &bucket.url;
    let cannot = || {
        format!(
            "cannot open the bucket {url}: check that it exists, and [blobs.s3] (endpoint, region, access key)"
        )
    };
    let store = blob::Store::s3(&bucket.options()?).with_context(cannot)?;
    let blob::Store::S3(s3) = &store else { bail!("not a bucket") };
    let found = s3.store_id().await.with_context(cannot)?;
    let known = meta.read(GetSetting { name: STANDARD.to_owned() }).await?;
    match &known {
        Some(known) => compare_bucket(url, known, found.as_deref())?,
        None => expect_no_objects(meta, url).await?,
    }
    let id = s3.ensure_store_id().await.with_context(cannot)?;
    let put = PutSettingOnce { name: STANDARD.to_owned(), value: id.clone().into_bytes() };
    compare_bucket(url, &meta.write(put).await?, Some(&id))?;
    Ok(store)
}

fn compare_bucket(url: &S3Url, known: &[u8], found: Option<&str>) -> anyhow::Result<()> {
    if found.map(str::as_bytes) == Some(known) {
        return Ok(());
    }
    let known = String::from_utf8_lossy(known);
    let has = found.map_or_else(|| "has no store ID".to_owned(), |id| format!("has the store ID {id}"));
    bail!(
        "the bucket {url} {has}, and the database belongs to the store {known}. Do all nodes use the same bucket and \
         prefix, and was the database used with a folder before? If this bucket is the right one, write {known} into \
         its object {STORE_ID_FILE}"
    )
}

/// A database without the ID of a store must not have layers: they are in another store.
async fn expect_no_objects(meta: &Meta, shown: &impl Display) -> anyhow::Result<()> {
    let objects = meta.read(ListObjects { after: None, limit: 1 }).await?;
    if !objects.is_empty() {
        bail!(
            "the database has layers, and they are not in {shown}: blobs.url or blobs.path must name their store"
        );
    }
    Ok(())
}

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
    async fn open(self, meta: &Meta) -> anyhow::Result<blob::Store> {
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
