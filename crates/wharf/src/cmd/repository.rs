//! `wharf repository`: gives repositories other names, and moves them to other accounts.

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::lifecycle::{call, text};
use super::say;
use crate::aws_client::Connection;

#[derive(Subcommand)]
pub(crate) enum RepositoryCommand {
    /// Give a repository another name, or another account, with everything that it contains.
    #[command(after_help = "\
Images, tags, policies, history and times of pulls stay as they are, and no bytes move. For a time, pulls by the old name
are answered from the repository, with a Warning header; pushes to the old name are refused. Policies of callers name
repositories by ARN: they must allow the new name.

The caller needs ecr:WharfMoveRepository on the repository, and ecr:CreateRepository for the new name. If the repository has
tags, a policy or a lifecycle policy, it also needs ecr:TagResource, ecr:SetRepositoryPolicy or ecr:PutLifecyclePolicy for the
new name. In another account it also needs ecr:ReplicateImage, and the registry policy of that account must allow all of them.

Examples:
  wharf repository move app --to team/app
  wharf repository move app --to-account 222233334444
  wharf repository move app --to team/app --redirect-days 0")]
    Move(Move),
}

#[derive(Args)]
pub(crate) struct Move {
    /// The repository.
    #[arg(value_name = "NAME")]
    name: String,
    /// The new name; without it, the repository keeps its name in the other account.
    #[arg(long, value_name = "NEWNAME", required_unless_present = "to_account")]
    to: Option<String>,
    /// The account that gets it.
    #[arg(long, value_name = "ACCOUNT")]
    to_account: Option<String>,
    /// How many days pulls by the old name work; 0 means not at all.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    redirect_days: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

/// The longest redirect.
const MOST_DAYS: u16 = 365;

pub(crate) async fn run(command: RepositoryCommand) -> anyhow::Result<()> {
    let RepositoryCommand::Move(options) = command;
    if options.redirect_days > MOST_DAYS {
        bail!("--redirect-days is at most {MOST_DAYS}");
    }
    let client = options.connection.open()?;
    let mut input = json!({
        "repositoryName": options.name,
        "newRepositoryName": options.to.as_ref().unwrap_or(&options.name),
        "redirectSeconds": u32::from(options.redirect_days) * 24 * 60 * 60,
    });
    if let (Some(account), Some(members)) = (&options.to_account, input.as_object_mut()) {
        members.insert("newRegistryId".to_owned(), json!(account));
    }
    let moved = call(&client, "WharfMoveRepository", &input).await?;
    if options.json {
        return say(&serde_json::to_string_pretty(&moved)?);
    }
    let repository = moved.get("repository").unwrap_or(&Value::Null);
    say(&format!("{} is now {}.", options.name, text(repository, "repositoryUri")))
}
