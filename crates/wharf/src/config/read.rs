//! Reads a file and the environment into a checked configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize as _;
use server::{Limits, Options, TlsFiles};
use toml::Table;

use super::peers::peer_settings;
use super::pull_through_cache::cache_settings;
use super::{
    Config, Public, ServerSection, Settings, accounts, blocks, bootstrap, bucket::bucket, database::database,
    databases::databases, event_sinks::event_sinks, limits, overlay, rates::rates,
    storage_quota::storage_quotas, telemetry::telemetry, vpc_endpoints,
};
use crate::cmd::hosts::suffix;

/// The Region of a deployment that names none.
pub(super) const DEFAULT_REGION: &str = "us-east-1";

/// A manifest of 4 MiB is charged several times, to a share of the budget.
const MIN_MEMORY_BUDGET: u64 = 64 << 20;

/// Reads a configuration file and applies the environment of the process.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    load_with(path, std::env::vars())
}

/// Reads a configuration file alone.
pub(crate) fn load_alone(path: &Path) -> anyhow::Result<Config> {
    load_with(path, std::iter::empty())
}

fn load_with(path: &Path, variables: impl Iterator<Item = (String, String)>) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read(&text, &path.display().to_string(), variables)
}

fn read(
    text: &str,
    origin: &str,
    variables: impl Iterator<Item = (String, String)>,
) -> anyhow::Result<Config> {
    // Once for errors that point to the line, and once more with the environment.
    let _: Settings = toml::from_str(text).with_context(|| origin.to_owned())?;
    let mut table: Table = text.parse().with_context(|| origin.to_owned())?;
    let applied = overlay::apply(&mut table, variables)?;
    let file = Settings::deserialize(table)
        .with_context(|| format!("in the environment ({})", applied.join(", ")))?;
    checked(file).with_context(|| match applied.as_slice() {
        [] => origin.to_owned(),
        names => format!("{origin}, with {}", names.join(", ")),
    })
}

pub(super) fn checked(file: Settings) -> anyhow::Result<Config> {
    let Some(data_dir) = file.data_dir else {
        bail!(
            "data_dir is missing: set the folder for the lock, the master key and, with SQLite, everything else"
        );
    };
    let database = database(&file.database)?;
    let is_region_named = file.region.is_some();
    let region_text = file.region.as_deref().unwrap_or(DEFAULT_REGION);
    let region = region_text.parse().with_context(|| format!("region = \"{region_text}\""))?;
    let options = options(&file.server, file.metrics.listen.as_deref())?;
    let public = public(&file.server, &options)?;
    let bootstrap = file.bootstrap.as_ref().map(bootstrap::bootstrap).transpose()?;
    let limits = limits::limits(&file.events, (&file.collection, &file.lifecycle, &file.tags), &file.quotas)?;
    let accounts = accounts(&file.accounts, bootstrap.as_ref())?;
    let peers = peer_settings(file.peers, &file.outbound.insecure_hosts)?;
    let telemetry = telemetry(file.telemetry, &file.outbound.insecure_hosts)?;
    let cache = cache_settings(file.pull_through, file.outbound.insecure_hosts, &region)?;
    Ok(Config {
        data_dir,
        master_key_file: file.master_key_file,
        peer_key_file: file.peer_key_file,
        region,
        is_region_named,
        options,
        public,
        databases: databases(file.databases, &database)?,
        database,
        bucket: bucket(&file.blobs, region_text)?,
        blobs: file.blobs.path,
        archive: file.blobs.archive_path,
        bootstrap,
        accounts,
        rates: rates(&file.rates)?,
        storage_quotas: storage_quotas(file.storage_quotas)?,
        vpc_endpoints: vpc_endpoints(file.vpc_endpoints)?,
        event_sinks: event_sinks(file.events.sinks)?,
        allow_networks: blocks("outbound.allow_networks", &file.outbound.allow_networks)?,
        telemetry,
        peers,
        cache,
        limits,
    })
}

