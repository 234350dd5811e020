//! `wharf status` and `wharf reconcile`: the background work of a deployment.

use std::time::{Duration, Instant};

use access::reconcilers::{DELIVER_EVENTS, MOST_COUNTED};
use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use registry::reconcile::Driver;
use serde_json::{Value, json};

use super::store::Options;
use crate::aws_client::{AwsClient, Service};
use crate::background::{deliveries, forwarding};

/// How long `wharf reconcile --now` waits for a pass: a pass is bounded, and a node looks every five seconds.
const PATIENCE: Duration = Duration::from_mins(15);
const POLL: Duration = Duration::from_millis(300);

#[derive(Args)]
pub(crate) struct Reconcile {
    /// The reconciler: `wharf status` lists them.
    name: String,
    /// Run it at once, and wait for the end of the pass.
    #[arg(long, required = true)]
    now: bool,
    #[command(flatten)]
    options: Options,
}

pub(crate) async fn status(options: Options) -> anyhow::Result<()> {
    let answer = match options.store.open().await? {
        Some(store) => {
            let shown = store.deployment.identity.shown_reconcilers(Timestamp::now()).await?;
            let mut answer = serde_json::to_value(shown)?;
            let access = &store.deployment.access;
            let skew = if access.is_alone() { None } else { access.compare_clocks().await? };
            if let (Some(skew), Some(members)) = (skew, answer.as_object_mut()) {
                members.insert("ClockSkewSeconds".to_owned(), json!(skew.as_secs_f64()));
            }
            answer
        }
        None => list(&options.connection.open()?).await?,
    };
    options.print(&answer, table)
}

async fn list(client: &AwsClient) -> anyhow::Result<Value> {
    Ok(client.json(Service::Organizations, "WharfListReconcilers", &json!({})).await?)
}

fn reconcilers(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.get("Reconcilers").and_then(Value::as_array).into_iter().flatten()
}

fn seconds(reconciler: &Value, name: &str) -> Option<f64> {
    reconciler.get(name)?.as_f64()
}

/// A member with a time, as text.
pub(super) fn moment(value: &Value, name: &str) -> Option<String> {
    let micros = seconds(value, name)? * 1e6;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of a float saturates; the range is checked next"
    )]
    let at = Timestamp::from_microsecond(micros as i64).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

pub(super) fn time(value: &Value, name: &str) -> String {
    moment(value, name).unwrap_or_else(|| "-".to_owned())
}

fn table(answer: &Value) -> String {
    let row = |name: &str, state: &str, [ended, next]: [&str; 2], [done, backlog]: [&str; 2], error: &str| {
        let row =
            format!("{name:<20}  {state:<9}  {ended:<20}  {next:<20}  {done:>6}  {backlog:>7}  {error}");
        row.trim_end().to_owned()
    };
    let mut rows =
        vec![row("RECONCILER", "STATE", ["LAST ENDED", "NEXT RUN"], ["DONE", "BACKLOG"], "LAST ERROR")];
    for reconciler in reconcilers(answer) {
        let text = |name: &str| reconciler.get(name).and_then(Value::as_str).unwrap_or_default();
        rows.push(row(
            text("Name"),
            text("State"),
            [&time(reconciler, "LastEndedAt"), &time(reconciler, "NextRunAt")],
            [
                &reconciler.get("Done").map(ToString::to_string).unwrap_or_default(),
                &backlog(reconciler.get("Backlog").and_then(Value::as_i64)),
            ],
            text("LastError"),
        ));
    }
    rows.extend(clock(answer));
    rows.join("\n")
}

/// A line about the clock of this machine, if the command opened the store and the clock is far from the database's.
fn clock(answer: &Value) -> Option<String> {
    let skew = seconds(answer, "ClockSkewSeconds")?;
    let direction = if skew > 0.0 { "ahead of" } else { "behind" };
    let is_far = skew.abs() > access::clock::LIMIT.as_secs_f64();
    is_far.then(|| format!("The clock of this machine is {:.1} s {direction} the database's.", skew.abs()))
}

/// Backlogs are counted up to a limit, so a count at the limit can be more.
fn backlog(counted: Option<i64>) -> String {
    match counted {
        Some(count) if count >= MOST_COUNTED => format!("{count}+"),
        Some(count) => count.to_string(),
        None => String::new(),
    }
}

pub(crate) async fn reconcile(Reconcile { name, options, .. }: Reconcile) -> anyhow::Result<()> {
    let done = match options.store.open().await? {
        Some(store) if store.database.is_some() => {
            let deployment = &store.deployment;
            let driver = if name == DELIVER_EVENTS {
                forwarding(&deployment.access)
            } else {
                Driver::of_database(&deployment.registry)
            };
            driver.run_now(&name).await?
        }
        Some(store) if name == DELIVER_EVENTS => deliveries(&store.deployment).run_now(&name).await?,
        Some(store) => Driver::new(&store.deployment.registry).run_now(&name).await?,
        None => run_at_server(&options.connection.open()?, &name).await?,
    };
    options.print(&json!({ "Name": name, "Done": done }), |_| format!("{name} did {done}."))
}

/// Asks the server for a run, and waits until a pass that began after that has ended.
async fn run_at_server(client: &AwsClient, name: &str) -> anyhow::Result<usize> {
    let before = list(client).await?;
    let ended_before = find(&before, name).and_then(|known| seconds(known, "LastEndedAt"));
    client.json(Service::Organizations, "WharfRunReconciler", &json!({ "Name": name })).await?;
    let asked = Instant::now();
    loop {
        tokio::time::sleep(POLL).await;
        let answer = list(client).await?;
        let state = find(&answer, name).context("the server does not list this reconciler")?;
        let is_over = matches!(state.get("State").and_then(Value::as_str), Some("IDLE" | "FAILED"));
        if is_over && seconds(state, "LastEndedAt") > ended_before {
            if let Some(error) = state.get("LastError").and_then(Value::as_str) {
                bail!("the pass failed: {error}");
            }
            let done = state.get("Done").and_then(Value::as_u64).unwrap_or_default();
            return Ok(usize::try_from(done)?);
        }
        if asked.elapsed() > PATIENCE {
            bail!(
                "the pass has not ended after {} minutes and continues: wharf status",
                PATIENCE.as_secs() / 60
            );
        }
    }
}

fn find<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    reconcilers(answer).find(|known| known.get("Name").and_then(Value::as_str) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_far_away_is_shown() {
        let shown = |skew: f64| clock(&json!({ "ClockSkewSeconds": skew }));
        assert_eq!(shown(4.9), None);
        let text = "The clock of this machine is 40.0 s behind the database's.";
        assert_eq!(shown(-40.0).as_deref(), Some(text));
        assert_eq!(clock(&json!({})), None, "SQLite has no clock of its own");
    }

    #[test]
    fn a_count_at_the_limit_may_be_more() {
        for (counted, shown) in [(Some(0), "0"), (Some(999), "999"), (Some(1_000), "1000+"), (None, "")] {
            assert_eq!(backlog(counted), shown);
        }
    }
}
