//! The rules of a registry: who may do what, and what pushing, pulling and deleting mean.
//!
//! Architecture invariants: this crate knows no HTTP and no SQL. It joins the metadata store and the blob
//! store, which do not know each other, and owns the order of effects: bytes first, then the row; the row
//! gone first, then the bytes. Every effect passes the gate in [`authz`].

pub mod addressing;
pub mod authenticate;
pub mod authz;
pub mod blob;
pub mod bootstrap;
pub mod caller;
pub mod catalog;
pub mod context;
pub mod control;
pub mod download;
pub mod error;
pub mod explain;
pub mod iam;
mod ids;
mod kept;
mod key_ring;
pub mod keys;
pub mod manifest;
pub mod memory;
pub mod op;
pub mod organization;
pub mod organizations;
mod page;
pub mod policy_lint;
mod principal_names;
mod pull;
pub mod purge;
pub mod referrers;
mod seal;
mod session;
pub mod settings;
mod store;
pub mod sts;
pub mod sweep;
pub mod tag;
pub mod token;
pub mod upload;
mod uploads_in_progress;

use std::sync::{Arc, OnceLock};

use aws::ids::{AccessKeyId, AccountId};
use bytes::Bytes;
use jiff::Timestamp;
use meta::{ImageId, Meta, Micros, RepositoryKey};
use moka::sync::Cache;
use oci::digest::Digest;
use tokio::sync::Semaphore;

use crate::authz::PolicyCaches;
use crate::error::Result;
use crate::ids::IdSource;
use crate::organization::Organization;
use crate::seal::Keys;
use crate::settings::Settings;
use crate::store::StoreResultExt as _;
use crate::token::OpenToken;
use crate::uploads_in_progress::UploadsInProgress;

const KEY_RING: &str = "key-ring";
/// Bytes of opened passwords that are kept.
const TOKENS: u64 = 24 << 20;
// These count entries: each is an id and a number, some hundred bytes whatever a client sends.
const CACHED_PULLS: u64 = 20_000;
const CACHED_KEY_USES: u64 = 10_000;
/// Simulations of policies that run at the same time.
const SIMULATIONS: usize = 2;

/// A registry deployment: many accounts and regions over one metadata store and one blob store.
pub struct Registry {
    meta: Meta,
    blobs: ::blob::Store,
    settings: Settings,
    keys: Keys,
    ids: IdSource,
    organization: Organization,
    /// Known from the first time that it was asked for.
    management: OnceLock<AccountId>,
    policies: PolicyCaches,
    tokens: Cache<Digest, OpenToken>,
    manifests: Cache<Digest, Bytes>,
    /// The minute in which the use of a key was last written down.
    key_uses: Cache<AccessKeyId, i64>,
    /// Pulls that were recorded lately.
    pulls: Cache<(RepositoryKey, ImageId), Micros>,
    uploads_in_progress: UploadsInProgress,
    /// Knows the keys of identity providers.
    identity_tokens: oidc::Verifier,
    /// Turns of the policy simulator.
    simulations: Arc<Semaphore>,
}

impl Registry {
    /// Opens the deployment that the stores hold; on empty stores, makes its key ring.
    pub async fn open(settings: Settings, meta: Meta, blobs: ::blob::Store) -> Result<Arc<Self>> {
        let keys = keys::open(&settings.master_key, &meta, Timestamp::now()).await?;
        let organization = Organization::open(&meta).await?;
        let identity_tokens = oidc::Verifier::new(settings.dialler.clone());
        let manifests = Cache::builder()
            .max_capacity(settings.limits.manifest_cache_bytes)
            .weigher(|_, body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(256))
            .build();
        Ok(Arc::new(Self {
            meta,
            blobs,
            settings,
            keys,
            ids: IdSource::new(),
            organization,
            management: OnceLock::new(),
            policies: PolicyCaches::default(),
            tokens: Cache::builder()
                .max_capacity(TOKENS)
                .weigher(|_, open: &OpenToken| open.weight())
                .build(),
            manifests,
            key_uses: Cache::new(CACHED_KEY_USES),
            pulls: Cache::new(CACHED_PULLS),
            uploads_in_progress: UploadsInProgress::default(),
            identity_tokens,
            simulations: Arc::new(Semaphore::new(SIMULATIONS)),
        }))
    }

    /// What the binary decided for this deployment.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the stores answer; for the readiness probe.
    pub async fn check_ready(&self) -> Result<()> {
        let read = meta::GetSetting { name: KEY_RING.to_owned() };
        self.meta.read(read).await.or_store_error().map(|_| ())
    }
}
