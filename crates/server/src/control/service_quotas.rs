//! Service Quotas' operations, and its errors for invalid requests.

use access::op::ServiceQuotasOp;
use aws::shape::{Invalid, InvalidKind};
use http::StatusCode;
use identity::Identity;

use super::dispatch::operations;
use super::fault::Fault;

aws::service_quotas_operations! { operations ServiceQuotasOp service_quotas Identity FromJson read_json }

/// Service Quotas has its own error for an invalid parameter.
pub(super) fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    Fault::new(StatusCode::BAD_REQUEST, "IllegalArgumentException", invalid.message)
}
