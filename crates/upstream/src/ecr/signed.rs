//! One signed call of an AWS API.

use std::time::Duration;

use aws::ids::{AccessKeyId, Region, SecretKey};
use aws::sigv4::{self, Payload};
use bytes::Bytes;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use jiff::Timestamp;
use outbound::{Client, Limits};

use crate::error::UpstreamError;

/// The maximum length of an answer, and the time for it.
const LIMITS: Limits = Limits { bytes: 256 * 1024, time: Duration::from_secs(20) };
/// Parts of the names of the errors of calls that came too often. AWS answers them with 400.
const THROTTLED: [&str; 3] = ["Throttl", "TooManyRequests", "RequestLimitExceeded"];

/// What signs: an access key, possibly a temporary one. There is no Debug.
pub(super) struct Keys {
    pub(super) id: AccessKeyId,
    pub(super) secret: SecretKey,
    pub(super) session_token: Option<String>,
}

/// A POST to the root of an endpoint.
pub(super) struct Call<'a> {
    pub(super) service: &'static str,
    pub(super) url: &'a str,
    pub(super) region: &'a Region,
    pub(super) headers: &'a [(&'static str, &'static str)],
    pub(super) body: Bytes,
}

impl Call<'_> {
    /// The host of the endpoint, for errors.
    pub(super) fn host(&self) -> String {
        let authority = self.url.split("://").nth(1).and_then(|rest| rest.split('/').next());
        authority.unwrap_or(self.url).to_owned()
    }

    /// Sends the call. Only 200 is an answer.
    pub(super) async fn send(&self, http: &Client, keys: &Keys) -> Result<Bytes, UpstreamError> {
        let invalid = |why| UpstreamError::invalid(&self.host(), why);
        let request = self.request(keys).ok_or_else(|| invalid("its URL cannot be called"))?;
        let answer = http.send(request, LIMITS).await?;
        match answer.status() {
            StatusCode::OK => Ok(answer.into_body()),
            status if status.is_redirection() => Err(invalid("it redirects a signed request")),
            status => Err(refused(self.host(), status, answer.headers(), answer.body())),
        }
    }

    fn request(&self, keys: &Keys) -> Option<Request<Bytes>> {
        let uri: Uri = format!("{}/", self.url.trim_end_matches('/')).parse().ok()?;
        let (host, path) = (uri.authority()?.as_str().to_owned(), uri.path().to_owned());
        let mut headers: Vec<(&str, &[u8])> =
            self.headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        headers.push(("host", host.as_bytes()));
        let unsigned = sigv4::Request {
            method: "POST",
            path: &path,
            query: "",
            headers: &headers,
            payload: Payload::of(&self.body),
        };
        let credentials = sigv4::Credentials {
            access_key_id: &keys.id,
            secret: &keys.secret,
            session_token: keys.session_token.as_deref(),
        };
        let added = sigv4::sign(&unsigned, credentials, self.region, self.service, Timestamp::now()).ok()?;
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let sent = request.headers_mut();
        sent.insert(USER_AGENT, HeaderValue::from_static(concat!("wharf/", env!("CARGO_PKG_VERSION"))));
        for &(name, value) in self.headers {
            sent.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in added {
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            sent.insert(name, value);
        }
        Some(request)
    }
}

/// The error of an answer that is not a success. The text of the answer is not shown.
fn refused(host: String, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> UpstreamError {
    let has = |word: &str| body.windows(word.len()).any(|part| part == word.as_bytes());
    if status == StatusCode::TOO_MANY_REQUESTS || THROTTLED.into_iter().any(has) {
        let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        return UpstreamError::TooManyRequests { host, retry_after: seconds.map(Duration::from_secs) };
    }
    if status.is_client_error() {
        return UpstreamError::AccessDenied { host, status: status.as_u16() };
    }
    UpstreamError::Unavailable(format!("{host} answered {}", status.as_u16()))
}
