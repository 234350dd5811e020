//! The listener for Prometheus: only `GET /metrics`, on a separate address that clients of the registry need not reach.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use hyper::service::service_fn;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::body::ResponseBody;
use crate::brief;
use crate::exchange::{Response, answer};
use crate::metrics::Metrics;
use crate::serve::App;

const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How long the store may take to tell the state of the reconcilers.
const STORE_TIME: Duration = Duration::from_millis(500);

/// Answers until dropped.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>) {
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move {
            if is_asked(&request) {
                app.metrics.throttle_accounts.set(app.throttle.accounts());
                if let Some(counts) = app.options.tracer.counts() {
                    app.metrics.traces(counts);
                }
                app.metrics.pull_through(&app.registry.cache_counts());
                app.metrics.clock(app.access.clock_skew());
                // Without an answer of the store in time, the other metrics are served alone.
                let states = timeout(STORE_TIME, app.identity.shown_reconcilers(Timestamp::now())).await;
                if let Ok(Ok(shown)) = states {
                    app.metrics.reconcilers(&shown.reconcilers);
                }
                let lags = timeout(STORE_TIME, app.registry.replication_lags(Timestamp::now())).await;
                if let Ok(Ok(lags)) = lags {
                    app.metrics.replication(lags);
                }
                app.metrics.peer_traffic(app.registry.peer_traffic());
                let state = timeout(STORE_TIME, app.identity.shown_collection(Timestamp::now())).await;
                if let Ok(Ok(state)) = state {
                    app.metrics.collection(&state);
                }
                // It needs all databases, of which one can be away.
                if let Ok(Ok(stored)) = timeout(STORE_TIME, app.identity.stored_bytes()).await {
                    app.metrics.stored(stored);
                }
            }
            Ok::<_, Infallible>(expose(&app.metrics, &request))
        }
    });
    brief::serve(listener, service, pending()).await;
}

fn is_asked<B>(request: &http::Request<B>) -> bool {
    request.uri().path() == "/metrics" && request.method() == Method::GET
}

fn expose<B>(metrics: &Metrics, request: &http::Request<B>) -> Response {
    if request.uri().path() != "/metrics" {
        return answer(StatusCode::NOT_FOUND, ResponseBody::empty());
    }
    if request.method() != Method::GET {
        return answer(StatusCode::METHOD_NOT_ALLOWED, ResponseBody::empty());
    }
    let Some(text) = metrics.text() else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, ResponseBody::empty());
    };
    let mut response = answer(StatusCode::OK, ResponseBody::bytes(text));
    response.headers_mut().insert(header::CONTENT_TYPE, TEXT);
    response
}
