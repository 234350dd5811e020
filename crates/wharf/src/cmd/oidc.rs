//! `wharf oidc`: what OIDC providers need that AWS's API has no words for.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::say;
use crate::aws_client::{Connection, Service};

#[derive(Subcommand)]
pub(crate) enum OidcCommand {
    /// Tell how an issuer on a private network is trusted: by its own certificate authority, or by its keys.
    #[command(after_help = "\
Without this, an issuer's keys are fetched over HTTPS from a server that the system's authorities vouch for. With a
key set nothing is fetched; upload it again when the issuer's keys change. Each call replaces what was set before,
and one without either option goes back to the default. Needs iam:CreateOpenIDConnectProvider.

Examples, for a cluster whose API server has its own authority:
  aws iam create-open-id-connect-provider --url https://kubernetes.default.svc --client-id-list sts.amazonaws.com
  wharf oidc set-keys --provider-arn arn:aws:iam::111122223333:oidc-provider/kubernetes.default.svc \\
    --issuer-ca /etc/kubernetes/pki/ca.crt
or, where Wharf cannot reach it:
  kubectl get --raw /openid/v1/jwks > keys.json
  wharf oidc set-keys --provider-arn arn:aws:iam::111122223333:oidc-provider/kubernetes.default.svc \\
    --key-set keys.json")]
    SetKeys(SetKeys),
}

#[derive(Args)]
pub(crate) struct SetKeys {
    /// The provider.
    #[arg(long, value_name = "ARN")]
    provider_arn: String,
    /// PEM of the authorities that vouch for the issuer's server, instead of the system's.
    #[arg(long, value_name = "FILE")]
    issuer_ca: Option<PathBuf>,
    /// The issuer's keys, a JSON Web Key Set.
    #[arg(long, value_name = "FILE")]
    key_set: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: OidcCommand) -> anyhow::Result<()> {
    let OidcCommand::SetKeys(options) = command;
    let authority = options.issuer_ca.as_deref().map(read).transpose()?;
    let key_set = options.key_set.as_deref().map(read).transpose()?;
    if authority.as_deref().is_some_and(|pem| pem.contains("PRIVATE KEY")) {
        bail!("the file of --issuer-ca holds a private key; give the certificate alone");
    }
    let mut parameters = vec![("OpenIDConnectProviderArn", options.provider_arn.as_str())];
    parameters.extend(authority.as_deref().map(|pem| ("CertificateAuthority", pem)));
    parameters.extend(key_set.as_deref().map(|json| ("KeySet", json)));
    let client = options.connection.open()?;
    client.query(Service::Iam, "WharfPutOpenIDConnectProviderKeys", &parameters).await?;
    say(match (options.issuer_ca.is_some(), options.key_set.is_some()) {
        (_, true) => "The provider's tokens are checked against the uploaded keys; nothing is fetched.",
        (true, false) => "The provider's keys are fetched from a server that its own authority vouches for.",
        (false, false) => {
            "The provider's keys are fetched from a server that the system's authorities vouch for."
        }
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
