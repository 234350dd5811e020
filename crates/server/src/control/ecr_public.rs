//! ECR Public's operations: decoded request, operation, JSON answer.

use access::answers::Answers as _;
use access::op::EcrPublicOp;
use aws::ecr_public;

use super::ecr::{decode, give};
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
        pub(super) fn find(name: &str) -> Option<EcrPublicOp> {
            match name {
                $(stringify!($name) => Some(EcrPublicOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(app: &App, operation: EcrPublicOp, signed: Signed) -> Result<Vec<u8>, Fault> {
            // Its room in memory is given back when the answer is made.
            let Signed { ctx, region, body, room: _room } = signed;
            match operation {
                $(EcrPublicOp::$name => {
                    let input: ecr_public::$request = decode(body).await?;
                    give(app.registry.answer(&ctx, &region, input).await)
                })*
                $(EcrPublicOp::$unsigned => Err(unsigned(EcrPublicOp::$unsigned.into())),)*
                $(EcrPublicOp::$permission => Err(unsigned(EcrPublicOp::$permission.into())),)*
            }
        }
    };
}

aws::ecr_public_operations! { dispatch }
