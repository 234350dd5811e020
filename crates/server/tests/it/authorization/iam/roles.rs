//! Roles.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Cross, Expected, Need, Row, iam as arn};
use super::{DOCUMENT, Parameters, READ_ONLY, TAG, TAG_KEY, TRUST, on, own, step};
use crate::authorization::wire::iam;

const ROLE: (&str, &str) = ("RoleName", "target");
const TRUSTING: (&str, &str) = ("AssumeRolePolicyDocument", TRUST);
const POLICY: (&str, &str) = ("PolicyName", "row");
const ATTACHED: (&str, &str) = ("PolicyArn", READ_ONLY);
const REPLICATION: &str =
    "role/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication";

/// An operation on the role `target`.
fn on_role(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![ROLE];
    all.extend(parameters);
    on(op, "role/target", &all)
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_entities();
    rows.extend(of_policies());
    rows.extend(of_services());
    rows
}

fn of_entities() -> Vec<Row> {
    let new = [("RoleName", "target-new"), TRUSTING];
    let tagged = [("RoleName", "target-tagged"), TRUSTING, TAG[0], TAG[1]];
    let doomed = [("RoleName", "target-doomed"), TRUSTING];
    vec![
        own(Op::Iam(IamOp::CreateRole), "role/target-new", &new)
            .after([step(Op::Iam(IamOp::DeleteRole), &new[..1])]),
        own(Op::Iam(IamOp::CreateRole), "role/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagRole", arn("role/target-tagged"))
            .after([step(Op::Iam(IamOp::DeleteRole), &tagged[..1])]),
        on_role(Op::Iam(IamOp::GetRole), &[]),
        own(Op::Iam(IamOp::ListRoles), "role/", &[]),
        on_role(Op::Iam(IamOp::UpdateRole), &[("Description", "of a row")]),
        on_role(Op::Iam(IamOp::UpdateRoleDescription), &[("Description", "of a row")]),
        on_role(Op::Iam(IamOp::UpdateAssumeRolePolicy), &[("PolicyDocument", TRUST)]),
        on(Op::Iam(IamOp::DeleteRole), "role/target-doomed", &doomed[..1])
            .after([step(Op::Iam(IamOp::CreateRole), &doomed)]),
        on_role(Op::Iam(IamOp::TagRole), &TAG),
        on_role(Op::Iam(IamOp::UntagRole), &[TAG_KEY]),
        on_role(Op::Iam(IamOp::ListRoleTags), &[]),
        on_role(Op::Iam(IamOp::ListInstanceProfilesForRole), &[]),
    ]
}

fn of_policies() -> Vec<Row> {
    let document = ("PolicyDocument", DOCUMENT);
    let put = step(Op::Iam(IamOp::PutRolePolicy), &[ROLE, POLICY, document]);
    let bound = step(Op::Iam(IamOp::PutRolePermissionsBoundary), &[ROLE, ("PermissionsBoundary", READ_ONLY)]);
    vec![
        on_role(Op::Iam(IamOp::PutRolePolicy), &[POLICY, document]),
        on_role(Op::Iam(IamOp::GetRolePolicy), &[POLICY]).after([put.clone()]),
        on_role(Op::Iam(IamOp::ListRolePolicies), &[]),
        on_role(Op::Iam(IamOp::DeleteRolePolicy), &[POLICY]).after([put]),
        on_role(Op::Iam(IamOp::AttachRolePolicy), &[ATTACHED]),
        on_role(Op::Iam(IamOp::ListAttachedRolePolicies), &[]),
        on_role(Op::Iam(IamOp::DetachRolePolicy), &[ATTACHED])
            .after([step(Op::Iam(IamOp::AttachRolePolicy), &[ROLE, ATTACHED])]),
        on_role(Op::Iam(IamOp::PutRolePermissionsBoundary), &[("PermissionsBoundary", READ_ONLY)]),
        on_role(Op::Iam(IamOp::DeleteRolePermissionsBoundary), &[]).after([bound]),
    ]
}

/// The other account creates its own service-linked role in the first row, and deletes it in the second.
fn of_services() -> Vec<Row> {
    let service = [("AWSServiceName", "replication.ecr.amazonaws.com")];
    let role = [("RoleName", "AWSServiceRoleForECRReplication")];
    let delete = Op::Iam(IamOp::DeleteServiceLinkedRole);
    let task = [("DeletionTaskId", "task/aws-service-role/ecr.amazonaws.com/target/1")];
    vec![
        own(Op::Iam(IamOp::CreateServiceLinkedRole), REPLICATION, &service).after([step(delete, &role)]),
        Row::of(delete, iam(delete.name(), &role), Cross::OwnAccount(Expected::Success))
            .needing(
                // The request has no path.
                Need::new("iam:DeleteServiceLinkedRole", arn(REPLICATION))
                    .shown_as(&arn("role/AWSServiceRoleForECRReplication")),
            )
            .after([step(Op::Iam(IamOp::CreateServiceLinkedRole), &service)]),
        own(
            Op::Iam(IamOp::GetServiceLinkedRoleDeletionStatus),
            "role/aws-service-role/ecr.amazonaws.com/target",
            &task,
        ),
    ]
}
