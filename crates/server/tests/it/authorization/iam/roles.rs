//! Roles.

use access::op::Op;

use super::super::table::{Expected, Row, iam as arn};
use super::{DOCUMENT, Parameters, READ_ONLY, TAG, TAG_KEY, TRUST, on, own, step};

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
        own(Op::CreateRole, "role/target-new", &new).after([step(Op::DeleteRole, &new[..1])]),
        own(Op::CreateRole, "role/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagRole", arn("role/target-tagged"))
            .after([step(Op::DeleteRole, &tagged[..1])]),
        on_role(Op::GetRole, &[]),
        own(Op::ListRoles, "role/", &[]),
        on_role(Op::UpdateRole, &[("Description", "of a row")]),
        on_role(Op::UpdateRoleDescription, &[("Description", "of a row")]),
        on_role(Op::UpdateAssumeRolePolicy, &[("PolicyDocument", TRUST)]),
        on(Op::DeleteRole, "role/target-doomed", &doomed[..1]).after([step(Op::CreateRole, &doomed)]),
        on_role(Op::TagRole, &TAG),
        on_role(Op::UntagRole, &[TAG_KEY]),
        on_role(Op::ListRoleTags, &[]),
        on_role(Op::ListInstanceProfilesForRole, &[]),
    ]
}

fn of_policies() -> Vec<Row> {
    let document = ("PolicyDocument", DOCUMENT);
    let put = step(Op::PutRolePolicy, &[ROLE, POLICY, document]);
    let bound = step(Op::PutRolePermissionsBoundary, &[ROLE, ("PermissionsBoundary", READ_ONLY)]);
    vec![
        on_role(Op::PutRolePolicy, &[POLICY, document]),
        on_role(Op::GetRolePolicy, &[POLICY]).after([put.clone()]),
        on_role(Op::ListRolePolicies, &[]),
        on_role(Op::DeleteRolePolicy, &[POLICY]).after([put]),
        on_role(Op::AttachRolePolicy, &[ATTACHED]),
        on_role(Op::ListAttachedRolePolicies, &[]),
        on_role(Op::DetachRolePolicy, &[ATTACHED]).after([step(Op::AttachRolePolicy, &[ROLE, ATTACHED])]),
        on_role(Op::PutRolePermissionsBoundary, &[("PermissionsBoundary", READ_ONLY)]),
        on_role(Op::DeleteRolePermissionsBoundary, &[]).after([bound]),
    ]
}

/// The other account makes its own service-linked role in the first row, and deletes it in the second.
fn of_services() -> Vec<Row> {
    let service = [("AWSServiceName", "replication.ecr.amazonaws.com")];
    let role = [("RoleName", "AWSServiceRoleForECRReplication")];
    let task = [("DeletionTaskId", "task/aws-service-role/ecr.amazonaws.com/target/1")];
    vec![
        own(Op::CreateServiceLinkedRole, REPLICATION, &service)
            .after([step(Op::DeleteServiceLinkedRole, &role)]),
        on(Op::DeleteServiceLinkedRole, REPLICATION, &role)
            .after([step(Op::CreateServiceLinkedRole, &service)])
            .elsewhere(Expected::Success),
        own(Op::GetServiceLinkedRoleDeletionStatus, "role/aws-service-role/ecr.amazonaws.com/target", &task),
    ]
}
