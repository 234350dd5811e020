//! IAM's operations: parsed form, operation, answer in XML or JSON.

use access::op::IamOp;
use aws::dialect::Dialect;
use aws::query::{Form, Format, FromForm, Invalid, Output, empty_response, response};
use aws::service::Service;
use http::StatusCode;

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
        pub(super) fn find(name: &str) -> Option<IamOp> {
            match name {
                $(stringify!($name) => Some(IamOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(
            app: &App,
            operation: IamOp,
            (form, format): (&Form, Format),
            signed: &Signed,
        ) -> Result<Vec<u8>, Fault> {
            match operation {
                $(IamOp::$name => {
                    let input = aws::iam::$request::from_form(form).map_err(invalid)?;
                    let outcome = app.identity.$method(&signed.ctx, input).await;
                    let result = outcome.map_err(|error| Fault::rules(error, Dialect::Query))?;
                    Ok(written(stringify!($name), format, &signed.ctx.request_id, &result))
                })*
                $(IamOp::$unsigned => Err(unsigned(IamOp::$unsigned.into())),)*
                $(IamOp::$permission => Err(unsigned(IamOp::$permission.into())),)*
            }
        }
    };
}

aws::iam_operations! { dispatch }

fn written<T: Output>(operation: &str, format: Format, request_id: &str, result: &T) -> Vec<u8> {
    if T::IS_EMPTY {
        return empty_response(Service::Iam, format, operation, request_id);
    }
    response(Service::Iam, format, operation, request_id, |out| result.write(out))
}

pub(super) fn invalid(invalid: Invalid) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "ValidationError", invalid.message)
}
