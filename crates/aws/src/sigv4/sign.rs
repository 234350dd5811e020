//! Signs requests, for Wharf's own client, with the same canonical form as the verifier.

use jiff::Timestamp;

use super::canonical::{PayloadHash, SIGNATURE_PARAMETER, encode_parameter, string_to_sign};
use super::date::AmzDate;
use super::signed_headers::SignedHeaders;
use super::{ALGORITHM, Request, Scope, SigV4Error, SigningKey};
use crate::ids::{AccessKeyId, Region, SecretKey};

/// The credentials that sign.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The public half of the key.
    pub access_key_id: &'a AccessKeyId,
    /// The secret half.
    pub secret: &'a SecretKey,
    /// The token of a temporary credential.
    pub session_token: Option<&'a str>,
}

/// Signs a request and returns the headers to add. `request` must have its `host` header. The signature covers that
/// header, `content-type` and every `x-amz-*` header.
pub fn sign(
    request: &Request<'_>,
    credentials: Credentials<'_>,
    region: &Region,
    service: &str,
    at: Timestamp,
) -> Result<Vec<(&'static str, String)>, SigV4Error> {
    let (date, scope) = frame(region, service, at);
    let mut added = vec![("x-amz-date", date.to_string())];
    if let Some(token) = credentials.session_token {
        added.push(("x-amz-security-token", token.to_owned()));
    }
    let mut headers = request.headers.to_vec();
    headers.extend(added.iter().map(|(name, value)| (*name, value.as_bytes())));
    let request = Request { headers: &headers, ..*request };
    let signed = SignedHeaders::to_sign(&request);
    let payload = PayloadHash::Sha256(request.payload.sha256());
    let text = string_to_sign(&request, &signed, payload, date, &scope)?;
    let signature = SigningKey::derive(credentials.secret, &scope).sign(&text).to_hex();
    let (id, names) = (credentials.access_key_id, signed.as_str());
    let authorization =
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    added.push(("authorization", authorization));
    Ok(added)
}

/// Signs a URL and returns its whole query string. It contains `expires_seconds`, if given.
pub fn presign(
    request: &Request<'_>,
    credentials: Credentials<'_>,
    region: &Region,
    service: &str,
    expires_seconds: Option<u32>,
    at: Timestamp,
) -> Result<String, SigV4Error> {
    let (date, scope) = frame(region, service, at);
    let signed = SignedHeaders::to_sign(request);
    let mut query = request.query.to_owned();
    let mut add = |name: &str, value: &str| {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(name);
        query.push('=');
        query.push_str(&encode_parameter(value.as_bytes()));
    };
    add("X-Amz-Algorithm", ALGORITHM);
    add("X-Amz-Credential", &format!("{}/{scope}", credentials.access_key_id));
    add("X-Amz-Date", &date.to_string());
    if let Some(seconds) = expires_seconds {
        add("X-Amz-Expires", &seconds.to_string());
    }
    add("X-Amz-SignedHeaders", signed.as_str());
    if let Some(token) = credentials.session_token {
        add("X-Amz-Security-Token", token);
    }
    let request = Request { query: &query, ..*request };
    let payload = PayloadHash::Sha256(request.payload.sha256());
    let text = string_to_sign(&request, &signed, payload, date, &scope)?;
    let signature = SigningKey::derive(credentials.secret, &scope).sign(&text).to_hex();
    Ok(format!("{query}&{SIGNATURE_PARAMETER}={signature}"))
}

fn frame(region: &Region, service: &str, at: Timestamp) -> (AmzDate, Scope) {
    let date = AmzDate::of(at);
    (date, Scope { date: date.day(), region: region.clone(), service: service.to_owned() })
}
