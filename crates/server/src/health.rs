//! `/healthz` (the process answers) and `/readyz` (it accepts requests): for load balancers, without authentication.

use http::StatusCode;

use crate::body::ResponseBody;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;

pub(crate) fn healthz() -> Response {
    answer(StatusCode::OK, ResponseBody::bytes("ok\n"))
}

/// Not ready while a store does not answer, and after the signal to stop, so load balancers use other servers.
pub(crate) async fn readyz(app: &App, exchange: &mut Exchange) -> Response {
    if app.stop.is_cancelled() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, ResponseBody::bytes("draining\n"));
    }
    if let Err(error) = app.access.check_ready().await {
        exchange.failure = error.internal.map(|cause| cause.chain());
        return answer(StatusCode::SERVICE_UNAVAILABLE, ResponseBody::bytes("the store does not answer\n"));
    }
    answer(StatusCode::OK, ResponseBody::bytes("ready\n"))
}
