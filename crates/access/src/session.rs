//! Sessions: temporary credentials with a sealed token that contains everything, so any node can verify them without a
//! write. The secret is derived and never stored.

use std::sync::Arc;

use aws::ids::{AccessKeyId, AccountId, SecretKey};
use aws::sts::Credentials;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::{Caller, CallerKind, Session};
use crate::error::{Error, Result};
use crate::ids::unique_id;
use crate::seal::Purpose;

/// A caller in a sealed value. Fields are only added, never changed.
#[derive(Serialize, Deserialize)]
pub struct Carried {
    #[serde(rename = "a")]
    account_id: String,
    #[serde(rename = "u")]
    unique_id: String,
    #[serde(rename = "w")]
    kind: CallerKind,
    #[serde(rename = "k")]
    access_key_id: String,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    long_term_key: Option<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    session: Option<Arc<Session>>,
}

impl Carried {
    pub fn of(caller: &Caller) -> Self {
        Self {
            account_id: caller.account_id.to_string(),
            unique_id: caller.unique_id.clone(),
            kind: caller.kind.clone(),
            access_key_id: caller.access_key_id.to_string(),
            long_term_key: caller.long_term_key.as_ref().map(ToString::to_string),
            session: caller.session.clone(),
        }
    }

    /// The caller; None if the sealed value is invalid.
    pub fn into_caller(self) -> Option<Caller> {
        let account_id: AccountId = self.account_id.parse().ok()?;
        Some(Caller {
            arn: self.kind.arn(&account_id),
            account_id,
            unique_id: self.unique_id,
            kind: self.kind,
            access_key_id: self.access_key_id.parse().ok()?,
            long_term_key: self.long_term_key.map(|key| key.parse()).transpose().ok()?,
            session: self.session,
            token_region: None,
            ends_at: None,
        })
    }
}

/// Why temporary credentials are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// Of another deployment, or with another access key ID.
    Invalid,
    /// They have expired.
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Token {
    #[serde(rename = "r")]
    ring_key: u8,
    #[serde(flatten)]
    caller: Carried,
}

impl Access {
    /// Creates temporary credentials for a caller, and replaces its access key ID.
    pub fn issue_credentials(&self, mut caller: Caller, expires_at: Timestamp) -> Result<Credentials> {
        let id = unique_id("ASIA").map_err(Error::internal)?;
        let id: AccessKeyId = id.get(..20).unwrap_or(&id).parse().map_err(Error::internal)?;
        caller.access_key_id = id.clone();
        let ring_key = self.keys.sealing();
        let secret = self.keys.derive_secret(ring_key, id.as_str()).map_err(Error::internal)?;
        let token = Token { ring_key, caller: Carried::of(&caller) };
        let session_token = self.keys.seal_json(Purpose::Session, &token).map_err(Error::internal)?;
        Ok(Credentials {
            access_key_id: id.to_string(),
            secret_access_key: SecretKey::new(secret),
            session_token,
            expiration: expires_at.into(),
        })
    }

    /// The caller of temporary credentials, with the secret that signs its requests.
    pub fn open_credentials(
        &self,
        id: &AccessKeyId,
        session_token: &str,
        now: Timestamp,
    ) -> std::result::Result<(SecretKey, Caller), SessionError> {
        let token: Token =
            self.keys.open_json(Purpose::Session, session_token).map_err(|_| SessionError::Invalid)?;
        let caller = token.caller.into_caller().filter(|caller| caller.access_key_id == *id);
        let caller = caller.ok_or(SessionError::Invalid)?;
        let ends = caller.session.as_ref().map_or(i64::MIN, |session| session.expires_at);
        if now.as_second() >= ends {
            return Err(SessionError::Expired);
        }
        let secret =
            self.keys.derive_secret(token.ring_key, id.as_str()).map_err(|_| SessionError::Invalid)?;
        Ok((SecretKey::new(secret), Caller { ends_at: Some(ends), ..caller }))
    }
}
