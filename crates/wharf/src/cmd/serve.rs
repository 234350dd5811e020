//! `wharf serve`: a registry from a configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use access::backup::BackupPlaces;
use access::error::Code;
use access::settings::{PublicAddress, Settings};
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use meta::Meta;
use server::{Deployment, Listener, Sockets};

use crate::background::MasterKeyFile;
use crate::blob_store::{BlobFolders, BlobStore};
use crate::config::{self, Bootstrap, Config, Database};
use crate::credentials::{self, Wanted};
use crate::data_dir::DataFolder;
use crate::outgoing::dialler;
use crate::telemetry::Exporter;
use crate::{databases, descriptors, files, logging, master_key, node, peer_key, systemd};

pub(crate) async fn run(file: &Path, sockets: Sockets) -> anyhow::Result<()> {
    let mut config = config::load(file)?;
    warn(&config);
    let of_databases = config.databases.iter().map(|other| other.options.connections).sum();
    descriptors::fit(&mut config.options.limits, of_databases);
    config.options.dropped_lines = logging::dropped();
    let exporter = Exporter::begin(&mut config, dialler)?;
    let folder = DataFolder::hold(&config.data_dir)?;
    let listener = Listener::bind_or_take(config.options.clone(), sockets).await?;
    let key = config.master_key();
    let settings = Settings {
        address: address(&config, &listener),
        default_region: config.region.clone(),
        limits: config.limits,
        rates: config.rates.clone(),
        storage_quotas: config.storage_quotas.clone(),
        vpc_endpoints: config.vpc_endpoints.clone(),
        event_sinks: config.event_sinks.clone(),
        dialler: dialler(config.allow_networks.clone()),
        peers: peer_key::peers(&config.peers, &config.peer_key(), &dialler(config.allow_networks.clone()))?,
        pull_through_cache: config.cache.with(dialler(config.allow_networks.clone())),
        master_key: master_key::load_or_make(&key)?,
        backup: backup_places(&config, &folder, &key)?,
    };
    let meta = open_database(&config.database, &folder).await?;
    let known = match &config.bootstrap {
        Some(first) => {
            let find = meta::ops::account::FindAccount { account_id: first.account_id.clone() };
            meta.read(find).await.context("cannot read the database")?.is_some()
        }
        None => false,
    };
    let blobs = blobs(&config, &folder)?;
    let is_read_only =
        meta.read(meta::GetSetting { name: meta::READ_ONLY_SETTING.to_owned() }).await?.is_some();
    let others = databases::others(std::mem::take(&mut config.databases), &blobs)?;
    let (deployment, away) = node::open(settings, meta, blobs, others).await?;
    if is_read_only {
        tracing::warn!(
            "the store is read-only, because it is or was moved: wharf migrate-store release makes it writable"
        );
    } else {
        set_up(&deployment, &config, &folder, known).await?;
    }
    tracing::info!(address = %listener.address(), metrics = ?listener.metrics_address(), "ready");
    systemd::ready();
    let master_key = MasterKeyFile { path: key, is_alone: config.database.is_alone() };
    node::run(listener, (deployment, away), master_key, exporter).await
}

/// Creates what the configuration names and does not exist.
async fn set_up(
    deployment: &Deployment,
    config: &Config,
    folder: &DataFolder,
    known: bool,
) -> anyhow::Result<()> {
    if let Some(first) = &config.bootstrap {
        bootstrap(deployment, first, known, config, folder).await?;
    } else {
        tracing::info!(
            "the configuration has no [bootstrap]: to create the first account of a new deployment, set \
             bootstrap.account_id = \"<12 digits>\""
        );
    }
    for (id, name) in &config.accounts {
        let made = beside_others(|| deployment.identity.ensure_member(name, Some(id), Timestamp::now()));
        made.await.with_context(|| {
            format!(
                "cannot create the account {id} of [[accounts]] (a new deployment needs [bootstrap] first)"
            )
        })?;
    }
    Ok(())
}

