//! Managed policies and their versions.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Row, iam as arn};
use super::{DOCUMENT, Parameters, TAG, TAG_KEY, TARGET_POLICY, on_arn, on_everything, own, step};

/// An operation on the policy `target`.
fn on_policy(op: Op, parameters: Parameters<'_>) -> Row {
    let mut all = vec![("PolicyArn", TARGET_POLICY)];
    all.extend(parameters);
    on_arn(op, TARGET_POLICY, &all)
}

pub(super) fn rows() -> Vec<Row> {
    let document = ("PolicyDocument", DOCUMENT);
    let new = [("PolicyName", "target-new"), document];
    let tagged = [("PolicyName", "target-tagged"), document, TAG[0], TAG[1]];
    let doomed = arn("policy/target-doomed");
    let delete =
        |name: &str| step(Op::Iam(IamOp::DeletePolicy), &[("PolicyArn", &arn(&format!("policy/{name}")))]);
    vec![
        own(Op::Iam(IamOp::CreatePolicy), "policy/target-new", &new).after([delete("target-new")]),
        own(Op::Iam(IamOp::CreatePolicy), "policy/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagPolicy", arn("policy/target-tagged"))
            .after([delete("target-tagged")]),
        on_policy(Op::Iam(IamOp::GetPolicy), &[]),
        on_everything(Op::Iam(IamOp::ListPolicies), &[]),
        // The second version, which the next rows are about.
        on_policy(Op::Iam(IamOp::CreatePolicyVersion), &[document]),
        on_policy(Op::Iam(IamOp::GetPolicyVersion), &[("VersionId", "v2")]),
        on_policy(Op::Iam(IamOp::ListPolicyVersions), &[]),
        on_policy(Op::Iam(IamOp::SetDefaultPolicyVersion), &[("VersionId", "v1")]),
        on_policy(Op::Iam(IamOp::DeletePolicyVersion), &[("VersionId", "v2")]),
        on_policy(Op::Iam(IamOp::ListEntitiesForPolicy), &[]),
        on_policy(Op::Iam(IamOp::TagPolicy), &TAG),
        on_policy(Op::Iam(IamOp::UntagPolicy), &[TAG_KEY]),
        on_policy(Op::Iam(IamOp::ListPolicyTags), &[]),
        on_arn(Op::Iam(IamOp::DeletePolicy), &doomed, &[("PolicyArn", &doomed)])
            .after([step(Op::Iam(IamOp::CreatePolicy), &[("PolicyName", "target-doomed"), document])]),
    ]
}
