//! EventBridge's operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::error::Error;
use access::op::EventBridgeOp;
use aws::shape::{Invalid, InvalidKind, Request};

use super::ecr::give;
use super::fault::Fault;
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
        pub(super) fn find(name: &str) -> Option<EventBridgeOp> {
            match name {
                $(stringify!($name) => Some(EventBridgeOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(app: &App, operation: EventBridgeOp, signed: Signed) -> Result<Vec<u8>, Fault> {
            match operation {
                $(EventBridgeOp::$name => {
                    let input: aws::event_bridge::$request =
                        aws::json::decode(&signed.body).map_err(invalid)?;
                    let outcome = app.events.answer(&signed.ctx, &signed.region, input).await;
                    answer::<aws::event_bridge::$request>(outcome)
                })*
                $(EventBridgeOp::$unsigned => Err(unsigned(EventBridgeOp::$unsigned.into())),)*
                $(EventBridgeOp::$permission => Err(unsigned(EventBridgeOp::$permission.into())),)*
            }
        }
    };
}

aws::event_bridge_operations! { dispatch }

/// An operation without output has an empty object as its answer.
fn answer<T: Request>(outcome: Result<T::Response, Error>) -> Result<Vec<u8>, Fault> {
    if T::HAS_RESULT { give(outcome) } else { give(outcome.map(|_| serde_json::Map::new())) }
}

/// EventBridge has the common error for a request that violates its shape (API reference, "Common Errors").
fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind == InvalidKind::Serialization {
        return invalid.into();
    }
    let mut fault = Fault::from(invalid);
    fault.code = "ValidationException".into();
    if let Some(rest) = fault.message.strip_prefix("Invalid parameter at ") {
        fault.message = format!("1 validation error detected: Value at {rest}");
    }
    fault
}
