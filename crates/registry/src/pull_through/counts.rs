//! What the cache counts on this node, for its metrics. The labels are fixed: nothing that an account chose is in them.

use std::sync::atomic::{AtomicU64, Ordering};

use upstream::UpstreamError;

/// How a pull of a tag was answered.
#[derive(Clone, Copy)]
pub(super) enum Pulled {
    /// From the store, without asking the upstream registry.
    Hit,
    /// After the upstream registry was asked about an image that is stored.
    Validated,
    /// With an image that was not stored before.
    Miss,
    /// From the store, because the upstream registry failed.
    Stale,
    /// With an error.
    Failed,
}

/// What was requested from an upstream registry.
#[derive(Clone, Copy)]
pub(super) enum Requested {
    Manifest,
    Layer,
}

const PULLS: [&str; 5] = ["hit", "validated", "miss", "stale", "failed"];
const REQUESTS: [&str; 2] = ["manifest", "layer"];
const ERRORS: [&str; 6] =
    ["access_denied", "not_found", "too_many_requests", "unavailable", "forbidden", "invalid"];

#[derive(Default)]
pub(super) struct Counts {
    pulls: [AtomicU64; PULLS.len()],
    requests: [AtomicU64; REQUESTS.len()],
    errors: [AtomicU64; ERRORS.len()],
    bytes: AtomicU64,
}

/// The numbers since the start, by label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheCounts {
    /// Pulls of tags by result.
    pub pulls: Vec<(&'static str, u64)>,
    /// Requests to upstream registries by what was requested.
    pub requests: Vec<(&'static str, u64)>,
    /// Failures of upstream registries by reason.
    pub errors: Vec<(&'static str, u64)>,
    /// Bytes of manifests and layers from upstream registries.
    pub bytes: u64,
}

impl Counts {
    pub(super) fn pulled(&self, how: Pulled) {
        add(self.pulls.get(how as usize), 1);
    }

    pub(super) fn requested(&self, what: Requested) {
        add(self.requests.get(what as usize), 1);
    }

    pub(super) fn received(&self, bytes: u64) {
        add(Some(&self.bytes), bytes);
    }

    pub(super) fn failed(&self, error: &UpstreamError) {
        let at = match error {
            UpstreamError::AccessDenied { .. } => 0,
            UpstreamError::NotFound(_) => 1,
            UpstreamError::TooManyRequests { .. } => 2,
            UpstreamError::Unavailable(_) => 3,
            UpstreamError::Forbidden(_) => 4,
            UpstreamError::Invalid { .. } => 5,
        };
        add(self.errors.get(at), 1);
    }

    pub(super) fn read(&self) -> CacheCounts {
        let all = |names: &[&'static str], counts: &[AtomicU64]| {
            let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
            names.iter().copied().zip(counts.iter().map(load)).collect()
        };
        CacheCounts {
            pulls: all(&PULLS, &self.pulls),
            requests: all(&REQUESTS, &self.requests),
            errors: all(&ERRORS, &self.errors),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

fn add(count: Option<&AtomicU64>, more: u64) {
    if let Some(count) = count {
        count.fetch_add(more, Ordering::Relaxed);
    }
}
