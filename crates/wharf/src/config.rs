//! The configuration of `wharf serve`: a TOML file, with values from the environment, checked and converted. `wharf
//! dev` uses its command line instead of the file. Unknown keys are refused, and every error names the key and its
//! source.

mod bootstrap;
mod bucket;
mod database;
mod databases;
mod dev;
mod ecr_upstreams;
mod event_sinks;
mod limits;
mod overlay;
mod peers;
mod pull_through_cache;
mod rates;
mod read;
mod storage_quota;
mod telemetry;

use std::collections::BTreeMap;
use std::path::PathBuf;

use access::rate::Rates;
use access::settings::{Cidr, EventSink, VpcEndpoint};
use access::storage_quota::StorageQuota;
use anyhow::{Context as _, bail};
use aws::ids::{AccountId, Region};
use aws::organizations::is_account_name;
use serde::Deserialize;
use server::Options;

use crate::files;

use bootstrap::BootstrapSection;
use bucket::S3Section;
use database::DatabaseSection;
use databases::DatabasesSection;
use event_sinks::EventSinkSection;
use peers::PeerSection;
use pull_through_cache::PullThroughSection;
use rates::RatesSection;
use storage_quota::StorageQuotaSection;
use telemetry::TelemetrySection;

pub(crate) use bootstrap::Bootstrap;
pub(crate) use bucket::{Bucket, bucket_at, bucket_of_environment};
pub(crate) use database::Database;
pub(crate) use databases::OtherDatabase;
pub(crate) use dev::for_dev;
pub(crate) use peers::PeerSettings;
pub(crate) use pull_through_cache::CacheSettings;
pub(crate) use read::{host_name, load, load_alone};
pub(crate) use telemetry::Telemetry;

/// The file as it is written. Everything is optional here; the check for required settings gives better error messages.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    data_dir: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    peer_key_file: Option<PathBuf>,
    region: Option<String>,
    server: ServerSection,
    metrics: MetricsSection,
    telemetry: TelemetrySection,
    database: DatabaseSection,
    databases: Vec<DatabasesSection>,
    blobs: BlobsSection,
    bootstrap: Option<BootstrapSection>,
    accounts: Vec<AccountSection>,
    storage_quotas: Vec<StorageQuotaSection>,
    vpc_endpoints: Vec<VpcEndpointSection>,
    outbound: OutboundSection,
    peers: Vec<PeerSection>,
    pull_through: PullThroughSection,
    events: EventsSection,
    quotas: BTreeMap<String, u64>,
    rates: RatesSection,
    collection: CollectionSection,
    lifecycle: LifecycleSection,
    tags: TagsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServerSection {
    listen: Option<String>,
    public_suffix: Option<String>,
    public_host: Option<String>,
    ecr_public_host: Option<String>,
    public_port: Option<u16>,
    scheme: Option<String>,
    trusted_proxies: Vec<String>,
    drain_seconds: Option<u64>,
    tls: Option<TlsSection>,
    limits: LimitsSection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsSection {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    max_connections: Option<usize>,
    max_open_files: Option<usize>,
    max_header_bytes: Option<usize>,
    max_http2_streams: Option<u32>,
    header_read_seconds: Option<u64>,
    http2_idle_seconds: Option<u64>,
    body_idle_seconds: Option<u64>,
    body_grace_seconds: Option<u64>,
    body_bytes_per_second: Option<u64>,
    unsigned_body_seconds: Option<u64>,
    anonymous_requests_per_second: Option<u32>,
    memory_budget: Option<Bytes>,
}

/// A number of bytes, as a number or as a text such as `"256MiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenBytes")]
struct Bytes(u64);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number of bytes, or a text such as \"256MiB\"")]
enum WrittenBytes {
    Number(u64),
    Text(String),
}

impl TryFrom<WrittenBytes> for Bytes {
    type Error = String;

