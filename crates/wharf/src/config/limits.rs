//! Limits of the rules: how long events are kept, and how long the collector waits.

use std::time::Duration;

use access::settings::{Collection, Limits};
use anyhow::bail;

use super::{CollectionSection, EventsSection};

/// The limits of a file; the default for each that it does not set.
pub(super) fn limits(events: &EventsSection, collection: &CollectionSection) -> anyhow::Result<Limits> {
    let defaults = Limits::default();
    let retention = events.retention_seconds.map(Duration::from_secs);
    Ok(Limits {
        event_retention: retention.unwrap_or(defaults.event_retention),
        collection: self::collection(collection, defaults.collection)?,
        ..defaults
    })
}

fn collection(section: &CollectionSection, defaults: Collection) -> anyhow::Result<Collection> {
    if section.interval_seconds == Some(0) {
        bail!("collection.interval_seconds must be at least 1");
    }
    let or = |seconds: Option<u64>, default| seconds.map_or(default, Duration::from_secs);
    Ok(Collection {
        grace: or(section.grace_seconds, defaults.grace),
        delay: or(section.delay_seconds, defaults.delay),
        interval: or(section.interval_seconds, defaults.interval),
    })
}
