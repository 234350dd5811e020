//! One side of a move: what a configuration file, or the data folder of `wharf dev`, says about a store.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::blob_store::{BlobFolders, BlobStore};
use crate::config::{self, Database};

/// Where the parts of a store are.
pub(crate) struct Side {
    pub(crate) data_dir: PathBuf,
    pub(crate) database: Database,
    pub(crate) blobs: BlobStore,
    pub(crate) master_key: PathBuf,
    pub(crate) peer_key: PathBuf,
    /// Whether it is a data folder of `wharf dev`.
    pub(crate) is_folder: bool,
}

impl Side {
    /// Reads a configuration file, without the environment, which could be meant for one of both sides only. A path that is
    /// no file is a data folder.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let path = std::path::absolute(path)?;
        if path.is_file() {
            return Self::of_config(&path);
        }
        if path.extension().is_some_and(|end| end == "toml") {
            bail!("{} does not exist", path.display());
        }
        Ok(Self {
            database: Database::Sqlite(Some(path.join("wharf.db"))),
            blobs: BlobStore::Folders(BlobFolders { standard: path.join("blobs"), archive: None }),
            master_key: path.join("master.key"),
            peer_key: path.join("peer.key"),
            data_dir: path,
            is_folder: true,
        })
    }

    fn of_config(path: &Path) -> anyhow::Result<Self> {
        let config = config::load_alone(path)?;
        if !config.databases.is_empty() {
            bail!("{}: a deployment with [[databases]] cannot be moved", path.display());
        }
        let data_dir = std::path::absolute(&config.data_dir)?;
        let absolute = |path: &PathBuf| std::path::absolute(path);
        let blobs = match BlobStore::of(&config, data_dir.join("blobs")) {
            BlobStore::Folders(BlobFolders { standard, archive }) => BlobStore::Folders(BlobFolders {
                standard: absolute(&standard)?,
                archive: archive.as_ref().map(absolute).transpose()?,
            }),
            bucket @ BlobStore::Bucket(_) => bucket,
        };
        let database = match &config.database {
            Database::Sqlite(path) => {
                let path = path.clone().unwrap_or_else(|| data_dir.join("wharf.db"));
                Database::Sqlite(Some(absolute(&path)?))
            }
            postgres @ Database::Postgres(..) => postgres.clone(),
        };
        Ok(Self {
            database,
            blobs,
            master_key: absolute(&config.master_key())?,
            peer_key: absolute(&config.peer_key())?,
            data_dir,
            is_folder: false,
        })
    }

    /// Whether both have the same database.
    pub(crate) fn has_database_of(&self, other: &Self) -> bool {
        match (&self.database, &other.database) {
            (Database::Postgres(one, ..), Database::Postgres(two, ..)) => one == two,
            (Database::Sqlite(one), Database::Sqlite(two)) => one == two,
            _ => false,
        }
    }

    /// Whether both have the same store of blobs.
    pub(crate) fn has_blobs_of(&self, other: &Self) -> bool {
        match (&self.blobs, &other.blobs) {
            (BlobStore::Folders(one), BlobStore::Folders(two)) => one.standard == two.standard,
            (BlobStore::Bucket(one), BlobStore::Bucket(two)) => one.is_same_place(two),
            _ => false,
        }
    }
}
