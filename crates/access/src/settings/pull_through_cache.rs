//! The settings of the pull-through cache.

use std::fmt;
use std::time::Duration;

use aws::ids::{AccountId, Region};
use oci::name::RepositoryName;
use outbound::Dialler;

use super::address::without_port;
use super::ecr_upstream::{self, EcrKey, EcrPlace, EcrUpstream};

/// The names of Docker Hub.
const DOCKER_HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// Which upstream registries may be called, and how.
#[derive(Clone)]
pub struct PullThroughCache {
    /// The upstream registries that rules may name: `host`, `host:port` or `*.domain`. Empty: all.
    pub allow_upstreams: Vec<String>,
    /// Hosts that are called by plain HTTP: `host` or `host:port`.
    pub insecure_hosts: Vec<String>,
    /// Further token services that get the credentials of an upstream registry: pairs of registry and token service.
    pub token_services: Vec<(String, String)>,
    /// How long a tag is served without asking the upstream registry (ECR: 24 hours).
    pub validity: Duration,
    /// Hosts that answer like an upstream registry.
    pub mirrors: Vec<Mirror>,
    /// ECR registries of other deployments and of AWS.
    pub ecr: Vec<EcrUpstream>,
    /// Connects to upstream registries. It has a limit of its own on connections: a slow registry must not keep events
    /// and identity providers waiting.
    pub dialler: Dialler,
}

/// A host that answers like one upstream registry, for clients that ask a mirror for the names of that registry and have
/// no credentials for it, such as docker with `registry-mirrors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Its name; with a port, only at this port.
    pub host: String,
    /// The registry that has the images.
    pub account_id: AccountId,
    pub region: Region,
    /// What its repositories begin with: the prefix of a pull-through cache rule. None: nothing.
    pub repository_prefix: Option<String>,
    /// The registry whose images it has, as clients call it.
    pub registry: String,
    /// The role that decides about requests without credentials. None: they are refused.
    pub role_arn: Option<String>,
}

impl Mirror {
    fn is_at(&self, host: &str) -> bool {
        [host, without_port(host)].iter().any(|name| name.eq_ignore_ascii_case(&self.host))
    }

    /// Whether it has the images of a registry, as containerd and podman name it in `ns`.
    pub fn is_of(&self, registry: &str) -> bool {
        let is_hub = |name: &str| DOCKER_HUB.iter().any(|known| known.eq_ignore_ascii_case(name));
        registry.eq_ignore_ascii_case(&self.registry) || is_hub(registry) && is_hub(&self.registry)
    }

    /// The repository here of a name there. None: such a name is too long.
    pub fn repository(&self, name: &RepositoryName) -> Option<RepositoryName> {
        match &self.repository_prefix {
            Some(prefix) => format!("{prefix}/{name}").parse().ok(),
            None => Some(name.clone()),
        }
    }
}

impl PullThroughCache {
    /// The mirror at a host.
    pub fn mirror_at(&self, host: &str) -> Option<&Mirror> {
        self.mirrors.iter().find(|mirror| mirror.is_at(host))
    }

    /// The defaults, with a dialler.
    pub fn new(dialler: Dialler) -> Self {
        Self {
            allow_upstreams: Vec::new(),
            insecure_hosts: Vec::new(),
            token_services: Vec::new(),
            validity: Duration::from_hours(24),
            mirrors: Vec::new(),
            ecr: Vec::new(),
            dialler,
        }
    }

    /// Whether rules may name an upstream registry.
    pub fn allows(&self, host: &str, port: Option<u16>) -> bool {
        let matches = |pattern: &String| {
            let pattern = pattern.to_ascii_lowercase();
            match pattern.strip_prefix('*') {
                // `*.example.org` is every host below the domain, at any port.
                Some(domain) => {
                    domain.starts_with('.') && host.ends_with(domain) && host.len() > domain.len()
                }
                None => pattern == host || port.is_some_and(|port| pattern == format!("{host}:{port}")),
            }
        };
        self.allow_upstreams.is_empty() || self.allow_upstreams.iter().any(matches)
    }

    /// Where the API of an ECR registry is that gives authorization tokens for it.
    pub fn ecr_place(&self, host: &str, port: Option<u16>) -> Option<EcrPlace> {
        ecr_upstream::place(&self.ecr, host, port)
    }

    /// The operator's access key that rules of an account use for an ECR registry, and where it is used.
    pub fn ecr_key(
        &self,
        host: &str,
        port: Option<u16>,
        account: &AccountId,
    ) -> Option<(&EcrPlace, &EcrKey)> {
        ecr_upstream::key(&self.ecr, (host, port), account)
    }
}

impl fmt::Debug for PullThroughCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullThroughCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_found_by_its_host() {
        let mirror = |host: &str, registry: &str| Mirror {
            host: host.to_owned(),
            account_id: "123456789012".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            repository_prefix: Some("hub".to_owned()),
            registry: registry.to_owned(),
            role_arn: None,
        };
        let mirrors = vec![mirror("hub.example.org", "docker.io"), mirror("localhost:5001", "quay.io")];
        let cache = PullThroughCache { mirrors, ..PullThroughCache::new(Dialler::new(|_| false)) };
        let at = |host: &str| cache.mirror_at(host).map(|mirror| mirror.registry.as_str());
        assert_eq!([at("Hub.example.org"), at("hub.example.org:8443")], [Some("docker.io"); 2]);
        assert_eq!(at("localhost:5001"), Some("quay.io"));
        for other in ["localhost", "localhost:5000", "example.org", "x.hub.example.org", ""] {
            assert_eq!(at(other), None, "{other}");
        }
        let [hub, quay] = cache.mirrors.as_slice() else { panic!() };
        assert!(hub.is_of("docker.io") && hub.is_of("registry-1.docker.io") && !hub.is_of("quay.io"));
        assert!(quay.is_of("quay.io") && !quay.is_of("docker.io"));
        let name = "library/alpine".parse().unwrap();
        assert_eq!(hub.repository(&name).unwrap().as_str(), "hub/library/alpine");
    }

    #[test]
    fn upstreams_are_allowed_by_host_and_domain() {
        let of = |patterns: &[&str]| PullThroughCache {
            allow_upstreams: patterns.iter().map(|pattern| (*pattern).to_owned()).collect(),
            ..PullThroughCache::new(Dialler::new(|_| false))
        };
        assert!(of(&[]).allows("anything.example", None));
        let some = of(&["*.Example.org", "quay.io", "localhost:5000"]);
        assert!(some.allows("a.example.org", None) && some.allows("a.b.example.org", Some(5000)));
        assert!(some.allows("quay.io", None) && some.allows("quay.io", Some(443)));
        assert!(some.allows("localhost", Some(5000)));
        for (host, port) in [
            ("example.org", None),
            ("aexample.org", None),
            ("a.example.org.evil.example", None),
            ("cdn.quay.io", None),
            ("localhost", Some(5001)),
            ("localhost", None),
        ] {
            assert!(!some.allows(host, port), "{host}");
        }
        assert!(!of(&["*"]).allows("example.org", None), "a pattern names a domain");
    }
}
