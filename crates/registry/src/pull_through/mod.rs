//! The pull-through cache (ECR User Guide, "Sync an upstream registry with an Amazon ECR private registry").
//!
//! A pull of an image that the registry does not have goes to the upstream registry of the rule with the longest prefix of
//! the name. One request upstream serves any number of clients. Manifests are stored before they are answered; layers are
//! stored while they are sent to the clients (`arrival`). When the upstream registry does not answer, what is stored is
//! served.

mod arrival;
mod background;
mod blob;
mod counts;
mod ecr_login;
mod failures;
mod flights;
mod import;
mod manifest;
mod reader;
mod receive;
mod referrers;
mod refusal;
mod upstreams;

use std::sync::Arc;
use std::time::Instant;

use access::Access;
use access::context::RepositoryRef;
use access::error::{Code, Error};
use access::settings::PullThroughCache;
use access::slots::Slots;
use access::store::{PullThroughCacheRuleRow, RegistryKey};
use access::upstream_secret::{UpstreamLogin, UpstreamSecret};
use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};
use upstream::{Endpoint, UpstreamError};

pub(crate) use arrival::Arrival;
pub use counts::CacheCounts;
pub(crate) use reader::ArrivingStream;
pub(crate) use upstreams::rules_of;

use arrival::Arrivals;
use counts::Counts;
use ecr_login::{EcrAccess, EcrLogins};
use failures::{Failures, LayerFailures};
use flights::Flights;
use import::{ImportKey, Imported, LayerKey, Source};
use referrers::Asked;
use refusal::{layer_refusal, refusal, too_many};
use upstreams::Upstreams;

use crate::Registry;

/// Layers that are received at the same time, and those of one account. Fewer than the connections of the dialler, so
/// manifests have room. Half of the places are for accounts that have none.
const DOWNLOADS: (usize, usize) = (40, 12);
/// Manifests, lists and tokens that are fetched at the same time, and those of one account. Each takes at most a few times
/// 4 MiB.
const IMPORTS: (usize, usize) = (16, 6);
/// Locks of repositories. Two repositories can share one.
const TURNS: usize = 64;

/// The state of the cache on this node.
pub(crate) struct PullThrough {
    upstreams: Upstreams,
    ecr_logins: Arc<EcrLogins>,
    imports: Arc<Flights<ImportKey, Result<Imported, Error>>>,
    arrivals: Arrivals,
    sizes: Arc<Flights<LayerKey, Result<u64, Error>>>,
    failures: Failures,
    layer_failures: LayerFailures,
    referrers: Asked,
    turns: Box<[Mutex<()>]>,
    shared: Shared,
}

/// What all databases of a node share: the room for what is fetched, and the numbers of the metrics. One that hangs cannot
/// take all of the room.
struct Shared {
    counts: Arc<Counts>,
    downloads: Arc<Slots>,
    fetches: Arc<Slots>,
    background: Arc<background::Queue>,
}

impl Shared {
    fn beside(&self) -> Self {
        Self {
            counts: Arc::clone(&self.counts),
            downloads: Arc::new(self.downloads.beside()),
            fetches: Arc::new(self.fetches.beside()),
            background: Arc::new(self.background.beside()),
        }
    }
}

impl PullThrough {
    pub(crate) fn new(settings: &PullThroughCache) -> Self {
        let shared = Shared {
            counts: Arc::default(),
            downloads: Arc::new(Slots::new(DOWNLOADS.0, DOWNLOADS.1)),
            fetches: Arc::new(Slots::new(IMPORTS.0, IMPORTS.1)),
            background: Arc::new(background::Queue::new()),
        };
        Self::with(settings, shared)
    }

    /// The cache of the registries in another database of this node.
    pub(crate) fn beside(&self, settings: &PullThroughCache) -> Self {
        Self::with(settings, self.shared.beside())
    }

    fn with(settings: &PullThroughCache, shared: Shared) -> Self {
        Self {
            upstreams: Upstreams::new(settings.clone()),
            ecr_logins: Arc::new(EcrLogins::new(Arc::clone(&shared.fetches))),
            imports: Arc::default(),
            arrivals: Arrivals::default(),
            sizes: Arc::default(),
            failures: Failures::default(),
            layer_failures: LayerFailures::default(),
            referrers: Asked::default(),
            turns: (0..TURNS).map(|_| Mutex::default()).collect(),
            shared,
        }
    }

    /// Counts a failure of an upstream registry.
    fn failed(&self, source: &Source, error: &UpstreamError) {
        self.shared.counts.failed(error);
        self.denied(error, source.login_version());
    }

    /// A token that the registry denies can have been revoked.
    fn denied(&self, error: &UpstreamError, login_version: Option<&str>) {
        if let (UpstreamError::AccessDenied { .. }, Some(version)) = (error, login_version) {
            self.ecr_logins.denied(version, Instant::now());
        }
    }

