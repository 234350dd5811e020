//! Groups.

use access::op::Op;

use super::super::table::{Row, iam as arn};
use super::{DOCUMENT, Parameters, READ_ONLY, on, own, step};

const GROUP: (&str, &str) = ("GroupName", "target");
const MEMBER: (&str, &str) = ("UserName", "target");
const POLICY: (&str, &str) = ("PolicyName", "row");
const ATTACHED: (&str, &str) = ("PolicyArn", READ_ONLY);

/// An operation on the group `target`.
fn on_group(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![GROUP];
    all.extend(parameters);
    on(op, "group/target", &all)
}

pub(super) fn rows() -> Vec<Row> {
    let new = [("GroupName", "target-new")];
    let doomed = [("GroupName", "target-doomed")];
    let renamed = [("GroupName", "target-old"), ("NewGroupName", "target-moved")];
    let document = ("PolicyDocument", DOCUMENT);
    let put = step(Op::PutGroupPolicy, &[GROUP, POLICY, document]);
    vec![
        own(Op::CreateGroup, "group/target-new", &new).after([step(Op::DeleteGroup, &new)]),
        on_group(Op::GetGroup, &[]),
        own(Op::ListGroups, "group/", &[]),
        on_group(Op::UpdateGroup, &[]),
        on(Op::UpdateGroup, "group/target-old", &renamed)
            .variant("to another name")
            .needs("iam:UpdateGroup", arn("group/target-moved"))
            .after([
                step(Op::DeleteGroup, &[("GroupName", "target-moved")]),
                step(Op::CreateGroup, &renamed[..1]),
            ]),
        on(Op::DeleteGroup, "group/target-doomed", &doomed).after([step(Op::CreateGroup, &doomed)]),
        on_group(Op::AddUserToGroup, &[MEMBER]),
        on_group(Op::RemoveUserFromGroup, &[MEMBER]).after([step(Op::AddUserToGroup, &[GROUP, MEMBER])]),
        on_group(Op::PutGroupPolicy, &[POLICY, document]),
        on_group(Op::GetGroupPolicy, &[POLICY]).after([put.clone()]),
        on_group(Op::ListGroupPolicies, &[]),
        on_group(Op::DeleteGroupPolicy, &[POLICY]).after([put]),
        on_group(Op::AttachGroupPolicy, &[ATTACHED]),
        on_group(Op::ListAttachedGroupPolicies, &[]),
        on_group(Op::DetachGroupPolicy, &[ATTACHED]).after([step(Op::AttachGroupPolicy, &[GROUP, ATTACHED])]),
    ]
}
