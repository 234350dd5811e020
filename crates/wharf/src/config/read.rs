//! Reads a file and the environment into a checked configuration.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize as _;
use server::{Limits, Options, TlsFiles};
use toml::Table;

use super::{
    Config, Database, Public, ServerSection, Settings, accounts, blocks, event_sinks::event_sinks, limits,
    overlay, rates::rates, storage_quota::storage_quotas, vpc_endpoints,
};
use crate::cmd::hosts::suffix;

/// A manifest of 4 MiB is charged several times, to a share of the budget.
const MIN_MEMORY_BUDGET: u64 = 64 << 20;

/// Reads a configuration file and applies the environment of the process.
pub(crate) fn load(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    read(&text, &path.display().to_string(), std::env::vars())
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
    let is_region_named = file.region.is_some();
    let region = file.region.as_deref().unwrap_or("us-east-1");
    let region = region.parse().with_context(|| format!("region = \"{region}\""))?;
    let options = options(&file.server, file.metrics.listen.as_deref())?;
    let public = public(&file.server, &options)?;
    let bootstrap = match &file.bootstrap {
        Some(section) => {
            let id = &section.account_id;
            Some(id.parse().with_context(|| format!("bootstrap.account_id = \"{id}\""))?)
        }
        None => None,
    };
    let limits = limits::limits(&file.events, (&file.collection, &file.lifecycle, &file.tags), &file.quotas)?;
    let accounts = accounts(&file.accounts, bootstrap.as_ref())?;
    Ok(Config {
        data_dir,
        master_key_file: file.master_key_file,
        region,
        is_region_named,
        options,
        public,
        database: database(file.database.url.as_deref())?,
        blobs: file.blobs.path,
        archive: file.blobs.archive_path,
        bootstrap,
        accounts,
        rates: rates(&file.rates)?,
        storage_quotas: storage_quotas(file.storage_quotas)?,
        vpc_endpoints: vpc_endpoints(file.vpc_endpoints)?,
        event_sinks: event_sinks(file.events.sinks)?,
        allow_networks: blocks("outbound.allow_networks", &file.outbound.allow_networks)?,
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

fn database(url: Option<&str>) -> anyhow::Result<Database> {
    let Some(url) = url else { return Ok(Database::Sqlite(None)) };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            bail!("database.url has no file: use for example sqlite:///var/lib/wharf/wharf.db");
        }
        return Ok(Database::Sqlite(Some(PathBuf::from(path))));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Database::Postgres(url.to_owned()));
    }
    // The URL can contain a password, so the error does not repeat it.
    bail!("database.url must begin with sqlite: or postgres://")
}

#[cfg(test)]
mod tests {
    use access::rate::{Rate, Rates};

    use super::*;

    const WHOLE: &str = r#"
        data_dir = "/var/lib/wharf"
        region = "eu-west-1"
        [server]
        listen = "0.0.0.0:443"
        public_suffix = "registry.example.org"
        ecr_public_host = "images.example.org"
        public_port = 8443
        trusted_proxies = ["10.0.0.0/8", "fd00::1"]
        drain_seconds = 12
        [server.tls]
        certificate = "/etc/wharf/chain.pem"
        key = "/etc/wharf/key.pem"
        [server.limits]
        max_connections = 9
        [metrics]
        listen = "127.0.0.1:9100"
        [database]
        url = "postgres://wharf:secret@db/wharf"
        [blobs]
        path = "/srv/blobs"
        [bootstrap]
        account_id = "123456789012"
        [[accounts]]
        id = "111122223333"
        name = "shared-tooling"
        [[vpc_endpoints]]
        id = "vpce-1a2b3c4d"
        vpc = "vpc-1a2b3c4d"
        networks = ["10.1.0.0/16"]
        [outbound]
        allow_networks = ["10.2.0.0/16", "fd00::/8"]
    "#;

