//! Groups.

use access::op::IamOp;
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
    let put = step(Op::Iam(IamOp::PutGroupPolicy), &[GROUP, POLICY, document]);
    vec![
        own(Op::Iam(IamOp::CreateGroup), "group/target-new", &new)
            .after([step(Op::Iam(IamOp::DeleteGroup), &new)]),
        on_group(Op::Iam(IamOp::GetGroup), &[]),
        own(Op::Iam(IamOp::ListGroups), "group/", &[]),
        on_group(Op::Iam(IamOp::UpdateGroup), &[]),
        on(Op::Iam(IamOp::UpdateGroup), "group/target-old", &renamed)
            .variant("to another name")
            .needs("iam:UpdateGroup", arn("group/target-moved"))
            .after([
                step(Op::Iam(IamOp::DeleteGroup), &[("GroupName", "target-moved")]),
                step(Op::Iam(IamOp::CreateGroup), &renamed[..1]),
            ]),
        on(Op::Iam(IamOp::DeleteGroup), "group/target-doomed", &doomed)
            .after([step(Op::Iam(IamOp::CreateGroup), &doomed)]),
        on_group(Op::Iam(IamOp::AddUserToGroup), &[MEMBER]),
        on_group(Op::Iam(IamOp::RemoveUserFromGroup), &[MEMBER])
            .after([step(Op::Iam(IamOp::AddUserToGroup), &[GROUP, MEMBER])]),
        on_group(Op::Iam(IamOp::PutGroupPolicy), &[POLICY, document]),
        on_group(Op::Iam(IamOp::GetGroupPolicy), &[POLICY]).after([put.clone()]),
        on_group(Op::Iam(IamOp::ListGroupPolicies), &[]),
        on_group(Op::Iam(IamOp::DeleteGroupPolicy), &[POLICY]).after([put]),
        on_group(Op::Iam(IamOp::AttachGroupPolicy), &[ATTACHED]),
        on_group(Op::Iam(IamOp::ListAttachedGroupPolicies), &[]),
        on_group(Op::Iam(IamOp::DetachGroupPolicy), &[ATTACHED])
            .after([step(Op::Iam(IamOp::AttachGroupPolicy), &[GROUP, ATTACHED])]),
    ]
}
