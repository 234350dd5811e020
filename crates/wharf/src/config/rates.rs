//! The rates of a configuration.

use std::collections::BTreeMap;

use access::rate::Rates;
use anyhow::Context as _;
use serde::Deserialize;

/// `[rates]`: the rates of all accounts, by name, and of single accounts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RatesSection {
    enabled: Option<bool>,
    accounts: BTreeMap<String, BTreeMap<String, u64>>,
    #[serde(flatten)]
    all: BTreeMap<String, u64>,
}

/// The checked rates. They are off unless the section sets one or switches them on; then each that it does not set is
/// ECR's.
pub(super) fn rates(section: &RatesSection) -> anyhow::Result<Rates> {
    let mut rates = Rates::of_ecr();
    let sets_any = !section.all.is_empty() || !section.accounts.is_empty();
    rates.enabled = section.enabled.unwrap_or(sets_any);
    for (name, value) in &section.all {
        rates.set(None, name, *value).with_context(|| format!("rates.{name} = {value}"))?;
    }
    for (id, own) in &section.accounts {
        let account = id.parse().with_context(|| format!("rates.accounts.{id}"))?;
        for (name, value) in own {
            let set = rates.set(Some(&account), name, *value);
            set.with_context(|| format!("rates.accounts.{id}.{name} = {value}"))?;
        }
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use access::rate::Rate;

    use super::*;

    fn read(text: &str) -> anyhow::Result<Rates> {
        rates(&toml::from_str(text)?)
    }

    #[test]
    fn an_account_can_have_its_own_rates() {
        let rates = read("put_image = 20\n[accounts.111122223333]\nput_image = 30").unwrap();
        let per_second = |id: &str| rates.per_second(&id.parse().unwrap(), Rate::PutImage);
        assert_eq!((per_second("111122223333"), per_second("444455556666")), (30, 20));
        assert!(rates.enabled);
        assert!(!read("enabled = false\nput_image = 20").unwrap().enabled);
        assert!(read("enabled = true").unwrap().enabled);
        assert!(!read("").unwrap().enabled);
    }

    #[test]
    fn errors_name_the_rate() {
        for (text, words) in [
            ("put_images = 5", "rates.put_images = 5: there is no rate"),
            ("put_image = 0", "rates.put_image = 0: put_image must be from 1"),
            ("[accounts.12]\nput_image = 5", "rates.accounts.12: an AWS account id"),
            ("[accounts.111122223333]\nx = 5", "rates.accounts.111122223333.x = 5"),
        ] {
            let complaint = format!("{:#}", read(text).unwrap_err());
            assert!(complaint.starts_with(words), "{complaint}");
        }
    }

    /// The rows of the table of rates: setting and default.
    #[test]
    fn the_page_lists_every_rate_with_its_default() {
        let page = include_str!("../../../../docs/operations.md");
        let rows = page.lines().skip_while(|line| !line.starts_with("| rate |")).skip(2);
        let listed: Vec<String> = rows
            .take_while(|line| line.starts_with('|'))
            .map(|row| row.split('|').skip(1).take(2).map(str::trim).collect::<Vec<_>>().join(" "))
            .collect();
        let wanted =
            Rate::ALL.iter().map(|rate| format!("`{}` {}", rate.setting(), rate.default_per_second()));
        assert_eq!(listed, wanted.collect::<Vec<_>>());
    }
}
