//! The operations of STS: from the form to the rule that answers it, and back to XML.

use aws::query::{Form, STS};
use aws::sts::{CallerIdentity, get_caller_identity};

use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

/// The operations that are there, by the API's names.
const NAMES: &[&str] = &["GetCallerIdentity"];

/// The operation of this name, if it is there.
pub(super) fn find(name: &str, version: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name && version == STS.version).copied()
}

/// Runs an operation out of [`NAMES`].
pub(super) async fn run(
    _app: &App,
    operation: &str,
    _form: &Form,
    signed: &Signed,
) -> Result<Vec<u8>, Fault> {
    let caller = &signed.ctx.caller;
    match operation {
        "GetCallerIdentity" => {
            let identity = CallerIdentity {
                arn: caller.arn.clone(),
                user_id: caller.user_id(),
                account: caller.account_id.to_string(),
            };
            Ok(get_caller_identity(&identity, &signed.ctx.request_id))
        }
        other => Err(super::query::not_there("sts", other, STS.version)),
    }
}
