//! Instance profiles, and the permission to pass a role that they need.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Row, iam as arn};
use super::{Parameters, TAG, TAG_KEY, on, own, step};
use crate::authorization::wire::iam;

const PROFILE: (&str, &str) = ("InstanceProfileName", "target");
const ROLE: (&str, &str) = ("RoleName", "target");

/// An operation on the instance profile `target`.
fn on_profile(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![PROFILE];
    all.extend(parameters);
    on(op, "instance-profile/target", &all)
}

pub(super) fn rows() -> Vec<Row> {
    let new = [("InstanceProfileName", "target-new")];
    let tagged = [("InstanceProfileName", "target-tagged"), TAG[0], TAG[1]];
    let doomed = [("InstanceProfileName", "target-doomed")];
    let take_out = step(Op::Iam(IamOp::RemoveRoleFromInstanceProfile), &[PROFILE, ROLE]);
    let adding = on_profile(Op::Iam(IamOp::AddRoleToInstanceProfile), &[ROLE])
        .needs("iam:PassRole", arn("role/target"))
        .after([take_out]);
    let passing = Row {
        op: Some(Op::Iam(IamOp::PassRole)),
        name: "PassRole into an instance profile".to_owned(),
        ask: iam("AddRoleToInstanceProfile", &[PROFILE, ROLE]),
        ..adding.clone()
    };
    vec![
        own(Op::Iam(IamOp::CreateInstanceProfile), "instance-profile/target-new", &new)
            .after([step(Op::Iam(IamOp::DeleteInstanceProfile), &new)]),
        own(Op::Iam(IamOp::CreateInstanceProfile), "instance-profile/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagInstanceProfile", arn("instance-profile/target-tagged"))
            .after([step(Op::Iam(IamOp::DeleteInstanceProfile), &tagged[..1])]),
        on_profile(Op::Iam(IamOp::GetInstanceProfile), &[]),
        own(Op::Iam(IamOp::ListInstanceProfiles), "instance-profile/", &[]),
        adding,
        passing,
        on_profile(Op::Iam(IamOp::RemoveRoleFromInstanceProfile), &[ROLE])
            .after([step(Op::Iam(IamOp::AddRoleToInstanceProfile), &[PROFILE, ROLE])]),
        on(Op::Iam(IamOp::DeleteInstanceProfile), "instance-profile/target-doomed", &doomed)
            .after([step(Op::Iam(IamOp::CreateInstanceProfile), &doomed)]),
        on_profile(Op::Iam(IamOp::TagInstanceProfile), &TAG),
        on_profile(Op::Iam(IamOp::UntagInstanceProfile), &[TAG_KEY]),
        on_profile(Op::Iam(IamOp::ListInstanceProfileTags), &[]),
    ]
}
