//! Service Quotas' operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::op::ServiceQuotasOp;
use aws::service_quotas;
use aws::shape::Invalid;
use aws::shape::InvalidKind;
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
        pub(super) fn find(name: &str) -> Option<ServiceQuotasOp> {
            match name {
                $(stringify!($name) => Some(ServiceQuotasOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(app: &App, operation: ServiceQuotasOp, signed: Signed) -> Result<Vec<u8>, Fault> {
            match operation {
                $(ServiceQuotasOp::$name => {
                    let input: service_quotas::$request =
                        aws::json::decode(&signed.body).map_err(invalid)?;
                    give(app.identity.answer(&signed.ctx, &signed.region, input).await)
                })*
            }
        }
    };
}

aws::service_quotas_operations! { dispatch }

/// Service Quotas has its own error for an invalid parameter.
fn invalid(invalid: Invalid) -> Fault {
    if invalid.kind != InvalidKind::Parameter {
        return invalid.into();
    }
    Fault::new(StatusCode::BAD_REQUEST, "IllegalArgumentException", invalid.message)
}