    fn from(text: &str, variables: &[(&str, &str)]) -> anyhow::Result<Config> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        read(text, "wharf.toml", variables.collect::<Vec<_>>().into_iter())
    }

    #[test]
    fn clients_get_a_name_that_they_can_reach() {
        for (listen, host) in [
            ("127.0.0.1:80", "localhost"),
            ("[::1]:80", "localhost"),
            ("0.0.0.0:80", "localhost"),
            ("127.0.0.2:80", "127.0.0.2"),
            ("192.0.2.7:80", "192.0.2.7"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            let text = format!("data_dir = \"d\"\n[server]\nlisten = \"{listen}\"");
            assert_eq!(from(&text, &[]).unwrap().public.host, host, "{listen}");
        }
    }

    #[test]
    fn a_whole_file_is_read() {
        let config = from(WHOLE, &[]).unwrap();
        assert_eq!(config.region.to_string(), "eu-west-1");
        assert_eq!(config.options.listen.to_string(), "0.0.0.0:443");
        assert_eq!(config.options.trusted_proxies.len(), 2);
        assert_eq!(config.options.drain, Duration::from_secs(12));
        assert_eq!(config.options.limits.max_connections, 9);
        assert_eq!(config.options.metrics_listen.unwrap().port(), 9100);
        assert!(config.database == Database::Postgres("postgres://wharf:secret@db/wharf".into()));
        let suffix = Some("registry.example.org".to_owned());
        let (host, port) = ("localhost".to_owned(), Some(8443));
        let public = Public {
            scheme: "https",
            suffix,
            host,
            ecr_public_host: Some("images.example.org".to_owned()),
            port,
        };
        assert_eq!(config.public, public);
        assert_eq!(config.bootstrap.unwrap().to_string(), "123456789012");
        let endpoint = &config.vpc_endpoints[0];
        assert_eq!((endpoint.id.as_str(), endpoint.vpc.as_str()), ("vpce-1a2b3c4d", "vpc-1a2b3c4d"));
        assert!(endpoint.serves([10, 1, 2, 3].into()) && !endpoint.serves([10, 2, 2, 3].into()));
        assert_eq!(config.allow_networks.len(), 2);
        assert_eq!(config.accounts, [("111122223333".parse().unwrap(), "shared-tooling".to_owned())]);
    }

    #[test]
    fn the_file_that_the_help_shows_is_read() {
        let shown = crate::cli::SERVE_HELP.lines().filter_map(|line| line.strip_prefix("  "));
        let shown: Vec<&str> = shown.filter(|line| !line.starts_with("wharf ")).collect();
        let config = from(&shown.join("\n"), &[]).unwrap();
        assert_eq!(config.public.suffix.unwrap(), "registry.example.org");
        let (limits, defaults) = (config.options.limits, Limits::default());
        assert_eq!(format!("{limits:?}"), format!("{defaults:?}"), "the help shows the defaults");
        let defaults = access::settings::Limits::default();
        assert_eq!(format!("{:?}", config.limits), format!("{defaults:?}"), "the help shows the defaults");
        assert!(config.options.trusted_proxies.iter().all(|proxy| proxy.open_bits() == 0), "single proxies");
        let mut rates = Rates::of_ecr();
        for rate in Rate::ALL {
            rates.set(None, rate.setting(), rate.default_per_second()).unwrap();
        }
        rates.set(Some(&"111122223333".parse().unwrap()), "put_image", 100).unwrap();
        assert_eq!(config.rates, rates, "the help shows the defaults");
        let drain = Options::plain(config.options.listen).drain;
        assert_eq!(config.options.drain, drain, "the help shows the default");
    }

    #[test]
    fn a_large_proxy_network_causes_a_warning() {
        let with = |block: &str| {
            let text =
                format!("data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"{block}\"]");
            from(&text, &[]).unwrap().warnings()
        };
        for wide in ["10.0.0.0/8", "0.0.0.0/0", "fd00::/64"] {
            let warnings = with(wide);
            assert!(warnings.len() == 1 && warnings[0].contains("server.trusted_proxies"), "{warnings:?}");
        }
        for narrow in ["192.0.2.10", "10.1.2.0/24", "fd00::7/128"] {
            assert!(with(narrow).is_empty(), "{narrow}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config =
            from(WHOLE, &[("WHARF__SERVER__LISTEN", "127.0.0.1:1"), ("WHARF__REGION", "us-west-2")]).unwrap();
        assert_eq!(config.options.listen.to_string(), "127.0.0.1:1");
        assert_eq!(config.region.to_string(), "us-west-2");
    }

    #[test]
    fn quotas_are_settings() {
        let text = format!("{WHOLE}\n[quotas]\nusers_per_account = 7\ngroups_per_user = 20\n");
        let config = from(&text, &[("WHARF__QUOTAS__GROUPS_PER_USER", "30")]).unwrap();
        let quotas = config.limits.quotas;
        assert_eq!((quotas.users_per_account.value, quotas.groups_per_user.value), (7, 30));
        assert_eq!(quotas.roles_per_account.value, 5_000);
    }

    #[test]
    fn rates_are_settings_and_begin_with_those_of_ecr() {
        let of = |variables| from(WHOLE, variables).unwrap().rates;
        assert_eq!(of(&[]), Rates::of_ecr());
        assert!(!of(&[("WHARF__RATES__ENABLED", "false")]).enabled);
        let rates = of(&[("WHARF__RATES__ACCOUNTS__111122223333__PUT_IMAGE", "7")]);
        assert_eq!(rates.per_second(&"111122223333".parse().unwrap(), Rate::PutImage), 7);
    }

    #[test]
    fn the_memory_budget_is_a_number_or_a_text() {
        for (written, bytes) in [("268435456", 268_435_456), ("64MiB", 64 << 20), ("1 GiB", 1 << 30)] {
            let config = from(WHOLE, &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", written)]).unwrap();
            assert_eq!(config.options.limits.memory_budget, bytes, "{written}");
        }
    }

    /// A text, variables, and the words of the complaint.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

    /// Each text, with the variables laid over it, is refused with these words, and never with the password.
    fn refused(cases: &[Case]) {
        for (text, variables, words) in cases {
            let complaint = format!("{:#}", from(text, variables).err().expect(text));
            for word in *words {
                assert!(complaint.contains(word), "{word} is not in: {complaint}");
            }
            assert!(!complaint.contains("hunter2"), "{complaint}");
        }
    }

    #[test]
    fn errors_name_the_file_and_the_key_and_no_secret() {
        refused(&[
            ("", &[], &["wharf.toml", "data_dir"]),
            ("data_dir = \"d\"", &[], &["wharf.toml", "server.listen"]),
            ("data_dir = \"d\"\n[server]\nlissten = \"x\"", &[], &["wharf.toml", "lissten", "listen"]),
            ("data_dir = \"d\"\n[server]\nlisten = \"nowhere\"", &[], &["server.listen", "nowhere"]),
            ("[server]\nlisten = 5", &[], &["wharf.toml", "listen"]),
            (
                "data_dir = \"d\"\nregion = \"EU west\"\n[server]\nlisten = \"[::]:1\"",
                &[],
                &["region", "EU west"],
            ),
            (
                "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\ntrusted_proxies = [\"10.0.0.0/8\", \"x\"]",
                &[],
                &["server.trusted_proxies[1]", "\"x\""],
            ),
            (
                "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\npublic_suffix = \"r.example.\"",
                &[],
                &["server.public_suffix", "r.example.", "dot"],
            ),
            (
                "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\nscheme = \"ftp\"",
                &[],
                &["server.scheme", "ftp"],
            ),
            (
                "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[database]\nurl = \"mysql://u:hunter2@h\"",
                &[],
                &["database.url"],
            ),
            (
                "data_dir = \"d\"\n[server]\nlisten = \"[::]:1\"\n[[accounts]]\nid = \"12\"\nname = \"x\"",
                &[],
                &["accounts[0].id", "\"12\""],
            ),
        ]);
    }

    #[test]
    fn errors_about_variables_name_the_setting() {
        refused(&[
            (
                WHOLE,
                &[("WHARF__ACCOUNTS", "[{id = \"123456789012\", name = \"x\"}]")],
                &["accounts[0].id", "is listed twice"],
            ),
            (WHOLE, &[("WHARF__ACCOUNTS", "[{id = \"111122223333\", name = \"\"}]")], &["accounts[0].name"]),
            (
                WHOLE,
                &[("WHARF__VPC_ENDPOINTS", "[{id = \"vpce-1\", vpc = \"vpc-1\", networks = [\"x\"]}]")],
                &["vpc_endpoints[0].networks[0]", "\"x\""],
            ),
            (
                WHOLE,
                &[("WHARF__VPC_ENDPOINTS", "[{id = \"vpc-1\", vpc = \"vpc-1\", networks = []}]")],
                &["vpc_endpoints[0].id"],
            ),
            (
                WHOLE,
                &[("WHARF__OUTBOUND__ALLOW_NETWORKS", "[\"10.0.0.0/8\", \"x\"]")],
                &["outbound.allow_networks[1]", "\"x\""],
            ),
            (WHOLE, &[("WHARF__SERVER__LISSTEN", "x")], &["WHARF__SERVER__LISSTEN", "lissten"]),
            (
                WHOLE,
                &[("WHARF__SERVER__DRAIN_SECONDS", "soon")],
                &["WHARF__SERVER__DRAIN_SECONDS", "drain_seconds"],
            ),
            (WHOLE, &[("WHARF__SERVER__LIMITS__MAX_CONNECTIONS", "0")], &["max_connections"]),
            (WHOLE, &[("WHARF__QUOTAS__USERS", "5")], &["quotas.users = 5", "no quota `users`"]),
            (WHOLE, &[("WHARF__QUOTAS__TAGS_PER_IMAGE", "0")], &["quotas.tags_per_image = 0", "1 to 10000"]),
            (WHOLE, &[("WHARF__QUOTAS__TAGS_PER_IMAGE", "many")], &["WHARF__QUOTAS__TAGS_PER_IMAGE"]),
            (WHOLE, &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", "1MiB")], &["memory_budget", "64 MiB"]),
            (
                WHOLE,
                &[("WHARF__SERVER__LIMITS__MEMORY_BUDGET", "much")],
                &["WHARF__SERVER__LIMITS__MEMORY_BUDGET", "256MiB"],
            ),
        ]);
    }
}
