//! The rows of Organizations' API (Service Authorization Reference, "AWS Organizations" and "AWS Account Management").
//! The ARNs name the management account, regardless of the caller.

use access::op::Op;
use access::op::OrganizationsOp;
use serde_json::{Value, json};

use super::cross::members_may_not;
use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, MEMBER, Row};
use super::wire::{Ask, organizations};

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    vec![
        organizations("ListAccounts", &json!({})),
        organizations("ListCreateAccountStatus", &json!({})),
        organizations("ListTagsForResource", &json!({"ResourceId": MEMBER})),
    ]
}

/// An operation whose action has the same name.
fn on(op: Op, resource: &str, input: &Value) -> Row {
    called(op, op.name(), input).needs(format!("organizations:{}", op.name()), resource)
}

fn called(op: Op, operation: &str, input: &Value) -> Row {
    Row::of(op, organizations(operation, input), Cross::Management(members_may_not()))
}

pub(super) async fn rows(stage: &Stage) -> Vec<Row> {
    let listed = organizations("ListCreateAccountStatus", &json!({}));
    let listed = stage.ask(&listed, Some(&stage.admin)).await;
    let listed: Value = serde_json::from_str(&listed.body).unwrap();
    let creation = listed["CreateAccountStatuses"][0]["Id"].as_str().unwrap();
    let mut rows = of_the_tree(stage);
    rows.extend(of_accounts(stage, creation));
    rows
}

fn of_the_tree(stage: &Stage) -> Vec<Row> {
    let root_id = &stage.root_id;
    let root = format!("arn:aws:organizations::{ACCOUNT}:root/{}/{root_id}", stage.organization);
    let member = format!("arn:aws:organizations::{ACCOUNT}:account/{}/{MEMBER}", stage.organization);
    let parent = json!({"ParentId": root_id});
    vec![
        // Members may see which organization they belong to.
        on(Op::Organizations(OrganizationsOp::DescribeOrganization), "*", &json!({}))
            .elsewhere(Expected::Success),
        on(Op::Organizations(OrganizationsOp::ListRoots), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfListKeys), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfRotateKeys), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfListReconcilers), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfListEventTargets), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfListDeadLetters), "*", &json!({"Target": "sink/a"})),
        on(Op::Organizations(OrganizationsOp::WharfReplayDeadLetters), "*", &json!({"Target": "sink/a"})),
        on(Op::Organizations(OrganizationsOp::WharfRunReconciler), "*", &json!({"Name": "sweep-objects"})),
        on(Op::Organizations(OrganizationsOp::WharfDescribeCollection), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfPreviewCollection), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfDescribeCheck), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfStartCheck), "*", &json!({"Quick": true})),
        on(Op::Organizations(OrganizationsOp::WharfDescribeQuotas), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::WharfDescribeUsage), "*", &json!({})),
        on(
            Op::Organizations(OrganizationsOp::WharfExplainDigest),
            "*",
            &json!({"Digest": format!("sha256:{}", "0".repeat(64))}),
        ),
        on(Op::Organizations(OrganizationsOp::ListAccounts), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::ListAWSServiceAccessForOrganization), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::ListDelegatedAdministrators), "*", &json!({})),
        on(Op::Organizations(OrganizationsOp::ListAccountsForParent), &root, &parent),
        on(Op::Organizations(OrganizationsOp::ListOrganizationalUnitsForParent), &root, &parent),
        on(
            Op::Organizations(OrganizationsOp::ListChildren),
            &root,
            &json!({"ParentId": root_id, "ChildType": "ACCOUNT"}),
        ),
        on(Op::Organizations(OrganizationsOp::ListParents), &member, &json!({"ChildId": MEMBER})),
    ]
}

fn of_accounts(stage: &Stage, creation: &str) -> Vec<Row> {
    let root_id = &stage.root_id;
    let member = format!("arn:aws:organizations::{ACCOUNT}:account/{}/{MEMBER}", stage.organization);
    let named = format!("arn:aws:account::{ACCOUNT}:account/{}/{MEMBER}", stage.organization);
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let new = json!({"Email": "{fresh}@example.org", "AccountName": "new"});
    let tagged = json!({"Email": "{fresh}@example.org", "AccountName": "tagged", "Tags": tags});
    let moved = json!({"AccountId": MEMBER, "SourceParentId": root_id, "DestinationParentId": root_id});
    let account = json!({"AccountId": MEMBER});
    let of_member = |more: Value| {
        let mut input = json!({"ResourceId": MEMBER});
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    vec![
        on(Op::Organizations(OrganizationsOp::CreateAccount), "*", &new),
        on(Op::Organizations(OrganizationsOp::CreateAccount), "*", &tagged)
            .variant("with tags")
            .needs("organizations:TagResource", "*"),
        on(Op::Organizations(OrganizationsOp::ListCreateAccountStatus), "*", &json!({})),
        on(
            Op::Organizations(OrganizationsOp::DescribeCreateAccountStatus),
            "*",
            &json!({"CreateAccountRequestId": creation}),
        ),
        on(Op::Organizations(OrganizationsOp::DescribeAccount), &member, &account),
        on(Op::Organizations(OrganizationsOp::MoveAccount), &member, &moved)
            .gives(Expected::Code(400, "DuplicateAccountException")),
        called(
            Op::Organizations(OrganizationsOp::WharfRenameAccount),
            "WharfRenameAccount",
            &json!({"AccountId": MEMBER, "AccountName": "renamed"}),
        )
        .needs("account:PutAccountName", named),
        called(
            Op::Organizations(OrganizationsOp::ListTagsForResource),
            "ListTagsForResource",
            &of_member(json!({})),
        )
        .needs("organizations:ListTagsForResource", &member),
        called(
            Op::Organizations(OrganizationsOp::TagResource),
            "TagResource",
            &of_member(json!({"Tags": tags})),
        )
        .needs("organizations:TagResource", &member),
        called(
            Op::Organizations(OrganizationsOp::UntagResource),
            "UntagResource",
            &of_member(json!({"TagKeys": ["team"]})),
        )
        .needs("organizations:UntagResource", &member),
        // The last two rows: nothing restores the account.
        on(Op::Organizations(OrganizationsOp::CloseAccount), &member, &account),
        on(Op::Organizations(OrganizationsOp::RemoveAccountFromOrganization), &member, &account),
    ]
}
