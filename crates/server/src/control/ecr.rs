//! Amazon ECR's operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::error::Error;
use access::op::EcrOp;
use aws::dialect::Dialect;
use aws::ecr;
use aws::json;
use aws::shape::Request;
use bytes::Bytes;
use serde::Serialize;

use super::fault::Fault;
use super::offload;
use super::signed::Signed;
use super::unsigned;
use crate::serve::App;

macro_rules! dispatch {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permission:ident: $permission_action:literal on $permission_resource:ident;)* }
    ) => {
        /// The operation with this name, if its requests can be signed.
        pub(super) fn find(name: &str) -> Option<EcrOp> {
            match name {
                $(stringify!($name) => Some(EcrOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(app: &App, operation: EcrOp, signed: Signed) -> Result<Vec<u8>, Fault> {
            // Its room in memory is given back when the answer is made.
            let Signed { ctx, region, body, room: _room } = signed;
            let registry = app.registry_of_request(&ctx, &region, &body).await;
            let registry = registry.map_err(|error| Fault::rules(error, Dialect::Json))?;
            match operation {
                $(EcrOp::$name => {
                    let input: ecr::$request = decode(body).await?;
                    give(registry.answer(&ctx, &region, input).await)
                })*
                $(EcrOp::$unsigned => Err(unsigned(EcrOp::$unsigned.into())),)*
                $(EcrOp::$permission => Err(unsigned(EcrOp::$permission.into())),)*
            }
        }
    };
}

aws::ecr_operations! { dispatch }

pub(super) async fn decode<T: Request + Send + 'static>(body: Bytes) -> Result<T, Fault> {
    let decoded = offload::by_size(body.len(), move || json::decode::<T>(&body)).await;
    Ok(decoded.map_err(|error| Fault::rules(error, Dialect::Json))??)
}

pub(super) fn give(outcome: Result<impl Serialize, Error>) -> Result<Vec<u8>, Fault> {
    let fault = |error| Fault::rules(error, Dialect::Json);
    let answer = outcome.map_err(fault)?;
    serde_json::to_vec(&answer).map_err(|error| fault(Error::internal(error)))
}
