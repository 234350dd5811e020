//! The listener for Prometheus: only `GET /metrics`, on a separate address that clients of the registry need not reach.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use access::Access;
use futures::future::{join, join_all};
use http::{HeaderValue, Method, StatusCode, header};
use hyper::service::service_fn;
use identity::organizations::{collection_of, reconcilers_of};
use jiff::Timestamp;
use registry::Registry;
use registry::replication::DestinationLag;
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
                let others = join_all(app.beside.keys().map(|name| of_another(&app, name)));
                let (lags, beside) = join(of_database(&app, None, &app.access, &app.registry), others).await;
                if let Some(lags) = lags {
                    app.metrics.replication(beside.into_iter().flatten().flatten().chain(lags));
                }
                app.metrics.peer_traffic(app.registry.peer_traffic());
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

/// Takes the states of one of `[[databases]]`.
async fn of_another(app: &App, name: &str) -> Option<Vec<DestinationLag>> {
    let registry = app.beside.get(name).and_then(|opened| opened.get());
    let (Some(access), Some(registry)) = (app.access.opened(name), registry) else {
        app.metrics.answers(Some(name), false);
        return None;
    };
    of_database(app, Some(name), access, registry).await
}

/// Takes the states of a database; None: the directory. Returns how far the destinations of its registries are behind, if
/// it tells in time.
async fn of_database(
    app: &App,
    name: Option<&str>,
    access: &Access,
    registry: &Registry,
) -> Option<Vec<DestinationLag>> {
    let now = Timestamp::now();
    let states = timeout(STORE_TIME, reconcilers_of(access, now)).await;
    app.metrics.answers(name, matches!(states, Ok(Ok(_))));
    if let Ok(Ok(states)) = states {
        app.metrics.reconcilers(name, &states);
    }
    if let Ok(Ok(state)) = timeout(STORE_TIME, collection_of(access, now)).await {
        app.metrics.collection(name, &state);
    }
    timeout(STORE_TIME, registry.replication_lags(now)).await.ok().and_then(Result::ok)
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
