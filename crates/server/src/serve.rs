//! One request from start to end. It is routed, and run so that neither a panic nor a client that disconnects affects
//! others. It is recorded in the log and the metrics exactly once.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use access::Access;
use access::context::Caller;
use access::decisions::Decisions;
use events::Events;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, Uri, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use identity::Identity;
use oci::error::ErrorCode;
use registry::Registry;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::anonymous_rate::AnonymousRate;
use crate::body::ResponseBody;
use crate::connection::{Connection, Cut, Running};
use crate::error::{Refusal, Style, is_data};
use crate::exchange::{Exchange, Principal, REQUEST_ID, Response, value};
use crate::finishing::Finishing;
use crate::ledger::Ledger;
use crate::log_lines::{ACCESS, AUDIT};
use crate::metrics::Metrics;
use crate::options::Options;
use crate::pace::Pace;
use crate::slots::Slots;
use crate::throttle::{Throttle, Throttled};
use crate::traced::Traced;
use crate::transfer::Transfer;
use crate::{control, download, health, logo, peer, v2};

/// What every request shares.
pub(crate) struct App {
    pub(crate) access: Arc<Access>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) events: Arc<Events>,
    pub(crate) registry: Arc<Registry>,
    /// The registries in other databases, by the name of the database.
    pub(crate) beside: Arc<BTreeMap<String, OnceLock<Arc<Registry>>>>,
    pub(crate) options: Options,
    pub(crate) metrics: Arc<Metrics>,
    /// Cancelled when the server must stop.
    pub(crate) stop: CancellationToken,
    /// Connections and running writes. The server waits for them when it stops.
    pub(crate) tasks: TaskTracker,
    /// The memory held for clients.
    pub(crate) ledger: Ledger,
    /// The rates of operations.
    pub(crate) throttle: Throttle,
    /// The HTTP/2 connections: fewer than the maximum of connections, because each can fill a window.
    pub(crate) http2: Arc<Slots<Connection>>,
    /// The requests with an open blob.
    pub(crate) files: Arc<Slots<Transfer>>,
    /// The rate of requests without credentials, by address.
    pub(crate) anonymous: AnonymousRate,
}

impl App {
    /// Decides whether the account of a caller is within the rate of the request's operation.
    pub(crate) fn admit(&self, exchange: &Exchange, caller: &Caller) -> Result<(), Throttled> {
        let admitted = self.throttle.admit(&caller.account_id, exchange.operation.rate());
        if admitted.is_err() {
            self.metrics.throttled(exchange.operation.name());
        }
        admitted
    }
}

/// Answers one request.
///
/// The futures of requests are large, and a client can keep thousands of requests waiting. Later parts (an operation,
/// after its body has arrived) are therefore allocated on the heap when they start, so a request that waits for a body
/// is small.
pub(crate) async fn serve(
    app: Arc<App>,
    connection: Arc<Connection>,
    request: http::Request<Incoming>,
) -> Response {
    let over_http2 = request.version() == Version::HTTP_2;
    let mut exchange = Exchange::new(request, &connection, &app);
    let mut ending = Ending::begin(&app, &exchange, &connection);
    let is_head = exchange.method == Method::HEAD;
    let is_read = is_head || exchange.method == Method::GET;
    let outcome = if is_read {
        let run = route(&app, &mut exchange);
        AssertUnwindSafe(trace::within(ending.traced.request(), run))
            .catch_unwind()
            .await
            .ok()
            .map(|response| (exchange, response))
    } else {
        // A write runs to its end: hyper drops the service's future with the connection.
        let shared = Arc::clone(&app);
        let run = trace::within(ending.traced.request(), async move {
            let response = route(&shared, &mut exchange).await;
            (exchange, response)
        });
        Finishing::new(&app.tasks, run).await.ok()
    };
    let mut response = match outcome {
        Some((exchange, response)) => {
            ending.learn(exchange, &response);
            response
        }
        None => ending.panicked(),
    };
    if is_head {
        without_body(&mut response);
    }
    response.headers_mut().insert(REQUEST_ID, value(&ending.request_id));
    response.body_mut().attach(ending, over_http2);
    response
}

