//! Connections of a command to registries: to another registry that its user names, and to the server itself.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use outbound::{Client, Dialler, Roots};
use serde_json::{Value, json};
use upstream::{Connector, Credentials, Endpoint, Rules, SettingNames, Upstream};

use super::wiring::environment;
use super::{AwsClient, Service};
use crate::migration::docker_config;

/// The longest password on standard input.
const MAX_PASSWORD_BYTES: u64 = 64 * 1024;
/// What plain HTTP starts with.
const PLAIN: &str = "http://";

/// How to reach another registry.
#[derive(Args)]
pub(crate) struct RegistryAccess {
    /// The user name at the source [default: the credentials of docker's config.json for its host].
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,
    /// Read the password for the source from standard input.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    /// A PEM file with the certificate authority of the source [default: the system's].
    #[arg(long, value_name = "FILE")]
    source_ca: Option<PathBuf>,
    /// Another token service that may get the credentials of the source. Can be repeated.
    #[arg(long = "token-service", value_name = "HOST[:PORT]")]
    token_services: Vec<String>,
    /// Another host that the source may name and that is called by plain HTTP. Can be repeated.
    #[arg(long = "plain-http", value_name = "HOST[:PORT]")]
    plain: Vec<String>,
}

impl RegistryAccess {
    /// Whether the password comes from standard input.
    pub(crate) fn has_password(&self) -> bool {
        self.password_stdin
    }

    /// The certificate authority of the source.
    pub(crate) fn certificate_authority(&self) -> Option<&PathBuf> {
        self.source_ca.as_ref()
    }

    /// A client of the registry at `HOST[:PORT]`. `http://` before it means plain HTTP, for this host.
    pub(crate) async fn open(&self, address: &str) -> anyhow::Result<Upstream> {
        let names = SettingNames { insecure_hosts: "--plain-http", token_services: "--token-service" };
        let mut rules = Rules { insecure_hosts: self.plain.clone(), names, ..Rules::default() };
        let mut host = host_of(address, &mut rules);
        if host == "docker.io" {
            host = "registry-1.docker.io";
        }
        let services = self.token_services.iter().map(|service| (host.to_owned(), service.clone()));
        rules.token_services = services.collect();
        let endpoint = Endpoint::parse(host, &rules).with_context(|| address.to_owned())?;
        let credentials = self.credentials(host).await?;
        let pem = match &self.source_ca {
            Some(path) => Some(
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?,
            ),
            None => None,
        };
        let roots = pem.as_deref().map_or(Roots::System, Roots::Only);
        let client = Client::guarded(&dialler(), roots)?;
        Ok(Upstream::new(Connector::from(client), endpoint, credentials.as_ref(), Arc::new(rules)))
    }

    async fn credentials(&self, host: &str) -> anyhow::Result<Option<Credentials>> {
        let Some(username) = &self.username else {
            return docker_config::credentials_of(host, environment).await;
        };
        let mut password = String::new();
        std::io::stdin()
            .take(MAX_PASSWORD_BYTES)
            .read_to_string(&mut password)
            .context("cannot read the password")?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        if password.is_empty() {
            bail!("standard input has no password");
        }
        Ok(Some(Credentials { username: username.clone(), password }))
    }
}

/// The host of an address. If the address begins with `http://`, the rules allow plain HTTP for this host.
fn host_of<'a>(address: &'a str, rules: &mut Rules) -> &'a str {
    let Some(plain) = address.strip_prefix(PLAIN) else {
        return address.trim_start_matches("https://").trim_end_matches('/');
    };
    let host = plain.trim_end_matches('/');
    rules.insecure_hosts.push(host.to_owned());
    host
}

/// The user names the registry, and private networks have registries. Link-local addresses have none: a redirect to one
/// would reach the credentials of a cloud's machine.
fn dialler() -> Dialler {
    Dialler::new(|address| match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    })
}

impl AwsClient {
    /// The server's own registry, with a token of GetAuthorizationToken.
    pub(crate) async fn registry(&self) -> anyhow::Result<Upstream> {
        let url = self.endpoint_of(Service::Ecr)?;
        let mut rules = Rules::default();
        let endpoint = Endpoint::parse(host_of(url, &mut rules), &rules).with_context(|| url.to_owned())?;
        let token = self.authorization_token().await?;
        let credentials = basic(&token).context("the token of GetAuthorizationToken cannot be read")?;
        Ok(Upstream::new(Connector::from(self.http.clone()), endpoint, Some(&credentials), Arc::new(rules)))
    }

    /// A token for the registry: Base64 of `AWS:PASSWORD`.
    pub(crate) async fn authorization_token(&self) -> anyhow::Result<String> {
        let answer = self.json(Service::Ecr, "GetAuthorizationToken", &json!({})).await?;
        let token = answer.pointer("/authorizationData/0/authorizationToken").and_then(Value::as_str);
        token.map(str::to_owned).context("GetAuthorizationToken returned no token")
    }
}

/// User name and password of a token.
fn basic(token: &str) -> Option<Credentials> {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::STANDARD.decode(token).ok()?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(Credentials { username: username.to_owned(), password: password.to_owned() })
}
