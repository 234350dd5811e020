//! Fetches an issuer's keys: OpenID Connect Discovery 1.0 §4, then the key set that it points to.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use outbound::{Client, Dialler, Limits, OutboundError, Roots, RootsError};

use crate::jwk::KeySet;
use crate::members::Members;
use crate::source::Source;

/// The maximum length of a document. 200 RSA keys of 4096 bits fit.
const MAX_BYTES: usize = 256 * 1024;

/// Why the keys could not be fetched: for the operator's log, never for the account that chose the issuer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("it names something that is no URL")]
    Url,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("{0}")]
    Document(String),
    #[error("it did not answer in time")]
    Slow,
}

/// Fetches an issuer's keys. If the provider has its own certificate authority, only that one is trusted.
pub(crate) async fn fetch_keys(
    dialler: &Dialler,
    source: &Source,
    time: Duration,
) -> Result<KeySet, FetchError> {
    let both = both_documents(dialler, source, time);
    tokio::time::timeout(time, both).await.unwrap_or(Err(FetchError::Slow))
}

async fn both_documents(dialler: &Dialler, source: &Source, time: Duration) -> Result<KeySet, FetchError> {
    let roots = source.certificate_authority.as_deref().map_or(Roots::System, Roots::Only);
    let client = Client::guarded(dialler, roots)?;
    let limits = Limits { bytes: MAX_BYTES, time };
    let unusable = |why: &str| FetchError::Document(why.to_owned());
    let base = source.issuer.strip_suffix('/').unwrap_or(&source.issuer);
    let discovery = get(&client, limits, &format!("https://{base}/.well-known/openid-configuration")).await?;
    let discovery = Members::parse(&discovery)
        .ok_or_else(|| unusable("its OpenID configuration is not a JSON object"))?;
    let named = discovery.text("issuer").and_then(|named| named.strip_prefix("https://"));
    if named.map(|named| named.strip_suffix('/').unwrap_or(named)) != Some(base) {
        return Err(unusable("its OpenID configuration is another issuer's"));
    }
    let jwks_uri = discovery.text("jwks_uri").unwrap_or_default();
    if !jwks_uri.starts_with("https://") {
        return Err(unusable("its jwks_uri is not an https URL"));
    }
    let keys = get(&client, limits, jwks_uri).await?;
    KeySet::parse(&keys).map_err(|why| unusable(&format!("its key set cannot be used: {why}")))
}

async fn get(client: &Client, limits: Limits, url: &str) -> Result<Bytes, FetchError> {
    let uri: Uri = url.parse().map_err(|_| FetchError::Url)?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri;
    request.headers_mut().insert("accept", http::HeaderValue::from_static("application/json"));
    let answer = client.send(request, limits).await?;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body()),
        // A redirect could lead to a host that the account's administrator never named.
        status => Err(FetchError::Status(status)),
    }
}
