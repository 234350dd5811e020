//! The settings of the pull-through cache, and the hosts that are called by plain HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use access::settings::{Dialler, EcrUpstream, Mirror, PullThroughCache};
use anyhow::{Context as _, bail};
use aws::ids::{AccountId, Region};
use oci::name::RepositoryName;
use serde::Deserialize;

use super::ecr_upstreams::{EcrSection, ecr_upstreams};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PullThroughSection {
    allow_upstreams: Vec<String>,
    validity_seconds: Option<u64>,
    token_services: BTreeMap<String, Vec<String>>,
    mirrors: Vec<MirrorSection>,
    ecr: Vec<EcrSection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MirrorSection {
    host: String,
    account: String,
    region: Option<String>,
    repository_prefix: Option<String>,
    registry: Option<String>,
    role: Option<String>,
}

/// The checked settings, without the dialler, which the command makes.
#[derive(Clone, Default)]
pub(crate) struct CacheSettings {
    allow_upstreams: Vec<String>,
    insecure_hosts: Vec<String>,
    token_services: Vec<(String, String)>,
    validity: Option<Duration>,
    mirrors: Vec<Mirror>,
    ecr: Vec<EcrUpstream>,
}

/// Checks the settings; each error names the key and the position in its list.
pub(super) fn cache_settings(
    section: PullThroughSection,
    insecure_hosts: Vec<String>,
    region: &Region,
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
    let mut mirrors: Vec<Mirror> = Vec::new();
    for (at, section) in section.mirrors.into_iter().enumerate() {
        let mirror = mirror(section, region).with_context(|| format!("pull_through.mirrors[{at}]"))?;
        if mirrors.iter().any(|known| known.host.eq_ignore_ascii_case(&mirror.host)) {
            bail!("pull_through.mirrors[{at}].host = \"{}\" is listed twice", mirror.host);
        }
        mirrors.push(mirror);
    }
    Ok(CacheSettings {
        mirrors,
        ecr: ecr_upstreams(section.ecr, &insecure_hosts)?,
        allow_upstreams: section.allow_upstreams,
        insecure_hosts,
        token_services,
        validity: section.validity_seconds.map(Duration::from_secs),
    })
}

fn mirror(section: MirrorSection, region: &Region) -> anyhow::Result<Mirror> {
    let MirrorSection { host, account, repository_prefix, registry, role, .. } = section;
    let registry = registry.unwrap_or_else(|| "docker.io".to_owned());
    for (key, name) in [("host", &host), ("registry", &registry)] {
        if !is_host(name) {
            bail!("{key} = \"{name}\" is not a host name, with or without a port");
        }
    }
    let account_id: AccountId = account.parse().with_context(|| format!("account = \"{account}\""))?;
    let region = match section.region {
        Some(text) => text.parse().with_context(|| format!("region = \"{text}\""))?,
        None => region.clone(),
    };
    if let Some(prefix) =
        repository_prefix.as_deref().filter(|prefix| prefix.parse::<RepositoryName>().is_err())
    {
        bail!("repository_prefix = \"{prefix}\" is not the start of a repository name");
    }
    let role_of_account = format!("arn:aws:iam::{account_id}:role/");
    if let Some(arn) = role.as_deref().filter(|arn| !arn.starts_with(&role_of_account)) {
        bail!("role = \"{arn}\" is not the ARN of a role of the account: {role_of_account}NAME");
    }
    Ok(Mirror { host, account_id, region, repository_prefix, registry, role_arn: role })
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
            mirrors: self.mirrors.clone(),
            ecr: self.ecr.clone(),
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
        let region = "eu-central-1".parse().unwrap();
        cache_settings(toml::from_str(text).unwrap(), vec!["plain.example:5000".to_owned()], &region)
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
    fn a_mirror_has_defaults_of_its_own() {
        let settings = read(
            r#"mirrors = [{ host = "hub.example.org", account = "123456789012", repository_prefix = "docker-hub",
                role = "arn:aws:iam::123456789012:role/mirror" },
                { host = "quay.example.org:8443", account = "123456789012", region = "eu-west-1", registry = "quay.io" }]"#,
        );
        let settings = settings.unwrap().with(Dialler::new(|_| false));
        let [hub, quay] = settings.mirrors.as_slice() else { panic!() };
        assert_eq!((hub.registry.as_str(), hub.region.as_str()), ("docker.io", "eu-central-1"));
        assert_eq!(hub.repository_prefix.as_deref(), Some("docker-hub"));
        assert_eq!((quay.registry.as_str(), quay.region.as_str()), ("quay.io", "eu-west-1"));
        assert_eq!((&quay.role_arn, &quay.repository_prefix), (&None, &None));
    }

    #[test]
    fn a_mirror_that_cannot_work_is_refused() {
        for (mirror, says) in [
            (r#"host = "a b", account = "123456789012""#, "host = \"a b\""),
            (r#"host = "a", account = "1""#, "account = \"1\""),
            (r#"host = "a", account = "123456789012", region = "?""#, "region = \"?\""),
            (
                r#"host = "a", account = "123456789012", repository_prefix = "Hub""#,
                "repository_prefix = \"Hub\"",
            ),
            (
                r#"host = "a", account = "123456789012", role = "arn:aws:iam::111122223333:role/x""#,
                "role = \"arn",
            ),
        ] {
            let error = read(&format!("mirrors = [{{ {mirror} }}]")).err();
            let error = error.map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(
                error.starts_with("pull_through.mirrors[0]") && error.contains(says),
                "{mirror}: {error}"
            );
        }
        let twice = r#"mirrors = [{ host = "a", account = "123456789012" }, { host = "A", account = "123456789012" }]"#;
        assert!(read(twice).is_err_and(|error| error.to_string().contains("listed twice")));
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
