//! STS's operations: parsed form, operation, answer in XML or JSON.

use access::answers::Answers as _;
use access::op::{Op, StsOp};
use aws::query::{Form, Format};
use aws::service::Service;
use aws::sts::AssumeRoleWithWebIdentityRequest;

use super::fault::Fault;
use super::query::{give, read};
use super::signed::Signed;
use super::unsigned;
use crate::exchange::{Exchange, Principal};
use crate::serve::App;

macro_rules! dispatch {
    (
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permission:ident: $permission_action:literal on $permission_resource:ident;)* }
    ) => {
        /// The operation with this name, if its requests can be signed.
        pub(super) fn find(name: &str) -> Option<StsOp> {
            match name {
                $(stringify!($name) => Some(StsOp::$name),)*
                _ => None,
            }
        }

        /// Runs an operation.
        pub(super) async fn run(
            app: &App,
            operation: StsOp,
            (form, format): (&Form, Format),
            signed: &Signed,
        ) -> Result<Vec<u8>, Fault> {
            match operation {
                $(StsOp::$name => {
                    let input: aws::sts::$request = read(form)?;
                    let outcome = app.identity.answer(&signed.ctx, &signed.region, input).await;
                    give::<aws::sts::$request>(Service::Sts, format, &signed.ctx.request_id, outcome)
                })*
                $(StsOp::$unsigned => Err(unsigned(StsOp::$unsigned.into())),)*
                $(StsOp::$permission => Err(unsigned(StsOp::$permission.into())),)*
            }
        }
    };
}

aws::sts_operations! { dispatch }

/// The only operation with unsigned requests: the token in it authenticates the caller.
const WEB_IDENTITY: Op = Op::Sts(StsOp::AssumeRoleWithWebIdentity);

/// Runs AssumeRoleWithWebIdentity.
pub(super) async fn run_web_identity(
    app: &App,
    exchange: &mut Exchange,
    (form, format): (&Form, Format),
) -> Result<Vec<u8>, Fault> {
    exchange.operation = WEB_IDENTITY.into();
    let input = read(form)?;
    let outcome = app.identity.assume_role_with_web_identity(&exchange.unsigned(), input).await;
    exchange.caller =
        outcome.as_ref().ok().map(|response| Principal::Session(response.assumed_role_user.arn.clone()));
    give::<AssumeRoleWithWebIdentityRequest>(Service::Sts, format, &exchange.request_id, outcome)
}

/// Whether a form requests AssumeRoleWithWebIdentity.
pub(super) fn is_web_identity(form: &Form) -> bool {
    form.get("Action") == Some(WEB_IDENTITY.name()) && form.get("Version") == Some(Service::Sts.version())
}
