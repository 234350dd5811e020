//! Users and their access keys.

use access::op::Op;

use super::super::table::{Cross, Expected, Need, Row, iam as arn};
use super::{DOCUMENT, Parameters, READ_ONLY, TAG, TAG_KEY, on, own, step};
use crate::authorization::wire::iam;

const USER: (&str, &str) = ("UserName", "target");
const POLICY: (&str, &str) = ("PolicyName", "row");
const ATTACHED: (&str, &str) = ("PolicyArn", READ_ONLY);

/// An operation on the user `target`.
fn on_user(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![USER];
    all.extend(parameters);
    on(op, "user/target", &all)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_entities();
    rows.extend(of_policies());
    rows.extend(of_what_is_not_here());
    rows
}

fn of_entities() -> Vec<Row> {
    let new = [("UserName", "target-new")];
    let doomed = [("UserName", "target-doomed")];
    let tagged = [("UserName", "target-tagged"), TAG[0], TAG[1]];
    let renamed = [("UserName", "target-old"), ("NewUserName", "target-moved")];
    vec![
        own(Op::CreateUser, "user/target-new", &new).after([step(Op::DeleteUser, &new)]),
        own(Op::CreateUser, "user/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagUser", arn("user/target-tagged"))
            .after([step(Op::DeleteUser, &tagged[..1])]),
        on_user(Op::GetUser, &[]),
        own(Op::ListUsers, "user/", &[]),
        on_user(Op::UpdateUser, &[]),
        on(Op::UpdateUser, "user/target-old", &renamed)
            .variant("to another name")
            .needs("iam:UpdateUser", arn("user/target-moved"))
            .after([
                step(Op::DeleteUser, &[("UserName", "target-moved")]),
                step(Op::CreateUser, &renamed[..1]),
            ]),
        on(Op::DeleteUser, "user/target-doomed", &doomed).after([step(Op::CreateUser, &doomed)]),
        on_user(Op::TagUser, &TAG),
        on_user(Op::UntagUser, &[TAG_KEY]),
        on_user(Op::ListUserTags, &[]),
        on_user(Op::ListGroupsForUser, &[]),
    ]
}

fn of_policies() -> Vec<Row> {
    let document = ("PolicyDocument", DOCUMENT);
    let put = step(Op::PutUserPolicy, &[USER, POLICY, document]);
    let attach = step(Op::AttachUserPolicy, &[USER, ATTACHED]);
    let bound = step(Op::PutUserPermissionsBoundary, &[USER, ("PermissionsBoundary", READ_ONLY)]);
    vec![
        on_user(Op::PutUserPolicy, &[POLICY, document]),
        on_user(Op::GetUserPolicy, &[POLICY]).after([put.clone()]),
        on_user(Op::ListUserPolicies, &[]),
        on_user(Op::DeleteUserPolicy, &[POLICY]).after([put]),
        on_user(Op::AttachUserPolicy, &[ATTACHED]),
        on_user(Op::ListAttachedUserPolicies, &[]),
        on_user(Op::DetachUserPolicy, &[ATTACHED]).after([attach]),
        on_user(Op::PutUserPermissionsBoundary, &[("PermissionsBoundary", READ_ONLY)]),
        on_user(Op::DeleteUserPermissionsBoundary, &[]).after([bound]),
    ]
}

/// What users never have here, told to who may ask.
fn of_what_is_not_here() -> Vec<Row> {
    let none = || Expected::Code(404, "NoSuchEntity");
    vec![
        on_user(Op::GetLoginProfile, &[]).gives(none()),
        on_user(Op::DeleteLoginProfile, &[]).gives(none()),
        on_user(Op::ListMFADevices, &[]),
        on_user(Op::ListSSHPublicKeys, &[]),
        on_user(Op::ListServiceSpecificCredentials, &[]),
        on_user(Op::ListSigningCertificates, &[]),
        // Of the account, whatever user is named: IAM's operation names none.
        own(Op::ListVirtualMFADevices, "mfa/", &[]),
        own(Op::ListVirtualMFADevices, "mfa/", &[USER]).variant("with a user's name"),
    ]
}

/// The rows that are about an access key of `target`.
pub(super) fn of_keys(key: &str) -> Vec<Row> {
    let id = ("AccessKeyId", key);
    let unknown = "AKIAAAAAAAAAAAAAAAAA";
    let last_used = |key: &str| iam("GetAccessKeyLastUsed", &[("AccessKeyId", key)]);
    let refused = || Cross::NamedArn(Expected::Code(403, "AccessDenied"));
    // What a refusal says is the same whether there is such a key or not, and whosever it is.
    let need = |resource: &str, key: &str| {
        Need::new("iam:GetAccessKeyLastUsed", arn(resource)).shown_as(&format!("access key {key}"))
    };
    vec![
        on_user(Op::CreateAccessKey, &[]),
        on_user(Op::ListAccessKeys, &[]),
        on_user(Op::UpdateAccessKey, &[id, ("Status", "Active")]),
        Row::of(Op::GetAccessKeyLastUsed, last_used(key), refused())
            .needing(need("user/target", key))
            .without_reason(),
        Row::of(Op::GetAccessKeyLastUsed, last_used(unknown), refused())
            .variant("of no key")
            .needing(need("user/*", unknown))
            .without_reason()
            .gives(Expected::Code(403, "AccessDenied")),
        on_user(Op::DeleteAccessKey, &[id]),
    ]
}
