//! The caller's AWS settings: first the environment, then the profile in `~/.aws`, as in the SDKs.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aws::ids::SecretKey;

use super::AccessKey;
use super::ini::Ini;

/// The settings of the environment and the profile.
pub(crate) struct Profile {
    name: String,
    /// Whether an option chose the profile. It then has priority over the access key of the environment.
    is_chosen: bool,
    environment: fn(&str) -> Option<String>,
    config: Ini,
    credentials: Ini,
}

impl Profile {
    /// Reads the files. A missing file counts as empty.
    pub(crate) fn read(
        chosen: Option<&str>,
        environment: fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let home = environment("HOME").map(PathBuf::from);
        let file = |variable: &str, name: &str| -> anyhow::Result<Ini> {
            let path = environment(variable).map(PathBuf::from);
            match path.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name))) {
                Some(path) => read_file(&path),
                None => Ok(Ini::default()),
            }
        };
        let config = file("AWS_CONFIG_FILE", "config")?;
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
        let named = chosen.map(str::to_owned).or_else(|| environment("AWS_PROFILE"));
        let name = named.clone().unwrap_or_else(|| "default".to_owned());
        let profile = Self { name, is_chosen: chosen.is_some(), environment, config, credentials };
        let is_there = profile.config.has(&profile.section()) || profile.credentials.has(&profile.name);
        if named.is_some() && !is_there {
            bail!("~/.aws/config and ~/.aws/credentials have no profile {}", profile.name);
        }
        Ok(profile)
    }

    fn section(&self) -> String {
        if self.name == "default" { self.name.clone() } else { format!("profile {}", self.name) }
    }

    /// A setting of the environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.environment)(name)
    }

    /// A setting of the profile.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        let credentials = self.credentials.get(&self.name, name);
        credentials.or_else(|| self.config.get(&self.section(), name))
    }

    /// The access key; None if there is none.
    pub(super) fn access_key(&self) -> anyhow::Result<Option<AccessKey>> {
        let from_environment = || {
            let get = |name| self.variable(name);
            Some((get("AWS_ACCESS_KEY_ID")?, get("AWS_SECRET_ACCESS_KEY"), get("AWS_SESSION_TOKEN")))
        };
        let from_profile = || {
            let get = |name| self.setting(name).map(str::to_owned);
            Some((get("aws_access_key_id")?, get("aws_secret_access_key"), get("aws_session_token")))
        };
        let found = if self.is_chosen { from_profile() } else { from_environment().or_else(from_profile) };
        let Some((id, secret, session_token)) = found else { return Ok(None) };
        whole(&id, secret, session_token).map(Some)
    }
}

/// The access key in a file with the format of `~/.aws/credentials`.
pub(crate) fn access_key_of_file(path: &Path, section: Option<&str>) -> anyhow::Result<AccessKey> {
    let section = section.unwrap_or("default");
    let file = read_file(path)?;
    let get = |name| file.get(section, name).map(str::to_owned);
    let id = get("aws_access_key_id");
    let id = id.with_context(|| format!("{} has no aws_access_key_id in [{section}]", path.display()))?;
    whole(&id, get("aws_secret_access_key"), get("aws_session_token"))
}

fn whole(id: &str, secret: Option<String>, session_token: Option<String>) -> anyhow::Result<AccessKey> {
    let id = id.parse().context("the access key id")?;
    let secret = secret.with_context(|| format!("the access key {id} has no secret access key"))?;
    Ok(AccessKey { id, secret: SecretKey::new(secret), session_token })
}

fn read_file(path: &Path) -> anyhow::Result<Ini> {
    let text = crate::files::read_optional(path)?.unwrap_or_default();
    let text = String::from_utf8(text).with_context(|| format!("{} is not text", path.display()))?;
    Ok(Ini::parse(&text))
}
