//! Requests and answers of IAM.

use super::*;
use crate::query::{Form, Format, answer, decode};
use crate::service::Service;
use crate::shape::{Answered, Request};

fn refused<T: Request>(body: &str) -> String {
    decode::<T>(&Form::parse(body.as_bytes()).unwrap()).err().unwrap().message
}

#[test]
fn a_violation_has_iams_text() {
    for (body, message) in [
        (
            "",
            "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "UserName=a%2Fb",
            r"1 validation error detected: Value 'a/b' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+",
        ),
        (
            "UserName=",
            "1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ] {
        assert_eq!(refused::<CreateUserRequest>(body), message);
    }
    assert!(refused::<CreateUserRequest>(&format!("UserName={}", "a".repeat(65))).contains("equal to 64"));
}

#[test]
fn every_violation_is_listed_with_its_value() {
    let body = "UserName=a+b&Tags.member.1.Key=%21&Tags.member.1.Value=%21";
    let text = "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]";
    assert_eq!(
        refused::<TagUserRequest>(body),
        format!(
            "3 validation errors detected: Value 'a b' at 'userName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\w+=,.@-]+; Value '!' at 'tags.1.member.key' failed to satisfy constraint: \
             {text}+; Value '!' at 'tags.1.member.value' failed to satisfy constraint: {text}*"
        )
    );
    let keys = "UserName=a&TagKeys.member.1=%21&TagKeys.member.2=";
    assert!(refused::<UntagUserRequest>(keys).starts_with(
        "1 validation error detected: Value '[!, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy \
         constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal \
         to 1"
    ));
    assert_eq!(
        refused::<ListUsersRequest>("MaxItems=0"),
        "1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: Member must have value \
         greater than or equal to 1"
    );
}

#[test]
fn a_list_of_tags_that_is_too_long_is_shown() {
    let many: Vec<_> =
        (1..=51).map(|n| format!("Tags.member.{n}.Key=k{n}&Tags.member.{n}.Value=v")).collect();
    let refused = refused::<TagUserRequest>(&format!("UserName=a&{}", many.join("&")));
    assert!(
        refused.starts_with("1 validation error detected: Value '[Tag(key=k1, value=v), Tag("),
        "{refused}"
    );
    assert!(refused.ends_with(
        "' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"
    ));
}

#[test]
fn a_document_is_percent_encoded_in_answers() {
    let response = GetUserPolicyResponse {
        user_name: "ann".to_owned(),
        policy_name: "p".to_owned(),
        policy_document: "{\"a\": \"é~\"}".to_owned(),
    };
    let xml = answer(Service::Iam, Format::Xml, "r", &Answered::<GetUserPolicyRequest>(response)).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    assert!(xml.contains("<PolicyDocument>%7B%22a%22%3A%20%22%C3%A9~%22%7D</PolicyDocument>"), "{xml}");
}

#[test]
fn an_access_key_can_only_be_active_or_inactive() {
    let body = "AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=";
    assert!(refused::<UpdateAccessKeyRequest>(&format!("{body}Expired")).ends_with(
        "Value 'Expired' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"
    ));
    let form = Form::parse(format!("{body}Inactive").as_bytes()).unwrap();
    assert_eq!(decode::<UpdateAccessKeyRequest>(&form).unwrap().status, StatusType::Inactive);
}
