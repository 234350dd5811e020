//! Requests to another deployment of Wharf, which the operator chose.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use outbound::{Client, Dialler, Limits, Roots, RootsError};

use crate::error::UpstreamError;

/// The maximum length of an answer: the digests of what the peer does not have.
const MOST_BYTES: usize = 1 << 20;
/// The time for a request with its body and its answer.
const TIME: Duration = Duration::from_mins(2);

/// A deployment that is called.
pub struct PeerClient {
    http: Client,
    base: String,
}

/// Its answer.
pub struct PeerResponse {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl PeerClient {
    /// The client of a deployment at this URL. Without certificate authorities, those of the system are trusted.
    pub fn new(dialler: &Dialler, url: &str, ca: Option<&str>) -> Result<Self, RootsError> {
        let http = Client::guarded(dialler, ca.map_or(Roots::System, Roots::Only))?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned() })
    }

    /// Sends a request. A redirect is an answer, so what it carries goes nowhere else.
    pub async fn post(
        &self,
        path: &str,
        authorization: &str,
        body: Bytes,
    ) -> Result<PeerResponse, UpstreamError> {
        let invalid = || UpstreamError::invalid(&self.base, "its URL is not valid");
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("{}{path}", self.base).parse::<Uri>().map_err(|_| invalid())?;
        let mut signed = HeaderValue::from_str(authorization).map_err(|_| invalid())?;
        signed.set_sensitive(true);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, signed);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        let answer = self.http.send(request, Limits { bytes: MOST_BYTES, time: TIME }).await?;
        Ok(PeerResponse { status: answer.status().as_u16(), body: answer.into_body() })
    }
}
