//! Signature Version 4 for the JSON APIs, written from AWS's description (IAM User Guide, "Create a signed AWS API
//! request").

use std::path::Path;

use anyhow::{Context as _, Result};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// An access key and its scope. No `Debug`: it contains a secret.
#[derive(Clone)]
pub struct Credentials {
    access_key_id: String,
    secret: String,
    region: String,
}

impl Credentials {
    /// These, for requests in this Region.
    pub fn new(access_key_id: &str, secret: &str, region: &str) -> Self {
        Self { access_key_id: access_key_id.to_owned(), secret: secret.to_owned(), region: region.to_owned() }
    }

    /// The access key ID and the secret, for the environment of a command.
    pub fn key(&self) -> (&str, &str) {
        (&self.access_key_id, &self.secret)
    }

    /// Reads the access key that `wharf dev` stores in its data folder.
    pub fn of_dev_folder(data: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(data.join("dev.toml")).context("no dev.toml")?;
        let field = |name: &str| -> Result<String> {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix('='));
            Ok(value
                .with_context(|| format!("no {name} in dev.toml"))?
                .trim()
                .trim_matches(['"', '\''])
                .to_owned())
        };
        Ok(Self {
            access_key_id: field("access_key_id")?,
            secret: field("secret_access_key")?,
            region: field("region")?,
        })
    }

    /// The headers of a signed POST of a JSON body to `/`.
    pub(crate) fn sign(
        &self,
        service: &str,
        host: &str,
        target: &str,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        let at = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = at.get(..8).unwrap_or_default();
        let names = "content-type;host;x-amz-date;x-amz-target";
        let kind = "application/x-amz-json-1.1";
        let canonical = format!(
            "POST\n/\n\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{at}\nx-amz-target:{target}\n\n{names}\n{}",
            hex::encode(Sha256::digest(body))
        );
        let scope = format!("{day}/{}/{service}/aws4_request", self.region);
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        let mut key = hmac(format!("AWS4{}", self.secret).as_bytes(), day);
        for part in [self.region.as_str(), service, "aws4_request"] {
            key = hmac(&key, part);
        }
        let signature = hex::encode(hmac(&key, &text));
        let id = &self.access_key_id;
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        vec![
            ("content-type", kind.to_owned()),
            ("x-amz-date", at.clone()),
            ("x-amz-target", target.to_owned()),
            ("authorization", authorization),
        ]
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