fn options(section: &ServerSection, metrics: Option<&str>) -> anyhow::Result<Options> {
    let address = |key: &str, text: &str| -> anyhow::Result<SocketAddr> {
        text.parse().with_context(|| format!("{key} = \"{text}\" is not ADDRESS:PORT"))
    };
    let Some(listen) = section.listen.as_deref() else {
        bail!("server.listen is missing, for example \"0.0.0.0:443\"")
    };
    let mut options = Options::plain(address("server.listen", listen)?);
    options.metrics_listen = metrics.map(|text| address("metrics.listen", text)).transpose()?;
    options.trusted_proxies = blocks("server.trusted_proxies", &section.trusted_proxies)?;
    if let Some(tls) = &section.tls {
        options.tls = Some(TlsFiles { certificate: tls.certificate.clone(), key: tls.key.clone() });
    }
    if let Some(seconds) = section.drain_seconds {
        options.drain = Duration::from_secs(seconds);
    }
    let (limits, defaults) = (&section.limits, Limits::default());
    options.limits = Limits {
        max_connections: limits.max_connections.unwrap_or(defaults.max_connections),
        max_open_files: limits.max_open_files.unwrap_or(defaults.max_open_files),
        max_header_bytes: limits.max_header_bytes.unwrap_or(defaults.max_header_bytes),
        max_http2_streams: limits.max_http2_streams.unwrap_or(defaults.max_http2_streams),
        header_read: limits.header_read_seconds.map_or(defaults.header_read, Duration::from_secs),
        http2_idle: limits.http2_idle_seconds.map_or(defaults.http2_idle, Duration::from_secs),
        body_idle: limits.body_idle_seconds.map_or(defaults.body_idle, Duration::from_secs),
        body_grace: limits.body_grace_seconds.map_or(defaults.body_grace, Duration::from_secs),
        body_bytes_per_second: limits.body_bytes_per_second.unwrap_or(defaults.body_bytes_per_second),
        unsigned_body: limits.unsigned_body_seconds.map_or(defaults.unsigned_body, Duration::from_secs),
        anonymous_requests_per_second: limits
            .anonymous_requests_per_second
            .unwrap_or(defaults.anonymous_requests_per_second),
        memory_budget: limits.memory_budget.map_or(defaults.memory_budget, |bytes| bytes.0),
        ..defaults
    };
    for (key, value) in [
        ("max_connections", options.limits.max_connections),
        ("max_header_bytes", options.limits.max_header_bytes / 1024),
        ("max_http2_streams", usize::try_from(options.limits.max_http2_streams).unwrap_or(usize::MAX)),
    ] {
        if value == 0 {
            bail!("server.limits.{key} is too small");
        }
    }
    if options.limits.memory_budget < MIN_MEMORY_BUDGET {
        bail!("server.limits.memory_budget is less than 64 MiB: manifests could not be pushed");
    }
    Ok(options)
}

fn public(section: &ServerSection, options: &Options) -> anyhow::Result<Public> {
    let scheme = match section.scheme.as_deref() {
        Some("https") => "https",
        Some("http") => "http",
        Some(other) => bail!("server.scheme = \"{other}\": it must be \"https\" or \"http\""),
        None if options.tls.is_some() => "https",
        None => "http",
    };
    for (key, host) in [
        ("public_suffix", &section.public_suffix),
        ("public_host", &section.public_host),
        ("ecr_public_host", &section.ecr_public_host),
    ] {
        if let Some(host) = host.as_deref().filter(|host| !host_name(host)) {
            bail!("server.{key} = \"{host}\" is not a host name");
        }
    }
    if let Some(Err(error)) = section.public_suffix.as_deref().map(suffix) {
        bail!(
            "server.public_suffix = \"{}\": {error}; the port goes to server.public_port",
            section.public_suffix.as_deref().unwrap_or_default()
        );
    }
    let ip = options.listen.ip();
    let host = match &section.public_host {
        Some(host) => host.clone(),
        None if is_localhost(ip) => "localhost".to_owned(),
        None if ip.is_ipv6() => format!("[{ip}]"),
        None => ip.to_string(),
    };
    let (suffix, ecr_public_host) = (section.public_suffix.clone(), section.ecr_public_host.clone());
    Ok(Public { scheme, suffix, host, ecr_public_host, port: section.public_port })
}

/// Whether a text can be a host; an IPv6 address has brackets.
pub(crate) fn host_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte))
}

/// Whether clients on this machine reach the address as `localhost`, which docker accepts without TLS.
fn is_localhost(ip: IpAddr) -> bool {
    ip.is_unspecified() || ip == IpAddr::from(Ipv4Addr::LOCALHOST) || ip == IpAddr::from(Ipv6Addr::LOCALHOST)
}

#[cfg(test)]
mod tests;
