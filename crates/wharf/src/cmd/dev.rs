//! `wharf dev`: a registry without configuration. The first start creates and stores an account and a key.

use access::settings::Settings;
use anyhow::{Context as _, bail};
use aws::ids::{AccessKeyId, SecretKey};
use identity::bootstrap::Administrator;
use jiff::Timestamp;
use server::Listener;

use super::env::{exports, quoted, registry_host};
use super::say;
use super::serve::{address, backup_places, blobs, open_database, warn};
use crate::aws_client::environment;
use crate::background::MasterKeyFile;
use crate::cli::Dev;
use crate::credentials::{self, Wanted};
use crate::data_dir::{self, DataFolder};
use crate::telemetry::Exporter;
use crate::{config, descriptors, files, logging, master_key, node, outgoing, peer_key};

pub(crate) async fn run(dev: Dev) -> anyhow::Result<()> {
    let mut config = config::for_dev(&dev)?;
    descriptors::fit(&mut config.options.limits, 0);
    config.options.dropped_lines = logging::dropped();
    let exporter = Exporter::begin(&mut config, outgoing::of_dev)?;
    warn(&config);
    let path = config.data_dir.as_path();
    let folder = DataFolder::hold(path)?;
    let region = config.is_region_named.then(|| config.region.clone());
    let wanted = Wanted { account_id: dev.account_id, region, access_key: key_of_environment()? };
    let kept = data_dir::dev_credentials(path);
    let administrator = match credentials::load(&kept)? {
        Some(found) => {
            credentials::check(&found, &wanted, path)?;
            found
        }
        None => credentials::make(&kept, wanted)?,
    };
    // A program that waits for this file must not read the endpoint of the last run.
    files::remove(&data_dir::endpoint(path))?;
    let listener = Listener::bind(config.options.clone()).await?;
    let address = address(&config, &listener);
    let endpoint = address.endpoint();
    // A host that names no registry means the caller's own registry. That is enough for the user who starts this.
    let host = match &address.suffix {
        Some(_) => address.registry(&administrator.account_id, &administrator.region),
        None => registry_host(&endpoint).to_owned(),
    };
    let key = config.master_key_file.clone().unwrap_or_else(|| folder.master_key());
    let settings = Settings {
        address,
        default_region: administrator.region.clone(),
        limits: config.limits,
        rates: config.rates.clone(),
        storage_quotas: config.storage_quotas.clone(),
        vpc_endpoints: config.vpc_endpoints.clone(),
        event_sinks: config.event_sinks.clone(),
        dialler: outgoing::of_dev(config.allow_networks.clone()),
        peers: peer_key::peers(
            &config.peers,
            &config.peer_key(),
            &outgoing::of_dev(config.allow_networks.clone()),
        )?,
        pull_through_cache: config.cache.of_dev().with(outgoing::of_dev(config.allow_networks.clone())),
        master_key: master_key::load_or_make(&key)?,
        backup: backup_places(&config, &folder, &key)?,
    };
    let meta = open_database(&config.database, &folder).await?;
    let blobs = blobs(&config, &folder)?;
    let (deployment, away) = node::open(settings, meta, blobs, Vec::new()).await?;
    deployment.identity.ensure_administrator(&administrator, Timestamp::now()).await?;
    let named = config.accounts.iter().map(|(id, name)| (name, Some(id)));
    for (name, id) in named.chain(dev.accounts.iter().map(|(name, id)| (name, id.as_ref()))) {
        let id = deployment.identity.ensure_member(name, id, Timestamp::now()).await?;
        tracing::info!(account = %id, name, "the account exists: assume its role OrganizationAccountAccessRole");
        deployment.identity.enable_create_on_push(&id, &administrator.region, Timestamp::now()).await?;
    }
    let own = (&administrator.account_id, &administrator.region);
    deployment.identity.enable_create_on_push(own.0, own.1, Timestamp::now()).await?;
    files::write_private(&data_dir::registry(path), host.as_bytes())?;
    files::write_private(&data_dir::endpoint(path), endpoint.as_bytes())?;
    say(&welcome(&administrator, &endpoint, &host, path))?;
    let master_key = MasterKeyFile { path: key, is_alone: config.database.is_alone() };
    node::run(listener, (deployment, away), master_key, exporter).await
}

/// The access key that the environment chooses for a new folder: both variables or neither.
fn key_of_environment() -> anyhow::Result<Option<(AccessKeyId, SecretKey)>> {
    const ID: &str = "WHARF_DEV_ACCESS_KEY_ID";
    const SECRET: &str = "WHARF_DEV_SECRET_ACCESS_KEY";
    match (environment(ID), environment(SECRET)) {
        (Some(id), Some(secret)) => {
            let id = id.parse().with_context(|| format!("{ID} is not an access key id"))?;
            if !(16..=128).contains(&secret.len()) {
                bail!("{SECRET} must have 16 to 128 characters");
            }
            Ok(Some((id, SecretKey::new(secret))))
        }
        (None, None) => Ok(None),
        _ => bail!("set both of {ID} and {SECRET}, or neither"),
    }
}

fn welcome(administrator: &Administrator, endpoint: &str, host: &str, folder: &std::path::Path) -> String {
    let login = |client: &str, option: &str| {
        format!("aws ecr get-login-password | {client} login --username AWS --password-stdin {option}{host}")
    };
    format!(
        "Wharf is ready at {endpoint} (account {account}, region {region}).

Paste into a shell, or run: eval \"$({program} env --data-dir {folder})\"

{exports}
Then push one of your images, here hello:latest. The first push to a name creates the repository (the registry's setting
WHARF_CREATE_ON_PUSH is ENABLED, unless you changed it).

With docker:
  {docker}
  docker tag hello:latest {host}/hello:latest
  docker push {host}/hello:latest

With podman:
  {podman}
  podman push --tls-verify=false hello:latest {host}/hello:latest
",
        account = administrator.account_id,
        region = administrator.region,
        program = program(),
        folder = quoted(&folder.display().to_string()),
        exports = exports(administrator, endpoint, host),
        docker = login("docker", ""),
        podman = login("podman", "--tls-verify=false "),
    )
}

/// How the user's shell finds this program: its name if it was started by name, else its path.
fn program() -> String {
    let started_as = std::env::args().next().filter(|name| name.contains('/'));
    match started_as.and_then(|_| std::env::current_exe().ok()) {
        Some(path) => quoted(&path.display().to_string()),
        None => "wharf".to_owned(),
    }
}
