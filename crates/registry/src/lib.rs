//! The rules of a registry: what pushing, pulling and deleting mean.
//!
//! `image`, `repository`, `layer` and `registry_settings` contain the rules. Each effect takes the permit that opens
//! it, and returns values that belong to no API. `ecr` translates ECR's requests and responses; the server does the
//! same for the distribution protocol.
//!
//! Architecture invariants: this crate contains no HTTP and no SQL. It uses the metadata store and the blob store,
//! which do not depend on each other, and decides the order of effects: bytes before their row; on deletion the row
//! before its bytes. Every effect of a request passes the gate in `access`, and only `layer::bytes` uses the blob store.

mod ecr;
pub mod image;
pub mod layer;
mod lifecycle_policy;
pub mod page;
mod policy_text;
pub mod purge;
pub mod reconcile;
mod registry_settings;
mod repository;
pub mod sweep;
mod uploads_in_progress;

use std::sync::Arc;

use access::Access;

use crate::image::pull::{Manifests, Pulls};
use crate::layer::bytes::LayerBytes;
use crate::uploads_in_progress::UploadsInProgress;

/// The registries of one deployment: many accounts and regions over one metadata store and one blob store.
pub struct Registry {
    access: Arc<Access>,
    bytes: LayerBytes,
    manifests: Manifests,
    pulls: Pulls,
    uploads_in_progress: UploadsInProgress,
}

impl Registry {
    /// The registries of a deployment.
    pub fn new(access: Arc<Access>, bytes: impl Into<LayerBytes>) -> Arc<Self> {
        let manifests = Manifests::new(access.settings.limits.manifest_cache_bytes);
        Arc::new(Self {
            access,
            bytes: bytes.into(),
            manifests,
            pulls: Pulls::default(),
            uploads_in_progress: UploadsInProgress::default(),
        })
    }
}
