//! `wharf cache`: the pull-through cache.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::say;
use crate::aws_client::{Connection, Service};

#[derive(Subcommand)]
pub(crate) enum CacheCommand {
    /// Have tags compared with their upstream registry at their next pull, before the time of the settings is over.
    #[command(after_help = "\
The caller needs ecr:WharfRefreshUpstreamTags. Tags that were pushed to the repository are left alone.

Examples:
  wharf cache refresh quay/prometheus/node-exporter
  wharf cache refresh quay/prometheus/node-exporter:v1.8.0")]
    Refresh(Refresh),
}

#[derive(Args)]
pub(crate) struct Refresh {
    /// The repository, or one of its tags.
    #[arg(value_name = "REPOSITORY[:TAG]")]
    of: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: CacheCommand) -> anyhow::Result<()> {
    let CacheCommand::Refresh(options) = command;
    let client = options.connection.open()?;
    let (repository, tag) = match options.of.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (options.of.as_str(), None),
    };
    let mut input = json!({ "repositoryName": repository });
    if let Some(members) = input.as_object_mut() {
        members.extend(tag.map(|tag| ("imageTag".to_owned(), tag.into())));
    }
    let answer = client.json(Service::Ecr, "WharfRefreshUpstreamTags", &input).await?;
    let count = answer.get("refreshedTags").and_then(Value::as_u64).unwrap_or_default();
    say(&format!("{count} tags are compared with the upstream registry at their next pull"))
}
