//! STS's operations, and the one whose requests are not signed.

use access::error::Error;
use access::op::{Op, StsOp};
use aws::dialect::Dialect;
use aws::query::{self, Form, Format};
use aws::service::Service;
use aws::shape::Answered;
use aws::sts::AssumeRoleWithWebIdentityRequest;
use identity::Identity;

use super::dispatch::{invalid_form, operations};
use super::fault::Fault;
use crate::exchange::{Exchange, Principal};
use crate::serve::App;

aws::sts_operations! { operations StsOp sts Identity FromForm read_form }

/// The only operation with unsigned requests: the token in it authenticates the caller.
const WEB_IDENTITY: Op = Op::Sts(StsOp::AssumeRoleWithWebIdentity);

/// Runs AssumeRoleWithWebIdentity.
pub(super) async fn run_web_identity(
    app: &App,
    exchange: &mut Exchange,
    (form, format): (&Form, Format),
) -> Result<Vec<u8>, Fault> {
    exchange.operation = WEB_IDENTITY.into();
    let input = query::decode(form).map_err(invalid_form)?;
    let outcome = app.identity.assume_role_with_web_identity(&exchange.unsigned(), input).await;
    exchange.caller =
        outcome.as_ref().ok().map(|response| Principal::Session(response.assumed_role_user.arn.clone()));
    let fault = |error| Fault::rules(error, Dialect::Query);
    let answer = Answered::<AssumeRoleWithWebIdentityRequest>(outcome.map_err(fault)?);
    query::answer(Service::Sts, format, &exchange.request_id, &answer)
        .map_err(|error| fault(Error::internal(error)))
}

/// Whether a form requests AssumeRoleWithWebIdentity.
pub(super) fn is_web_identity(form: &Form) -> bool {
    form.get("Action") == Some(WEB_IDENTITY.name()) && form.get("Version") == Some(Service::Sts.version())
}
