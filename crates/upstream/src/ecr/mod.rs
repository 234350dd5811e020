//! Authorization tokens of ECR registries, of another deployment or of AWS, by signed calls of its API: AssumeRole if a role
//! pulls, then GetAuthorizationToken. The secret of the access key stays here. What is signed goes to the API that the
//! operator named: a redirect is an error.

mod assume_role;
mod signed;

use std::time::Duration;

use aws::ids::{AccessKeyId, Region, SecretKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::connector::Connector;
use crate::error::UpstreamError;
use crate::registry::Credentials;
use signed::{Call, Keys};

/// A token is not used for this time before it expires.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// The shortest time that a token is used, and the longest (ECR's tokens are valid for 12 hours).
const LEAST: SignedDuration = SignedDuration::from_mins(1);
const MOST: SignedDuration = SignedDuration::from_hours(12);
/// The longest password that is kept.
const MAX_PASSWORD_BYTES: usize = 16 * 1024;

/// The API of ECR registries. There is no Debug: it has a secret.
pub struct EcrApi {
    /// The Region that requests are signed for.
    pub region: Region,
    /// The URL of ECR's API.
    pub endpoint: String,
    /// The URL of STS.
    pub sts_endpoint: String,
    /// The access key that signs.
    pub access_key_id: AccessKeyId,
    /// Its secret.
    pub secret: SecretKey,
}

/// A role that is assumed first.
pub struct UpstreamRole<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// The name of the session.
    pub session_name: &'a str,
    /// Says to the role's trust policy for whom the role is assumed (`sts:ExternalId`).
    pub external_id: &'a str,
}

/// A token of GetAuthorizationToken.
pub struct EcrToken {
    /// User name and password.
    pub credentials: Credentials,
    /// How long it is to be used.
    pub lasts: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: Vec<AuthorizationData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    /// Seconds since 1970.
    expires_at: f64,
}

impl EcrApi {
    /// Gets a token for the registries that the access key, or the role, may pull from.
    pub async fn authorization_token(
        &self,
        connector: &Connector,
        role: Option<&UpstreamRole<'_>>,
    ) -> Result<EcrToken, UpstreamError> {
        let Connector(http) = connector;
        let own = Keys { id: self.access_key_id.clone(), secret: self.secret.clone(), session_token: None };
        let (keys, until) = match role {
            None => (own, None),
            Some(role) => {
                let session = self.assume_role(http, &own, role).await?;
                (session.keys, Some(session.expires))
            }
        };
        let call = Call {
            service: "ecr",
            url: &self.endpoint,
            region: &self.region,
            headers: &[
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
            ],
            body: Bytes::from_static(b"{}"),
        };
        let answer = call.send(http, &keys).await?;
        token(&answer, until, Timestamp::now())
            .ok_or_else(|| UpstreamError::invalid(&call.host(), "it is not an authorization token"))
    }
}

/// Reads an answer. A token of a role is not used after the role's session.
fn token(answer: &[u8], until: Option<Timestamp>, now: Timestamp) -> Option<EcrToken> {
    let answer: Answer = serde_json::from_slice(answer).ok()?;
    let data = answer.authorization_data.into_iter().next()?;
    let decoded = String::from_utf8(STANDARD.decode(data.authorization_token).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    if username.is_empty() || password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond all seconds is the last one")]
    let expires = Timestamp::from_second(data.expires_at as i64).ok()?;
    let expires = until.map_or(expires, |until| until.min(expires));
    let lasts = (expires.duration_since(now) - MARGIN).clamp(LEAST, MOST);
    let credentials = Credentials { username: username.to_owned(), password: password.to_owned() };
    Some(EcrToken { credentials, lasts: Duration::try_from(lasts).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(token_text: &str, expires_at: f64, until: Option<i64>) -> Option<EcrToken> {
        let data =
            serde_json::json!({"authorizationToken": STANDARD.encode(token_text), "expiresAt": expires_at});
        let answer = serde_json::json!({"authorizationData": [data]}).to_string();
        let second = |second| Timestamp::from_second(second).unwrap();
        token(answer.as_bytes(), until.map(second), second(1_000_000))
    }

    #[test]
    fn a_token_is_used_until_shortly_before_it_expires() {
        let lasts = |expires_at, until| read("AWS:p", expires_at, until).unwrap().lasts.as_secs();
        assert_eq!(lasts(1_000_000.0 + 43_200.5, None), 43_200 - 300);
        assert_eq!(lasts(1_000_000.0 + 43_200.0, Some(1_003_600)), 3_300, "not longer than the session");
        assert_eq!(lasts(999_000.0, None), 60, "the clock there is another one");
        assert_eq!(lasts(1e11, None), 43_200);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "AWS", ":p", "AWS:"] {
            assert!(read(text, 1e6, None).is_none(), "{text}");
        }
        assert!(read("AWS:p", f64::MAX, None).is_none(), "a time that does not exist");
        let long = format!("AWS:{}", "p".repeat(MAX_PASSWORD_BYTES + 1));
        assert!(read(&long, 1e6, None).is_none());
        for answer in ["", "[]", r#"{"authorizationData":[]}"#, r#"{"authorizationData":[{}]}"#] {
            assert!(token(answer.as_bytes(), None, Timestamp::UNIX_EPOCH).is_none(), "{answer}");
        }
    }
}
