//! `GET /v2/`: whether the credentials are valid and this is a registry (specification, end-1).

use access::context::Ctx;
use aws::ids::{AccountId, Region};
use http::{HeaderValue, Method, StatusCode, header};

use super::{Outcome, RouteOp, not_allowed};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, answer};
use crate::serve::App;

pub(super) async fn handle(
    app: &App,
    exchange: &mut Exchange,
    ctx: &Ctx,
    (account, region): (&AccountId, &Region),
) -> Outcome {
    exchange.operation = RouteOp::Ping.into();
    let response = answer_to(exchange)?;
    app.access.check_login(ctx, account, region).await?;
    Ok(response)
}

/// The answer to a caller with valid credentials.
pub(super) fn answer_to(exchange: &Exchange) -> Outcome {
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    let mut response = answer(StatusCode::OK, ResponseBody::bytes("{}"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
