//! `wharf events`: the targets of events, and their dead letters.

use anyhow::bail;
use aws::organizations::{
    WharfListDeadLettersRequest, WharfListEventTargetsRequest, WharfReplayDeadLettersRequest,
};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::status::time;
use super::store::{OpenStore, Options};
use crate::aws_client::{AwsClient, Service};

#[derive(Subcommand)]
pub(crate) enum EventsCommand {
    /// List the targets that get events, and what waits for each.
    #[command(after_help = "\
Lists targets that had at least one event. On a running server the caller must be in the management account and needs
organizations:WharfListEventTargets.

Examples:
  wharf events targets
  wharf events targets --json --config /etc/wharf.toml")]
    Targets(Options),
    /// List the events that could not be delivered to a target, the oldest first.
    #[command(after_help = "\
The caller needs organizations:WharfListDeadLetters. With --json, each dead letter contains its event.

Examples:
  wharf events dead-letters sink/audit
  wharf events dead-letters sink/audit --json")]
    DeadLetters(DeadLetters),
    /// Deliver dead letters again: one, or all of a target.
    #[command(after_help = "\
The caller needs organizations:WharfReplayDeadLetters. An event is delivered again with its old ID, before newer events.

Examples:
  wharf events replay sink/audit --all
  wharf events replay sink/audit --sequence 4096")]
    Replay(Replay),
}

#[derive(Args)]
pub(crate) struct DeadLetters {
    /// The target: `wharf events targets` lists them.
    target: String,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(crate) struct Replay {
    /// The target: `wharf events targets` lists them.
    target: String,
    /// One dead letter.
    #[arg(long, value_name = "NUMBER", conflicts_with = "all")]
    sequence: Option<i64>,
    /// All dead letters of the target.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn run(command: EventsCommand) -> anyhow::Result<()> {
    match command {
        EventsCommand::Targets(options) => {
            let place = Place::open(&options).await?;
            let list = Pages {
                operation: "WharfListEventTargets",
                list: "Targets",
                last: "LastTarget",
                after: "AfterTarget",
            };
            let targets = place.all(&list, json!({})).await?;
            options.print(&json!({ "Targets": targets }), |_| table(&targets))
        }
        EventsCommand::DeadLetters(DeadLetters { target, options }) => {
            let place = Place::open(&options).await?;
            let list = Pages {
                operation: "WharfListDeadLetters",
                list: "DeadLetters",
                last: "LastSequence",
                after: "AfterSequence",
            };
            let letters = place.all(&list, json!({ "Target": target })).await?;
            options.print(&json!({ "DeadLetters": letters }), |_| letters_table(&letters))
        }
        EventsCommand::Replay(Replay { target, sequence, all, options }) => {
            if sequence.is_none() && !all {
                bail!("say which dead letters: --sequence NUMBER, or --all");
            }
            let place = Place::open(&options).await?;
            let mut input = json!({ "Target": target });
            if let (Some(sequence), Some(members)) = (sequence, input.as_object_mut()) {
                members.insert("Sequence".to_owned(), sequence.into());
            }
            let answer = place.ask("WharfReplayDeadLetters", input).await?;
            options.print(&answer, |answer| format!("{} delivered again.", answer["Replayed"]))
        }
    }
}

/// A list with pages: its operation, and the members that continue it.
struct Pages {
    operation: &'static str,
    list: &'static str,
    last: &'static str,
    after: &'static str,
}

/// What answers: an open store, or a server.
enum Place {
    Store(Box<OpenStore>),
    Server(AwsClient),
}

impl Place {
    async fn open(options: &Options) -> anyhow::Result<Self> {
        Ok(match options.store.open().await? {
            Some(store) => Self::Store(Box::new(store)),
            None => Self::Server(options.connection.open()?),
        })
    }

    async fn ask(&self, operation: &str, input: Value) -> anyhow::Result<Value> {
        let store = match self {
            Self::Server(client) => {
                return Ok(client.json(Service::Organizations, operation, &input).await?);
            }
            Self::Store(store) => &store.deployment.identity,
        };
        let body = input.to_string().into_bytes();
        Ok(match operation {
            "WharfListEventTargets" => {
                let input: WharfListEventTargetsRequest = decode(&body)?;
                serde_json::to_value(store.shown_event_targets(input).await?)?
            }
            "WharfListDeadLetters" => {
                let input: WharfListDeadLettersRequest = decode(&body)?;
                serde_json::to_value(store.shown_dead_letters(input).await?)?
            }
            _ => {
                let input: WharfReplayDeadLettersRequest = decode(&body)?;
                serde_json::to_value(store.replayed_dead_letters(input, Timestamp::now()).await?)?
            }
        })
    }

    async fn all(&self, pages: &Pages, mut input: Value) -> anyhow::Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let mut answer = self.ask(pages.operation, input.clone()).await?;
            if let Some(Value::Array(items)) = answer.get_mut(pages.list).map(Value::take) {
                all.extend(items);
            }
            let Some(last) = answer.get(pages.last) else { return Ok(all) };
            if let Some(members) = input.as_object_mut() {
                members.insert(pages.after.to_owned(), last.clone());
            }
        }
    }
}

fn decode<T: aws::shape::Request>(body: &[u8]) -> anyhow::Result<T> {
    aws::json::decode(body).map_err(|invalid| anyhow::anyhow!(invalid.message))
}

fn text(value: &Value, name: &str) -> String {
    match value.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn table(targets: &[Value]) -> String {
    let row = |name: &str, [waiting, dead, delivered, dropped]: [&str; 4], retry: &str, error: &str| {
        let row = format!(
            "{name:<24}  {waiting:>7}  {dead:>7}  {delivered:>9}  {dropped:>7}  {retry:<20}  {error}"
        );
        row.trim_end().to_owned()
    };
    let head = row("TARGET", ["WAITING", "DEAD", "DELIVERED", "DROPPED"], "NEXT TRY", "LAST ERROR");
    let of = |target: &Value| {
        let count = |name| text(target, name);
        let counts = [count("Waiting"), count("DeadLetters"), count("Delivered"), count("Dropped")];
        row(
            &text(target, "Target"),
            counts.each_ref().map(String::as_str),
            &time(target, "RetryAt"),
            &text(target, "LastError"),
        )
    };
    [head].into_iter().chain(targets.iter().map(of)).collect::<Vec<_>>().join("\n")
}

fn letters_table(letters: &[Value]) -> String {
    let head = format!("{:>12}  {:<20}  {:>8}  {}", "SEQUENCE", "EVENT AT", "ATTEMPTS", "ERROR");
    let of = |letter: &Value| {
        let (sequence, attempts) = (text(letter, "Sequence"), text(letter, "Attempts"));
        format!("{sequence:>12}  {:<20}  {attempts:>8}  {}", time(letter, "EventAt"), text(letter, "Error"))
    };
    [head].into_iter().chain(letters.iter().map(of)).collect::<Vec<_>>().join("\n")
}
