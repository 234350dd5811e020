//! Requests and answers of STS.

use super::*;
use crate::query::{Form, Format, answer, decode};
use crate::service::Service;
use crate::shape::Answered;

#[test]
fn get_caller_identity_answers_as_sts_does() {
    let identity = GetCallerIdentityResponse {
        arn: "arn:aws:iam::123456789012:user/Alice".to_owned(),
        user_id: "AIDACKCEVSQ6C2EXAMPLE".to_owned(),
        account: "123456789012".to_owned(),
    };
    let xml =
        answer(Service::Sts, Format::Xml, "r-1", &Answered::<GetCallerIdentityRequest>(identity)).unwrap();
    assert_eq!(
        String::from_utf8(xml).unwrap(),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/Alice</Arn>\
         <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    );
}

#[test]
fn a_token_is_in_no_refusal() {
    let form = Form::parse(b"RoleArn=x&WebIdentityToken=abc").unwrap();
    let refused = decode::<AssumeRoleWithWebIdentityRequest>(&form).err().unwrap();
    assert!(refused.message.contains("webIdentityToken"), "{}", refused.message);
    assert!(!refused.message.contains("abc"));
}
