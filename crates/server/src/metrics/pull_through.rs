//! The metrics of the pull-through cache of this node.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use registry::CacheCounts;

use super::Reason;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Requested {
    kind: &'static str,
}

#[derive(Default)]
pub(super) struct PullThrough {
    pulls: Family<Answered, Counter<u64, AtomicU64>>,
    requests: Family<Requested, Counter<u64, AtomicU64>>,
    errors: Family<Reason, Counter<u64, AtomicU64>>,
    bytes: Counter<u64, AtomicU64>,
}

impl PullThrough {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Pulls of tags from repositories of pull-through cache rules, by result";
        registry.register("pull_through_pulls", help, self.pulls.clone());
        let help = "Manifests and layers requested from upstream registries";
        registry.register("pull_through_upstream_requests", help, self.requests.clone());
        let help = "Failures of upstream registries, by reason";
        registry.register("pull_through_upstream_errors", help, self.errors.clone());
        let help = "Bytes of manifests and layers received from upstream registries";
        registry.register("pull_through_upstream_bytes", help, self.bytes.clone());
    }

    pub(super) fn set(&self, counts: &CacheCounts) {
        for (result, count) in &counts.pulls {
            set(&self.pulls.get_or_create(&Answered { result }), *count);
        }
        for (kind, count) in &counts.requests {
            set(&self.requests.get_or_create(&Requested { kind }), *count);
        }
        for (reason, count) in &counts.errors {
            set(&self.errors.get_or_create(&Reason { reason }), *count);
        }
        set(&self.bytes, counts.bytes);
    }
}

/// The counts only grow.
fn set(counter: &Counter<u64, AtomicU64>, count: u64) {
    counter.inner().fetch_max(count, Ordering::Relaxed);
}
