//! The rows of STS's API (Service Authorization Reference, "AWS Security Token Service"), except
//! AssumeRoleWithWebIdentity, whose caller is a token: see `web_identity`.

use access::op::Op;
use access::op::StsOp;

use super::grants::trust;
use super::policies;
use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, Row, iam};
use super::wire::sts;

/// Assuming the role `target`, which trusts its account for all of it.
fn assuming(op: Op, parameters: &[(&str, &str)]) -> Row {
    let mut all = vec![("RoleArn", "arn:aws:iam::123456789012:role/target"), ("RoleSessionName", "row")];
    all.extend(parameters);
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    Row::of(op, sts("AssumeRole", &all), Cross::Trust)
        .needs("sts:AssumeRole", iam("role/target"))
        .after([trust("target", &policies::of_resource(ACCOUNT, &actions))])
        .without_reason()
}

fn federated(op: Op, parameters: &[(&str, &str)]) -> Row {
    let mut all = vec![("Name", "target")];
    all.extend(parameters);
    let text = "Cannot call GetFederationToken with session credentials".to_owned();
    Row::of(op, sts("GetFederationToken", &all), Cross::OwnAccount(Expected::Success))
        .needs("sts:GetFederationToken", format!("arn:aws:sts::{ACCOUNT}:federated-user/target"))
        .by_session(Expected::Text(403, "AccessDenied", text))
}

pub(super) fn rows(stage: &Stage) -> Vec<Row> {
    let own = || Cross::OwnAccount(Expected::Success);
    let tags = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    let message = sts("DecodeAuthorizationMessage", &[("EncodedMessage", "nothing")]);
    let not_valid = || Expected::Code(400, "InvalidAuthorizationMessageException");
    let key = sts("GetAccessKeyInfo", &[("AccessKeyId", stage.admin.access_key_id.as_str())]);
    let no_sessions = "Cannot call GetSessionToken with session credentials".to_owned();
    vec![
        assuming(Op::Sts(StsOp::AssumeRole), &[]),
        assuming(Op::Sts(StsOp::TagSession), &tags).needs("sts:TagSession", iam("role/target")),
        assuming(Op::Sts(StsOp::SetSourceIdentity), &[("SourceIdentity", "alice")])
            .needs("sts:SetSourceIdentity", iam("role/target")),
        federated(Op::Sts(StsOp::GetFederationToken), &[]),
        federated(Op::Sts(StsOp::TagSession), &tags)
            .variant("of a federated user")
            .needs("sts:TagSession", format!("arn:aws:sts::{ACCOUNT}:federated-user/target")),
        // It returns the account of any access key of the deployment, and nothing else.
        Row::of(Op::Sts(StsOp::GetAccessKeyInfo), key, own()).needs("sts:GetAccessKeyInfo", "*"),
        Row::of(Op::Sts(StsOp::DecodeAuthorizationMessage), message, Cross::OwnAccount(not_valid()))
            .needs("sts:DecodeAuthorizationMessage", "*")
            .gives(not_valid()),
        // AWS: these need no permission, and no policy can deny them.
        Row::new("GetCallerIdentity", sts("GetCallerIdentity", &[]), own()),
        Row::new("GetSessionToken", sts("GetSessionToken", &[]), own()).by_session(Expected::Text(
            403,
            "AccessDenied",
            no_sessions,
        )),
    ]
}
