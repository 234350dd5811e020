//! Limits of the rules: how long events are kept.

use std::time::Duration;

use access::settings::Limits;

use super::EventsSection;

/// The limits of a file; the default for each that it does not set.
pub(super) fn limits(events: &EventsSection) -> Limits {
    let defaults = Limits::default();
    let retention = events.retention_seconds.map(Duration::from_secs);
    Limits { event_retention: retention.unwrap_or(defaults.event_retention), ..defaults }
}
