//! The path of a signed request: read, run, write. It is compiled once for each service and not for each operation; of an
//! operation there is only the function that reads its request.

use access::answers::Asked;
use access::error::Error;
use access::op::Op;
use aws::dialect::Dialect;
use aws::json;
use aws::query::{self, Form, Format};
use aws::shape::{Answer, Invalid};
use http::StatusCode;

use super::fault::Fault;
use super::offload;
use super::signed::Signed;
use super::unsigned;

/// Reads a request of an operation from JSON.
pub(super) type FromJson<S> = fn(&[u8]) -> Result<Box<dyn Asked<S>>, Invalid>;
/// Reads a request of an operation from a form.
pub(super) type FromForm<S> = fn(&Form) -> Result<Box<dyn Asked<S>>, Invalid>;

/// The operations of a service that signed requests can call: by name, and how their requests are read.
macro_rules! operations {
    (
        $operation:ident $module:ident $owner:ident $from:ident $read:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        /// The operation with this name, if its requests can be signed.
        pub(super) fn find(name: &str) -> Option<$operation> {
            match name {
                $(stringify!($name) => Some($operation::$name),)*
                _ => None,
            }
        }

        /// How the requests of an operation are read, if they can be signed.
        pub(super) fn reader(operation: $operation) -> Option<$crate::control::dispatch::$from<$owner>> {
            match operation {
                $($operation::$name => Some(access::answers::$read::<aws::$module::$request, $owner>),)*
                #[allow(unreachable_patterns, reason = "some services have only operations that can be signed")]
                _ => None,
            }
        }
    };
}

pub(super) use operations;

/// Runs an operation of a JSON service. Each of them has its own error for a request that violates its shape.
pub(super) async fn run_json<S: Sync + 'static>(
    service: &S,
    (op, read): (Op, Option<FromJson<S>>),
    invalid: fn(Invalid) -> Fault,
    signed: Signed,
) -> Result<Vec<u8>, Fault> {
    let (asked, signed) = read_json((op, read), invalid, signed).await?;
    answer_json(service, asked, signed).await
}

/// Reads the request.
pub(super) async fn read_json<S: 'static>(
    (op, read): (Op, Option<FromJson<S>>),
    invalid: fn(Invalid) -> Fault,
    mut signed: Signed,
) -> Result<(Box<dyn Asked<S>>, Signed), Fault> {
    let read = read.ok_or_else(|| unsigned(op))?;
    let body = std::mem::take(&mut signed.body);
    let asked = offload::by_size(body.len(), move || read(&body)).await.map_err(rules)?.map_err(invalid)?;
    Ok((asked, signed))
}

/// Runs the operation that was read.
pub(super) async fn answer_json<S: Sync + 'static>(
    service: &S,
    asked: Box<dyn Asked<S>>,
    signed: Signed,
) -> Result<Vec<u8>, Fault> {
    // Its room in memory is given back when the answer is made.
    let Signed { ctx, region, room: _room, .. } = signed;
    let answer = asked.answer(service, &ctx, &region).await.map_err(rules)?;
    written_json(answer.as_ref())
}

/// Writes the answer of an operation.
pub(super) fn written_json(answer: &dyn Answer) -> Result<Vec<u8>, Fault> {
    json::answer(answer).map_err(|error| rules(Error::internal(error)))
}

/// An error of the rules, in JSON.
pub(super) fn rules(error: Error) -> Fault {
    Fault::rules(error, Dialect::Json)
}

/// Runs an operation of a query service.
pub(super) async fn run_query<S: Sync + 'static>(
    service: &S,
    (op, read): (Op, Option<FromForm<S>>),
    (form, format): (&Form, Format),
    signed: &Signed,
) -> Result<Vec<u8>, Fault> {
    let read = read.ok_or_else(|| unsigned(op))?;
    let asked = read(form).map_err(invalid_form)?;
    let fault = |error| Fault::rules(error, Dialect::Query);
    let answer = asked.answer(service, &signed.ctx, &signed.region).await.map_err(fault)?;
    query::answer(op.service(), format, &signed.ctx.request_id, answer.as_ref())
        .map_err(|error| fault(Error::internal(error)))
}

/// The error for a form that violates its shape.
pub(super) fn invalid_form(invalid: Invalid) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "ValidationError", invalid.message)
}
