//! The rows of IAM's API (Service Authorization Reference, "AWS Identity and Access Management"). IAM's actions have
//! the names of its operations.

mod account;
mod groups;
mod policies;
mod profiles;
mod providers;
mod roles;
mod users;

use access::op::IamOp;
use access::op::Op;

use super::stage::Stage;
use super::table::{Cross, Expected, Row};
use super::wire::{Ask, element, iam};

/// An AWS-managed policy, to attach and to use as a boundary.
const READ_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
const TARGET_POLICY: &str = "arn:aws:iam::123456789012:policy/targets/target";
const TARGET_PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/target.example.org";
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}}"#;
const TAG: [(&str, &str); 2] = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
const TAG_KEY: (&str, &str) = ("TagKeys.member.1", "team");

/// Parameters of a request.
type Parameters<'a> = &'a [(&'a str, &'a str)];

/// An operation that names something without its account: another account has nothing with that name.
fn on(op: Op, resource: &str, parameters: Parameters<'_>) -> Row {
    let nothing = Expected::Code(404, "NoSuchEntity");
    Row::of(op, iam(op.name(), parameters), Cross::OwnAccount(nothing))
        .needs(format!("iam:{}", op.name()), super::table::iam(resource))
}

/// An operation that lists or creates something: another account does this for itself.
fn own(op: Op, resource: &str, parameters: Parameters<'_>) -> Row {
    on(op, resource, parameters).elsewhere(Expected::Success)
}

/// An operation on something that an ARN names.
fn on_arn(op: Op, arn: &str, parameters: Parameters<'_>) -> Row {
    let nothing = Expected::Code(404, "NoSuchEntity");
    Row::of(op, iam(op.name(), parameters), Cross::NamedArn(nothing)).needs(format!("iam:{}", op.name()), arn)
}

/// An operation on the account as a whole.
fn on_everything(op: Op, parameters: Parameters<'_>) -> Row {
    let cross = Cross::OwnAccount(Expected::Success);
    Row::of(op, iam(op.name(), parameters), cross).needs(format!("iam:{}", op.name()), "*")
}

/// Another operation of IAM that runs first.
fn step(op: Op, parameters: Parameters<'_>) -> Ask {
    iam(op.name(), parameters)
}

/// One of each kind of thing.
pub(super) fn state() -> Vec<Ask> {
    let user = ("UserName", "target");
    vec![
        step(Op::Iam(IamOp::CreateUser), &[user]),
        step(Op::Iam(IamOp::CreateGroup), &[("GroupName", "target")]),
        step(Op::Iam(IamOp::AddUserToGroup), &[("GroupName", "target"), user]),
        step(Op::Iam(IamOp::CreateRole), &[("RoleName", "target"), ("AssumeRolePolicyDocument", TRUST)]),
        step(
            Op::Iam(IamOp::CreatePolicy),
            &[("PolicyName", "target"), ("Path", "/targets/"), ("PolicyDocument", DOCUMENT)],
        ),
        step(Op::Iam(IamOp::CreateInstanceProfile), &[("InstanceProfileName", "target")]),
        step(
            Op::Iam(IamOp::CreateOpenIDConnectProvider),
            &[("Url", "https://target.example.org"), ("ClientIDList.member.1", "sts.amazonaws.com")],
        ),
    ]
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    let (user, group, role) = (("UserName", "target"), ("GroupName", "target"), ("RoleName", "target"));
    let (policy, profile) = (("PolicyArn", TARGET_POLICY), ("InstanceProfileName", "target"));
    let provider = ("OpenIDConnectProviderArn", TARGET_PROVIDER);
    let mut watched = vec![
        step(Op::Iam(IamOp::ListPolicies), &[("PathPrefix", "/targets/")]),
        step(Op::Iam(IamOp::ListUsers), &[]),
        step(Op::Iam(IamOp::ListGroups), &[]),
        step(Op::Iam(IamOp::ListRoles), &[]),
        step(Op::Iam(IamOp::ListInstanceProfiles), &[]),
        step(Op::Iam(IamOp::ListOpenIDConnectProviders), &[]),
        step(Op::Iam(IamOp::ListPolicyVersions), &[policy]),
        step(Op::Iam(IamOp::ListPolicyTags), &[policy]),
        step(Op::Iam(IamOp::GetInstanceProfile), &[profile]),
        step(Op::Iam(IamOp::GetOpenIDConnectProvider), &[provider]),
        step(Op::Iam(IamOp::GetGroup), &[group]),
        step(Op::Iam(IamOp::ListGroupPolicies), &[group]),
        step(Op::Iam(IamOp::ListAttachedGroupPolicies), &[group]),
        step(Op::Iam(IamOp::GetRole), &[role]),
        step(Op::Iam(IamOp::ListRolePolicies), &[role]),
        step(Op::Iam(IamOp::ListAttachedRolePolicies), &[role]),
    ];
    for op in [
        Op::Iam(IamOp::GetUser),
        Op::Iam(IamOp::ListAccessKeys),
        Op::Iam(IamOp::ListUserPolicies),
        Op::Iam(IamOp::ListAttachedUserPolicies),
    ] {
        watched.push(step(op, &[user]));
    }
    watched
}

/// All rows. Creates the access key that some of them need.
pub(super) async fn rows(stage: &Stage) -> Vec<Row> {
    let made = stage
        .ask(&step(Op::Iam(IamOp::CreateAccessKey), &[("UserName", "target")]), Some(&stage.admin))
        .await;
    let key = element(&made.body, "AccessKeyId");
    let mut rows = users::rows();
    rows.extend(users::of_keys(&key));
    rows.extend(groups::rows());
    rows.extend(roles::rows());
    rows.extend(profiles::rows());
    rows.extend(policies::rows());
    rows.extend(providers::rows());
    rows.extend(account::rows());
    rows
}
