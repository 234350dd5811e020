//! `wharf gc`: the collection of garbage, on a running server or on a store that no server has opened.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use registry::reconcile::Driver;
use serde_json::{Value, json};

use super::status::time;
use super::store::{OpenStore, Options};
use crate::aws_client::{AwsClient, Service};

const POLL: Duration = Duration::from_millis(300);
/// How often `wharf gc run` prints what is left.
const PROGRESS: Duration = Duration::from_secs(5);

#[derive(Subcommand)]
pub(crate) enum GcCommand {
    /// Run the collector, and wait until everything that was garbage at the start is removed.
    #[command(after_help = "\
The collector runs by itself; no command is needed to free space. This command waits for both delays of [collection]:
grace_seconds, and then delay_seconds. Progress goes to standard error. On a running server the caller must be in the
management account and needs organizations:WharfRunReconciler, organizations:WharfListReconcilers and
organizations:WharfDescribeCollection. With --data-dir or --config the command opens the store itself; with SQLite the
server must be stopped.

Examples:
  wharf gc run
  wharf gc run --timeout 60 --json
  WHARF__COLLECTION__GRACE_SECONDS=0 WHARF__COLLECTION__DELAY_SECONDS=0 wharf dev   # then nothing waits")]
    Run(Run),
    /// Show what was freed, what waits, and when the collector runs next.
    #[command(after_help = "\
Needs organizations:WharfDescribeCollection.

Examples:
  wharf gc status
  wharf gc status --json --config /etc/wharf.toml")]
    Status(Options),
    /// Show what keeps a digest: repositories, images, a grace period.
    #[command(after_help = "\
Needs organizations:WharfExplainDigest. The digest is of a layer or of an image.

Examples:
  wharf gc why sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  wharf gc why sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 --json")]
    Why(Why),
    /// Show what the collector would end now. Changes nothing.
    #[command(after_help = "\
Shows up to 1,000 layers and 1,000 objects. Needs organizations:WharfPreviewCollection.

Examples:
  wharf gc dry-run
  wharf gc dry-run --json --data-dir .wharf")]
    DryRun(Options),
}

#[derive(Args)]
pub(crate) struct Run {
    /// Fail if it takes longer.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args)]
pub(crate) struct Why {
    /// The digest.
    digest: String,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn run(command: GcCommand) -> anyhow::Result<()> {
    match command {
        GcCommand::Run(options) => run_now(options).await,
        GcCommand::Status(options) => {
            let answer = Place::of(&options).await?.state().await?;
            options.print(&answer, status_lines)
        }
        GcCommand::Why(Why { digest, options }) => {
            let answer = Place::of(&options).await?.why(&digest).await?;
            options.print(&answer, |answer| super::gc_text::why(&digest, answer))
        }
        GcCommand::DryRun(options) => {
            let answer = Place::of(&options).await?.preview().await?;
            options.print(&answer, super::gc_text::preview)
        }
    }
}

/// A running server, or a store that this command has opened.
enum Place {
    Server(Box<AwsClient>),
    Store(Box<OpenStore>),
}

impl Place {
    async fn of(options: &Options) -> anyhow::Result<Self> {
        Ok(match options.store.open().await? {
            Some(store) => Self::Store(Box::new(store)),
            None => Self::Server(Box::new(options.connection.open()?)),
        })
    }

    async fn state(&self) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Server(client) => {
                client.json(Service::Organizations, "WharfDescribeCollection", &json!({})).await?
            }
            Self::Store(store) => {
                serde_json::to_value(store.deployment.identity.shown_collection(Timestamp::now()).await?)?
            }
        })
    }

    async fn preview(&self) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Server(client) => {
                client.json(Service::Organizations, "WharfPreviewCollection", &json!({})).await?
            }
            Self::Store(store) => {
                serde_json::to_value(store.deployment.identity.shown_preview(Timestamp::now()).await?)?
            }
        })
    }

    async fn why(&self, digest: &str) -> anyhow::Result<Value> {
        Ok(match self {
            Self::Server(client) => {
                let input = json!({ "Digest": digest });
                client.json(Service::Organizations, "WharfExplainDigest", &input).await?
            }
            Self::Store(store) => {
                serde_json::to_value(store.deployment.identity.shown_digest(digest).await?)?
            }
        })
    }

    /// Lets the passes run, or runs them.
    async fn advance(&self) -> anyhow::Result<()> {
        for name in ["walk-store", "collect-garbage", "sweep-objects"] {
            match self {
                Self::Server(client) => {
                    let input = json!({ "Name": name });
                    client.json(Service::Organizations, "WharfRunReconciler", &input).await?;
                }
                Self::Store(store) => {
                    Driver::of_database(&store.deployment.registry).run_now(name).await?;
                }
            }
        }
        Ok(())
    }
}

