//! The answers of STS.

use crate::query::{self, STS};

/// The `Version` of STS's API.
pub const VERSION: &str = STS.version;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The caller's ARN.
    pub arn: String,
    /// `AIDA…` of a user, `AROA…:session` of a role's session, the account id of root.
    pub user_id: String,
    /// The account.
    pub account: String,
}

/// The answer of GetCallerIdentity, which no policy can deny.
pub fn get_caller_identity(identity: &CallerIdentity, request_id: &str) -> Vec<u8> {
    query::response(STS, "GetCallerIdentity", request_id, |xml| {
        xml.text("Arn", &identity.arn).text("UserId", &identity.user_id).text("Account", &identity.account);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_caller_identity_answers_as_sts_does() {
        let identity = CallerIdentity {
            arn: "arn:aws:iam::123456789012:user/Alice".to_owned(),
            user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
            account: "123456789012".to_owned(),
        };
        let xml = String::from_utf8(get_caller_identity(&identity, "r-1")).unwrap();
        assert_eq!(
            xml,
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>\
             <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
        );
    }
}
