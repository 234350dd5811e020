//! IAM's operations: parsed form, operation, answer in XML or JSON.

use access::answers::Answers as _;
use access::op::IamOp;
use aws::query::{Form, Format};
use aws::service::Service;

use super::fault::Fault;
use super::query::{give, read};
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
                    let input: aws::iam::$request = read(form)?;
                    let outcome = app.identity.answer(&signed.ctx, &signed.region, input).await;
                    give::<aws::iam::$request>(Service::Iam, format, &signed.ctx.request_id, outcome)
                })*
                $(IamOp::$unsigned => Err(unsigned(IamOp::$unsigned.into())),)*
                $(IamOp::$permission => Err(unsigned(IamOp::$permission.into())),)*
            }
        }
    };
}

aws::iam_operations! { dispatch }
