//! Limits of the rules: how long events are kept, and how often lifecycle policies are evaluated.

use std::time::Duration;

use access::settings::Limits;

use super::{EventsSection, LifecycleSection};

/// The limits of a file; the default for each that it does not set.
pub(super) fn limits(events: &EventsSection, lifecycle: &LifecycleSection) -> Limits {
    let defaults = Limits::default();
    let retention = events.retention_seconds.map(Duration::from_secs);
    let interval = lifecycle.interval_seconds.map(Duration::from_secs);
    let activation = lifecycle.activation_seconds.map(Duration::from_secs);
    Limits {
        event_retention: retention.unwrap_or(defaults.event_retention),
        lifecycle_interval: interval.unwrap_or(defaults.lifecycle_interval),
        activation: activation.unwrap_or(defaults.activation),
        ..defaults
    }
}
