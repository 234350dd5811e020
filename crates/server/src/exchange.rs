//! One request as a handler sees it: its head, a body not yet read, where it comes from, its id, and what the
//! handler wants the log to know.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use registry::context::{Caller, Peer};

use crate::body::{RequestBody, ResponseBody};
use crate::ledger::{Ledger, Tab};
use crate::options::Options;
use crate::proxy;

/// An answer.
pub(crate) type Response = http::Response<ResponseBody>;

/// The id of a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// One request.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    /// The `Host` header, or `:authority` over HTTP/2.
    pub(crate) host: Option<String>,
    /// Client address and scheme, after trusted proxies.
    pub(crate) peer: Peer,
    pub(crate) request_id: String,
    /// When the request began; on the control plane, when its body was in.
    pub(crate) now: Timestamp,
    /// What is asked for, as metrics and the log name it.
    pub(crate) operation: &'static str,
    /// The ARN of who asks, once known.
    pub(crate) caller: Option<String>,
    /// The cause of a 5xx answer, for the log alone.
    pub(crate) failure: Option<String>,
    /// What the request holds: of its address's share, or once its caller is known, of the principal's.
    pub(crate) tab: Arc<Tab>,
}

impl Exchange {
    pub(crate) fn new(
        request: http::Request<Incoming>,
        remote: std::net::IpAddr,
        tls: bool,
        options: &Options,
        ledger: &Ledger,
    ) -> Self {
        let (Parts { method, uri, headers, .. }, incoming) = request.into_parts();
        let origin = proxy::origin(remote, tls, &headers, &options.trusted_proxies);
        let host = match uri.authority() {
            Some(authority) => Some(authority.as_str().to_owned()),
            None => headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
        };
        let body = RequestBody::new(incoming, &headers, options.limits.body_idle);
        Self {
            method,
            uri,
            headers,
            body,
            host,
            peer: Peer { address: origin.address, tls: origin.tls },
            request_id: uuid::Uuid::new_v4().to_string(),
            now: Timestamp::now(),
            operation: "other",
            caller: None,
            failure: None,
            tab: Arc::new(Tab::new(ledger.address(origin.address))),
        }
    }

    /// From now on what the request holds is the principal's.
    pub(crate) fn prove(&mut self, ledger: &Ledger, caller: &Caller) {
        self.caller = Some(caller.arn.clone());
        self.tab = Arc::new(Tab::new(ledger.principal(&caller.unique_id)));
    }

    /// A header as text; None where it is absent or not text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first value of a query parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    /// Every value of a query parameter, decoded, in order.
    pub(crate) fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let query = self.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// An answer of a status and a body in hand.
pub(crate) fn answer(status: StatusCode, body: ResponseBody) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// A header value of text that the server made itself: visible ASCII. Anything else gives an empty value.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
