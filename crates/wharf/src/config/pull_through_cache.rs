//! The settings of the pull-through cache, and the hosts that are called by plain HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use access::settings::{Dialler, PullThroughCache};
use anyhow::bail;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PullThroughSection {
    allow_upstreams: Vec<String>,
    validity_seconds: Option<u64>,
    token_services: BTreeMap<String, Vec<String>>,
}

/// The checked settings, without the dialler, which the command makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheSettings {
    allow_upstreams: Vec<String>,
    insecure_hosts: Vec<String>,
    token_services: Vec<(String, String)>,
    validity: Option<Duration>,
}

/// Checks the settings; each error names the key and the position in its list.
pub(super) fn cache_settings(
    section: PullThroughSection,
    insecure_hosts: Vec<String>,
) -> anyhow::Result<CacheSettings> {
    let check = |key: &str, names: &[String], allows_domains: bool| {
        for (at, name) in names.iter().enumerate() {
            let host = if allows_domains { name.strip_prefix("*.").unwrap_or(name) } else { name };
            if !is_host(host) {
                bail!("{key}[{at}] = \"{name}\" is not a host name, with or without a port");
            }
        }
        Ok(())
    };
    check("pull_through.allow_upstreams", &section.allow_upstreams, true)?;
    check("outbound.insecure_hosts", &insecure_hosts, false)?;
    let mut token_services = Vec::new();
    for (registry, services) in section.token_services {
        check("pull_through.token_services", std::slice::from_ref(&registry), false)?;
        check(&format!("pull_through.token_services.\"{registry}\""), &services, false)?;
        token_services.extend(services.into_iter().map(|service| (registry.clone(), service)));
    }
    Ok(CacheSettings {
        allow_upstreams: section.allow_upstreams,
        insecure_hosts,
        token_services,
        validity: section.validity_seconds.map(Duration::from_secs),
    })
}

pub(super) fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !host.is_empty() && host.bytes().all(is_host) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

impl CacheSettings {
    /// The settings with the dialler that calls upstream registries.
    pub(crate) fn with(&self, dialler: Dialler) -> PullThroughCache {
        let defaults = PullThroughCache::new(dialler);
        PullThroughCache {
            allow_upstreams: self.allow_upstreams.clone(),
            insecure_hosts: self.insecure_hosts.clone(),
            token_services: self.token_services.clone(),
            validity: self.validity.unwrap_or(defaults.validity),
            ..defaults
        }
    }

    /// The settings of `wharf dev`, which also calls the registries of this machine by plain HTTP.
    pub(crate) fn of_dev(&self) -> Self {
        let mut settings = self.clone();
        settings.insecure_hosts.extend(["localhost", "127.0.0.1"].map(str::to_owned));
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<CacheSettings> {
        cache_settings(toml::from_str(text).unwrap(), vec!["plain.example:5000".to_owned()])
    }

    #[test]
    fn upstreams_and_their_token_services_are_read() {
        let settings = read(
            r#"allow_upstreams = ["*.example.org", "quay.io", "localhost:5000"]
            validity_seconds = 60
            token_services = { "registry.example.org" = ["login.example.org", "sso.example.org:8443"] }"#,
        );
        let settings = settings.unwrap().with(Dialler::new(|_| false));
        assert_eq!(settings.validity, Duration::from_mins(1));
        assert_eq!(settings.token_services.len(), 2);
        assert!(settings.allows("a.example.org", None) && !settings.allows("example.com", None));
        let defaults = read("").unwrap().with(Dialler::new(|_| false));
        assert_eq!(defaults.validity, Duration::from_hours(24));
        let dev = read("").unwrap().of_dev().with(Dialler::new(|_| false));
        assert_eq!(dev.insecure_hosts, ["plain.example:5000", "localhost", "127.0.0.1"]);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for (text, says) in [
            ("allow_upstreams = [\"*\"]", "pull_through.allow_upstreams[0]"),
            ("allow_upstreams = [\"a\", \"https://b\"]", "pull_through.allow_upstreams[1]"),
            ("token_services = { \"a b\" = [] }", "pull_through.token_services"),
            ("token_services = { \"a\" = [\"b:0\"] }", "\"b:0\""),
        ] {
            let error = read(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
