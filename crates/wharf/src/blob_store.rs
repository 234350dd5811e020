//! The store of blobs, and the check that it is the store of this database.
//!
//! Each folder and bucket has an ID, and the database keeps it. If another disk should be mounted and is not, the folder is
//! empty: the start fails then. Otherwise a server would answer that layers are missing, and `wharf fsck --repair` would
//! remove their rows.

use std::path::{Path, PathBuf};

use access::backup::BackupPlaces;
use anyhow::{Context as _, bail};
use blob::disk::{STORE_ID_FILE, ensure_store_id, store_id};
use blob::{DiskOptions, S3Url};
use meta::{GetSetting, ListObjects, Meta, PutSettingOnce};

use crate::config::{Bucket, Config};

/// Where blobs are.
#[derive(Clone)]
pub(crate) enum BlobStore {
    /// In folders of this machine.
    Folders(BlobFolders),
    /// In a bucket.
    Bucket(Box<Bucket>),
}

impl BlobStore {
    /// The bucket of a configuration, or its folders. `usual` is where blobs are if no setting says it.
    pub(crate) fn of(config: &Config, usual: PathBuf) -> Self {
        match &config.bucket {
            Some(bucket) => Self::Bucket(Box::new(bucket.clone())),
            None => Self::Folders(BlobFolders {
                standard: config.blobs.clone().unwrap_or(usual),
                archive: config.archive.clone(),
            }),
        }
    }

    /// The store of another database of the deployment: a folder, or a prefix, in this one.
    pub(crate) fn of_database(&self, name: &str) -> anyhow::Result<Self> {
        let under = |path: &PathBuf| path.join(DATABASES).join(name);
        Ok(match self {
            Self::Folders(BlobFolders { standard, archive }) => {
                Self::Folders(BlobFolders { standard: under(standard), archive: archive.as_ref().map(under) })
            }
            Self::Bucket(bucket) => Self::Bucket(Box::new(bucket.under(&format!("{DATABASES}/{name}"))?)),
        })
    }

    /// Opens the store. The first start records its ID.
    pub(crate) async fn open(self, meta: &Meta) -> anyhow::Result<blob::Store> {
        match self {
            Self::Folders(folders) => folders.open(meta).await,
            Self::Bucket(bucket) => open_bucket(&bucket, meta).await,
        }
    }

