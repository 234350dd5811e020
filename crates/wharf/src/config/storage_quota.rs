//! The storage quotas of a configuration.

use std::collections::BTreeSet;

use access::storage_quota::StorageQuota;
use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Bytes;

/// One entry of `[[storage_quotas]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StorageQuotaSection {
    name: String,
    bytes: Bytes,
    account: Option<String>,
    prefix: Option<String>,
}

/// The checked quotas; each error names the position in the list.
pub(super) fn storage_quotas(sections: Vec<StorageQuotaSection>) -> anyhow::Result<Vec<StorageQuota>> {
    let mut names = BTreeSet::new();
    let checked = |(at, section): (usize, StorageQuotaSection)| {
        let StorageQuotaSection { name, bytes, account, prefix } = section;
        if name.is_empty() || !names.insert(name.clone()) {
            bail!("storage_quotas[{at}].name = \"{name}\": each quota needs its own name");
        }
        let account_id = match account {
            Some(id) => Some(id.parse().with_context(|| format!("storage_quotas[{at}].account = \"{id}\""))?),
            None => None,
        };
        Ok(StorageQuota { name, bytes: bytes.0, account_id, prefix })
    };
    sections.into_iter().enumerate().map(checked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<StorageQuota>> {
        #[derive(Deserialize)]
        struct File {
            storage_quotas: Vec<StorageQuotaSection>,
        }
        storage_quotas(toml::from_str::<File>(text)?.storage_quotas)
    }

    #[test]
    fn a_quota_has_a_name_a_size_and_a_place() {
        let quotas = read(
            "[[storage_quotas]]\nname = \"all\"\nbytes = \"1GiB\"\n\
             [[storage_quotas]]\nname = \"a\"\nbytes = 5\naccount = \"123456789012\"\nprefix = \"team/\"",
        )
        .unwrap();
        assert_eq!((quotas[0].bytes, quotas[0].prefix.as_ref()), (1 << 30, None));
        assert_eq!((quotas[1].bytes, quotas[1].prefix.as_deref()), (5, Some("team/")));
        for (text, word) in [
            ("[[storage_quotas]]\nname = \"\"\nbytes = 5", "name"),
            ("[[storage_quotas]]\nname = \"a\"\nbytes = 5\naccount = \"12\"", "storage_quotas[0].account"),
            ("[[storage_quotas]]\nname = \"a\"\nbytes = \"much\"", "256MiB"),
        ] {
            let complaint = format!("{:#}", read(text).unwrap_err());
            assert!(complaint.contains(word), "{complaint}");
        }
    }
}
