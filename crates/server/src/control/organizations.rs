//! Organizations' operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::error::Error;
use access::op::OrganizationsOp;
use aws::shape::{Constraint, Invalid, InvalidKind, Request};
use http::StatusCode;

use super::ecr::give;
use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

macro_rules! dispatch {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permission:ident: $permission_action:literal on $permission_resource:ident;)* }
    ) => {
        /// The operation with this name, if its requests can be signed.
        pub(super) fn find(name: &str) -> Option<OrganizationsOp> {
            match name {
                $(stringify!($name) => Some(OrganizationsOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(
            app: &App,
            operation: OrganizationsOp,
            signed: Signed,
        ) -> Result<Vec<u8>, Fault> {
            match operation {
                $(OrganizationsOp::$name => {
                    let input: aws::organizations::$request = aws::json::decode(&signed.body).map_err(invalid)?;
                    answer::<aws::organizations::$request>(app.identity.answer(&signed.ctx, &signed.region, input).await)
                })*
                $(OrganizationsOp::$unsigned => Err(unsigned(OrganizationsOp::$unsigned.into())),)*
                $(OrganizationsOp::$permission => Err(unsigned(OrganizationsOp::$permission.into())),)*
            }
        }
    };
}

aws::organizations_operations! { dispatch }

/// An operation without output has an empty object as its answer.
fn answer<T: Request>(outcome: Result<T::Response, Error>) -> Result<Vec<u8>, Fault> {
    if T::HAS_RESULT { give(outcome) } else { give(outcome.map(|_| serde_json::Map::new())) }
}

/// Organizations has its own error for an invalid parameter, with its own texts and reasons (Organizations API
/// reference, "InvalidInputException"). They do not name the parameter, so the constraint is added.
fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    let (reason, sentence) = match invalid.constraint {
        Some(Constraint::Required) => {
            ("INPUT_REQUIRED", "You must include a value for all required parameters.")
        }
        Some(Constraint::MinLength(_)) => {
            ("MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed.")
        }
        Some(Constraint::MaxLength(_)) => {
            ("MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed.")
        }
        Some(Constraint::MinValue(_)) => {
            ("MIN_VALUE_EXCEEDED", "You provided a numeric parameter that has a smaller value than allowed.")
        }
        Some(Constraint::MaxValue(_)) => {
            ("MAX_VALUE_EXCEEDED", "You provided a numeric parameter that has a larger value than allowed.")
        }
        // Only AWS's text, without an addition.
        Some(Constraint::Pattern { .. } | Constraint::NoNul) => {
            return refused("INVALID_PATTERN", PATTERN.to_owned());
        }
        Some(Constraint::Choice(_)) => ("INVALID_ENUM", "You specified an invalid value."),
        Some(Constraint::Elements(_)) | None => ("INVALID_LIST_MEMBER", "You provided an invalid value."),
    };
    refused(reason, format!("{sentence} {}", invalid.message))
}

const PATTERN: &str = "You provided a value that does not match the required pattern.";

fn refused(reason: &str, message: String) -> Fault {
    let extra = vec![("Reason", reason.into())];
    Fault { extra, ..Fault::new(StatusCode::BAD_REQUEST, "InvalidInputException", message) }
}
