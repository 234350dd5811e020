//! Secrets Manager's operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::error::Error;
use access::op::SecretsManagerOp;
use aws::secrets_manager;
use aws::shape::{Invalid, InvalidKind, Request};
use http::StatusCode;

use super::ecr::give;
use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

macro_rules! dispatch {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        $($other:tt)*
    ) => {
        /// The operation with this name.
        pub(super) fn find(name: &str) -> Option<SecretsManagerOp> {
            match name {
                $(stringify!($name) => Some(SecretsManagerOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(app: &App, operation: SecretsManagerOp, signed: Signed) -> Result<Vec<u8>, Fault> {
            match operation {
                $(SecretsManagerOp::$name => {
                    let input: secrets_manager::$request =
                        aws::json::decode(&signed.body).map_err(invalid)?;
                    let outcome = app.identity.answer(&signed.ctx, &signed.region, input).await;
                    answer::<secrets_manager::$request>(outcome)
                })*
            }
        }
    };
}

aws::secrets_manager_operations! { dispatch }

/// An operation without output has an empty object as its answer.
fn answer<T: Request>(outcome: Result<T::Response, Error>) -> Result<Vec<u8>, Fault> {
    if T::HAS_RESULT { give(outcome) } else { give(outcome.map(|_| serde_json::Map::new())) }
}

/// Secrets Manager has its own error for an invalid parameter.
fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    Fault::new(StatusCode::BAD_REQUEST, "InvalidParameterException", invalid.message)
}
