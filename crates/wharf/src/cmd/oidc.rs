//! `wharf oidc`: settings of OIDC providers that AWS's API does not have.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::say;
use crate::aws_client::{Connection, Service};

#[derive(Subcommand)]
pub(crate) enum OidcCommand {
    /// Set the certificate authority of an issuer on a private network, or upload the issuer's keys.
    #[command(after_help = "\
By default Wharf fetches an issuer's keys over HTTPS, and the system's certificate authorities must have signed the
certificate of the issuer's server. With a key set Wharf fetches nothing; upload it again when the issuer's keys change.
Each call replaces the earlier settings. A call without either option restores the default. The caller needs
iam:CreateOpenIDConnectProvider.

Examples, for a cluster whose API server has its own certificate authority:
  aws iam create-open-id-connect-provider --url https://kubernetes.default.svc --client-id-list sts.amazonaws.com
  wharf oidc set-keys --provider-arn arn:aws:iam::111122223333:oidc-provider/kubernetes.default.svc \\
    --issuer-ca /etc/kubernetes/pki/ca.crt
or, if Wharf cannot reach the API server:
  kubectl get --raw /openid/v1/jwks > keys.json
  wharf oidc set-keys --provider-arn arn:aws:iam::111122223333:oidc-provider/kubernetes.default.svc \\
    --key-set keys.json")]
    SetKeys(SetKeys),
}

#[derive(Args)]
pub(crate) struct SetKeys {
    /// The ARN of the provider.
    #[arg(long, value_name = "ARN")]
    provider_arn: String,
    /// A PEM file with the certificate authorities of the issuer's server, instead of the system's.
    #[arg(long, value_name = "FILE")]
    issuer_ca: Option<PathBuf>,
    /// The issuer's keys, as a JSON Web Key Set.
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
        bail!("the file of --issuer-ca contains a private key; it must contain only certificates");
    }
    let mut parameters = vec![("OpenIDConnectProviderArn", options.provider_arn.as_str())];
    parameters.extend(authority.as_deref().map(|pem| ("CertificateAuthority", pem)));
    parameters.extend(key_set.as_deref().map(|json| ("KeySet", json)));
    let client = options.connection.open()?;
    client.query(Service::Iam, "WharfPutOpenIDConnectProviderKeys", &parameters).await?;
    say(match (options.issuer_ca.is_some(), options.key_set.is_some()) {
        (_, true) => "Wharf verifies the provider's tokens with the uploaded keys and fetches nothing.",
        (true, false) => "Wharf fetches the provider's keys and trusts the given certificate authority.",
        (false, false) => {
            "Wharf fetches the provider's keys and trusts the system's certificate authorities."
        }
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