/// How clients reach the deployment. Needs a listener, whose port may have been chosen by the system.
pub(super) fn address(config: &Config, listener: &Listener) -> PublicAddress {
    let public = &config.public;
    PublicAddress {
        scheme: public.scheme,
        suffix: public.suffix.clone(),
        host: public.host.clone(),
        ecr_public_host: public.ecr_public_host.clone(),
        port: public.port.unwrap_or_else(|| listener.address().port()),
    }
}

/// Logs the warnings about the configuration.
pub(super) fn warn(config: &Config) {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
}

/// The bucket of blobs, or their folders. Other users cannot read the folders.
pub(super) fn blobs(config: &Config, folder: &DataFolder) -> anyhow::Result<BlobStore> {
    let blobs = BlobStore::of(config, folder.blobs());
    if let BlobStore::Folders(BlobFolders { standard, archive }) = &blobs {
        for path in [Some(standard), archive.as_ref()].into_iter().flatten() {
            files::make_private_folder(path)?;
            files::close_folder(path, &["objects"])?;
        }
        if archive.as_ref() == Some(standard) {
            bail!("blobs.archive_path is the folder of blobs itself");
        }
    }
    Ok(blobs)
}

/// Where the parts of the deployment are; None without SQLite.
pub(super) fn backup_places(
    config: &Config,
    folder: &DataFolder,
    key: &Path,
) -> anyhow::Result<Option<BackupPlaces>> {
    if !config.database.is_alone() {
        return Ok(None);
    }
    BlobStore::of(config, folder.blobs()).backup_places(folder.path(), (key, &config.peer_key())).map(Some)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

pub(super) async fn open_database(database: &Database, folder: &DataFolder) -> anyhow::Result<Meta> {
    match database {
        Database::Sqlite(path) => {
            let path = path.clone().unwrap_or_else(|| folder.database());
            files::close_files(&["", "-wal", "-shm", "-lock"].map(|end| with_ending(&path, end)))?;
            let opened = Meta::sqlite(&path, meta::SqliteOptions::default()).await;
            opened.with_context(|| format!("cannot open the database {}", path.display()))
        }
        Database::Postgres(url, options, replica) => {
            let opened = Meta::postgres(url, *options).await;
            let opened = opened.context("cannot open the database at database.url")?;
            match replica {
                Some(replica) => opened.with_replica(replica).context("database.replica_url"),
                None => Ok(opened),
            }
        }
    }
}

/// Nodes that start at the same moment create the same accounts. The one that comes second finds them when it tries again.
async fn beside_others<T, F>(mut create: impl FnMut() -> F) -> access::error::Result<T>
where
    F: Future<Output = access::error::Result<T>>,
{
    for _ in 0..TRIES {
        match create().await {
            Err(error) => tracing::warn!(%error, "an account could not be created; it is tried again"),
            made => return made,
        }
        tokio::time::sleep(PAUSE).await;
    }
    create().await
}

/// How often another node can have been faster.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// Creates the first account and its administrator, once. A random key goes to a file that only its owner can read.
async fn bootstrap(
    deployment: &Deployment,
    first: &Bootstrap,
    known: bool,
    config: &Config,
    folder: &DataFolder,
) -> anyhow::Result<()> {
    let path = folder.first_credentials();
    let kept = credentials::load(&path)?.filter(|found| found.account_id == first.account_id);
    let is_new = kept.is_none();
    let administrator = match kept {
        Some(found) => found,
        // The operator removed the file, as the log asks.
        _ if known => return Ok(()),
        _ => {
            let wanted = Wanted {
                account_id: Some(first.account_id.clone()),
                region: Some(config.region.clone()),
                access_key: first.access_key()?,
            };
            credentials::make(&path, wanted)?
        }
    };
    let ensured =
        beside_others(|| deployment.identity.ensure_administrator(&administrator, Timestamp::now()));
    if let Err(error) = ensured.await {
        if is_new && error.code == Code::InvalidParameter {
            // There is an administrator with another key. Without this every later start would try this key again.
            files::remove(&path)?;
        }
        return Err(error.into());
    }
    if first.access_key_id() == Some(&administrator.access_key_id) {
        return files::remove(&path);
    }
    tracing::warn!(
        file = %path.display(),
        "the access key of the first administrator is in this file: move it to a safe place and delete the file"
    );
    Ok(())
}
