//! Limits of the rules: how long events are kept, how long the collector waits, how often lifecycle policies are
//! evaluated, and the quotas of ECR and IAM.

use std::collections::BTreeMap;
use std::time::Duration;

use access::quota::Quotas;
use access::settings::{Collection, Limits, TagLimits};
use anyhow::{Context as _, bail};

use super::{CollectionSection, EventsSection, LifecycleSection, TagsSection};

/// The limits of a file; the default for each that it does not set.
pub(super) fn limits(
    events: &EventsSection,
    (collection, lifecycle, tags): (&CollectionSection, &LifecycleSection, &TagsSection),
    section: &BTreeMap<String, u64>,
) -> anyhow::Result<Limits> {
    let defaults = Limits::default();
    let retention = events.retention_seconds.map(Duration::from_secs);
    let interval = lifecycle.interval_seconds.map(Duration::from_secs);
    let activation = lifecycle.activation_seconds.map(Duration::from_secs);
    let mut quotas = Quotas::default();
    for (name, value) in section {
        quotas.set(name, *value).with_context(|| format!("quotas.{name} = {value}"))?;
    }
    Ok(Limits {
        event_retention: retention.unwrap_or(defaults.event_retention),
        collection: self::collection(collection, defaults.collection)?,
        lifecycle_interval: interval.unwrap_or(defaults.lifecycle_interval),
        activation: activation.unwrap_or(defaults.activation),
        tags: TagLimits {
            history: tags.history_seconds.map_or(defaults.tags.history, Duration::from_secs),
            grace: tags.grace_seconds.map_or(defaults.tags.grace, Duration::from_secs),
        },
        quotas,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table of quotas: setting, default and maximum.
    #[test]
    fn the_page_lists_every_quota_with_its_default() {
        let page = include_str!("../../../../docs/operations.md");
        let rows = page.lines().skip_while(|line| !line.starts_with("| quota |")).skip(2);
        let listed: Vec<String> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| row.split('|').skip(1).take(3).map(str::trim).collect::<Vec<_>>().join(" "))
            .collect();
        let quotas = Quotas::default().each().into_iter().zip(Quotas::MOST);
        let wanted: Vec<String> =
            quotas.map(|((name, quota), (_, most))| format!("`{name}` {} {most}", quota.value)).collect();
        assert_eq!(listed, wanted);
    }
}
