//! The control plane: the AWS APIs.

use http::{HeaderValue, StatusCode, header};

use crate::body::ResponseBody;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;

/// Answers a request that is not the data plane's.
#[expect(clippy::unused_async, reason = "operations read the body and the stores")]
pub(crate) async fn handle(_app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = "unknown";
    let body = aws::json::error_body("UnknownOperationException", "There is no such operation.", &[]);
    let mut response = answer(StatusCode::NOT_FOUND, ResponseBody::bytes(body));
    let kind = HeaderValue::from_static("application/x-amz-json-1.1");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
