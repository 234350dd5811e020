//! `wharf hosts`: lines for a hosts file, for a deployment whose names no DNS server knows.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use access::settings::registry_host;
use anyhow::{Context as _, bail};
use aws::ids::{AccountId, Region};
use clap::Args;
use serde::Serialize;

use super::account::Reach;
use super::say;
use crate::aws_client::environment;
use crate::config::host_name;
use crate::{data_dir, files};

#[derive(Args)]
pub(crate) struct Hosts {
    /// The suffix of the names, as in server.public_suffix and `wharf dev --public-suffix` [default: the suffix of the
    /// registry in WHARF_REGISTRY, else of `wharf dev` in this folder].
    #[arg(long, value_name = "SUFFIX", value_parser = suffix)]
    public_suffix: Option<String>,
    /// The IP address for the names.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// An account ID; can be repeated [default: all accounts that the server lists].
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,
    /// The Regions, separated by commas [default: the value of --region].
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Vec<Region>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

/// A name, either of an account's registry or of a service.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    address: IpAddr,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

/// A suffix that registry names can end with.
pub(crate) fn suffix(text: &str) -> Result<String, String> {
    if host_name(text) && !text.contains([':', '[']) && !text.starts_with('.') && !text.ends_with('.') {
        return Ok(text.to_ascii_lowercase());
    }
    Err("a suffix is a host name without a port, and without a dot at either end".to_owned())
}

/// The suffix of a registry's name: of `111122223333.dkr.ecr.us-east-1.registry.test:5100` it is `registry.test`.
fn suffix_of(registry: &str) -> Option<String> {
    let (_, after) = registry.trim().split_once(".dkr.ecr.")?;
    let (_, suffix) = after.split_once('.')?;
    Some(suffix.split_once(':').map_or(suffix, |(suffix, _)| suffix).to_owned())
}

/// The suffix of the registry in the environment, or of the development registry in this folder.
fn known_suffix() -> anyhow::Result<String> {
    let registry = if let Some(registry) = environment("WHARF_REGISTRY") {
        Some(registry)
    } else {
        let folder = environment("WHARF_DATA_DIR").unwrap_or_else(|| ".wharf".to_owned());
        let kept = files::read_optional(&data_dir::registry(Path::new(&folder)))?;
        kept.map(|kept| String::from_utf8_lossy(&kept).into_owned())
    };
    registry.as_deref().and_then(suffix_of).context(
        "the suffix is unknown: give --public-suffix, with the value of server.public_suffix or `wharf dev --public-suffix`. \
         Without a suffix no hosts file is needed: the registry of every account is at HOST/ACCOUNT",
    )
}

pub(crate) async fn run(options: Hosts) -> anyhow::Result<()> {
    let suffix = match &options.public_suffix {
        Some(suffix) => suffix.clone(),
        None => known_suffix()?,
    };
    let regions = match options.regions.as_slice() {
        [] => vec![options.reach.region()?],
        regions => regions.to_vec(),
    };
    let accounts = match options.accounts.as_slice() {
        [] => options.reach.open().await?.open_accounts().await?,
        accounts => accounts.to_vec(),
    };
    if accounts.is_empty() {
        bail!("the server lists no active account");
    }
    let lines = lines(options.address, &suffix, &accounts, &regions);
    if options.json {
        return say(&serde_json::to_string_pretty(&lines)?);
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("{} {}", line.address, line.name)).collect();
    say(&lines.join("\n"))
}

/// First the registries, then the names under which the SDKs look for the services.
fn lines(address: IpAddr, suffix: &str, accounts: &[AccountId], regions: &[Region]) -> Vec<Line> {
    let mut lines = Vec::new();
    for region in regions {
        lines.extend(accounts.iter().map(|account| Line {
            address,
            name: registry_host(account, region, suffix),
            account: Some(account.clone()),
            region: Some(region.clone()),
        }));
    }
    for region in regions {
        lines.extend(["api.ecr", "ecr", "sts"].map(|service| Line {
            address,
            name: format!("{service}.{region}.{suffix}"),
            account: None,
            region: Some(region.clone()),
        }));
    }
    // Services of the whole partition, with the names that SDKs use.
    lines.extend(["sts", "iam", "organizations", "organizations.us-east-1"].map(|service| Line {
        address,
        name: format!("{service}.{suffix}"),
        account: None,
        region: None,
    }));
    lines
}
