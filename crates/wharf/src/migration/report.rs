//! What a copy did: counted while it runs, printed at its end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Failures that are listed. Further ones are only counted.
const LISTED: usize = 1_000;

/// Counters of a copy that is running.
#[derive(Default)]
pub(crate) struct Report {
    pub(super) repositories: Counter,
    pub(super) tags: Counter,
    pub(super) tags_done: Counter,
    pub(super) manifests_copied: Counter,
    pub(super) manifests_present: Counter,
    pub(super) blobs_copied: Counter,
    pub(super) blobs_shared: Counter,
    pub(super) blobs_present: Counter,
    pub(super) bytes_copied: Counter,
    failed: Counter,
    failures: Mutex<Vec<Failure>>,
}

/// A number that only grows.
#[derive(Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that was not copied.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// A repository, or an image of it.
    what: String,
    why: String,
}

/// The end of a copy, for `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    dry_run: bool,
    repositories: u64,
    tags: u64,
    manifests_copied: u64,
    manifests_present: u64,
    blobs_copied: u64,
    blobs_shared: u64,
    blobs_present: u64,
    bytes_copied: u64,
    seconds: f64,
    pub(crate) failed: u64,
    failures: Vec<Failure>,
}

impl Report {
    /// Records that something was not copied.
    pub(super) fn failed(&self, what: String, why: impl std::fmt::Display) {
        self.failed.add(1);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() < LISTED {
            failures.push(Failure { what, why: why.to_string() });
        }
    }

    /// One line about the progress.
    pub(super) fn line(&self) -> String {
        format!(
            "{} of {} tags, {} images and {} copied, {} failed",
            self.tags_done.get(),
            self.tags.get(),
            self.manifests_copied.get(),
            bytes(self.bytes_copied.get()),
            self.failed.get(),
        )
    }

    /// The result.
    pub(crate) fn summary(&self, dry_run: bool, seconds: f64) -> Summary {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Summary {
            dry_run,
            repositories: self.repositories.get(),
            tags: self.tags_done.get(),
            manifests_copied: self.manifests_copied.get(),
            manifests_present: self.manifests_present.get(),
            blobs_copied: self.blobs_copied.get(),
            blobs_shared: self.blobs_shared.get(),
            blobs_present: self.blobs_present.get(),
            bytes_copied: self.bytes_copied.get(),
            seconds,
            failed: self.failed.get(),
            failures,
        }
    }
}

impl Summary {
    /// The result as text.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![
            format!("repositories  {}", self.repositories),
            format!("tags          {}", self.tags),
            format!(
                "manifests     {} copied, {} there already",
                self.manifests_copied, self.manifests_present
            ),
            format!(
                "blobs         {} copied, {} shared with another repository, {} there already",
                self.blobs_copied, self.blobs_shared, self.blobs_present
            ),
            format!("bytes         {} ({})", self.bytes_copied, bytes(self.bytes_copied)),
            format!("failures      {}", self.failed),
        ];
        lines.extend(self.failures.iter().map(|failure| format!("  {}: {}", failure.what, failure.why)));
        let unlisted = self.failed.saturating_sub(self.failures.len() as u64);
        if unlisted > 0 {
            lines.push(format!("  and {unlisted} more"));
        }
        if self.dry_run {
            lines.push("Nothing was copied: this is what a run without --dry-run would do.".to_owned());
        }
        lines.join("\n")
    }
}

/// A number of bytes for readers.
fn bytes(number: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if number >> shift > 0 {
            let tenths = (number >> (shift - 10)) * 10 / 1024;
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{number} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_and_lists_failures() {
        let report = Report::default();
        report.bytes_copied.add(3 * 1024 * 1024 / 2);
        for number in 0..LISTED + 2 {
            report.failed(format!("app:{number}"), "no");
        }
        let summary = report.summary(true, 1.0);
        assert_eq!((summary.failed, summary.failures.len()), (LISTED as u64 + 2, LISTED));
        let text = summary.text();
        assert!(
            text.contains("(1.5 MiB)") && text.contains("app:0: no") && text.contains("and 2 more"),
            "{text}"
        );
        assert!(text.ends_with("--dry-run would do."), "{text}");
    }
}
