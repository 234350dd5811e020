//! Users and their access keys.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Cross, Expected, Need, Row, iam as arn};
use super::{DOCUMENT, Parameters, READ_ONLY, TAG, TAG_KEY, on, on_arn, own, step};
use crate::authorization::wire::iam;

const USER: (&str, &str) = ("UserName", "target");
const POLICY: (&str, &str) = ("PolicyName", "row");
const ATTACHED: (&str, &str) = ("PolicyArn", READ_ONLY);

const DEVICE: (&str, &str) = ("SerialNumber", "arn:aws:iam::123456789012:mfa/target");
const MISSING: (&str, &str) = ("SerialNumber", "arn:aws:iam::123456789012:mfa/none");
const CODES: [(&str, &str); 2] = [("AuthenticationCode1", "000000"), ("AuthenticationCode2", "000001")];

/// An operation on the user `target`.
fn on_user(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![USER];
    all.extend(parameters);
    on(op, "user/target", &all)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_entities();
    rows.extend(of_policies());
    rows.extend(of_passwords());
    rows.extend(of_what_is_not_here());
    rows
}

fn of_entities() -> Vec<Row> {
    let new = [("UserName", "target-new")];
    let doomed = [("UserName", "target-doomed")];
    let tagged = [("UserName", "target-tagged"), TAG[0], TAG[1]];
    let renamed = [("UserName", "target-old"), ("NewUserName", "target-moved")];
    vec![
        own(Op::Iam(IamOp::CreateUser), "user/target-new", &new)
            .after([step(Op::Iam(IamOp::DeleteUser), &new)]),
        own(Op::Iam(IamOp::CreateUser), "user/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagUser", arn("user/target-tagged"))
            .after([step(Op::Iam(IamOp::DeleteUser), &tagged[..1])]),
        on_user(Op::Iam(IamOp::GetUser), &[]),
        own(Op::Iam(IamOp::ListUsers), "user/", &[]),
        on_user(Op::Iam(IamOp::UpdateUser), &[]),
        on(Op::Iam(IamOp::UpdateUser), "user/target-old", &renamed)
            .variant("to another name")
            .needs("iam:UpdateUser", arn("user/target-moved"))
            .after([
                step(Op::Iam(IamOp::DeleteUser), &[("UserName", "target-moved")]),
                step(Op::Iam(IamOp::CreateUser), &renamed[..1]),
            ]),
        on(Op::Iam(IamOp::DeleteUser), "user/target-doomed", &doomed)
            .after([step(Op::Iam(IamOp::CreateUser), &doomed)]),
        on_user(Op::Iam(IamOp::TagUser), &TAG),
        on_user(Op::Iam(IamOp::UntagUser), &[TAG_KEY]),
        on_user(Op::Iam(IamOp::ListUserTags), &[]),
        on_user(Op::Iam(IamOp::ListGroupsForUser), &[]),
    ]
}

fn of_policies() -> Vec<Row> {
    let document = ("PolicyDocument", DOCUMENT);
    let put = step(Op::Iam(IamOp::PutUserPolicy), &[USER, POLICY, document]);
    let attach = step(Op::Iam(IamOp::AttachUserPolicy), &[USER, ATTACHED]);
    let bound = step(Op::Iam(IamOp::PutUserPermissionsBoundary), &[USER, ("PermissionsBoundary", READ_ONLY)]);
    vec![
        on_user(Op::Iam(IamOp::PutUserPolicy), &[POLICY, document]),
        on_user(Op::Iam(IamOp::GetUserPolicy), &[POLICY]).after([put.clone()]),
        on_user(Op::Iam(IamOp::ListUserPolicies), &[]),
        on_user(Op::Iam(IamOp::DeleteUserPolicy), &[POLICY]).after([put]),
        on_user(Op::Iam(IamOp::AttachUserPolicy), &[ATTACHED]),
        on_user(Op::Iam(IamOp::ListAttachedUserPolicies), &[]),
        on_user(Op::Iam(IamOp::DetachUserPolicy), &[ATTACHED]).after([attach]),
        on_user(Op::Iam(IamOp::PutUserPermissionsBoundary), &[("PermissionsBoundary", READ_ONLY)]),
        on_user(Op::Iam(IamOp::DeleteUserPermissionsBoundary), &[]).after([bound]),
    ]
}

