//! Who calls, and what the caller may do: the gate, and the store behind it.
//!
//! Architecture invariants: this crate contains no HTTP, no SQL and no bytes of blobs. Every effect of a request passes
//! the gate in [`authz`].

pub mod addressing;
pub mod answers;
pub mod authenticate;
pub mod authz;
pub mod backup;
pub mod caller;
pub mod check;
pub mod clock;
pub mod collection;
pub mod context;
pub mod databases;
pub mod decisions;
pub mod deliveries;
pub mod effects;
pub mod entity;
pub mod error;
pub mod events;
pub mod ids;
pub mod kept;
mod key_ring;
pub mod keys;
pub mod memory;
mod mirror;
pub mod op;
pub mod organization;
pub mod page;
pub mod peer;
pub mod permit;
pub mod policy_lint;
pub mod principal_names;
pub mod public;
pub mod quota;
pub mod rate;
pub mod reconcilers;
pub mod replication;
pub mod seal;
mod sealed_rows;
pub mod service_linked_role;
pub mod service_role;
pub mod session;
pub mod settings;
pub mod shared_provider;
pub mod slots;
pub mod storage_quota;
pub mod store;
pub mod store_move;
pub mod token;
pub mod totp;
pub mod upstream_role;
pub mod upstream_secret;

use std::sync::{Arc, OnceLock};

use aws::ids::AccountId;
use jiff::Timestamp;
use meta::Meta;
use oci::digest::Digest;
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::authz::PolicyCaches;
use crate::clock::Clock;
use crate::context::Caller;
use crate::databases::Databases;
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::organization::Organization;
use crate::permit::Store;
use crate::quota::Quotas;
use crate::seal::Keys;
use crate::settings::Settings;
use crate::store::StoreResultExt as _;
use crate::token::OpenToken;
use crate::token::OpenTokenBytes;

const KEY_RING: &str = "key-ring";
/// Bytes of cached opened passwords.
const TOKENS: u64 = 24 << 20;
const ABOUT_TOKENS: usize = 10_000;
/// The number of cached aliases.
const ALIASES: usize = 10_000;

/// Access to one deployment: its metadata store, its keys, and the gate.
pub struct Access {
    meta: Meta,
    pub settings: Settings,
    pub keys: Arc<Keys>,
    pub ids: Arc<IdSource>,
    pub organization: Organization,
    /// Known from the first request for it.
    management: OnceLock<AccountId>,
    policies: Arc<PolicyCaches>,
    reconcilers_woken: Notify,
    events_written: Arc<Notify>,
    /// What this node receives and no row counts yet.
    storage_holds: Arc<storage_quota::StorageHolds>,
    tokens: Arc<Cache<Digest, OpenToken, OpenTokenBytes>>,
    /// Accounts by the alias of their public registries. An alias never changes.
    aliases: Arc<Cache<String, AccountId>>,
    /// The caller of requests without credentials.
    anonymous: Arc<Caller>,
    clock: Clock,
    databases: Databases,
}

impl Access {
    /// Opens the deployment in this store. An empty store gets a key ring.
    pub async fn open(settings: Settings, meta: Meta) -> Result<Arc<Self>> {
        let ids = Arc::new(IdSource::seeded());
        let events_written = Arc::new(Notify::new());
        let store =
            Store { meta: meta.clone(), ids: Arc::clone(&ids), events_written: Arc::clone(&events_written) };
        let keys = Arc::new(keys::open(&settings.master_key, &store, Timestamp::now()).await?);
        let organization = Organization::open(&store).await?;
        let databases = Databases::new(&events_written);
        Ok(Arc::new(Self {
            meta,
            settings,
            keys,
            ids,
            organization,
            management: OnceLock::new(),
            policies: Arc::default(),
            reconcilers_woken: Notify::new(),
            events_written,
            storage_holds: Arc::default(),
            tokens: Arc::new(Cache::with_weighter(ABOUT_TOKENS, TOKENS, OpenTokenBytes)),
            aliases: Arc::new(Cache::new(ALIASES)),
            anonymous: Arc::new(Caller::anonymous().map_err(Error::internal)?),
            clock: Clock::default(),
            databases,
        }))
    }

    /// The quotas of every account.
    pub fn quotas(&self) -> &Quotas {
        &self.settings.limits.quotas
    }

    /// What permits run their operations with.
    pub(crate) fn store(&self) -> Store {
        let events_written = Arc::clone(&self.events_written);
        Store { meta: self.meta.clone(), ids: Arc::clone(&self.ids), events_written }
    }

    /// Whether the metadata store answers; for the readiness probe.
    pub async fn check_ready(&self) -> Result<()> {
        let read = meta::GetSetting { name: KEY_RING.to_owned() };
        self.meta.read(read).await.or_store_error().map(|_| ())
    }
}
