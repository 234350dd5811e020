//! Requests of IAM that can omit the user name: they are about the calling user, and are decided on its ARN.

use super::classes::refusal;
use super::policies;
use super::report::Report;
use super::stage::Stage;
use super::table::{Cross, Expected, Need, Row};
use super::wire::iam;

/// An operation, its input, and the answer to an allowed caller.
type Operation<'a> = (&'static str, Vec<(&'static str, &'a str)>, Expected);

fn operations(key: &str) -> Vec<Operation<'_>> {
    let none = || Expected::Code(404, "NoSuchEntity");
    vec![
        ("GetUser", vec![], Expected::Success),
        ("ListAccessKeys", vec![], Expected::Success),
        ("UpdateAccessKey", vec![("AccessKeyId", key), ("Status", "Active")], Expected::Success),
        ("CreateAccessKey", vec![], Expected::Success),
        ("DeleteAccessKey", vec![("AccessKeyId", "AKIAAAAAAAAAAAAAAAAA")], none()),
        ("ListMFADevices", vec![], Expected::Success),
        ("ListSSHPublicKeys", vec![], Expected::Success),
        ("ListServiceSpecificCredentials", vec![], Expected::Success),
        ("ListSigningCertificates", vec![], Expected::Success),
        ("ChangePassword", vec![("OldPassword", "none"), ("NewPassword", "Correct-horse-7")], none()),
        ("CreateLoginProfile", vec![("Password", "Correct-horse-7")], Expected::Success),
        ("GetLoginProfile", vec![], Expected::Success),
        ("DeleteLoginProfile", vec![], Expected::Success),
    ]
}

/// Requests each as a user that may do exactly this to itself, and as a user that may do it to everybody else.
pub(super) async fn check(stage: &Stage, report: &mut Report) {
    for (operation, parameters, allowed) in operations(stage.with.access_key_id.as_str()) {
        let ask = iam(operation, &parameters);
        let row = Row::new(operation, ask.clone(), Cross::OwnAccount(Expected::Success));
        let need = Need::new(format!("iam:{operation}"), &stage.without.arn);
        stage.let_user("without", policies::everything_but(&need)).await;
        let answer = stage.ask(&ask, Some(&stage.without)).await;
        let expected = refusal(&row, &need, &stage.without, "without");
        report.compare((operation, "without"), &ask, &answer, &expected);
        let need = Need::new(format!("iam:{operation}"), &stage.with.arn);
        stage.let_user("with", policies::exactly(&[need], 0)).await;
        let answer = stage.ask(&ask, Some(&stage.with)).await;
        report.compare((operation, "with"), &ask, &answer, &allowed);
    }
}