    /// Where the parts of a deployment on SQLite are.
    pub(crate) fn backup_places(
        &self,
        data_dir: &Path,
        (master_key, peer_key): (&Path, &Path),
    ) -> anyhow::Result<BackupPlaces> {
        let (standard, archive) = match self {
            Self::Folders(BlobFolders { standard, archive }) => (Some(standard), archive.as_ref()),
            Self::Bucket(_) => (None, None),
        };
        Ok(BackupPlaces {
            data_dir: std::path::absolute(data_dir)?,
            blobs: standard.map(std::path::absolute).transpose()?,
            archive: archive.map(std::path::absolute).transpose()?,
            master_key: std::path::absolute(master_key)?,
            peer_key: std::path::absolute(peer_key)?,
        })
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
    // The object is written before the row. Read in this order, a row without an object is no first start of another node.
    let known = meta.read(GetSetting { name: STANDARD.to_owned() }).await?;
    let found = s3.store_id().await.with_context(cannot)?;
    if let Some(known) = known {
        compare_bucket(url, &known, found.as_deref())?;
        return Ok(store);
    }
    // The layers of a database without the ID of a store are in another store.
    if has_objects(meta).await? {
        bail!(
            "the database has layers, and they are not in {url}: blobs.url or blobs.path must name their store"
        );
    }
    let id = s3.ensure_store_id().await.with_context(cannot)?;
    compare_bucket(url, &record(meta, STANDARD, &id).await?, Some(&id))?;
    Ok(store)
}

fn compare_bucket(url: &S3Url, known: &[u8], found: Option<&str>) -> anyhow::Result<()> {
    compare(&format!("the bucket {url}"), known, found, |known| {
        format!(
            "Do all nodes use the same bucket and prefix, and was the database used with a folder before? If this bucket \
             is the right one, write {known} into its object {STORE_ID_FILE}"
        )
    })
}

/// Refuses a store that is not the one of this database. `advice` says what to check and where its ID is written.
fn compare(
    store: &str,
    known: &[u8],
    found: Option<&str>,
    advice: impl FnOnce(&str) -> String,
) -> anyhow::Result<()> {
    if found.map(str::as_bytes) == Some(known) {
        return Ok(());
    }
    let known = String::from_utf8_lossy(known);
    let has = found.map_or_else(|| "has no store ID".to_owned(), |id| format!("has the store ID {id}"));
    bail!("{store} {has}, and the database belongs to the store {known}. {}", advice(&known))
}

async fn has_objects(meta: &Meta) -> anyhow::Result<bool> {
    Ok(!meta.read(ListObjects { after: None, limit: 1 }).await?.is_empty())
}

/// Records the ID of a store. Returns the recorded one: another node can have been first.
async fn record(meta: &Meta, setting: &str, id: &str) -> anyhow::Result<Vec<u8>> {
    let put = PutSettingOnce { name: setting.to_owned(), value: id.as_bytes().to_vec() };
    Ok(meta.write(put).await?)
}

/// The folders of blobs.
#[derive(Clone, Debug)]
pub(crate) struct BlobFolders {
    pub(crate) standard: PathBuf,
    /// Of archived layers, if they have a folder of their own.
    pub(crate) archive: Option<PathBuf>,
}

/// The folder of the stores of other databases.
const DATABASES: &str = "databases";

/// The names of the IDs in the database.
pub(crate) const STANDARD: &str = meta::BLOB_STORE_SETTING;
pub(crate) const ARCHIVE: &str = meta::ARCHIVE_STORE_SETTING;

impl BlobFolders {
    /// Opens the folders. The first start creates them and records their IDs.
    async fn open(self, meta: &Meta) -> anyhow::Result<blob::Store> {
        let mut new = Vec::new();
        for (setting, path) in [(STANDARD, Some(self.standard.clone())), (ARCHIVE, self.archive.clone())] {
            if let Some(path) = path
                && !is_known(meta, setting, &path).await?
            {
                new.push((setting, path));
            }
        }
        let store = tokio::task::spawn_blocking(move || self.create()).await??;
        for (setting, path) in new {
            let root = path.clone();
            let made = tokio::task::spawn_blocking(move || ensure_store_id(&root, &DiskOptions::default()));
            let id = made.await?.with_context(|| cannot_open(&path))?;
            compare_folder(&path, &record(meta, setting, &id).await?, Some(&id))?;
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

/// Opens folders, which are created if they do not exist, without a look at a database.
pub(crate) async fn open_folders(folders: &BlobFolders) -> anyhow::Result<blob::Store> {
    let folders = folders.clone();
    tokio::task::spawn_blocking(move || folders.create()).await?
}

fn cannot_open(path: &Path) -> String {
    format!("cannot open the blob folder {}", path.display())
}

/// Whether the database has the ID of this folder. Refuses a folder that is not the one of this database, before anything
/// is created in it.
async fn is_known(meta: &Meta, setting: &str, path: &Path) -> anyhow::Result<bool> {
    if let Some(known) = meta.read(GetSetting { name: setting.to_owned() }).await? {
        let root = path.to_owned();
        let found = tokio::task::spawn_blocking(move || store_id(&root)).await?;
        compare_folder(path, &known, found.with_context(|| cannot_open(path))?.as_deref())?;
        return Ok(true);
    }
    // The database of an earlier version has no ID yet.
    if setting == STANDARD && !path.join("objects").exists() && has_objects(meta).await? {
        bail!("the database has layers, and their folder {} is empty: is its disk mounted?", path.display());
    }
    Ok(false)
}

fn compare_folder(path: &Path, known: &[u8], found: Option<&str>) -> anyhow::Result<()> {
    let path = path.display();
    compare(&format!("the folder {path}"), known, found, |known| {
        format!(
            "Is its disk mounted, and do all nodes use the same folder? If this folder is the right one, write the ID \
             into it: echo {known} > {path}/{STORE_ID_FILE}"
        )
    })
}
