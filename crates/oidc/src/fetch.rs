//! An issuer's keys over the network: OpenID Connect Discovery 1.0 §4, then the set that it points to.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use outbound::{Client, Limits, Roots};

use crate::error::OidcError;
use crate::jwk::KeySet;
use crate::members::Members;

/// The longest document, and the longest wait for one. 200 RSA keys of 4096 bits fit.
const LIMITS: Limits = Limits { bytes: 256 * 1024, time: Duration::from_secs(5) };

/// Asks an issuer (its URL without `https://`) for its keys. With a certificate authority of its own, only that one
/// is believed.
pub(crate) async fn fetch_keys(
    issuer: &str,
    certificate_authority: Option<&str>,
) -> Result<KeySet, OidcError> {
    let roots = certificate_authority.map_or(Roots::System, Roots::Only);
    let client = Client::new(roots).map_err(|error| unreachable(issuer, &error.to_string()))?;
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    let discovery = get(&client, issuer, &format!("https://{base}/.well-known/openid-configuration")).await?;
    let discovery = Members::parse(&discovery)
        .ok_or_else(|| unusable(issuer, "its OpenID configuration is not a JSON object"))?;
    let named = discovery.text("issuer").and_then(|named| named.strip_prefix("https://"));
    if named.map(|named| named.strip_suffix('/').unwrap_or(named)) != Some(base) {
        return Err(unusable(issuer, "its OpenID configuration is another issuer's"));
    }
    let jwks_uri = discovery.text("jwks_uri").unwrap_or_default();
    if !jwks_uri.starts_with("https://") {
        return Err(unusable(issuer, "its jwks_uri is not an https URL"));
    }
    let keys = get(&client, issuer, jwks_uri).await?;
    KeySet::parse(&keys).map_err(|why| unusable(issuer, &format!("its key set cannot be used: {why}")))
}

async fn get(client: &Client, issuer: &str, url: &str) -> Result<Bytes, OidcError> {
    let uri: Uri = url.parse().map_err(|_| unusable(issuer, "it names something that is no URL"))?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert("accept", http::HeaderValue::from_static("application/json"));
    let answer = client.send(request, LIMITS).await.map_err(|error| match error {
        outbound::OutboundError::TooLong(_) => unusable(issuer, "its answer is too long"),
        error => unreachable(issuer, &error.to_string()),
    })?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        // A redirect could lead to a host that the account's administrator never named.
        status if status.is_client_error() || status.is_redirection() => {
            Err(unusable(issuer, &format!("it answered {}", status.as_u16())))
        }
        status => Err(unreachable(issuer, &format!("it answered {}", status.as_u16()))),
    }
}

/// May pass.
fn unreachable(issuer: &str, why: &str) -> OidcError {
    OidcError::Unreachable(format!("Couldn't reach the identity provider {issuer}: {why}"))
}

/// Will not pass by itself.
fn unusable(issuer: &str, why: &str) -> OidcError {
    OidcError::invalid(format!(
        "Couldn't retrieve verification key from your identity provider {issuer}: {why}"
    ))
}
