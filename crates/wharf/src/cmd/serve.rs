//! `wharf serve`: a registry from a configuration file.

use std::path::{Path, PathBuf};

use access::settings::{Limits, PublicAddress, Settings};
use anyhow::Context as _;
use aws::ids::AccountId;
use jiff::Timestamp;
use meta::Meta;
use server::Deployment;
use server::Listener;

use crate::background::MasterKeyFile;
use crate::config::{self, Config, Database};
use crate::credentials::{self, Wanted};
use crate::data_dir::DataFolder;
use crate::outgoing::dialler;
use crate::{descriptors, files, master_key, node};

pub(crate) async fn run(file: &Path) -> anyhow::Result<()> {
    let mut config = config::load(file)?;
    warn(&config);
    descriptors::fit(&mut config.options.limits);
    let folder = DataFolder::hold(&config.data_dir)?;
    let listener = Listener::bind(config.options.clone()).await?;
    let key = config.master_key_file.clone().unwrap_or_else(|| folder.master_key());
    let settings = Settings {
        address: address(&config, &listener),
        default_region: config.region.clone(),
        limits: Limits::default(),
        vpc_endpoints: config.vpc_endpoints.clone(),
        dialler: dialler(config.allow_networks.clone()),
        master_key: master_key::load_or_make(&key)?,
    };
    let meta = open_database(&config.database, &folder).await?;
    let known = match &config.bootstrap {
        Some(account_id) => {
            let find = meta::ops::account::FindAccount { account_id: account_id.clone() };
            meta.read(find).await.context("cannot read the database")?.is_some()
        }
        None => false,
    };
    let blobs = blobs(&config, &folder)?;
    let deployment = node::open(settings, meta, &blobs).await?;
    if let Some(account_id) = &config.bootstrap {
        bootstrap(&deployment, account_id, known, &config, &folder).await?;
    } else {
        tracing::info!(
            "no [bootstrap] in the configuration: a new deployment gets its first account by \
             bootstrap.account_id = \"<12 digits>\""
        );
    }
    for (id, name) in &config.accounts {
        let made = deployment.identity.ensure_member(name, Some(id), Timestamp::now()).await;
        made.with_context(|| {
            format!("cannot make the account {id} of [[accounts]] (a new deployment needs [bootstrap] first)")
        })?;
    }
    tracing::info!(address = %listener.address(), metrics = ?listener.metrics_address(), "ready");
    node::run(listener, deployment, MasterKeyFile { path: key, is_alone: config.database.is_alone() }).await
}

/// How clients reach the deployment, once it is known where it listens.
pub(super) fn address(config: &Config, listener: &Listener) -> PublicAddress {
    let public = &config.public;
    PublicAddress {
        scheme: public.scheme,
        suffix: public.suffix.clone(),
        host: public.host.clone(),
        port: public.port.unwrap_or_else(|| listener.address().port()),
    }
}

/// Tells the operator what may not be meant.
pub(super) fn warn(config: &Config) {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
}

/// The folder of blobs, which nobody else can look into.
pub(super) fn blobs(config: &Config, folder: &DataFolder) -> anyhow::Result<PathBuf> {
    let path = config.blobs.clone().unwrap_or_else(|| folder.blobs());
    files::make_private_folder(&path)?;
    files::close_folder(&path, &["objects"])?;
    Ok(path)
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
            files::close_files(&["", "-wal", "-shm"].map(|end| with_ending(&path, end)))?;
            let opened = Meta::sqlite(&path, meta::SqliteOptions::default()).await;
            opened.with_context(|| format!("cannot open the database {}", path.display()))
        }
        Database::Postgres(url) => {
            let opened = Meta::postgres(url, meta::PostgresOptions::default()).await;
            opened.context("cannot open the database at database.url")
        }
    }
}

/// Makes the first account and its administrator once. The key goes to a file that only its owner can read.
async fn bootstrap(
    deployment: &Deployment,
    account_id: &AccountId,
    known: bool,
    config: &Config,
    folder: &DataFolder,
) -> anyhow::Result<()> {
    let path = folder.first_credentials();
    let administrator = match credentials::load(&path)? {
        Some(found) if found.account_id == *account_id => found,
        // The operator took the file away, as it asks for.
        _ if known => return Ok(()),
        _ => {
            let wanted = Wanted {
                account_id: Some(account_id.clone()),
                region: Some(config.region.clone()),
                access_key: None,
            };
            credentials::make(&path, wanted)?
        }
    };
    deployment.identity.ensure_administrator(&administrator, Timestamp::now()).await?;
    tracing::warn!(
        file = %path.display(),
        "the first administrator's access key is in this file: take it to a safe place and delete the file"
    );
    Ok(())
}
