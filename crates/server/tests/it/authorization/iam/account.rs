//! The account as a whole, the policy simulator, and Wharf's explanations.

use access::op::IamOp;
use access::op::Op;

use super::super::table::{Cross, Expected, Row, iam as arn};
use super::{DOCUMENT, on_arn, on_everything, step};
use crate::authorization::wire::iam;

/// About the account's alias, which another account cannot have.
fn of_alias(op: Op, of_another: Expected) -> Row {
    let alias = [("AccountAlias", "an-alias")];
    Row::of(op, iam(op.name(), &alias), Cross::OwnAccount(of_another))
        .needs(format!("iam:{}", op.name()), "*")
        .after([step(Op::Iam(IamOp::CreateAccountAlias), &alias)])
}

pub(super) fn rows() -> Vec<Row> {
    let user = arn("user/target");
    let source = ("PolicySourceArn", user.as_str());
    let action = ("ActionNames.member.1", "s3:GetObject");
    let policy = ("PolicyInputList.member.1", DOCUMENT);
    let explained = iam(
        "WharfExplainAccess",
        &[("PrincipalArn", &user), ("ActionName", "iam:GetUser"), ("ResourceArn", &user)],
    );
    let others = "The principal and the resource must be of your own account. Across accounts of the organization, ask \
                  as the management account; about others, on the server's host with --config.";
    vec![
        on_everything(Op::Iam(IamOp::GetAccountSummary), &[]),
        on_everything(Op::Iam(IamOp::GenerateCredentialReport), &[]),
        on_everything(Op::Iam(IamOp::GetCredentialReport), &[])
            .after([step(Op::Iam(IamOp::GenerateCredentialReport), &[])]),
        on_everything(Op::Iam(IamOp::ListAccountAliases), &[]),
        of_alias(Op::Iam(IamOp::CreateAccountAlias), Expected::Code(409, "EntityAlreadyExists")),
        of_alias(Op::Iam(IamOp::DeleteAccountAlias), Expected::Code(404, "NoSuchEntity")),
        on_everything(Op::Iam(IamOp::UpdateAccountPasswordPolicy), &[]),
        on_everything(Op::Iam(IamOp::GetAccountPasswordPolicy), &[]),
        on_everything(Op::Iam(IamOp::DeleteAccountPasswordPolicy), &[]),
        on_everything(Op::Iam(IamOp::GetAccountAuthorizationDetails), &[]),
        on_everything(Op::Iam(IamOp::GetContextKeysForCustomPolicy), &[policy]),
        on_everything(Op::Iam(IamOp::SimulateCustomPolicy), &[policy, action]),
        on_arn(Op::Iam(IamOp::GetContextKeysForPrincipalPolicy), &user, &[source]),
        on_arn(Op::Iam(IamOp::SimulatePrincipalPolicy), &user, &[source, action]),
        Row::of(
            Op::Iam(IamOp::WharfExplainAccess),
            explained,
            Cross::NamedArn(Expected::Text(403, "AccessDenied", others.to_owned())),
        )
        .needs("iam:SimulatePrincipalPolicy", &user),
    ]
}
