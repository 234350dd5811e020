//! Credentials from docker's `config.json`: of exactly the registry that is called.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::HashMap;
use tokio::io::AsyncWriteExt as _;
use upstream::Credentials;

use crate::files;

/// How long a credential helper may take.
const HELPER_WAITS: Duration = Duration::from_secs(30);
/// The name of Docker Hub in the file.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// What a helper says if it has no credentials.
const NOT_FOUND: &str = "credentials not found";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: HashMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// Where the file is: in `DOCKER_CONFIG`, or in the home folder.
fn path(environment: fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = environment("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(Path::new(&environment("HOME")?).join(".docker")))?;
    Some(folder.join("config.json"))
}

/// The credentials of a registry, given as `HOST` or `HOST:PORT`; None if the file has none.
pub(crate) async fn credentials_of(
    registry: &str,
    environment: fn(&str) -> Option<String>,
) -> anyhow::Result<Option<Credentials>> {
    let Some(path) = path(environment) else { return Ok(None) };
    let Some(content) = files::read_optional(&path)? else { return Ok(None) };
    let config: Config =
        serde_json::from_slice(&content).with_context(|| format!("{} is not valid", path.display()))?;
    let key = if registry == "registry-1.docker.io" { DOCKER_HUB } else { registry };
    if let Some(helper) = config.cred_helpers.get(key) {
        return helped(helper, key).await;
    }
    // Older versions of docker wrote URLs.
    let url = format!("https://{key}");
    if let Some(auth) = config.auths.get(key).or_else(|| config.auths.get(&url))
        && let Some(credentials) = auth.read().with_context(|| format!("{}: {key}", path.display()))?
    {
        return Ok(Some(credentials));
    }
    match &config.creds_store {
        Some(store) => helped(store, key).await,
        None => Ok(None),
    }
}

impl Entry {
    /// None: the entry only says that a credential store has the credentials.
    fn read(&self) -> anyhow::Result<Option<Credentials>> {
        if self.identitytoken.as_ref().is_some_and(|token| !token.is_empty()) {
            bail!("an identity token is not supported: use --username and --password-stdin");
        }
        if let (Some(username), Some(password)) = (&self.username, &self.password) {
            return Ok(Some(Credentials { username: username.clone(), password: password.clone() }));
        }
        let Some(auth) = self.auth.as_ref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
        let decoded = STANDARD.decode(auth).ok().and_then(|decoded| String::from_utf8(decoded).ok());
        let decoded = decoded.context("the value of auth is not Base64 text")?;
        let (username, password) = decoded.split_once(':').context("the value of auth has no colon")?;
        // docker pads some passwords with zero bytes.
        let password = password.trim_end_matches('\0').to_owned();
        Ok(Some(Credentials { username: username.to_owned(), password }))
    }
}

/// Asks a credential helper (docker-credential-helpers, "get").
async fn helped(helper: &str, key: &str) -> anyhow::Result<Option<Credentials>> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if helper.is_empty() || !helper.bytes().all(is_name) {
        bail!("docker's configuration names no valid credential helper");
    }
    let program = format!("docker-credential-{helper}");
    let asked = async {
        let mut command = tokio::process::Command::new(&program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.kill_on_drop(true).spawn()?;
        if let Some(mut input) = running.stdin.take() {
            match input.write_all(key.as_bytes()).await {
                // It ended without reading, and says why.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                written => written?,
            }
        }
        running.wait_with_output().await
    };
    let output = tokio::time::timeout(HELPER_WAITS, asked).await;
    let output = output.with_context(|| format!("{program} takes too long"))?;
    let output = output.with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        if String::from_utf8_lossy(&output.stdout).contains(NOT_FOUND) {
            return Ok(None);
        }
        bail!("{program} failed for {key}: {}", output.status);
    }
    let helped: Helped = serde_json::from_slice(&output.stdout)
        .ok()
        .with_context(|| format!("{program} did not answer JSON"))?;
    Ok(Some(Credentials { username: helped.username, password: helped.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Option<(String, String)>> {
        let entry: Entry = serde_json::from_str(text).unwrap();
        Ok(entry.read()?.map(|credentials| (credentials.username, credentials.password)))
    }

    #[test]
    fn an_entry_has_a_name_and_a_password() {
        let of = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        let auth = STANDARD.encode("AWS:a:b\0");
        assert_eq!(read(&format!(r#"{{"auth": "{auth}"}}"#)).unwrap(), of("AWS", "a:b"));
        assert_eq!(read(r#"{"username": "u", "password": "p"}"#).unwrap(), of("u", "p"));
        assert_eq!(read("{}").unwrap(), None);
        for wrong in [r#"{"auth": "%"}"#, r#"{"auth": "YQ=="}"#, r#"{"identitytoken": "x"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
