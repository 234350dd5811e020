//! Opens the store of a deployment directly, for work while no server runs, or when no other access is left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::backup::BackupPlaces;
use access::rate::Rates;
use access::settings::{Limits, Peers, PublicAddress, PullThroughCache, Settings, VpcEndpoint};
use anyhow::{Context as _, bail};
use clap::Args;
use identity::Identity;
use meta::Meta;
use serde_json::Value;
use server::Deployment;

use super::say;
use crate::aws_client::Connection;
use crate::blob_store::{BlobFolders, BlobStore};
use crate::config::{self, Database};
use crate::data_dir::DataFolder;
use crate::databases::{self, Other};
use crate::outgoing::dialler;
use crate::{files, master_key, node};

/// The store to open, instead of calling a running server.
#[derive(Args, Clone, Default)]
pub(crate) struct Store {
    /// Open the store of a stopped `wharf dev` in this folder, instead of calling a server.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data_dir: Option<PathBuf>,
    /// Open the store of this `wharf serve` configuration; with SQLite, the server must be stopped.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Work on the registries in this database of [[databases]].
    #[arg(long, value_name = "NAME", requires = "config")]
    database: Option<String>,
}

/// The options of a command that shows something of a deployment: of a running server, or of a store that it opens.
#[derive(Args)]
pub(crate) struct Options {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) store: Store,
}

impl Options {
    /// Prints an answer: as JSON if that was asked for, as text otherwise.
    pub(crate) fn print(&self, answer: &Value, text: impl FnOnce(&Value) -> String) -> anyhow::Result<()> {
        say(&if self.json { serde_json::to_string_pretty(answer)? } else { text(answer) })
    }
}

/// An open store. It is locked until it is dropped.
pub(crate) struct OpenStore {
    pub(crate) deployment: Deployment,
    /// The other database whose registries these are; None: the directory.
    pub(crate) database: Option<String>,
    _folder: Option<DataFolder>,
}

/// Where the master key of a store is.
pub(crate) struct KeyPlace {
    pub(crate) master_key: PathBuf,
    pub(crate) data_dir: PathBuf,
    /// Whether only one process can open the store.
    pub(crate) is_alone: bool,
}

impl Store {
    /// The store of a configuration.
    pub(crate) fn of_config(file: &Path) -> Self {
        Self { config: Some(file.to_owned()), ..Self::default() }
    }

    /// Where the master key of the given store is; None if no store was given.
    pub(crate) fn key_place(&self) -> anyhow::Result<Option<KeyPlace>> {
        Ok(match (&self.data_dir, &self.config) {
            (Some(folder), _) => {
                let data_dir = std::path::absolute(folder)?;
                Some(KeyPlace { master_key: data_dir.join("master.key"), data_dir, is_alone: true })
            }
            (None, Some(file)) => {
                let config = config::load(file)?;
                Some(KeyPlace {
                    master_key: std::path::absolute(config.master_key())?,
                    data_dir: config.data_dir.clone(),
                    is_alone: config.database.is_alone(),
                })
            }
            (None, None) => None,
        })
    }

    /// Where the key is that proves to peers who asks; None if no store was given.
    pub(crate) fn peer_key(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(match (&self.data_dir, &self.config) {
            (Some(folder), _) => Some(folder.join("peer.key")),
            (None, Some(file)) => Some(config::load(file)?.peer_key()),
            (None, None) => None,
        })
    }

