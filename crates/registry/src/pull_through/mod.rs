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

use access::Access;
use access::context::RepositoryRef;
use access::error::Error;
use access::slots::Slots;
use access::store::{PullThroughCacheRuleRow, RegistryKey};
use access::upstream_secret::UpstreamLogin;
use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use arrival::Arrival;
pub use counts::CacheCounts;
pub(crate) use reader::ArrivingStream;
pub(crate) use upstreams::rules_of;

use arrival::Arrivals;
use blob::too_many;
use counts::Counts;
use failures::{Failures, LayerFailures};
use flights::Flights;
use import::{ImportKey, Imported, LayerKey};
use referrers::Asked;
use refusal::{layer_refusal, refusal};
use upstreams::Upstreams;

use crate::Registry;

/// Layers that are received at the same time, and those of one account. Fewer than the connections of the dialler, so
/// manifests have room. Half of the places are for accounts that have none.
const DOWNLOADS: (usize, usize) = (40, 12);
/// Manifests and lists that are fetched at the same time, and those of one account. Each takes at most a few times 4 MiB.
const IMPORTS: (usize, usize) = (16, 6);
/// Locks of repositories. Two repositories can share one.
const TURNS: usize = 64;

/// The state of the cache on this node.
pub(crate) struct PullThrough {
    upstreams: Upstreams,
    imports: Arc<Flights<ImportKey, Result<Imported, Error>>>,
    arrivals: Arrivals,
    sizes: Arc<Flights<LayerKey, Result<u64, Error>>>,
    failures: Failures,
    layer_failures: LayerFailures,
    counts: Counts,
    referrers: Asked,
    downloads: Slots,
    fetches: Slots,
    turns: Box<[Mutex<()>]>,
    background: background::Queue,
}

impl PullThrough {
    pub(crate) fn new(access: &Access) -> Self {
        Self {
            upstreams: Upstreams::new(access.settings.pull_through_cache.clone()),
            imports: Arc::default(),
            arrivals: Arrivals::default(),
            sizes: Arc::default(),
            failures: Failures::default(),
            layer_failures: LayerFailures::default(),
            counts: Counts::default(),
            referrers: Asked::default(),
            downloads: Slots::new(DOWNLOADS.0, DOWNLOADS.1),
            fetches: Slots::new(IMPORTS.0, IMPORTS.1),
            turns: (0..TURNS).map(|_| Mutex::default()).collect(),
            background: background::Queue::new(),
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

    /// The login of a rule; none if it has neither a secret nor a custom role.
    async fn login_of(
        &self,
        access: &Access,
        registry: (&AccountId, &Region),
        row: &PullThroughCacheRuleRow,
    ) -> Result<Option<UpstreamLogin>, Error> {
        let now = Timestamp::now();
        match (&row.rule.credential_arn, &row.rule.custom_role_arn) {
            (Some(arn), _) => access.upstream_secret(registry, arn, now).await.map(Some),
            (None, Some(role_arn)) => {
                let endpoint = self.upstreams.endpoint_of(row)?;
                let address = (endpoint.host(), endpoint.port());
                access.upstream_role(registry, role_arn, address, now).await.map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// Why the upstream registry of a rule cannot be used; none if it can.
    pub(crate) async fn failure_of(
        &self,
        access: &Access,
        (registry, of): (RegistryKey, (&AccountId, &Region)),
        row: &PullThroughCacheRuleRow,
    ) -> Option<String> {
        let Some(_slot) = self.fetches.take(of.0).await else { return Some(too_many().message.into_owned()) };
        let login = self.login_of(access, of, row).await;
        let upstream = match login.and_then(|login| self.upstreams.of(registry, row, login)) {
            Ok((_, upstream)) => upstream,
            Err(error) => return Some(error.message.into_owned()),
        };
        upstream.ping().await.err().map(|error| refusal(&error).message.into_owned())
    }
}

impl Registry {
    /// What the cache of this node has counted since the start.
    pub fn cache_counts(&self) -> CacheCounts {
        self.pull_through.counts.read()
    }
}