/// Passwords of users. `nameless.rs` covers the caller's own.
fn of_passwords() -> Vec<Row> {
    let password = ("Password", "Correct-horse-7");
    let create = || step(Op::Iam(IamOp::CreateLoginProfile), &[USER, password]);
    let delete = || step(Op::Iam(IamOp::DeleteLoginProfile), &[USER]);
    vec![
        on_user(Op::Iam(IamOp::CreateLoginProfile), &[password]).after([delete()]),
        on_user(Op::Iam(IamOp::UpdateLoginProfile), &[("PasswordResetRequired", "true")]).after([create()]),
        on_user(Op::Iam(IamOp::GetLoginProfile), &[]).after([create()]),
        on_user(Op::Iam(IamOp::DeleteLoginProfile), &[]).after([create()]),
    ]
}

/// What users never have here, as an allowed caller sees it.
fn of_what_is_not_here() -> Vec<Row> {
    let none = || Expected::Code(404, "NoSuchEntity");
    vec![
        on_user(Op::Iam(IamOp::ListMFADevices), &[]),
        own(Op::Iam(IamOp::CreateVirtualMFADevice), "mfa/target", &[("VirtualMFADeviceName", "target")])
            .after([step(Op::Iam(IamOp::DeleteVirtualMFADevice), &[DEVICE])]),
        on_arn(Op::Iam(IamOp::DeleteVirtualMFADevice), DEVICE.1, &[DEVICE])
            .after([step(Op::Iam(IamOp::CreateVirtualMFADevice), &[("VirtualMFADeviceName", "target")])]),
        on_user(Op::Iam(IamOp::EnableMFADevice), &[MISSING, CODES[0], CODES[1]]).gives(none()),
        on_user(Op::Iam(IamOp::ResyncMFADevice), &[MISSING, CODES[0], CODES[1]]).gives(none()),
        on_user(Op::Iam(IamOp::DeactivateMFADevice), &[MISSING]).gives(none()),
        on_user(Op::Iam(IamOp::ListSSHPublicKeys), &[]),
        on_user(Op::Iam(IamOp::ListServiceSpecificCredentials), &[]),
        on_user(Op::Iam(IamOp::ListSigningCertificates), &[]),
        // For the account, regardless of the user: IAM's operation names none.
        own(Op::Iam(IamOp::ListVirtualMFADevices), "mfa/", &[]),
        own(Op::Iam(IamOp::ListVirtualMFADevices), "mfa/", &[USER]).variant("with a user's name"),
    ]
}

/// The rows about an access key of `target`.
pub(super) fn of_keys(key: &str) -> Vec<Row> {
    let id = ("AccessKeyId", key);
    let unknown = "AKIAAAAAAAAAAAAAAAAA";
    let last_used = |key: &str| iam("GetAccessKeyLastUsed", &[("AccessKeyId", key)]);
    let refused = || Cross::NamedArn(Expected::Code(403, "AccessDenied"));
    // The text of a refusal does not depend on whether the key exists, or on its owner.
    let need = |resource: &str, key: &str| {
        Need::new("iam:GetAccessKeyLastUsed", arn(resource)).shown_as(&format!("access key {key}"))
    };
    vec![
        on_user(Op::Iam(IamOp::CreateAccessKey), &[]),
        on_user(Op::Iam(IamOp::ListAccessKeys), &[]),
        on_user(Op::Iam(IamOp::UpdateAccessKey), &[id, ("Status", "Active")]),
        Row::of(Op::Iam(IamOp::GetAccessKeyLastUsed), last_used(key), refused())
            .needing(need("user/target", key))
            .without_reason(),
        Row::of(Op::Iam(IamOp::GetAccessKeyLastUsed), last_used(unknown), refused())
            .variant("of no key")
            .needing(need("user/*", unknown))
            .without_reason()
            .gives(Expected::Code(403, "AccessDenied")),
        on_user(Op::Iam(IamOp::DeleteAccessKey), &[id]),
    ]
}
