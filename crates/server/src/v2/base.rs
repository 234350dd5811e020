//! `GET /v2/`: whether the credentials are good and the API is spoken here (specification, end-1).

use http::{HeaderValue, Method, StatusCode, header};

use super::{Outcome, not_allowed};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, answer};

pub(super) fn handle(exchange: &mut Exchange) -> Outcome {
    exchange.operation = "ping";
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    let mut response = answer(StatusCode::OK, ResponseBody::bytes("{}"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
