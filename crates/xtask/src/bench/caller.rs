//! A caller of another account: a session of a role there, which a repository policy allows to pull.

use anyhow::{Context, Result};
use serde_json::json;

use super::content::REPOSITORY;
use crate::running::Wharf;

/// The password of the caller, and the first part of its paths.
pub(crate) struct Caller {
    /// The value of `Authorization: Basic`.
    pub(crate) authorization: String,
    /// The account ID of the repository with a slash. Without it, a path means the registry of the caller.
    pub(crate) prefix: String,
}

/// Creates the account and the repository policy.
pub(crate) fn of_another_account(wharf: &Wharf) -> Result<Caller> {
    let account = create_account(wharf)?;
    let policy = policy(&account).to_string();
    let allow = ["ecr", "set-repository-policy", "--repository-name", REPOSITORY, "--policy-text", &policy];
    wharf.aws(&allow)?;
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    let query = "Credentials.[AccessKeyId,SecretAccessKey,SessionToken]";
    let assume =
        ["sts", "assume-role", "--role-session-name", "bench", "--role-arn", &role, "--query", query];
    let session = wharf.aws(&assume)?;
    let mut words = session.split_whitespace();
    let mut next = || words.next().context("assume-role returned no session");
    let credentials =
        [("AWS_ACCESS_KEY_ID", next()?), ("AWS_SECRET_ACCESS_KEY", next()?), ("AWS_SESSION_TOKEN", next()?)];
    let authorization = wharf.basic_authorization_as(&credentials)?;
    let owner = wharf.aws(&["sts", "get-caller-identity", "--query", "Account"])?;
    Ok(Caller { authorization, prefix: format!("{}/", owner.trim()) })
}

fn create_account(wharf: &Wharf) -> Result<String> {
    let create =
        ["organizations", "create-account", "--account-name", "puller", "--email", "puller@example.org"];
    let query = ["--query", "CreateAccountStatus.AccountId"];
    Ok(wharf.aws(&[create.as_slice(), query.as_slice()].concat())?.trim().to_owned())
}

fn policy(account: &str) -> serde_json::Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        }],
    })
}
