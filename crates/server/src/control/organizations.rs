//! Organizations' operations, and its errors for invalid requests.

use access::op::OrganizationsOp;
use aws::shape::{Constraint, Invalid, InvalidKind};
use http::StatusCode;
use identity::Identity;

use super::dispatch::operations;
use super::fault::Fault;

aws::organizations_operations! { operations OrganizationsOp organizations Identity FromJson read_json }

/// Organizations has its own error for an invalid parameter, with its own texts and reasons (Organizations API
/// reference, "InvalidInputException"). They do not name the parameter, so the constraint is added.
pub(super) fn invalid(invalid: Invalid) -> Fault {
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