    /// Opens the store; None if no store was given.
    pub(crate) async fn open(&self) -> anyhow::Result<Option<OpenStore>> {
        match (&self.data_dir, &self.config) {
            (Some(folder), _) => of_folder(folder).await.map(Some),
            (None, Some(file)) => Box::pin(of_config(file, self.database.as_deref())).await.map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// What to do if a server has the store open.
const BESIDE: &str = "this command opens the store itself, which only one process can do: stop the server first, or \
    leave out --data-dir and --config, and the command calls the server";

fn hold(path: &Path) -> anyhow::Result<DataFolder> {
    DataFolder::hold(path).map_err(
        |error| {
            if DataFolder::is_held(path) { error.context(BESIDE) } else { error }
        },
    )
}

async fn sqlite(path: &Path) -> anyhow::Result<Meta> {
    let opened = Meta::sqlite(path, meta::SqliteOptions::default()).await;
    opened.map_err(|error| {
        let is_held = matches!(error, meta::StoreError::InUse(_));
        let error = anyhow::Error::from(error);
        if is_held { error.context(BESIDE) } else { error }
    })
}

async fn of_folder(path: &Path) -> anyhow::Result<OpenStore> {
    let path = std::path::absolute(path)?;
    there(&path.join("wharf.db"))?;
    let bucket = config::bucket_of_environment()?;
    // As for `wharf dev`, which has no configuration file.
    let archive = std::env::var_os("WHARF__BLOBS__ARCHIVE_PATH").map(PathBuf::from);
    let blobs = match bucket {
        Some(bucket) => BlobStore::Bucket(Box::new(bucket)),
        None => BlobStore::Folders(BlobFolders { standard: path.join("blobs"), archive }),
    };
    of_data(&path, blobs).await
}

/// Opens a data folder that was restored from a backup.
pub(crate) async fn of_restored(path: &Path, archive: Option<PathBuf>) -> anyhow::Result<OpenStore> {
    of_data(path, BlobStore::Folders(BlobFolders { standard: path.join("blobs"), archive })).await
}

async fn of_data(path: &Path, blobs: BlobStore) -> anyhow::Result<OpenStore> {
    let folder = hold(path)?;
    let meta = sqlite(&folder.database()).await?;
    let region = "us-east-1".parse()?;
    open(
        meta,
        (&folder.master_key(), &path.join("peer.key")),
        blobs,
        (region, Vec::new(), Limits::default(), Rates::default()),
        (Some(folder), Vec::new()),
    )
    .await
}

async fn of_config(file: &Path, database: Option<&str>) -> anyhow::Result<OpenStore> {
    let config = config::load(file)?;
    there(&config.data_dir)?;
    let key = config.master_key();
    let blobs = BlobStore::of(&config, config.data_dir.join("blobs"));
    let (meta, folder) = match &config.database {
        Database::Sqlite(path) => {
            let folder = hold(&config.data_dir)?;
            let path = path.clone().unwrap_or_else(|| folder.database());
            there(&path)?;
            (sqlite(&path).await?, Some(folder))
        }
        // Servers may use it at the same time: each change is one transaction, and servers read principals on each request.
        Database::Postgres(url, options, _) => {
            let opened = Meta::postgres(url, *options).await;
            (opened.context("cannot open the database at database.url")?, None)
        }
    };
    let peer_key = config.peer_key();
    let others = databases::others(config.databases, &blobs)?;
    let settings = (config.region, config.vpc_endpoints, config.limits, config.rates);
    let mut opened = open(meta, (&key, &peer_key), blobs, settings, (folder, others)).await?;
    if let Some(name) = database {
        opened.deployment = of_database(&opened.deployment, name)?;
        opened.database = Some(name.to_owned());
    }
    Ok(opened)
}

/// The registries of one of the other databases, as a deployment of their own.
fn of_database(deployment: &Deployment, name: &str) -> anyhow::Result<Deployment> {
    let Some(opened) = deployment.beside.get(name) else { bail!("[[databases]] has no database '{name}'") };
    let (Some(access), Some(registry)) = (deployment.access.opened(name), opened.get()) else {
        bail!("the database '{name}' of [[databases]] cannot be opened");
    };
    Ok(Deployment {
        identity: Identity::new(Arc::clone(access)),
        registry: Arc::clone(registry),
        access: Arc::clone(access),
        events: Arc::clone(&deployment.events),
        beside: Arc::default(),
    })
}

/// A misspelled folder must not become a new deployment.
fn there(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    bail!("there is no store: {} does not exist", path.display())
}

async fn open(
    meta: Meta,
    (key, peer_key): (&Path, &Path),
    blobs: BlobStore,
    (default_region, vpc_endpoints, limits, rates): (aws::ids::Region, Vec<VpcEndpoint>, Limits, Rates),
    (folder, others): (Option<DataFolder>, Vec<Other>),
) -> anyhow::Result<OpenStore> {
    // There is a folder only with SQLite.
    let backup = match &folder {
        Some(folder) => Some(blobs.backup_places(folder.path(), (key, peer_key))?),
        None => None,
    };
    let settings = settings(key, (default_region, vpc_endpoints, limits, rates), backup)?;
    // A command that needs a database that is away fails then.
    let (deployment, _away) = node::open(settings, meta, blobs, others).await?;
    Ok(OpenStore { deployment, database: None, _folder: folder })
}

/// A deployment of an open database and an open store of blobs, to check them.
pub(crate) async fn of_parts(meta: Meta, key: &Path, store: blob::Store) -> anyhow::Result<Deployment> {
    let region = "us-east-1".parse()?;
    let settings = settings(key, (region, Vec::new(), Limits::default(), Rates::default()), None)?;
    node::of_parts(settings, meta, store).await
}

fn settings(
    key: &Path,
    (default_region, vpc_endpoints, limits, rates): (aws::ids::Region, Vec<VpcEndpoint>, Limits, Rates),
    backup: Option<BackupPlaces>,
) -> anyhow::Result<Settings> {
    if files::read_optional(key)?.is_none() {
        bail!("the master key {} does not exist: without it the store cannot be used", key.display());
    }
    Ok(Settings {
        // Nothing here creates a URI.
        address: PublicAddress {
            scheme: "http",
            suffix: None,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: 0,
        },
        default_region,
        limits,
        rates,
        // Nothing here is pushed.
        storage_quotas: Vec::new(),
        vpc_endpoints,
        // Nothing here calls another server.
        event_sinks: Vec::new(),
        dialler: dialler(Vec::new()),
        peers: Peers::default(),
        pull_through_cache: PullThroughCache::new(dialler(Vec::new())),
        master_key: master_key::load_or_make(key)?,
        backup,
    })
}
