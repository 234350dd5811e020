//! The rows of the Resource Groups Tagging API (Service Authorization Reference, "AWS Resource Groups Tagging API"). What
//! it changes needs the permission of the resource's service too; without it the answer says which resource was not
//! changed.

use access::op::{Op, TaggingOp};
use serde_json::{Value, json};

use super::table::{ACCOUNT, Cross, Expected, Need, Row, iam, repository};
use super::wire::{Ask, ecr, iam as iam_ask, tagging};

/// A repository and a role.
pub(super) fn state() -> Vec<Ask> {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    let role = [("RoleName", "tagged"), ("Path", "/team/"), ("AssumeRolePolicyDocument", trust.as_str())];
    vec![ecr("CreateRepository", &json!({"repositoryName": "tagged"})), iam_ask("CreateRole", &role)]
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    vec![
        ecr("ListTagsForResource", &json!({"resourceArn": repository("tagged")})),
        iam_ask("ListRoleTags", &[("RoleName", "tagged")]),
        tagging("GetTagKeys", &json!({})),
    ]
}

fn on(op: TaggingOp, input: &Value) -> Row {
    let op = Op::Tagging(op);
    Row::of(op, tagging(op.name(), input), Cross::OwnAccount(Expected::Success))
        .needs(format!("tag:{}", op.name()), "*")
}

pub(super) fn rows() -> Vec<Row> {
    let (app, role) = (repository("tagged"), iam("role/team/tagged"));
    let set = |arn: &str| json!({"ResourceARNList": [arn], "Tags": {"team": "{fresh}"}});
    let remove = |arn: &str| json!({"ResourceARNList": [arn], "TagKeys": ["team"]});
    let own = |action: &str, arn: &str| Need::new(action, arn).or_else(200);
    vec![
        on(TaggingOp::GetResources, &json!({})),
        on(TaggingOp::GetTagKeys, &json!({})),
        on(TaggingOp::GetTagValues, &json!({"Key": "team"})),
        on(TaggingOp::TagResources, &set(&app)).needing(own("ecr:TagResource", &app)),
        on(TaggingOp::TagResources, &set(&role)).variant("of a role").needing(own("iam:TagRole", &role)),
        on(TaggingOp::UntagResources, &remove(&app)).needing(own("ecr:UntagResource", &app)),
        on(TaggingOp::UntagResources, &remove(&role))
            .variant("of a role")
            .needing(own("iam:UntagRole", &role)),
    ]
}
