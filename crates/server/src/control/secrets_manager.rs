//! Secrets Manager's operations, and its errors for invalid requests.

use access::op::SecretsManagerOp;
use aws::shape::{Invalid, InvalidKind};
use http::StatusCode;
use identity::Identity;

use super::dispatch::operations;
use super::fault::Fault;

aws::secrets_manager_operations! { operations SecretsManagerOp secrets_manager Identity FromJson read_json }

/// Secrets Manager has its own error for an invalid parameter.
pub(super) fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    Fault::new(StatusCode::BAD_REQUEST, "InvalidParameterException", invalid.message)
}
