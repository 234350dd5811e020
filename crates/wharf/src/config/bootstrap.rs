//! `[bootstrap]`: the first account and its administrator, whose access key the operator can choose. On several nodes all of
//! them then create the same one.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use aws::ids::{AccessKeyId, AccountId, SecretKey};
use serde::{Deserialize, Deserializer};

use crate::files;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BootstrapSection {
    #[serde(deserialize_with = "account_id")]
    account_id: String,
    access_key_id: Option<String>,
    secret_access_key_file: Option<PathBuf>,
}

/// Values of the environment are read as TOML, where 12 digits are a number.
fn account_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a string of 12 digits")]
    enum Written {
        Text(String),
        Number(u64),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Number(number) => number.to_string(),
    })
}

/// The first account of a deployment.
#[derive(Clone)]
pub(crate) struct Bootstrap {
    pub(crate) account_id: AccountId,
    /// The ID of the administrator's access key and the file of its secret; None for a random key.
    key: Option<(AccessKeyId, PathBuf)>,
}

impl Bootstrap {
    /// The ID of the administrator's access key, if the operator chose it.
    pub(crate) fn access_key_id(&self) -> Option<&AccessKeyId> {
        self.key.as_ref().map(|(id, _)| id)
    }

    /// The administrator's access key, if the operator chose it.
    pub(crate) fn access_key(&self) -> anyhow::Result<Option<(AccessKeyId, SecretKey)>> {
        let Some((id, path)) = &self.key else { return Ok(None) };
        let secret = files::secret_access_key("bootstrap.secret_access_key_file", path)?;
        Ok(Some((id.clone(), secret)))
    }
}

pub(super) fn bootstrap(section: &BootstrapSection) -> anyhow::Result<Bootstrap> {
    let BootstrapSection { account_id: id, access_key_id, secret_access_key_file } = section;
    let account_id = id.parse().with_context(|| format!("bootstrap.account_id = \"{id}\""))?;
    let key = match (access_key_id, secret_access_key_file) {
        (Some(id), Some(path)) => {
            let parsed = id.parse().with_context(|| format!("bootstrap.access_key_id = \"{id}\""))?;
            Some((parsed, path.clone()))
        }
        (None, None) => None,
        _ => bail!("bootstrap.access_key_id and bootstrap.secret_access_key_file need each other"),
    };
    Ok(Bootstrap { account_id, key })
}
