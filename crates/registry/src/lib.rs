//! The rules of a registry: what pushing, pulling and deleting mean.
//!
//! Architecture invariants: this crate knows no HTTP and no SQL. It joins the metadata store and the blob
//! store, which do not know each other, and owns the order of effects: bytes first, then the row; the row
//! gone first, then the bytes. Every effect passes the gate in `access`.

pub mod blob;
mod blob_error;
pub mod catalog;
pub mod control;
pub mod download;
pub mod manifest;
mod pull;
pub mod purge;
pub mod reconcile;
pub mod referrers;
pub mod sweep;
pub mod tag;
pub mod upload;
mod uploads_in_progress;

use std::sync::Arc;

use access::Access;
use bytes::Bytes;
use meta::{ImageId, Micros, RepositoryKey};
use moka::sync::Cache;
use oci::digest::Digest;

use crate::uploads_in_progress::UploadsInProgress;

// The cache counts entries: each is two ids and a number, some hundred bytes whatever a client sends.
const CACHED_PULLS: u64 = 20_000;

/// The registries of one deployment: many accounts and regions over one metadata store and one blob store.
pub struct Registry {
    access: Arc<Access>,
    blobs: ::blob::Store,
    manifests: Cache<Digest, Bytes>,
    /// Pulls that were recorded lately.
    pulls: Cache<(RepositoryKey, ImageId), Micros>,
    uploads_in_progress: UploadsInProgress,
}

impl Registry {
    /// The registries of a deployment.
    pub fn new(access: Arc<Access>, blobs: ::blob::Store) -> Arc<Self> {
        let manifests = Cache::builder()
            .max_capacity(access.settings.limits.manifest_cache_bytes)
            .weigher(|_, body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(256))
            .build();
        Arc::new(Self {
            access,
            blobs,
            manifests,
            pulls: Cache::new(CACHED_PULLS),
            uploads_in_progress: UploadsInProgress::default(),
        })
    }
}
