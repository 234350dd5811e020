//! `wharf dev`: a registry with no configuration. The first start makes an account and a key and keeps them.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, bail};
use aws::ids::{AccessKeyId, SecretKey};
use jiff::Timestamp;
use registry::bootstrap::Administrator;
use registry::settings::{Limits, PublicAddress, Settings};
use server::{Listener, Options};

use super::env::{exports, quoted, registry_host};
use super::say;
use crate::cli::Dev;
use crate::credentials::{self, Wanted};
use crate::data_dir::{self, DataFolder};
use crate::{descriptors, files, master_key, node};

pub(crate) async fn run(dev: Dev) -> anyhow::Result<()> {
    let path = std::path::absolute(&dev.data_dir.data_dir)?;
    let folder = DataFolder::hold(&path)?;
    let wanted = Wanted { account_id: dev.account_id, region: dev.region, access_key: key_of_environment()? };
    let kept = data_dir::dev_credentials(&path);
    let administrator = match credentials::load(&kept)? {
        Some(found) => {
            credentials::check(&found, &wanted, &path)?;
            found
        }
        None => credentials::make(&kept, wanted)?,
    };
    // The last run's endpoint is not this one's: who waits for the file waits for the new one.
    files::remove(&data_dir::endpoint(&path))?;
    let mut options = Options::plain(dev.listen);
    descriptors::fit(&mut options.limits);
    let listener = Listener::bind(options).await?;
    let address = public_address(listener.address());
    let endpoint = format!("http://{}:{}", bracketed(&address.host), address.port);
    let settings = Settings {
        address,
        default_region: administrator.region.clone(),
        limits: Limits::default(),
        vpc_endpoints: Vec::new(),
        master_key: master_key::load_or_make(&folder.master_key())?,
    };
    let meta = meta::Meta::sqlite(folder.database(), meta::SqliteOptions::default()).await?;
    let registry = node::open(settings, meta, &folder.blobs()).await?;
    registry.ensure_administrator(&administrator, Timestamp::now()).await?;
    for (name, id) in &dev.accounts {
        let id = registry.ensure_member(name, id.as_ref(), Timestamp::now()).await?;
        tracing::info!(account = %id, name, "the account is there: enter it by its role OrganizationAccountAccessRole");
    }
    files::write_private(&data_dir::endpoint(&path), endpoint.as_bytes())?;
    say(&welcome(&administrator, &endpoint, &path))?;
    node::run(listener, registry).await
}

/// The key that a CI job fixes for a new folder; both halves or none.
fn key_of_environment() -> anyhow::Result<Option<(AccessKeyId, SecretKey)>> {
    const ID: &str = "WHARF_DEV_ACCESS_KEY_ID";
    const SECRET: &str = "WHARF_DEV_SECRET_ACCESS_KEY";
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (get(ID), get(SECRET)) {
        (Some(id), Some(secret)) => {
            let id = id.parse().with_context(|| format!("{ID} is not an access key id"))?;
            if !(16..=128).contains(&secret.len()) {
                bail!("{SECRET} should have 16 to 128 characters");
            }
            Ok(Some((id, SecretKey::new(secret))))
        }
        (None, None) => Ok(None),
        _ => bail!("set both of {ID} and {SECRET}, or neither"),
    }
}

/// How clients on this machine name a listener: docker takes `localhost` without TLS.
fn public_address(listen: SocketAddr) -> PublicAddress {
    let ip = listen.ip();
    let is_local = ip.is_unspecified()
        || ip == IpAddr::from([127, 0, 0, 1])
        || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
    let host = if is_local { "localhost".to_owned() } else { bracketed(&ip.to_string()) };
    PublicAddress { scheme: "http", suffix: None, host, port: listen.port() }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

fn welcome(administrator: &Administrator, endpoint: &str, folder: &std::path::Path) -> String {
    let host = registry_host(endpoint);
    let login = |client: &str, option: &str| {
        format!("aws ecr get-login-password | {client} login --username AWS --password-stdin {option}{host}")
    };
    format!(
        "Wharf is ready at {endpoint} (account {account}, region {region}).

Paste into a shell, or run: eval \"$({program} env --data-dir {folder})\"

{exports}
Then make a repository, and push an image of yours, here hello:latest:
  aws ecr create-repository --repository-name hello

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
        exports = exports(administrator, endpoint),
        docker = login("docker", ""),
        podman = login("podman", "--tls-verify=false "),
    )
}

/// How the user's shell finds this program: by its name if it was started so, else by its path.
fn program() -> String {
    let started_as = std::env::args().next().filter(|name| name.contains('/'));
    match started_as.and_then(|_| std::env::current_exe().ok()) {
        Some(path) => quoted(&path.display().to_string()),
        None => "wharf".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_given_a_name_that_they_can_reach() {
        for (listen, host) in [
            ("127.0.0.1:80", "localhost"),
            ("[::1]:80", "localhost"),
            ("0.0.0.0:80", "localhost"),
            ("192.0.2.7:80", "192.0.2.7"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            assert_eq!(public_address(listen.parse().unwrap()).host, host, "{listen}");
        }
    }
}
