//! `/healthz` (the process answers) and `/readyz` (it may be sent requests): for load balancers, without login.

use http::StatusCode;

use crate::body::ResponseBody;
use crate::exchange::{Response, answer};
use crate::serve::App;

pub(crate) fn healthz() -> Response {
    answer(StatusCode::OK, ResponseBody::bytes("ok\n"))
}

/// Not ready from the signal to stop on, so that balancers turn elsewhere while running requests end.
pub(crate) fn readyz(app: &App) -> Response {
    if app.stop.is_cancelled() {
        return answer(StatusCode::SERVICE_UNAVAILABLE, ResponseBody::bytes("draining\n"));
    }
    answer(StatusCode::OK, ResponseBody::bytes("ready\n"))
}
