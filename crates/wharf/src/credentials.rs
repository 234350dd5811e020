//! The account, Region and access key of the first administrator, in a file that only its owner can read.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use aws::ids::{AccessKeyId, AccountId, Region, SecretKey};
use identity::bootstrap::{Administrator, random_access_key, random_account_id};
use serde::{Deserialize, Serialize};

use crate::files;

const NOTE: &str =
    "# The first administrator's credentials. Anyone who reads this file can do anything here.\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    account_id: String,
    region: String,
    access_key_id: String,
    secret_access_key: String,
}

/// The wanted values of new credentials; the others are random.
#[derive(Default)]
pub(crate) struct Wanted {
    pub(crate) account_id: Option<AccountId>,
    pub(crate) region: Option<Region>,
    pub(crate) access_key: Option<(AccessKeyId, SecretKey)>,
}

/// Reads the credentials of a folder; None if there are none yet.
pub(crate) fn load(path: &Path) -> anyhow::Result<Option<Administrator>> {
    let Some(text) = files::read_optional(path)? else { return Ok(None) };
    let read = || -> anyhow::Result<Administrator> {
        // Only the message, not the line: the line can contain the secret.
        let stored: Stored = toml::from_str(std::str::from_utf8(&text)?)
            .map_err(|error| anyhow!(error.message().to_owned()))?;
        Ok(Administrator {
            account_id: stored.account_id.parse()?,
            region: stored.region.parse()?,
            access_key_id: stored.access_key_id.parse()?,
            secret: SecretKey::new(stored.secret_access_key),
        })
    };
    read().map(Some).with_context(|| format!("{} is damaged", path.display()))
}

/// Creates credentials and writes them to the file before anything else uses them, so an interrupted start continues
/// with the same ones.
pub(crate) fn make(path: &Path, wanted: Wanted) -> anyhow::Result<Administrator> {
    let account_id = match wanted.account_id {
        Some(account_id) => account_id,
        None => random_account_id()?,
    };
    let region = match wanted.region {
        Some(region) => region,
        None => "us-east-1".parse()?,
    };
    let (access_key_id, secret) = match wanted.access_key {
        Some(key) => key,
        None => random_access_key()?,
    };
    let stored = Stored {
        account_id: account_id.to_string(),
        region: region.to_string(),
        access_key_id: access_key_id.to_string(),
        secret_access_key: secret.expose().to_owned(),
    };
    let text = format!("{NOTE}{}", toml::to_string(&stored)?);
    files::write_private(path, text.as_bytes())?;
    Ok(Administrator { account_id, region, access_key_id, secret })
}

/// Refuses to continue if the account or Region of the folder is not the wanted one.
pub(crate) fn check(found: &Administrator, wanted: &Wanted, path: &Path) -> anyhow::Result<()> {
    let path = path.display();
    if let Some(account_id) = wanted.account_id.as_ref().filter(|wanted| **wanted != found.account_id) {
        bail!("{path} belongs to account {}, not {account_id}; use another data folder", found.account_id);
    }
    if let Some(region) = wanted.region.as_ref().filter(|wanted| **wanted != found.region) {
        bail!("{path} belongs to region {}, not {region}; use another data folder", found.region);
    }
    if wanted.access_key.as_ref().is_some_and(|(id, _)| *id != found.access_key_id) {
        tracing::warn!(
            "the access key of the environment is ignored: the folder has one from its first start"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_created_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dev.toml");
        assert!(load(&path).unwrap().is_none());
        let account_id: AccountId = "123456789012".parse().unwrap();
        let made = make(&path, Wanted { account_id: Some(account_id.clone()), ..Wanted::default() }).unwrap();
        let found = load(&path).unwrap().unwrap();
        assert_eq!(found.account_id, account_id);
        assert_eq!(found.access_key_id, made.access_key_id);
        assert_eq!(found.secret.expose(), made.secret.expose());
        check(&found, &Wanted::default(), &path).unwrap();
        std::fs::write(&path, "secret_access_key = 'wJalr' 'XUtnF'\n").unwrap();
        let damaged = format!("{:?}", load(&path).err().unwrap());
        assert!(damaged.contains("damaged") && !damaged.contains("XUtnF"), "{damaged}");
        let other = Wanted { account_id: Some("210987654321".parse().unwrap()), ..Wanted::default() };
        assert!(check(&found, &other, &path).is_err());
    }
}
