//! Managed policies and their versions.

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
    let delete = |name: &str| step(Op::DeletePolicy, &[("PolicyArn", &arn(&format!("policy/{name}")))]);
    vec![
        own(Op::CreatePolicy, "policy/target-new", &new).after([delete("target-new")]),
        own(Op::CreatePolicy, "policy/target-tagged", &tagged)
            .variant("with tags")
            .needs("iam:TagPolicy", arn("policy/target-tagged"))
            .after([delete("target-tagged")]),
        on_policy(Op::GetPolicy, &[]),
        on_everything(Op::ListPolicies, &[]),
        // The second version, which the rows after it are about.
        on_policy(Op::CreatePolicyVersion, &[document]),
        on_policy(Op::GetPolicyVersion, &[("VersionId", "v2")]),
        on_policy(Op::ListPolicyVersions, &[]),
        on_policy(Op::SetDefaultPolicyVersion, &[("VersionId", "v1")]),
        on_policy(Op::DeletePolicyVersion, &[("VersionId", "v2")]),
        on_policy(Op::ListEntitiesForPolicy, &[]),
        on_policy(Op::TagPolicy, &TAG),
        on_policy(Op::UntagPolicy, &[TAG_KEY]),
        on_policy(Op::ListPolicyTags, &[]),
        on_arn(Op::DeletePolicy, &doomed, &[("PolicyArn", &doomed)])
            .after([step(Op::CreatePolicy, &[("PolicyName", "target-doomed"), document])]),
    ]
}
