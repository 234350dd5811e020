//! The listener for Prometheus: only `GET /metrics`, on a separate address that clients of the registry need not reach.

use std::convert::Infallible;
use std::future::{pending, ready};
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, header};
use hyper::service::service_fn;
use tokio::net::TcpListener;

use crate::body::ResponseBody;
use crate::brief;
use crate::exchange::{Response, answer};
use crate::metrics::Metrics;

const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Serves until dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let service = service_fn(move |request| ready(Ok::<_, Infallible>(expose(&metrics, &request))));
    brief::serve(listener, service, pending()).await;
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