/// An answer to HEAD has the length of the answer to GET, and no body (RFC 9110 §9.3.2).
fn without_body(response: &mut Response) {
    let body = std::mem::replace(response.body_mut(), ResponseBody::empty());
    if let (StatusCode::OK, Some(length)) = (response.status(), body.size_hint().exact()) {
        response.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

/// An answer up to this size is not charged. It is smaller than its request, and errors, login challenges and
/// `/healthz` must be answered even if the address has no room left.
const UNCHARGED_BYTES: u64 = 1024;

/// The answer, charged until it is sent. On the heap, because a read and a write await it as parts of different futures, and
/// all operations would be compiled with each.
fn route<'a>(app: &'a App, exchange: &'a mut Exchange) -> BoxFuture<'a, Response> {
    Box::pin(answered(app, exchange))
}

async fn answered(app: &App, exchange: &mut Exchange) -> Response {
    let mut response = dispatch(app, exchange).await;
    let in_hand = response.body().in_hand();
    if in_hand > UNCHARGED_BYTES {
        let tab = Arc::clone(exchange.tab());
        match tab.settle(in_hand).await {
            Ok(()) => response.body_mut().keep(tab),
            Err(full) => {
                exchange.failure = Some(full.to_string());
                response = Style::of(exchange).no_room(&exchange.request_id);
            }
        }
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(soon);
    }
    response
}

async fn dispatch(app: &App, exchange: &mut Exchange) -> Response {
    if let Some(fault) = exchange.host_fault {
        return bad_request(exchange, fault);
    }
    let path = exchange.uri.path();
    if v2::is_under(path) {
        return v2::handle(app, exchange).await;
    }
    match path {
        "/healthz" => health::healthz(),
        "/readyz" => health::readyz(app, exchange).await,
        v2::token::PATH | v2::token::SHORT_PATH => Box::pin(v2::token::handle(app, exchange)).await,
        _ if path.starts_with(logo::PREFIX) => Box::pin(logo::handle(app, exchange)).await,
        _ if peer::is_under(path) => Box::pin(peer::handle(app, exchange)).await,
        _ if path.starts_with(download::PREFIX) => download::handle(app, exchange).await,
        _ => Box::pin(control::handle(app, exchange)).await,
    }
}

/// The answer to a request that no protocol accepts, in the format of its path.
fn bad_request(exchange: &mut Exchange, message: &str) -> Response {
    let path = exchange.uri.path();
    if is_data(path) {
        return Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message)
            .into_response(exchange);
    }
    if path == "/healthz" || path == "/readyz" {
        return Refusal::bare(StatusCode::BAD_REQUEST, message).into_response(exchange);
    }
    control::bad_request(exchange, message)
}

/// The request's line in the log, written when its answer has been sent or has ended early.
pub(crate) struct Ending {
    metrics: Arc<Metrics>,
    started: Instant,
    method: Method,
    uri: Uri,
    client: std::net::IpAddr,
    request_id: Arc<str>,
    style: Style,
    operation: &'static str,
    caller: Option<Principal>,
    decisions: Arc<Decisions>,
    /// 499 while there is no answer: logged if the client disconnects before.
    status: u16,
    received: Arc<AtomicU64>,
    sent: u64,
    /// Why the answer was cut off, if it was.
    cut: Option<Cut>,
    running: Running,
    idle: Duration,
    pace: Pace,
    pub(crate) traced: Traced,
}

impl Ending {
    fn begin(app: &App, exchange: &Exchange, connection: &Arc<Connection>) -> Self {
        app.metrics.in_flight.inc();
        Self {
            metrics: Arc::clone(&app.metrics),
            started: Instant::now(),
            method: exchange.method.clone(),
            uri: exchange.uri.clone(),
            client: exchange.peer.address,
            request_id: Arc::clone(&exchange.request_id),
            style: Style::of(exchange),
            operation: exchange.operation.name(),
            caller: None,
            decisions: Arc::clone(&exchange.decisions),
            status: 499,
            received: exchange.body.received(),
            sent: 0,
            cut: None,
            running: connection.begin(exchange.body.is_expected()),
            idle: app.options.limits.body_idle,
            pace: app.options.limits.pace(),
            traced: Traced::begin(&app.options.tracer, &exchange.headers),
        }
    }

    /// The path without the token of a download URL.
    fn path(&self) -> &str {
        let path = self.uri.path();
        if path.starts_with(download::PREFIX) { download::PREFIX } else { path }
    }

    fn caller(&self) -> &str {
        self.caller.as_ref().map_or("-", Principal::arn)
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        self.running.connection()
    }

    /// The time limit of the answer.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cut = Some(cut);
    }

    pub(crate) fn sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    fn learn(&mut self, exchange: Exchange, response: &Response) {
        self.operation = exchange.operation.name();
        self.caller = exchange.caller;
        self.status = response.status().as_u16();
        if response.status().is_server_error() {
            let cause = exchange.failure.as_deref().unwrap_or("unknown");
            let (request, path, operation) = (&self.request_id, self.path(), self.operation);
            tracing::error!(request_id = %request, %path, operation, status = self.status, %cause, "request failed");
        }
    }

    fn panicked(&mut self) -> Response {
        let (request, path) = (&self.request_id, self.path());
        tracing::error!(request_id = %request, %path, "the handler of this request panicked");
        self.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
        let mut response = self.style.panicked(&self.request_id);
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    /// Ends the span of the request.
    fn trace(&mut self, received: u64) {
        let Some(mut span) = self.traced.end(self.sent) else { return };
        span.rename(self.operation);
        span.text("http.request.method", self.method.as_str());
        span.text("url.path", self.path());
        span.number("http.response.status_code", self.status.into());
        span.number("http.request.body.size", received);
        span.number("http.response.body.size", self.sent);
        span.text("client.address", &self.client.to_string());
        span.text("wharf.request_id", &self.request_id);
        if let Some(cut) = self.cut {
            span.text("wharf.cut", cut.label());
        }
        if self.status >= 500 {
            span.fail();
        }
    }

    /// The one place, at the end of a request, with all facts for an audit record.
    fn audit(&self) {
        let (request_id, caller) = (&self.request_id, self.caller());
        for decided in self.decisions.take() {
            tracing::debug!(
                target: AUDIT,
                %request_id,
                caller,
                client = %self.client,
                operation = self.operation,
                action = decided.op.action(),
                resource = decided.resource,
                allowed = decided.allowed,
                status = self.status,
                "decision"
            );
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.audit();
        let took = self.started.elapsed();
        let received = self.received.load(Ordering::Relaxed);
        if self.status == 499 {
            self.cut = Some(self.connection().cut().unwrap_or(Cut::ClientGone));
        }
        let reason = self.cut.map(|cut| cut.reason(self.idle));
        self.metrics.in_flight.dec();
        if let Some(cut) = self.cut {
            self.metrics.cut(cut.label());
        }
        self.metrics.observe(self.operation, self.status, took, received, self.sent);
        self.trace(received);
        tracing::info!(
            target: ACCESS,
            request_id = %self.request_id,
            method = %self.method,
            path = %self.path(),
            operation = self.operation,
            status = self.status,
            took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            received,
            sent = self.sent,
            ended = if self.cut.is_some() { "cut" } else { "whole" },
            reason,
            client = %self.client,
            caller = self.caller(),
            "request"
        );
    }
}
