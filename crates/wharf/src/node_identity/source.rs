//! Where the credentials of a role come from: STS, called with a web identity token or with an access key.

use std::fs;
use std::future::Future;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use aws::ids::SecretKey;
use jiff::Timestamp;

use super::Temporary;
use crate::aws_client::{AccessKey, AwsClient, CallError, Connection, Service, XmlAnswer};

/// A source of credentials. It is called whenever new ones are needed.
pub(crate) trait Source: Send + Sync {
    /// New credentials, or the reason why there are none.
    fn obtain(&self) -> impl Future<Output = Result<Temporary, CallError>> + Send;
}

/// The role, and the session of it.
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session_name: String,
    pub(crate) duration_seconds: u32,
}

impl Role {
    /// The name of the role, without its path.
    pub(crate) fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// The account of the role.
    pub(crate) fn account(&self) -> &str {
        self.arn.split(':').nth(4).unwrap_or_default()
    }

    /// Refuses an ARN that is not a role's.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let parts: Vec<&str> = self.arn.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam", "", account, role]
                if account.len() == 12 && role.starts_with("role/") && !self.name().is_empty() =>
            {
                Ok(())
            }
            _ => bail!("{} is not the ARN of a role (arn:aws:iam::111122223333:role/NAME)", self.arn),
        }
    }
}

/// The credentials with which to assume the role.
pub(crate) enum Proof {
    /// A token in a file. The file is read each time: kubelet and other agents replace the token before it expires.
    WebIdentity(PathBuf),
    /// An access key that only this program has.
    AccessKey(AccessKey),
}

/// STS of one server.
pub(crate) struct Sts {
    role: Role,
    token_file: Option<PathBuf>,
    client: AwsClient,
}

impl Sts {
    /// Makes no call yet.
    pub(crate) fn new(role: Role, proof: Proof, connection: &Connection) -> anyhow::Result<Self> {
        role.check()?;
        let (token_file, access_key) = match proof {
            Proof::WebIdentity(file) => (Some(file), None),
            Proof::AccessKey(key) => (None, Some(key)),
        };
        let client = connection.open_as(access_key)?;
        // A missing endpoint is reported at the start, not at the first renewal.
        client.endpoint_of(Service::Sts)?;
        Ok(Self { role, token_file, client })
    }

    /// The role to assume.
    pub(crate) fn role(&self) -> &Role {
        &self.role
    }

    /// The Region that requests are signed for.
    pub(crate) fn region(&self) -> &str {
        self.client.region().as_str()
    }

    /// A text that differs between two sources whose credentials can differ.
    pub(crate) fn identity(&self) -> anyhow::Result<String> {
        let proof = match (&self.token_file, self.client.access_key_id()) {
            (Some(file), _) => format!("token:{}", file.display()),
            (None, Some(id)) => format!("key:{id}"),
            (None, None) => bail!("neither a token nor an access key"),
        };
        let Role { arn, session_name, duration_seconds } = &self.role;
        let endpoint = self.client.endpoint_of(Service::Sts)?;
        Ok([endpoint, self.region(), arn, session_name, &duration_seconds.to_string(), &proof].join("\n"))
    }
}

impl Source for Sts {
    async fn obtain(&self) -> Result<Temporary, CallError> {
        let duration = self.role.duration_seconds.to_string();
        let mut parameters = vec![
            ("RoleArn", self.role.arn.as_str()),
            ("RoleSessionName", self.role.session_name.as_str()),
            ("DurationSeconds", duration.as_str()),
        ];
        let asked_at = Timestamp::now();
        let answer = match &self.token_file {
            None => self.client.query(Service::Sts, "AssumeRole", &parameters).await?,
            Some(file) => {
                let token = fs::read_to_string(file)
                    .with_context(|| format!("cannot read the web identity token {}", file.display()))?;
                parameters.push(("WebIdentityToken", token.trim()));
                self.client.query_unsigned(Service::Sts, "AssumeRoleWithWebIdentity", &parameters).await?
            }
        };
        Ok(read(&answer, asked_at)?)
    }
}

fn read(answer: &XmlAnswer, obtained_at: Timestamp) -> anyhow::Result<Temporary> {
    let expires_at = answer.require("Expiration")?;
    Ok(Temporary {
        access_key_id: answer.require("AccessKeyId")?,
        secret: SecretKey::new(answer.require("SecretAccessKey")?),
        session_token: answer.require("SessionToken")?,
        obtained_at,
        expires_at: expires_at.parse().context("the server's Expiration is not a time")?,
    })
}
