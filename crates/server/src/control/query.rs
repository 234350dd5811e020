//! The services with the query protocol: STS and IAM.

use std::sync::Arc;

use access::op::Op;
use aws::dialect::Dialect;
use aws::query::{self, Form, Format};
use aws::service::Service;
use aws::sigv4::SigV4Error;
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;

use super::dispatch::run_query;
use super::fault::Fault;
use super::signed::{self, Takes};
use super::{iam, sts};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;

/// The maximum size of a form: the longest policies and web identity tokens fit.
const FORM: Takes = Takes { bytes: 512 * 1024, times: 4 };

/// Answers a request of a query service.
pub(super) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    let format = Format::of(exchange.header(&header::ACCEPT));
    match run(app, exchange, format).await {
        Ok(body) => framed(format, StatusCode::OK, body),
        Err((service, fault)) => refuse(exchange, service, fault),
    }
}

/// An error in the requested format. Its cause stays in the exchange, for the request's line in the log.
pub(super) fn refuse(exchange: &mut Exchange, service: Service, fault: Fault) -> Response {
    let format = Format::of(exchange.header(&header::ACCEPT));
    exchange.failure = fault.failure;
    let blame = if fault.status.is_server_error() { query::Fault::Receiver } else { query::Fault::Sender };
    let id = &exchange.request_id;
    let body = query::error_response(service, format, blame, &fault.code, &fault.message, id);
    framed(format, fault.status, body)
}

/// The API in the signature of a request; an unsigned request goes to STS.
pub(super) fn named_api(exchange: &Exchange) -> Service {
    if scope_names_iam(exchange) { Service::Iam } else { Service::Sts }
}

fn framed(format: Format, status: StatusCode, body: impl Into<Bytes>) -> Response {
    let mut response = answer(status, ResponseBody::bytes(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    response
}

/// The maximum size of an unsigned form. The longest token, policy and ARNs fit, percent-encoded.
pub(super) const MAX_UNSIGNED_BYTES: usize = 96 * 1024;

/// The answer, or the error with the API that returns it.
async fn run(app: &App, exchange: &mut Exchange, format: Format) -> Result<Vec<u8>, (Service, Fault)> {
    // The form contains the API, but the form is trusted only after its signature is verified. The credential scope
    // also contains the service, and the signature covers it.
    if !signed::is_signed(exchange) {
        return run_unsigned(app, exchange, format).await.map_err(|fault| (Service::Sts, fault));
    }
    let service = named_api(exchange);
    let refused = |fault| (service, fault);
    let signed = signed::verify(app, exchange, service, FORM).await.map_err(refused)?;
    let form = read_form(exchange, &signed.body).map_err(refused)?;
    if service == Service::Sts && sts::is_web_identity(&form) {
        // A signature is not needed and changes nothing: the token decides.
        return Box::pin(sts::run_web_identity(app, exchange, (&form, format))).await.map_err(refused);
    }
    let (action, version) = (form.get("Action").unwrap_or_default(), form.get("Version").unwrap_or_default());
    let found = match service {
        _ if version != service.version() => None,
        Service::Iam => iam::find(action).map(Op::Iam),
        _ => sts::find(action).map(Op::Sts),
    };
    let Some(op) = found else { return Err(refused(not_there(service.scope(), action, version))) };
    exchange.operation = op.into();
    let read = match op {
        Op::Iam(operation) => iam::reader(operation),
        Op::Sts(operation) => sts::reader(operation),
        _ => None,
    };
    let answered = run_query(app.identity.as_ref(), (op, read), (&form, format), &signed).await;
    answered.map_err(refused)
}

/// One operation accepts unsigned requests.
async fn run_unsigned(app: &App, exchange: &mut Exchange, format: Format) -> Result<Vec<u8>, Fault> {
    let share = Arc::clone(exchange.tab().share());
    exchange.body.within(app.options.limits.unsigned_body);
    let body = exchange.body.read_bounded(MAX_UNSIGNED_BYTES, &share, 4).await;
    let body = body.map_err(|error| Fault::body(&error))?;
    exchange.now = Timestamp::now();
    let form = read_form(exchange, &body.bytes)?;
    if sts::is_web_identity(&form) {
        return Box::pin(sts::run_web_identity(app, exchange, (&form, format))).await;
    }
    Err(Fault::signature(&SigV4Error::MissingToken, Dialect::Query))
}

fn scope_names_iam(exchange: &Exchange) -> bool {
    let in_header =
        exchange.header(&header::AUTHORIZATION).is_some_and(|text| text.contains("/iam/aws4_request"));
    in_header
        || exchange.parameter("X-Amz-Credential").is_some_and(|text| text.ends_with("/iam/aws4_request"))
}

/// The form of a POST is its body. The form of a GET is the query string, as in a presigned URL.
fn read_form(exchange: &Exchange, body: &[u8]) -> Result<Form, Fault> {
    let query = exchange.uri.query().unwrap_or_default().as_bytes();
    let is_body = exchange.method == Method::POST && !body.is_empty();
    Form::parse(if is_body { body } else { query })
        .map_err(|error| Fault::new(StatusCode::BAD_REQUEST, "MalformedInput", error.to_string()))
}

pub(super) fn not_there(service: &str, action: &str, version: &str) -> Fault {
    let cut = |text: &str| text.chars().take(128).collect::<String>();
    let (action, version) = (cut(action), cut(version));
    let message = if action.is_empty() {
        "The request has no Action.".to_owned()
    } else {
        format!(
            "Could not find operation {action} for version {version} of {service}: it is not available in this \
             version of Wharf."
        )
    };
    Fault::new(StatusCode::BAD_REQUEST, "InvalidAction", message)
}
