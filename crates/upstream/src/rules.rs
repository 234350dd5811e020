//! What the operator allows for all upstream registries.

use std::time::Duration;

use outbound::Waits;

/// The operator's rules, and the limits on time.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Hosts that are called by plain HTTP: `host` for any port, or `host:port` (`[outbound] insecure_hosts`).
    pub insecure_hosts: Vec<String>,
    /// Further token services that get the credentials of a registry: pairs of a registry and a token service, each
    /// `host` or `host:port`.
    pub token_services: Vec<(String, String)>,
    /// What the operator calls `insecure_hosts` and `token_services`, for errors.
    pub names: SettingNames,
    /// Time limits of a connection.
    pub waits: Waits,
    /// The time for the body of a manifest or of a page of a list: `waits.idle` alone lets a registry send one byte at a
    /// time.
    pub document: Duration,
    /// The minimum speed of a blob in bytes per second, beyond `slack`. It ends downloads that never end.
    pub slowest: u64,
    /// How long a blob may take at any size.
    pub slack: Duration,
}

/// How a user extends the rules.
#[derive(Clone, Copy, Debug)]
pub struct SettingNames {
    /// Of the hosts that are called by plain HTTP.
    pub insecure_hosts: &'static str,
    /// Of the token services.
    pub token_services: &'static str,
}

impl Default for SettingNames {
    fn default() -> Self {
        Self { insecure_hosts: "[outbound] insecure_hosts", token_services: "[pull_through] token_services" }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            insecure_hosts: Vec::new(),
            token_services: Vec::new(),
            names: SettingNames::default(),
            waits: Waits { head: Duration::from_secs(20), idle: Duration::from_secs(30) },
            document: Duration::from_mins(1),
            slowest: 32 * 1024,
            slack: Duration::from_mins(2),
        }
    }
}

impl Rules {
    /// Whether a host with its port (if it is given) is called by plain HTTP.
    pub(crate) fn is_insecure(&self, host: &str, port: Option<u16>) -> bool {
        self.insecure_hosts.iter().any(|listed| names(listed, host, port))
    }

    /// Whether the operator lets a token service have the credentials of a registry.
    pub(crate) fn trusts(&self, registry: (&str, Option<u16>), service: (&str, Option<u16>)) -> bool {
        self.token_services
            .iter()
            .any(|(of, at)| names(of, registry.0, registry.1) && names(at, service.0, service.1))
    }
}

/// Whether an entry of a list names a host: with its port if the entry has one.
fn names(entry: &str, host: &str, port: Option<u16>) -> bool {
    let entry = entry.to_ascii_lowercase();
    entry == host || port.is_some_and(|port| entry == format!("{host}:{port}"))
}
