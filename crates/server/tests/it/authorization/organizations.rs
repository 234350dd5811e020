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
    let outer = unit(stage, &stage.root_id, "outer").await;
    unit(stage, &outer, "inner").await;
    let mut rows = of_the_tree(stage);
    rows.extend(of_units(stage, &outer));
    rows.extend(of_accounts(stage, creation));
    rows
}

/// The ID of a new unit.
async fn unit(stage: &Stage, parent: &str, name: &str) -> String {
    let create = organizations("CreateOrganizationalUnit", &json!({"ParentId": parent, "Name": name}));
    let created = stage.ask(&create, Some(&stage.admin)).await;
    let created: Value = serde_json::from_str(&created.body).unwrap();
    created["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
}

/// `outer` contains a unit, so it cannot be deleted.
fn of_units(stage: &Stage, outer: &str) -> Vec<Row> {
    let organization = &stage.organization;
    let root = format!("arn:aws:organizations::{ACCOUNT}:root/{organization}/{}", stage.root_id);
    let arn = format!("arn:aws:organizations::{ACCOUNT}:ou/{organization}/{outer}");
    let (of_unit, parent) = (json!({"OrganizationalUnitId": outer}), json!({"ParentId": outer}));
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let new = json!({"ParentId": stage.root_id, "Name": "{fresh}"});
    let tagged = json!({"ParentId": outer, "Name": "{fresh}", "Tags": tags});
    let renamed = json!({"OrganizationalUnitId": outer, "Name": "outer"});
    let children = json!({"ParentId": outer, "ChildType": "ORGANIZATIONAL_UNIT"});
    let operation = Op::Organizations;
    vec![
        on(operation(OrganizationsOp::CreateOrganizationalUnit), &root, &new),
        on(operation(OrganizationsOp::CreateOrganizationalUnit), &arn, &tagged)
            .variant("with tags")
            .needs("organizations:TagResource", "*"),
        on(operation(OrganizationsOp::DescribeOrganizationalUnit), &arn, &of_unit),
        on(operation(OrganizationsOp::UpdateOrganizationalUnit), &arn, &renamed),
        on(operation(OrganizationsOp::DeleteOrganizationalUnit), &arn, &of_unit)
            .gives(Expected::Code(400, "OrganizationalUnitNotEmptyException")),
        on(operation(OrganizationsOp::ListOrganizationalUnitsForParent), &arn, &parent).variant("of a unit"),
        on(operation(OrganizationsOp::ListAccountsForParent), &arn, &parent).variant("of a unit"),
        on(operation(OrganizationsOp::ListChildren), &arn, &children).variant("of a unit"),
        on(operation(OrganizationsOp::ListParents), &arn, &json!({"ChildId": outer})).variant("of a unit"),
        on(operation(OrganizationsOp::TagResource), &arn, &json!({"ResourceId": outer, "Tags": tags}))
            .variant("of a unit"),
        on(
            operation(OrganizationsOp::UntagResource),
            &arn,
            &json!({"ResourceId": outer, "TagKeys": ["team"]}),
        )
        .variant("of a unit"),
        on(operation(OrganizationsOp::ListTagsForResource), &arn, &json!({"ResourceId": outer}))
            .variant("of a unit"),
        on(operation(OrganizationsOp::CreateOrganization), "*", &json!({}))
            .gives(Expected::Code(400, "AlreadyInOrganizationException"))
            .elsewhere(Expected::Code(400, "AlreadyInOrganizationException")),
        on(operation(OrganizationsOp::DeleteOrganization), "*", &json!({}))
            .gives(Expected::Code(400, "OrganizationNotEmptyException")),
    ]
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
        // The deployment of this test has no places for backups.
        on(Op::Organizations(OrganizationsOp::WharfStartBackup), "*", &json!({}))
            .gives(Expected::Code(400, "InvalidInputException")),
        on(Op::Organizations(OrganizationsOp::WharfEndBackup), "*", &json!({"BackupId": "1"})),
        on(Op::Organizations(OrganizationsOp::WharfStartStoreMove), "*", &json!({}))
            .gives(Expected::Code(400, "InvalidInputException")),
        on(Op::Organizations(OrganizationsOp::WharfEndStoreMove), "*", &json!({"MoveId": "1"}))
            .gives(Expected::Code(400, "InvalidInputException")),
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
    let root = format!("arn:aws:organizations::{ACCOUNT}:root/{}/{root_id}", stage.organization);
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
            .needs("organizations:MoveAccount", &root)
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
