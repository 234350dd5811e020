//! AssumeRole of STS, for a role that pulls.

use aws::ids::SecretKey;
use bytes::Bytes;
use jiff::Timestamp;
use outbound::Client;
use roxmltree::Document;

use super::signed::{Call, Keys};
use super::{EcrApi, UpstreamRole};
use crate::error::UpstreamError;

/// The longest token of a session (`aws::sigv4::MAX_SESSION_TOKEN_BYTES`).
const MAX_TOKEN_BYTES: usize = aws::sigv4::MAX_SESSION_TOKEN_BYTES;

/// A session of a role.
pub(super) struct Session {
    pub(super) keys: Keys,
    pub(super) expires: Timestamp,
}

impl EcrApi {
    pub(super) async fn assume_role(
        &self,
        http: &Client,
        keys: &Keys,
        role: &UpstreamRole<'_>,
    ) -> Result<Session, UpstreamError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role.arn)
            .append_pair("RoleSessionName", role.session_name)
            .append_pair("ExternalId", role.external_id)
            .finish();
        let call = Call {
            service: "sts",
            url: &self.sts_endpoint,
            region: &self.region,
            headers: &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: Bytes::from(body),
        };
        let answer = call.send(http, keys).await?;
        read(&answer).ok_or_else(|| UpstreamError::invalid(&call.host(), "it is not a session of a role"))
    }
}

/// Reads an answer. Elements are found by name: in this answer no name has two meanings. The parser refuses document types,
/// and so every kind of entity expansion.
fn read(answer: &[u8]) -> Option<Session> {
    let document = Document::parse(std::str::from_utf8(answer).ok()?).ok()?;
    let text = |name: &str| {
        let found = document.descendants().find(|node| node.tag_name().name() == name)?;
        found.text().map(str::trim).filter(|text| !text.is_empty())
    };
    let keys = Keys {
        id: text("AccessKeyId")?.parse().ok()?,
        secret: SecretKey::new(text("SecretAccessKey")?),
        session_token: Some(text("SessionToken").filter(|token| token.len() <= MAX_TOKEN_BYTES)?.to_owned()),
    };
    Some(Session { keys, expires: text("Expiration")?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
        <AssumedRoleUser><Arn>arn:aws:sts::111122223333:assumed-role/pull/x</Arn></AssumedRoleUser><Credentials>
        <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>token</SessionToken><Expiration>2026-01-02T03:04:05Z</Expiration></Credentials>
        </AssumeRoleResult></AssumeRoleResponse>"#;

    #[test]
    fn the_session_of_an_answer_is_read() {
        let session = read(ANSWER.as_bytes()).unwrap();
        assert_eq!(session.keys.id.as_str(), "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(session.keys.secret.expose(), "secret");
        assert_eq!(session.keys.session_token.as_deref(), Some("token"));
        assert_eq!(session.expires.to_string(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn an_answer_without_a_session_is_refused() {
        let long = ANSWER.replace(">token<", &format!(">{}<", "t".repeat(MAX_TOKEN_BYTES + 1)));
        for answer in [
            "",
            "{}",
            "<html/>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
            &ANSWER.replace("SessionToken", "Other"),
            &ANSWER.replace("2026-01-02T03:04:05Z", "soon"),
            &long,
        ] {
            assert!(read(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
