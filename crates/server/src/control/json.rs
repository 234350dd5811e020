//! The services that use `x-amz-json-1.1`, which is all of them but IAM and STS.

use access::op::{EcrOp, EcrPublicOp, Op};
use aws::json::{CONTENT_TYPE, error_body, parse_target};
use aws::service::Service;
use futures::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, header};

use super::dispatch::run_json;
use super::fault::Fault;
use super::signed::Takes;
use super::{
    TARGET, ecr, ecr_public, event_bridge, organizations, secrets_manager, service_quotas, signed, tagging,
    unsigned,
};
use crate::body::ResponseBody;
use crate::exchange::{Exchange, Response, answer};
use crate::serve::App;

/// The maximum size of a body without a manifest or a layer part: the longest lists of the model fit.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Answers a request of a JSON service.
pub(super) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    match run(app, exchange).await {
        Ok(body) => framed(StatusCode::OK, body),
        Err(fault) => refuse(exchange, fault),
    }
}

/// An error in JSON. Its cause stays in the exchange, for the request's line in the log.
pub(super) fn refuse(exchange: &mut Exchange, fault: Fault) -> Response {
    let body = error_body(&fault.code, &fault.message, &fault.extra);
    exchange.failure = fault.failure;
    framed(fault.status, body)
}

fn framed(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = answer(status, ResponseBody::bytes(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

async fn run(app: &App, exchange: &mut Exchange) -> Result<Vec<u8>, Fault> {
    let target = exchange.header(&TARGET).unwrap_or_default().to_owned();
    let Some((service, name)) = parse_target(&target) else {
        return Err(unknown("The X-Amz-Target header names no operation of a service that is served here."));
    };
    if exchange.method != Method::POST {
        return Err(unknown(format!("{name} is called with POST, not with {}.", exchange.method)));
    }
    let operation = match service {
        Service::Ecr => ecr::find(name).map(Op::Ecr),
        Service::EcrPublic => ecr_public::find(name).map(Op::EcrPublic),
        Service::Organizations => organizations::find(name).map(Op::Organizations),
        Service::EventBridge => event_bridge::find(name).map(Op::EventBridge),
        Service::SecretsManager => secrets_manager::find(name).map(Op::SecretsManager),
        Service::ServiceQuotas => service_quotas::find(name).map(Op::ServiceQuotas),
        Service::Tagging => tagging::find(name).map(Op::Tagging),
        Service::Iam | Service::Sts => None,
    };
    if let Some(op) = operation {
        exchange.operation = op.into();
    }
    let takes = match operation {
        Some(
            Op::Ecr(EcrOp::UploadLayerPart | EcrOp::PutImage)
            | Op::EcrPublic(EcrPublicOp::UploadLayerPart | EcrPublicOp::PutImage),
        ) => Takes { bytes: app.options.limits.max_control_body_bytes, times: 2 },
        _ => Takes { bytes: MAX_BODY_BYTES, times: 4 },
    };
    let head = signed::head(app, exchange, service, takes.bytes).await?;
    let Some(operation) = operation else { return Err(not_there(service, name)) };
    let signed = signed::verify_body(app, exchange, head, service, takes).await?;
    let (registry, identity, events) = (&*app.registry, &*app.identity, &*app.events);
    let running: BoxFuture<'_, Result<Vec<u8>, Fault>> = match operation {
        Op::Ecr(op) => Box::pin(ecr::run(app, op, signed)),
        Op::EcrPublic(op) => {
            Box::pin(run_json(registry, (operation, ecr_public::reader(op)), Fault::from, signed))
        }
        Op::Organizations(op) => {
            let read = organizations::reader(op);
            Box::pin(run_json(identity, (operation, read), organizations::invalid, signed))
        }
        Op::EventBridge(op) => {
            Box::pin(run_json(events, (operation, event_bridge::reader(op)), event_bridge::invalid, signed))
        }
        Op::SecretsManager(op) => {
            let read = secrets_manager::reader(op);
            Box::pin(run_json(identity, (operation, read), secrets_manager::invalid, signed))
        }
        Op::ServiceQuotas(op) => {
            let read = service_quotas::reader(op);
            Box::pin(run_json(identity, (operation, read), service_quotas::invalid, signed))
        }
        Op::Tagging(op) => Box::pin(tagging::run(app, op, signed)),
        Op::Iam(_) | Op::Sts(_) => return Err(unsigned(operation)),
    };
    running.await
}

fn unknown(message: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "UnknownOperationException", message)
}

/// An operation that exists on AWS but not here has another error than an unknown operation.
fn not_there(service: Service, name: &str) -> Fault {
    let is_known = match service {
        Service::Ecr => aws::ecr::is_operation(name),
        Service::EcrPublic => aws::ecr_public::is_operation(name),
        _ => true,
    };
    let prefix = service.scope();
    unknown(if is_known {
        format!("The operation {prefix}:{name} is not available in this version of Wharf.")
    } else {
        let api = if service == Service::Ecr { "Amazon ECR" } else { "Amazon ECR Public" };
        format!("{api}'s API has no operation named {name}.")
    })
}
