//! Limits of the rules: how long events are kept, and the quotas of ECR and IAM.

use std::collections::BTreeMap;
use std::time::Duration;

use access::quota::Quotas;
use access::settings::Limits;
use anyhow::Context as _;

use super::EventsSection;

/// The limits of a file; the default for each that it does not set.
pub(super) fn limits(events: &EventsSection, section: &BTreeMap<String, u64>) -> anyhow::Result<Limits> {
    let defaults = Limits::default();
    let retention = events.retention_seconds.map(Duration::from_secs);
    let mut quotas = Quotas::default();
    for (name, value) in section {
        quotas.set(name, *value).with_context(|| format!("quotas.{name} = {value}"))?;
    }
    Ok(Limits { event_retention: retention.unwrap_or(defaults.event_retention), quotas, ..defaults })
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
