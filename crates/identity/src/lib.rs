//! Identities: the operations of IAM, STS, Organizations, Secrets Manager, Service Quotas and the Tagging API, the policy
//! simulator, and the explanation of decisions.
//!
//! Architecture invariants: this crate contains no HTTP, no SQL and no images. Every effect of a request passes the
//! gate in `access`.

mod answers;
pub mod bootstrap;
pub mod explain;
pub mod iam;
pub mod organizations;
mod password;
mod secrets_manager;
mod service_quotas;
pub mod sts;
pub mod tagging;

use std::sync::Arc;

use access::Access;
use aws::ids::AccessKeyId;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

// The cache counts entries: each is an id and a number, some hundred bytes, regardless of what a client sends.
const CACHED_KEY_USES: usize = 10_000;
/// Simulations of policies that run at the same time.
const SIMULATIONS: usize = 2;

/// IAM, STS and Organizations of one deployment.
pub struct Identity {
    access: Arc<Access>,
    /// The minute of the last recorded use of each key.
    key_uses: Cache<AccessKeyId, i64>,
    /// Knows the keys of identity providers.
    token_verifier: oidc::Verifier,
    /// Limits the simulations that run at the same time.
    simulations: Arc<Semaphore>,
    /// Hashes passwords.
    hashing: password::Hashing,
}

impl Identity {
    /// The identities of a deployment.
    pub fn new(access: Arc<Access>) -> Arc<Self> {
        let token_verifier = oidc::Verifier::new(access.settings.dialler.clone());
        Arc::new(Self {
            access,
            key_uses: Cache::new(CACHED_KEY_USES),
            token_verifier,
            simulations: Arc::new(Semaphore::new(SIMULATIONS)),
            hashing: password::Hashing::new(),
        })
    }
}
