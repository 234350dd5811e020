//! The settings of the pull-through cache.

use std::fmt;
use std::time::Duration;

use outbound::Dialler;

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
    /// Connects to upstream registries. It has a limit of its own on connections: a slow registry must not keep events
    /// and identity providers waiting.
    pub dialler: Dialler,
}

impl PullThroughCache {
    /// The defaults, with a dialler.
    pub fn new(dialler: Dialler) -> Self {
        Self {
            allow_upstreams: Vec::new(),
            insecure_hosts: Vec::new(),
            token_services: Vec::new(),
            validity: Duration::from_hours(24),
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