    /// The turn to store an image in a repository: of many who wait for the same image, the first stores it.
    async fn turn_of(&self, repository: &RepositoryRef) -> Option<MutexGuard<'_, ()>> {
        let hash = repository
            .arn()
            .bytes()
            .fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        match self.turns.get(hash % TURNS) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    /// The login of a rule; none if it has neither a secret nor a custom role, and the settings have no access key for its
    /// upstream registry.
    async fn login_of(
        &self,
        access: &Access,
        registry: (&AccountId, &Region),
        row: &PullThroughCacheRuleRow,
    ) -> Result<Option<UpstreamLogin>, Error> {
        let now = Timestamp::now();
        let (endpoint, role_arn) = (self.upstreams.endpoint_of(row)?, row.rule.custom_role_arn.as_deref());
        let (host, port) = (endpoint.host(), endpoint.port());
        let (address, cache) = (&access.settings.address, &access.settings.pull_through_cache);
        if let Some(arn) = &row.rule.credential_arn {
            let (key, version) = match access.upstream_secret(registry, arn, now).await? {
                UpstreamSecret::Password(login) => return Ok(Some(login)),
                UpstreamSecret::AccessKey(key, version) => (key, version),
            };
            let place = cache.ecr_place(host, port).ok_or_else(|| no_api(&endpoint))?;
            let ecr = EcrAccess { place, key, secret_version: Some(version) };
            return self.ecr_login((ecr, registry.0), role_arn).await.map(Some);
        }
        let is_own = address.own_region(host, port, registry.1).is_some();
        match (cache.ecr_key(host, port, registry.0).filter(|_| !is_own), role_arn) {
            (Some((place, key)), role_arn) => {
                let ecr = EcrAccess { place: place.clone(), key: key.clone(), secret_version: None };
                self.ecr_login((ecr, registry.0), role_arn).await.map(Some)
            }
            (None, Some(role_arn)) => {
                access.upstream_role(registry, role_arn, (host, port), now).await.map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    async fn ecr_login(
        &self,
        of: (EcrAccess, &AccountId),
        role_arn: Option<&str>,
    ) -> Result<UpstreamLogin, Error> {
        self.ecr_logins.login(self.upstreams.connector()?, of, role_arn).await
    }

    /// Why the upstream registry of a rule cannot be used; none if it can.
    pub(crate) async fn failure_of(
        &self,
        access: &Access,
        (registry, of): (RegistryKey, (&AccountId, &Region)),
        row: &PullThroughCacheRuleRow,
    ) -> Option<String> {
        let login = self.login_of(access, of, row).await;
        let Some(_slot) = self.shared.fetches.take(of.0).await else {
            return Some(too_many().message.into_owned());
        };
        let (key, upstream) = match login.and_then(|login| self.upstreams.of(registry, row, login)) {
            Ok(found) => found,
            Err(error) => return Some(error.message.into_owned()),
        };
        let error = upstream.ping().await.err()?;
        self.denied(&error, key.login_version());
        Some(refusal(&error).message.into_owned())
    }
}

/// A secret has an access key for a registry whose API nobody knows.
fn no_api(endpoint: &Endpoint) -> Error {
    let message = format!(
        "The secret of the pull through cache rule has an access key, but {endpoint} is not a registry of ECR. Use a secret with the members username and accessToken."
    );
    Error::new(Code::UpstreamAccessDenied, message)
}

impl Registry {
    /// What the cache of this node has counted since the start.
    pub fn cache_counts(&self) -> CacheCounts {
        self.pull_through.shared.counts.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_share_the_room_of_the_cache() {
        let settings = PullThroughCache::new(access::settings::Dialler::new(|_| false));
        let here = PullThrough::new(&settings);
        let there = here.beside(&settings).shared;
        let here = here.shared;
        let account = |at: usize| format!("{at:012}").parse::<AccountId>().unwrap();
        for (slots, most) in
            [([&here.downloads, &there.downloads], DOWNLOADS.0), ([&here.fetches, &there.fetches], IMPORTS.0)]
        {
            let mut held = Vec::new();
            for at in 0..100 {
                held.extend(slots[at % 2].try_take(&account(at)));
            }
            assert!(held.len() <= most, "{} slots were taken", held.len());
            assert!(slots.iter().all(|slots| slots.try_take(&account(200)).is_none()));
        }
        // One whose work does not end leaves room for the other.
        for slots in [[&here.downloads, &there.downloads], [&here.fetches, &there.fetches]] {
            let hung: Vec<_> = (0..100).filter_map(|at| slots[0].try_take(&account(at))).collect();
            assert!(!hung.is_empty() && slots[1].try_take(&account(200)).is_some());
        }
        let places = [&here.background.places, &there.background.places];
        let hung: Vec<_> = (0..300).filter_map(|at| places[0].try_take(&account(at))).collect();
        assert!(hung.len() > 100 && places[1].try_take(&account(300)).is_some());
        here.counts.requested(counts::Requested::Layer);
        assert_eq!(there.counts.read(), here.counts.read());
    }
}
