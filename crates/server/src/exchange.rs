//! One request as a handler sees it: its head, its unread body, its origin, its ID, and the facts for the log.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use access::context::{Caller, Peer, Unsigned};
use access::decisions::Decisions;
use access::op::Op;
use access::rate::Rate;
use aws::ids::AccountId;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version, header};
use hyper::body::Incoming;
use jiff::Timestamp;

use crate::body::{RequestBody, ResponseBody};
use crate::connection::Connection;
use crate::host;
use crate::ledger::{Ledger, Share, Tab};
use crate::log_lines::AUDIT;
use crate::proxy;
use crate::request_id;
use crate::serve::App;
use crate::v2::RouteOp;

/// An answer.
pub(crate) type Response = http::Response<ResponseBody>;

/// The ID of a request, in its answer and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Who asks, for the log.
pub(crate) enum Principal {
    /// The caller.
    Caller(Arc<Caller>),
    /// The ARN of a session that the request created.
    Session(String),
}

impl Principal {
    pub(crate) fn arn(&self) -> &str {
        match self {
            Self::Caller(caller) => &caller.arn,
            Self::Session(arn) => arn,
        }
    }
}

/// A record of the decisions, if the log has them.
fn recorded() -> Arc<Decisions> {
    if tracing::enabled!(target: AUDIT, tracing::Level::DEBUG) { Arc::default() } else { Decisions::none() }
}

/// One request.
pub(crate) struct Exchange {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    /// The `Host` header, or `:authority` over HTTP/2.
    pub(crate) host: Option<String>,
    /// What is wrong with the host. Such a request gets only this error.
    pub(crate) host_fault: Option<&'static str>,
    /// Client address and scheme, after trusted proxies.
    pub(crate) peer: Peer,
    /// What is written to the connection goes to the socket as it is: HTTP/1 without TLS.
    pub(crate) is_plain: bool,
    pub(crate) request_id: Arc<str>,
    /// When the request began; on the control plane, when its body had arrived.
    pub(crate) now: Timestamp,
    /// The operation, for metrics and the log.
    pub(crate) operation: Operation,
    /// The ARN of the caller, when it is known.
    pub(crate) caller: Option<Principal>,
    /// The cause of a 5xx answer, only for the log.
    pub(crate) failure: Option<String>,
    /// The decisions of the gate for this request.
    pub(crate) decisions: Arc<Decisions>,
    ledger: Ledger,
    tab: OnceLock<Arc<Tab>>,
}

/// The operation of a request, whose name the metrics and the log show.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    /// Neither of the following, for example `/healthz`.
    Other,
    /// A request of another deployment, and the rate that limits it.
    Peer(Option<Rate>),
    /// A request to the AWS APIs that names no operation.
    Unknown,
    /// An operation of the AWS APIs.
    Api(Op),
    /// A request of the data plane.
    Route(RouteOp),
}

impl Operation {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Peer(_) => "peer",
            Self::Unknown => "unknown",
            Self::Api(op) => op.name(),
            Self::Route(route) => route.name(),
        }
    }

    /// The rate of the operation, if it has one.
    pub(crate) fn rate(self) -> Option<Rate> {
        match self {
            Self::Other | Self::Unknown => None,
            Self::Peer(rate) => rate,
            Self::Api(op) => Rate::of(op),
            Self::Route(route) => route.rate(),
        }
    }
}

impl From<Op> for Operation {
    fn from(op: Op) -> Self {
        Self::Api(op)
    }
}

impl From<RouteOp> for Operation {
    fn from(route: RouteOp) -> Self {
        Self::Route(route)
    }
}

impl Exchange {
    pub(crate) fn new(request: http::Request<Incoming>, connection: &Connection, app: &App) -> Self {
        let (Parts { method, uri, headers, version, .. }, incoming) = request.into_parts();
        let options = &app.options;
        let origin = proxy::origin(connection.address, connection.tls, &headers, &options.trusted_proxies);
        let (host, host_fault) = match host::named(version, &uri, &headers) {
            Ok(host) => (host, None),
            Err(fault) => (None, Some(fault)),
        };
        let body = RequestBody::new(incoming, &headers, &options.limits);
        Self {
            method,
            uri,
            headers,
            body,
            host,
            host_fault,
            peer: Peer { address: origin.address, tls: origin.tls },
            is_plain: version < Version::HTTP_2 && !connection.tls,
            request_id: request_id::new(),
            now: Timestamp::now(),
            operation: Operation::Other,
            caller: None,
            failure: None,
            decisions: recorded(),
            ledger: app.ledger.clone(),
            tab: OnceLock::new(),
        }
    }

    /// The context of the request while it has no caller.
    pub(crate) fn unsigned(&self) -> Unsigned {
        let request = Unsigned::new(self.peer, self.user_agent(), Arc::clone(&self.request_id), self.now);
        request.recorded_in(Arc::clone(&self.decisions))
    }

    /// The memory of the request: in the share of its address, or of the principal when the caller is known.
    pub(crate) fn tab(&self) -> &Arc<Tab> {
        self.tab.get_or_init(|| Arc::new(Tab::new(self.ledger.address(self.peer.address))))
    }

    fn charge_to(&mut self, share: Arc<Share>) {
        self.tab = OnceLock::from(Arc::new(Tab::new(share)));
    }

    /// From now on the memory of the request is charged to the principal.
    pub(crate) fn prove(&mut self, caller: &Arc<Caller>) {
        self.caller = Some(Principal::Caller(Arc::clone(caller)));
        self.prove_reader(&caller.account_id, &caller.unique_id);
    }

    /// The same for the principal in whose name another client reads.
    pub(crate) fn prove_reader(&mut self, account: &AccountId, unique_id: &str) {
        self.charge_to(self.ledger.principal(account, unique_id));
    }

    /// From now on the memory of the request is charged to its address together with the principal whose access key it
    /// names.
    pub(crate) fn claim(&mut self, unique_id: &str) {
        self.charge_to(self.ledger.claim(self.peer.address, unique_id));
    }

    /// The `User-Agent` header.
    pub(crate) fn user_agent(&self) -> Option<Arc<str>> {
        self.header(&header::USER_AGENT).map(Arc::from)
    }

    /// A header as text; None if it is absent or not text.
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
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(move |(key, _)| decoded(key) == name)
            .map(|(_, value)| decoded(value).into_owned())
    }
}

/// Decodes a part of a query. A plus sign means a plus sign, as in every part of a URL (RFC 3986 §2.2): media types
/// contain it, and only forms use it for a space.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy()
}

/// An answer with a status and a body in memory.
pub(crate) fn answer(status: StatusCode, body: ResponseBody) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// A header value from a text of the server: visible ASCII. Any other text gives an empty value.
pub(crate) fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
