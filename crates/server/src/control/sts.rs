//! STS's operations: from the form to the rule that answers it, and back to XML or JSON.

use aws::dialect::Dialect;
use aws::query::{Form, Format, FromForm, Output, STS, response};

use access::context::Unsigned;
use http::header;

use super::fault::Fault;
use super::iam::invalid;
use super::query::not_there;
use super::signed::Signed;
use crate::exchange::Exchange;
use crate::serve::App;

macro_rules! operations {
    ($($name:literal: $request:ident => $method:ident;)*) => {
        /// The operations that are there and that are signed, by the API's names.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// Runs an operation out of [`NAMES`].
        pub(super) async fn run(
            app: &App,
            operation: &str,
            (form, format): (&Form, Format),
            signed: &Signed,
        ) -> Result<Vec<u8>, Fault> {
            match operation {
                $($name => {
                    let input = aws::sts::$request::from_form(form).map_err(invalid)?;
                    let outcome = app.identity.$method(&signed.ctx, input).await;
                    let result = outcome.map_err(|error| Fault::rules(error, Dialect::Query))?;
                    Ok(response(STS, format, $name, &signed.ctx.request_id, |out| result.write(out)))
                })*
                other => Err(not_there("sts", other, STS.version)),
            }
        }
    };
}

/// The one operation whose requests are not signed: the token in it is the proof.
pub(super) const WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Runs AssumeRoleWithWebIdentity.
pub(super) async fn run_web_identity(
    app: &App,
    exchange: &mut Exchange,
    (form, format): (&Form, Format),
) -> Result<Vec<u8>, Fault> {
    exchange.operation = WEB_IDENTITY;
    let input = aws::sts::AssumeRoleWithWebIdentityRequest::from_form(form).map_err(invalid)?;
    let user_agent = exchange.header(&header::USER_AGENT).map(str::to_owned);
    let request = Unsigned { peer: exchange.peer, user_agent, now: exchange.now };
    let outcome = app.identity.assume_role_with_web_identity(&request, input).await;
    let result = outcome.map_err(|error| Fault::rules(error, Dialect::Query))?;
    exchange.caller = Some(result.arn.clone());
    Ok(response(STS, format, WEB_IDENTITY, &exchange.request_id, |out| result.write(out)))
}

/// Whether a form asks for AssumeRoleWithWebIdentity.
pub(super) fn is_web_identity(form: &Form) -> bool {
    form.get("Action") == Some(WEB_IDENTITY) && form.get("Version") == Some(STS.version)
}

operations! {
    "AssumeRole": AssumeRoleRequest => assume_role;
    "DecodeAuthorizationMessage": DecodeAuthorizationMessageRequest => decode_authorization_message;
    "GetAccessKeyInfo": GetAccessKeyInfoRequest => get_access_key_info;
    "GetCallerIdentity": GetCallerIdentityRequest => get_caller_identity;
    "GetFederationToken": GetFederationTokenRequest => get_federation_token;
    "GetSessionToken": GetSessionTokenRequest => get_session_token;
}

/// The operation of this name, if it is there.
pub(super) fn find(name: &str, version: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name && version == STS.version).copied()
}
