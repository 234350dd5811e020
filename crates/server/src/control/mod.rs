//! The control plane: the AWS APIs. They are served at any host. `X-Amz-Target` (JSON services) or `Action` and
//! `Version` (query services) select the API, and the signature's scope selects the Region.

mod dispatch;
mod ecr;
mod ecr_public;
mod event_bridge;
mod fault;
mod iam;
mod json;
mod offload;
mod organizations;
mod query;
mod secrets_manager;
mod service_quotas;
mod signed;
mod sts;
mod tagging;
#[cfg(test)]
mod tests;

use access::op::Op;
use aws::dialect::Dialect;
use aws::query::Format;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::body::ResponseBody;
use crate::error::Style;
use crate::exchange::{Exchange, Operation, Response, answer};
use crate::serve::App;
use fault::Fault;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// The protocol of a request of an AWS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// `X-Amz-Target` and JSON.
    Json,
    /// A form, answered in XML.
    Query,
    /// Neither: for example a browser.
    Neither,
}

/// Answers a request outside of the data plane.
pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    exchange.operation = Operation::Unknown;
    if exchange.uri.path() != "/" {
        return json::refuse(exchange, nothing_here(exchange.uri.path()));
    }
    match framing(exchange) {
        Framing::Json => json::handle(app, exchange).await,
        Framing::Query => query::handle(app, exchange).await,
        Framing::Neither => missing_token(),
    }
}

/// The answer to a request that violates HTTP, for any API.
pub(crate) fn bad_request(exchange: &mut Exchange, message: &str) -> Response {
    let fault = Fault::new(StatusCode::BAD_REQUEST, "MalformedHttpRequestException", message);
    match framing(exchange) {
        Framing::Query => query::refuse(exchange, query::named_api(exchange), fault),
        Framing::Json | Framing::Neither => json::refuse(exchange, fault),
    }
}

/// The format of errors for a request outside of the data plane.
pub(crate) fn style(exchange: &Exchange) -> Style {
    match framing(exchange) {
        Framing::Query => {
            Style::Query(query::named_api(exchange), Format::of(exchange.header(&header::ACCEPT)))
        }
        Framing::Json | Framing::Neither => Style::Json,
    }
}

fn framing(exchange: &Exchange) -> Framing {
    if exchange.headers.contains_key(TARGET) {
        return Framing::Json;
    }
    let is_form = exchange
        .header(&header::CONTENT_TYPE)
        .is_some_and(|kind| kind.trim_start().starts_with("application/x-www-form-urlencoded"));
    if is_form && exchange.method == Method::POST || exchange.parameter("Action").is_some() {
        return Framing::Query;
    }
    if exchange.headers.contains_key(header::AUTHORIZATION) { Framing::Json } else { Framing::Neither }
}

/// An operation that cannot be called with a signature: other operations use it only as a permission.
fn unsigned(op: Op) -> Fault {
    let message = format!("{} is not an operation that a signed request can call.", op.name());
    match op.service().dialect() {
        Dialect::Json => Fault::new(StatusCode::BAD_REQUEST, "UnknownOperationException", message),
        Dialect::Query => Fault::new(StatusCode::BAD_REQUEST, "InvalidAction", message),
    }
}

fn nothing_here(path: &str) -> Fault {
    let shown: String = path.chars().take(200).collect();
    Fault::new(
        StatusCode::NOT_FOUND,
        "UnknownOperationException",
        format!("There is nothing at '{shown}': the AWS APIs are at '/' and the registry is under '/v2/'."),
    )
}

/// What ECR's own host answers to a browser (reference: rancher-ecr-credentials#19).
fn missing_token() -> Response {
    let body = "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n\
                </MissingAuthenticationTokenException>\n";
    let mut response = answer(StatusCode::FORBIDDEN, ResponseBody::bytes(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}
