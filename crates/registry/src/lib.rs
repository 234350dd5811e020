//! The rules of a registry: what pushing, pulling and deleting mean.
//!
//! `image`, `repository`, `layer` and `registry_settings` contain the rules. Each effect takes the permit that opens
//! it, and returns values that belong to no API. `ecr` translates ECR's requests and responses; the server does the
//! same for the distribution protocol.
//!
//! Architecture invariants: this crate contains no HTTP and no SQL. It uses the metadata store and the blob store,
//! which do not depend on each other, and decides the order of effects: bytes before their row; on deletion the row
//! before its bytes. Every effect of a request passes the gate in `access`, and only `layer::bytes` uses the blob store.

mod bodies;
mod collect;
mod ecr;
mod ecr_public;
pub mod fsck;
pub mod image;
pub mod layer;
mod lifecycle_policy;
mod move_objects;
pub mod page;
mod policy_text;
mod pull_through;
pub mod purge;
pub mod reconcile;
mod registry_settings;
pub mod replication;
mod repository;
mod scrub;
pub mod sweep;
mod uploads_in_progress;

use std::sync::{Arc, Weak};

use access::Access;
pub use ecr_public::LOGO_PREFIX;
pub use pull_through::CacheCounts;

use crate::bodies::Bodies;
use crate::image::pull_times::PullTimes;
use crate::layer::bytes::LayerBytes;
use crate::pull_through::PullThrough;
use crate::replication::{BackfillPlaces, Links};
use crate::uploads_in_progress::UploadsInProgress;

/// The registries of one deployment: many accounts and regions over one metadata store and one blob store.
pub struct Registry {
    access: Arc<Access>,
    bytes: LayerBytes,
    bodies: Bodies,
    pull_times: Arc<PullTimes>,
    uploads_in_progress: UploadsInProgress,
    /// Whether other nodes can write to the same uploads.
    has_others: bool,
    pull_through: PullThrough,
    peers: Links,
    backfill_places: BackfillPlaces,
    /// For work that goes on after its request.
    this: Weak<Self>,
}

impl Registry {
    /// The registries of a deployment.
    pub fn new(access: Arc<Access>, bytes: impl Into<LayerBytes>) -> Arc<Self> {
        let has_others = !access.is_alone();
        Self::on_node(access, bytes, has_others)
    }

    /// The registries on a node that says whether there can be others.
    pub fn on_node(access: Arc<Access>, bytes: impl Into<LayerBytes>, has_others: bool) -> Arc<Self> {
        let bodies = Bodies::new(access.settings.limits.body_cache_bytes);
        let ways = (PullThrough::new(&access.settings.pull_through_cache), Links::new(&access));
        Self::with(access, bytes.into(), bodies, has_others, ways)
    }

    /// The registries in another database of the deployment. They share the memory for bodies, whose bytes never change, and
    /// the limits of what is fetched from other registries and sent to peers.
    pub fn beside(&self, access: Arc<Access>, bytes: impl Into<LayerBytes>) -> Arc<Self> {
        let ways = (self.pull_through.beside(&access.settings.pull_through_cache), self.peers.beside());
        Self::with(access, bytes.into(), self.bodies.clone(), self.has_others, ways)
    }

    fn with(
        access: Arc<Access>,
        bytes: LayerBytes,
        bodies: Bodies,
        has_others: bool,
        (pull_through, peers): (PullThrough, Links),
    ) -> Arc<Self> {
        let pull_times = PullTimes::new(&access);
        Arc::new_cyclic(|this| Self {
            access,
            bytes,
            bodies,
            pull_times,
            uploads_in_progress: UploadsInProgress::default(),
            has_others,
            pull_through,
            peers,
            backfill_places: BackfillPlaces::default(),
            this: Weak::clone(this),
        })
    }
}
