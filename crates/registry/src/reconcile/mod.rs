//! Background work. A reconciler compares the stored state with the intended one, in bounded passes. It takes no input,
//! so a pass can be repeated, and nothing is lost when a node stops.

mod driver;
mod pace;
mod passes;
pub(crate) mod queue;

use std::sync::Arc;
use std::time::Duration;

use access::error::Result;
use futures::future::BoxFuture;
use jiff::Timestamp;

pub use driver::Driver;
pub(crate) use pace::Pace;

use crate::Registry;
use crate::image::storage_class::RestoreImages;
use crate::lifecycle_policy::{ExecuteLifecycle, PreviewLifecycle};
use crate::move_objects::MoveObjects;
use crate::replication::ReplicateImages;

/// How long a node may be silent before another one takes over what it has claimed: reconcilers, and items of queues. Work
/// that takes longer renews its lease, or does no harm if two nodes do it.
pub(crate) const LEASE: Duration = Duration::from_mins(1);
/// How long work rests after a failure.
pub(crate) const RETRY: Duration = Duration::from_secs(30);

/// What one pass did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// How many things.
    pub done: usize,
    /// Whether it left work.
    pub has_more: bool,
}

impl From<usize> for Pass {
    /// A pass that did something may have left more of it.
    fn from(done: usize) -> Self {
        Self { done, has_more: done > 0 }
    }
}

/// One kind of background work.
pub trait Reconciler: Send + Sync + 'static {
    /// Its name: one of `access::reconcilers::NAMES`.
    fn name(&self) -> &'static str;

    /// How long it rests when nothing is left to do.
    fn interval(&self) -> Duration;

    /// Whether its passes rest by themselves between their transactions (`Pace`). The driver then does not rest before
    /// the next pass.
    fn rests_in_passes(&self) -> bool {
        false
    }

    /// One bounded pass.
    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>>;
}

/// Every reconciler, in the order of a round.
pub fn all(registry: &Arc<Registry>) -> Vec<Box<dyn Reconciler>> {
    let mut all = of_registries(registry);
    all.push(Box::new(passes::ForgetSessions(Arc::clone(registry))));
    all.push(Box::new(passes::RemoveSecrets(Arc::clone(registry))));
    all.push(Box::new(passes::ResealSecrets(Arc::clone(registry))));
    all
}

/// The work on registries, which each database has. The passes before the sweep doom bytes, which the sweep removes later.
pub fn of_registries(registry: &Arc<Registry>) -> Vec<Box<dyn Reconciler>> {
    vec![
        Box::new(passes::ExpireUploads(Arc::clone(registry))),
        Box::new(passes::PurgeRepositories(Arc::clone(registry))),
        Box::new(ExecuteLifecycle(Arc::clone(registry))),
        Box::new(PreviewLifecycle(Arc::clone(registry))),
        Box::new(MoveObjects(Arc::clone(registry))),
        Box::new(RestoreImages(Arc::clone(registry))),
        Box::new(ReplicateImages(Arc::clone(registry))),
        Box::new(passes::WalkStore(Arc::clone(registry))),
        Box::new(passes::CollectGarbage(Arc::clone(registry))),
        Box::new(passes::SweepObjects(Arc::clone(registry))),
        Box::new(passes::ForgetReports(Arc::clone(registry))),
        Box::new(passes::MeasureUsage(Arc::clone(registry))),
        Box::new(passes::ScrubObjects(Arc::clone(registry))),
        Box::new(passes::CheckStore(Arc::clone(registry))),
        Box::new(passes::TrimEvents(Arc::clone(registry))),
    ]
}