    fn try_from(written: WrittenBytes) -> Result<Self, String> {
        let text = match written {
            WrittenBytes::Number(bytes) => return Ok(Self(bytes)),
            WrittenBytes::Text(text) => text,
        };
        let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
        let unit = text.get(digits.len()..).unwrap_or_default().trim();
        let times = match unit {
            "" | "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            "TiB" => Some(1 << 40),
            _ => None,
        };
        let bytes = times.and_then(|times: u64| digits.parse::<u64>().ok()?.checked_mul(times));
        bytes.map(Self).ok_or_else(|| format!("\"{text}\" is not a number of bytes; write it as \"256MiB\""))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MetricsSection {
    listen: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BlobsSection {
    path: Option<PathBuf>,
    archive_path: Option<PathBuf>,
    url: Option<String>,
    s3: S3Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OutboundSection {
    allow_networks: Vec<String>,
    insecure_hosts: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_field_names, reason = "the names of the settings")]
struct CollectionSection {
    grace_seconds: Option<u64>,
    delay_seconds: Option<u64>,
    interval_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventsSection {
    retention_seconds: Option<u64>,
    sinks: Vec<EventSinkSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LifecycleSection {
    interval_seconds: Option<u64>,
    activation_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TagsSection {
    history_seconds: Option<u64>,
    grace_seconds: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountSection {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VpcEndpointSection {
    id: String,
    vpc: String,
    networks: Vec<String>,
}

/// How clients reach the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Public {
    pub(crate) scheme: &'static str,
    pub(crate) suffix: Option<String>,
    pub(crate) host: String,
    pub(crate) ecr_public_host: Option<String>,
    /// None: the port of the listener.
    pub(crate) port: Option<u16>,
}

/// A checked configuration.
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) master_key_file: Option<PathBuf>,
    /// The key that proves to peers who asks.
    pub(crate) peer_key_file: Option<PathBuf>,
    pub(crate) region: Region,
    /// Whether the configuration sets the Region, or the default is used.
    pub(crate) is_region_named: bool,
    pub(crate) options: Options,
    pub(crate) public: Public,
    pub(crate) database: Database,
    /// The databases of registries that are placed there.
    pub(crate) databases: Vec<OtherDatabase>,
    pub(crate) blobs: Option<PathBuf>,
    /// The bucket of blobs, if they are not in a folder.
    pub(crate) bucket: Option<Bucket>,
    /// The folder of archived layers.
    pub(crate) archive: Option<PathBuf>,
    pub(crate) bootstrap: Option<Bootstrap>,
    /// Other accounts, with their names; created if they do not exist.
    pub(crate) accounts: Vec<(AccountId, String)>,
    pub(crate) rates: Rates,
    pub(crate) storage_quotas: Vec<StorageQuota>,
    pub(crate) vpc_endpoints: Vec<VpcEndpoint>,
    pub(crate) event_sinks: Vec<EventSink>,
    /// Networks that the server may connect to although a tenant chose the address.
    pub(crate) allow_networks: Vec<Cidr>,
    pub(crate) cache: CacheSettings,
    pub(crate) peers: PeerSettings,
    /// Where traces go.
    pub(crate) telemetry: Option<Telemetry>,
    /// Limits of the rules, for every caller.
    pub(crate) limits: access::settings::Limits,
}

impl Config {
    /// The file of the master key.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// The file of the key that proves to peers who asks.
    pub(crate) fn peer_key(&self) -> PathBuf {
        self.peer_key_file.clone().unwrap_or_else(|| self.data_dir.join("peer.key"))
    }

    /// Warnings about settings that are allowed but may be a mistake.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let wide = self.options.trusted_proxies.iter().filter(|block| block.open_bits() > WIDE_BITS);
        if wide.count() > 0 {
            warnings.push(
                "server.trusted_proxies contains whole networks: a client with an address in one can claim any other \
                 address, and policies with aws:SourceIp believe it; list single addresses"
                    .to_owned(),
            );
        }
        if let Some(error) = self.options.tls.as_ref().and_then(|tls| files::check_secret(&tls.key).err()) {
            warnings.push(format!("server.tls.key: {error:#}"));
        }
        warnings.extend(self.bucket.as_ref().and_then(Bucket::warning));
        warnings
    }
}

/// A larger network is not a list of proxies: 256 addresses.
const WIDE_BITS: u8 = 8;

/// Networks; each error names its position in the list.
fn blocks(key: &str, texts: &[String]) -> anyhow::Result<Vec<Cidr>> {
    let parse = |(at, text): (usize, &String)| {
        text.parse().map_err(|error| anyhow::anyhow!("{key}[{at}] = \"{text}\": {error}"))
    };
    texts.iter().enumerate().map(parse).collect()
}

/// The networks of the VPC endpoints.
fn vpc_endpoints(sections: Vec<VpcEndpointSection>) -> anyhow::Result<Vec<VpcEndpoint>> {
    let named = |text: &str, prefix: &str| {
        let rest = text.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    let checked = |(at, VpcEndpointSection { id, vpc, networks }): (usize, VpcEndpointSection)| {
        if !named(&id, "vpce-") {
            bail!(
                "vpc_endpoints[{at}].id = \"{id}\": the ID of an endpoint is vpce- with letters and digits"
            );
        }
        if !named(&vpc, "vpc-") {
            bail!("vpc_endpoints[{at}].vpc = \"{vpc}\": the ID of a VPC is vpc- with letters and digits");
        }
        let networks = blocks(&format!("vpc_endpoints[{at}].networks"), &networks)?;
        Ok(VpcEndpoint { id, vpc, networks })
    };
    sections.into_iter().enumerate().map(checked).collect()
}

/// The other accounts; each error names its position in the list.
fn accounts(
    sections: &[AccountSection],
    bootstrap: Option<&Bootstrap>,
) -> anyhow::Result<Vec<(AccountId, String)>> {
    let mut accounts: Vec<(AccountId, String)> = Vec::with_capacity(sections.len());
    for (at, AccountSection { id, name }) in sections.iter().enumerate() {
        let parsed = id.parse().with_context(|| format!("accounts[{at}].id = \"{id}\""))?;
        if bootstrap.is_some_and(|first| first.account_id == parsed)
            || accounts.iter().any(|(known, _)| *known == parsed)
        {
            bail!("accounts[{at}].id = \"{id}\" is listed twice");
        }
        if !is_account_name(name) {
            bail!("accounts[{at}].name = \"{name}\": a name has 1 to 50 printable ASCII characters");
        }
        accounts.push((parsed, name.clone()));
    }
    Ok(accounts)
}
