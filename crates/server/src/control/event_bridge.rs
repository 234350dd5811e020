//! EventBridge's operations, and its errors for invalid requests.

use access::op::EventBridgeOp;
use aws::shape::{Invalid, InvalidKind};
use events::Events;

use super::dispatch::operations;
use super::fault::Fault;

aws::event_bridge_operations! { operations EventBridgeOp event_bridge Events FromJson read_json }

/// EventBridge has the common error for a request that violates its shape (API reference, "Common Errors").
pub(super) fn invalid(invalid: Invalid) -> Fault {
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
