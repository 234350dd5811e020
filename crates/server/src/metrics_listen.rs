//! The listener for Prometheus: `GET /metrics` and nothing else, on an address of its own, so that it need not
//! be open to those who push and pull.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::body::ResponseBody;
use crate::exchange::{Response, answer};
use crate::metrics::Metrics;

const TEXT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers until told to stop.
pub(crate) async fn serve(listener: TcpListener, metrics: Arc<Metrics>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => drop(tokio::spawn(connection(stream, Arc::clone(&metrics)))),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn connection(stream: TcpStream, metrics: Arc<Metrics>) {
    let service = service_fn(move |request| {
        let response = expose(&metrics, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_mins(1))
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "metrics connection ended");
    }
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
