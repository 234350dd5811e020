//! `wharf replication`: shows how far the destinations of a registry are behind, and the key for peers.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::say;
use super::status::time;
use super::store::Store;
use crate::aws_client::{Connection, Service};
use crate::{files, peer_key};

#[derive(Subcommand)]
pub(crate) enum ReplicationCommand {
    /// Show how many images and tags wait for each destination, and how long the oldest has waited.
    #[command(after_help = "\
The caller needs ecr:WharfDescribeReplication. `aws ecr put-replication-configuration` sets the destinations.

Examples:
  wharf replication status
  wharf replication status --json")]
    Status(Status),
    /// Show the public key of this deployment, for the `[[peers]]` of other deployments.
    #[command(after_help = "\
Two deployments replicate to each other if each has the public key of the other in its configuration. The private key is
peer.key in the data folder, or peer_key_file; the command creates it if it does not exist. Servers that share a
PostgreSQL database need the same file.

Examples:
  wharf replication key --config /etc/wharf.toml
  wharf replication key --data-dir .wharf")]
    Key(Store),
}

#[derive(Args)]
pub(crate) struct Status {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: ReplicationCommand) -> anyhow::Result<()> {
    match command {
        ReplicationCommand::Status(options) => status(&options).await,
        ReplicationCommand::Key(store) => key(&store),
    }
}

fn key(store: &Store) -> anyhow::Result<()> {
    let path = store.peer_key()?.context("give --config or --data-dir")?;
    if let Some(folder) = path.parent() {
        files::make_private_folder(folder)?;
    }
    say(&peer_key::load_or_make(&path)?.public().to_string())
}

async fn status(options: &Status) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let answer = client.json(Service::Ecr, "WharfDescribeReplication", &json!({})).await?;
    if options.json {
        return say(&serde_json::to_string_pretty(&answer)?);
    }
    say(&table(&answer))
}

fn table(answer: &Value) -> String {
    let destinations: Vec<&Value> =
        answer.get("destinations").and_then(Value::as_array).into_iter().flatten().collect();
    if destinations.is_empty() {
        return "The registry is not replicated.".to_owned();
    }
    let row = |registry: &str, region: &str, counts: [&str; 3], oldest: &str| {
        let [waiting, failed, lag] = counts;
        format!("{registry:<12}  {region:<20}  {waiting:>7}  {failed:>6}  {lag:>9}  {oldest}")
    };
    let mut rows = vec![row("REGISTRY", "REGION", ["WAITING", "FAILED", "LAG (S)"], "OLDEST QUEUED")];
    for destination in destinations {
        let text = |name: &str| destination.get(name).and_then(Value::as_str).unwrap_or_default();
        let count = |name: &str| destination.get(name).map(ToString::to_string).unwrap_or_default();
        rows.push(row(
            text("registryId"),
            text("region"),
            [&count("waitingCount"), &count("failedCount"), &count("lagSeconds")],
            &time(destination, "oldestQueuedAt"),
        ));
    }
    rows.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_destination_is_a_line() {
        let destination = json!({"registryId": "123456789012", "region": "eu-west-1", "waitingCount": 3,
            "failedCount": 0, "lagSeconds": 7, "oldestQueuedAt": 1_800_000_000.0});
        let shown = table(&json!({"destinations": [destination]}));
        let line = shown.lines().nth(1).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words, ["123456789012", "eu-west-1", "3", "0", "7", "2027-01-15T08:00:00Z"]);
        assert_eq!(table(&json!({"destinations": []})), "The registry is not replicated.");
    }
}