/// When the oldest row of a queue was queued.
fn oldest(state: &Value, queue: &str) -> Option<f64> {
    state.get(queue)?.get("OldestAt")?.as_f64()
}

fn count(state: &Value, pointer: &str) -> u64 {
    state.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

async fn run_now(Run { timeout, options }: Run) -> anyhow::Result<()> {
    let place = Place::of(&options).await?;
    let before = place.state().await?;
    let began = before.get("Now").and_then(Value::as_f64).context("the server told no time")?;
    let (started, mut told, mut asked) = (Instant::now(), Instant::now(), None::<Instant>);
    // First the queues up to the start of the command, then the bytes that were doomed by then.
    let mut doomed_until = None;
    let after = loop {
        // A pass is asked for again and again, because the delays end while this waits.
        if asked.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
            place.advance().await?;
            asked = Some(Instant::now());
        }
        let state = place.state().await?;
        let is_waiting = |queue: &str, until: f64| oldest(&state, queue).is_some_and(|at| at <= until);
        if doomed_until.is_none() && !is_waiting("Layers", began) && !is_waiting("Objects", began) {
            doomed_until = state.get("Now").and_then(Value::as_f64);
        }
        if doomed_until.is_some_and(|until| !is_waiting("Doomed", until)) {
            break state;
        }
        if timeout.is_some_and(|seconds| started.elapsed() > Duration::from_secs(seconds)) {
            bail!(
                "the pass is not over after {} s and continues: wharf gc status",
                timeout.unwrap_or_default()
            );
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            tell(&waiting(&state));
        }
        tokio::time::sleep(POLL).await;
    };
    let freed = |pointer| count(&after, pointer).saturating_sub(count(&before, pointer));
    let (objects, bytes) = (freed("/FreedObjects"), freed("/FreedBytes"));
    let answer = json!({ "FreedObjects": objects, "FreedBytes": bytes });
    options.print(&answer, |_| format!("Freed {bytes} bytes of {objects} objects."))
}

/// Progress is not part of the result.
#[expect(clippy::print_stderr, reason = "standard output has only the result")]
fn tell(progress: &str) {
    eprintln!("{progress}");
}

fn waiting(state: &Value) -> String {
    let part = |queue: &str| count(state, &format!("/{queue}/Count"));
    format!(
        "waiting: {} layers and {} objects for review, {} objects for their removal",
        part("Layers"),
        part("Objects"),
        part("Doomed")
    )
}

fn status_lines(state: &Value) -> String {
    let line = |title: &str, queue: &str| {
        let (rows, bytes) =
            (count(state, &format!("/{queue}/Count")), count(state, &format!("/{queue}/Bytes")));
        let since = state.get(queue).map_or_else(|| "-".to_owned(), |queue| time(queue, "OldestAt"));
        format!("{title:<28}  {rows:>8}  {bytes:>16}  {since}")
    };
    let header = format!("{:<28}  {:>8}  {:>16}  {}", "", "COUNT", "BYTES", "OLDEST");
    let freed =
        format!("{:<28}  {:>8}  {:>16}", "freed", count(state, "/FreedObjects"), count(state, "/FreedBytes"));
    [
        header,
        freed,
        line("bytes waiting for removal", "Doomed"),
        line("layers waiting for review", "Layers"),
        line("objects waiting for review", "Objects"),
        format!(
            "grace {} s, delay {} s, next run {}",
            count(state, "/GraceSeconds"),
            count(state, "/DelaySeconds"),
            time(state, "NextRunAt")
        ),
    ]
    .join("\n")
}
