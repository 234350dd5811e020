//! `[[peers]]`: other deployments that replicate to this one, or that this one replicates to.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use access::peer::{PeerKey, PublicKey};
use access::settings::{Dialler, Peer, PeerTarget, Peers};
use anyhow::{Context as _, bail};
use aws::ids::{AccountId, Region};
use serde::Deserialize;

use super::Bytes;
use super::pull_through_cache::is_host;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeerSection {
    name: String,
    public_key: String,
    url: Option<String>,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    regions: Vec<String>,
    #[serde(default)]
    registry_ids: Vec<String>,
    #[serde(default)]
    accounts: BTreeMap<String, String>,
    bandwidth: Option<Bytes>,
}

/// A checked peer, without the dialler, which the command makes.
#[derive(Clone)]
struct Checked {
    name: String,
    public_key: PublicKey,
    accounts: BTreeMap<AccountId, AccountId>,
    target: Option<Target>,
}

#[derive(Clone)]
struct Target {
    url: String,
    ca: Option<String>,
    regions: Vec<Region>,
    registry_ids: Vec<AccountId>,
    bandwidth: Option<NonZeroU64>,
}

/// The checked peers.
#[derive(Clone, Default)]
pub(crate) struct PeerSettings(Vec<Checked>);

/// Checks the peers; each error names the position in the list.
pub(super) fn peer_settings(
    sections: Vec<PeerSection>,
    insecure_hosts: &[String],
) -> anyhow::Result<PeerSettings> {
    let mut peers: Vec<Checked> = Vec::with_capacity(sections.len());
    for (at, section) in sections.into_iter().enumerate() {
        let peer = checked(section, insecure_hosts).with_context(|| format!("peers[{at}]"))?;
        if peers.iter().any(|known| known.name == peer.name || known.public_key == peer.public_key) {
            bail!("peers[{at}]: another peer has this name or this public key");
        }
        peers.push(peer);
    }
    Ok(PeerSettings(peers))
}

fn checked(section: PeerSection, insecure_hosts: &[String]) -> anyhow::Result<Checked> {
    let name = section.name;
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        bail!("name = \"{name}\": a name has letters, digits, and the characters - _ .");
    }
    let public_key = PublicKey::parse(&section.public_key)
        .context("public_key is not a public key: `wharf replication key` at the peer shows it")?;
    let mut accounts = BTreeMap::new();
    for (theirs, here) in section.accounts {
        let theirs: AccountId = theirs.parse().with_context(|| format!("accounts: \"{theirs}\""))?;
        accounts.insert(theirs, here.parse().with_context(|| format!("accounts: \"{here}\""))?);
    }
    let parsed = |list: &[String]| list.iter().map(|text| text.parse()).collect::<Result<Vec<Region>, _>>();
    let regions = parsed(&section.regions).context("regions")?;
    let ids: Result<Vec<AccountId>, _> = section.registry_ids.iter().map(|text| text.parse()).collect();
    let registry_ids = ids.context("registry_ids")?;
    let Some(url) = section.url else {
        if !regions.is_empty() || !registry_ids.is_empty() {
            bail!("url is missing: what goes to the peer needs its address");
        }
        return Ok(Checked { name, public_key, accounts, target: None });
    };
    if regions.is_empty() && registry_ids.is_empty() {
        bail!("regions or registry_ids must say which destinations of replication the peer serves");
    }
    check_url("url", &url, insecure_hosts)?;
    let ca = match &section.ca_file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("ca_file: cannot read {}", path.display()))?,
        ),
        None => None,
    };
    if let Some(pem) = &ca {
        outbound::Roots::Only(pem).check().context("ca_file")?;
    }
    let bandwidth = section.bandwidth.map(|bytes| NonZeroU64::new(bytes.0).context("bandwidth is zero"));
    let bandwidth = bandwidth.transpose()?;
    Ok(Checked {
        name,
        public_key,
        accounts,
        target: Some(Target { url, ca, regions, registry_ids, bandwidth }),
    })
}

/// Plain HTTP is only for hosts that the operator lists.
pub(super) fn check_url(key: &str, url: &str, insecure_hosts: &[String]) -> anyhow::Result<()> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if !matches!(scheme, "https" | "http") || !is_host(host) {
        bail!("{key} = \"{url}\": it must be https://HOST or https://HOST:PORT");
    }
    let name = host.split(':').next().unwrap_or_default();
    if scheme == "http" && !insecure_hosts.iter().any(|listed| listed == host || listed == name) {
        bail!("{key} = \"{url}\": plain HTTP needs the host in outbound.insecure_hosts");
    }
    Ok(())
}

impl PeerSettings {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The peers with the key of this deployment and the dialler that calls them.
    pub(crate) fn with(&self, key: PeerKey, dialler: &Dialler) -> Peers {
        let peer = |checked: &Checked| {
            let Checked { name, public_key, accounts, target } = checked.clone();
            let target = target.map(|Target { url, ca, regions, registry_ids, bandwidth }| PeerTarget {
                url,
                ca,
                regions,
                registry_ids,
                bandwidth,
                dialler: dialler.clone(),
            });
            Arc::new(Peer { name, public_key, target, accounts })
        };
        Peers { key: Some(Arc::new(key)), list: self.0.iter().map(peer).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn read(text: &str) -> anyhow::Result<PeerSettings> {
        let section = format!("name = \"b\"\n{text}");
        peer_settings(vec![toml::from_str(&section).unwrap()], &["plain.example:5000".to_owned()])
    }

    #[test]
    fn a_destination_belongs_to_the_peer_that_serves_it() {
        let text = format!(
            r#"public_key = "{KEY}"
            url = "https://b.example"
            regions = ["eu-west-1"]
            registry_ids = ["222233334444"]
            accounts = {{ "111122223333" = "444455556666" }}
            bandwidth = "20MiB""#
        );
        let key = PeerKey::from_seed(&[1; 32]).unwrap();
        let peers = read(&text).unwrap().with(key, &Dialler::new(|_| false));
        let serving = |id: &str, region: &str| peers.serving(&id.parse().unwrap(), &region.parse().unwrap());
        assert_eq!(serving("222233334444", "eu-west-1"), Some(0));
        assert_eq!(serving("222233334444", "eu-west-2"), None);
        assert_eq!(serving("111122223333", "eu-west-1"), None);
        let target = peers.list[0].target.as_ref().unwrap();
        assert_eq!(target.bandwidth.unwrap().get(), 20 << 20);
        assert_eq!(peers.list[0].accounts.len(), 1);
    }

    #[test]
    fn what_cannot_be_called_or_trusted_is_refused() {
        for (text, says) in [
            ("public_key = \"x\"".to_owned(), "public_key"),
            (format!("public_key = \"{KEY}\"\nregions = [\"eu-west-1\"]"), "url is missing"),
            (format!("public_key = \"{KEY}\"\nurl = \"https://b.example\""), "regions or registry_ids"),
            (
                format!("public_key = \"{KEY}\"\nurl = \"http://b.example\"\nregions = [\"eu-west-1\"]"),
                "insecure_hosts",
            ),
            (
                format!("public_key = \"{KEY}\"\nurl = \"https://b.example/x\"\nregions = [\"eu-west-1\"]"),
                "https://HOST",
            ),
            (format!("public_key = \"{KEY}\"\naccounts = {{ \"1\" = \"2\" }}"), "accounts"),
        ] {
            let error = read(&text).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
        let plain =
            format!("public_key = \"{KEY}\"\nurl = \"http://plain.example:5000\"\nregions = [\"eu-west-1\"]");
        assert!(read(&plain).is_ok());
    }
}
