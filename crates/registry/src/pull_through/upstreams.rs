//! The clients of upstream registries, one for each rule. They keep tokens, which belong to one account's credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use access::error::{Code, Error, Result};
use access::settings::PullThroughCache;
use access::store::{Micros, PullThroughCacheRuleRow, RegistryKey};
use access::upstream_secret::UpstreamLogin;
use upstream::{Credentials, Endpoint, Rules, Upstream};

/// Clients in memory.
const MOST_CLIENTS: usize = 1_000;

/// A registry's rule at one version, and the version of its login. A rule that was deleted and created again has another
/// time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct RuleKey {
    registry: RegistryKey,
    prefix: String,
    created_at: Micros,
    version: i64,
    login_version: Option<String>,
}

impl RuleKey {
    /// The version of the login that requests have.
    pub(super) fn login_version(&self) -> Option<&str> {
        self.login_version.as_deref()
    }
}

pub(crate) struct Upstreams {
    settings: PullThroughCache,
    rules: Arc<Rules>,
    connector: OnceLock<std::result::Result<upstream::Connector, String>>,
    clients: Mutex<HashMap<RuleKey, Arc<Upstream>>>,
}

/// The rules of the settings, as the client of upstream registries takes them.
pub(crate) fn rules_of(settings: &PullThroughCache) -> Rules {
    Rules {
        insecure_hosts: settings.insecure_hosts.clone(),
        token_services: settings.token_services.clone(),
        ..Rules::default()
    }
}

impl Upstreams {
    pub(crate) fn new(settings: PullThroughCache) -> Self {
        let rules = Arc::new(rules_of(&settings));
        Self { settings, rules, connector: OnceLock::new(), clients: Mutex::default() }
    }

    /// Where the upstream registry of a rule is. The settings can have changed since the rule was written.
    pub(super) fn endpoint_of(&self, row: &PullThroughCacheRuleRow) -> Result<Endpoint> {
        let endpoint = Endpoint::parse(&row.rule.upstream_url, &self.rules).map_err(Error::internal)?;
        if self.settings.allows(endpoint.host(), endpoint.port()) {
            return Ok(endpoint);
        }
        let message =
            format!("The operator of this deployment does not allow the upstream registry {endpoint}.");
        Err(Error::new(Code::UpstreamAccessDenied, message))
    }

    /// The client of a rule's upstream registry.
    pub(super) fn of(
        &self,
        registry: RegistryKey,
        row: &PullThroughCacheRuleRow,
        login: Option<UpstreamLogin>,
    ) -> Result<(RuleKey, Arc<Upstream>)> {
        let endpoint = self.endpoint_of(row)?;
        let prefix = row.rule.prefix.clone();
        let login_version = login.as_ref().map(|login| login.version.clone());
        let key =
            RuleKey { registry, prefix, created_at: row.created_at, version: row.version, login_version };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok((key, Arc::clone(client)));
        }
        let credentials =
            login.map(|login| Credentials { username: login.username, password: login.password });
        let rules = Arc::clone(&self.rules);
        let client = Arc::new(Upstream::new(self.connector()?, endpoint, credentials.as_ref(), rules));
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(key.clone(), Arc::clone(&client));
        Ok((key, client))
    }

    /// Made at the first use: it reads the certificate authorities of the system.
    pub(super) fn connector(&self) -> Result<upstream::Connector> {
        let connector = self.connector.get_or_init(|| {
            upstream::Connector::new(&self.settings.dialler).map_err(|error| error.to_string())
        });
        connector.clone().map_err(|why| {
            Error::new(Code::UpstreamUnavailable, format!("No upstream registry can be called: {why}."))
        })
    }
}
