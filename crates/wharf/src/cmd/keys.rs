//! `wharf keys`: the keys that seal docker passwords, sessions, URLs and secrets at rest.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::say;
use super::store::{KeyPlace, Store};
use crate::aws_client::{Connection, Service};
use crate::data_dir::DataFolder;
use crate::{files, master_rotation};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List the sealing keys: when each was made, whether it seals, and for how long it is still needed.
    #[command(after_help = "\
A key seals new values, or only opens what it sealed before, or waits half a minute until every node knows it. On a
running server the caller is of the management account and needs organizations:WharfListKeys; with --data-dir or
--config the store is opened itself.

Examples:
  wharf keys list
  wharf keys list --json --config /etc/wharf.toml")]
    List(List),
    /// Make a new sealing key, or a new master key; what was given out before stays valid until it ends.
    #[command(after_help = "\
Running servers seal with the new key half a minute later. The old one opens for another 37 hours, until nothing that it
sealed can be valid any more; secrets of access keys are sealed anew meanwhile. On a running server the caller is of
the management account and needs organizations:WharfRotateKeys.

With --master the key that the store itself is sealed under is replaced, in its file; name the store. A running server
on this folder takes the new one within ten seconds. Where several servers share a PostgreSQL database, the old key
stays good too: give each server the new file, then run it again with --finish.

Examples:
  wharf keys rotate
  wharf keys rotate --config /etc/wharf.toml
  wharf keys rotate --master --data-dir .wharf
  wharf keys rotate --master --config /etc/wharf.toml             # PostgreSQL: then copy the file to the other servers
  wharf keys rotate --master --finish --config /etc/wharf.toml")]
    Rotate(Rotate),
}

#[derive(Args)]
pub(crate) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    store: Store,
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// Replace the master key.
    #[arg(long)]
    master: bool,
    /// Every server has the new master key: the old one opens nothing from now on.
    #[arg(long, requires = "master")]
    finish: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    store: Store,
}

pub(crate) async fn run(command: KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::List(options) => list(options).await,
        KeysCommand::Rotate(options) if options.master => rotate_master(&options.store, options.finish).await,
        KeysCommand::Rotate(options) => rotate(options).await,
    }
}

async fn list(options: List) -> anyhow::Result<()> {
    let answer = match options.store.open().await? {
        Some(store) => json!({
            "Keys": store.deployment.access.sealing_keys(Timestamp::now()).await?,
            "MasterKeys": store.deployment.access.master_keys().await?,
        }),
        None => options.connection.open()?.json(Service::Organizations, "WharfListKeys", &json!({})).await?,
    };
    if options.json {
        return say(&serde_json::to_string_pretty(&answer)?);
    }
    say(&table(&answer))?;
    if answer.get("MasterKeys").and_then(Value::as_u64).is_some_and(|count| count > 1) {
        say("Two master keys open the store: wharf keys rotate --master --finish drops the old one.")?;
    }
    Ok(())
}

fn keys(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.get("Keys").and_then(Value::as_array).into_iter().flatten()
}

fn time(key: &Value, name: &str) -> Option<String> {
    let micros = key.get(name)?.as_f64()? * 1e6;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a cast of a float saturates; the range is checked next"
    )]
    let at = Timestamp::from_microsecond(micros as i64).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn table(answer: &Value) -> String {
    let row = |id: &str, made: &str, state: &str, until: &str, count: &str| {
        format!("{id:>3}  {made:<20}  {state:<33}  {until:<20}  {count:>11}")
    };
    let mut rows = vec![row("KEY", "MADE", "STATE", "NEEDED UNTIL", "ACCESS KEYS")];
    for key in keys(answer) {
        let number = |name: &str| key.get(name).map(ToString::to_string).unwrap_or_default();
        let state = match (key.get("State").and_then(Value::as_str), time(key, "SealsFrom")) {
            (Some("WAITING"), Some(from)) => format!("seals from {from}"),
            (Some("SEALING"), _) => "seals".to_owned(),
            _ => "only opens".to_owned(),
        };
        let unknown = || "-".to_owned();
        rows.push(row(
            &number("KeyId"),
            &time(key, "MadeAt").unwrap_or_else(unknown),
            &state,
            &time(key, "NeededUntil").unwrap_or_else(unknown),
            &number("AccessKeys"),
        ));
    }
    rows.join("\n")
}

async fn rotate(options: Rotate) -> anyhow::Result<()> {
    let answer = match options.store.open().await? {
        Some(store) => json!({ "Keys": store.deployment.access.rotate_sealing_key(Timestamp::now()).await? }),
        None => {
            options.connection.open()?.json(Service::Organizations, "WharfRotateKeys", &json!({})).await?
        }
    };
    let newest = keys(&answer).last().context("the server's answer has no keys")?;
    let id = newest.get("KeyId").map(ToString::to_string).unwrap_or_default();
    let from = time(newest, "SealsFrom").unwrap_or_default();
    say(&format!(
        "Key {id} seals from {from} on. What older keys sealed stays valid until it ends: wharf keys list"
    ))
}

/// How long a running server may take: it looks every ten seconds.
const PATIENCE: Duration = Duration::from_mins(1);

async fn rotate_master(store: &Store, finish: bool) -> anyhow::Result<()> {
    let Some(place) = store.key_place()? else {
        bail!("name the store whose master key it is: --data-dir DIR or --config FILE");
    };
    let key = &place.master_key;
    if files::read_optional(key)?.is_none() {
        bail!("there is no master key to replace: {} is not there", key.display());
    }
    if place.is_alone && DataFolder::is_held(&place.data_dir) {
        if !finish {
            master_rotation::begin(key)?;
        }
        return await_server(&place).await;
    }
    let Some(open) = store.open().await? else { bail!("no store is named") };
    // One that stopped after its key was put in place only has to be finished.
    let is_in_place = open.deployment.access.master_keys().await? > 1 && !master_rotation::is_begun(key);
    if !finish && !is_in_place {
        master_rotation::begin(key)?;
        master_rotation::put_in_place(&open.deployment, key).await?;
    }
    if finish || place.is_alone {
        master_rotation::finish(&open.deployment, key).await?;
        return say(&format!("The key in {} is the master key.", key.display()));
    }
    say(&format!(
        "The new master key is in {}; the old one opens the store too. Give every other server the new file, then run \
         this again with --finish.",
        key.display()
    ))
}

/// The server that has the store does the work.
async fn await_server(place: &KeyPlace) -> anyhow::Result<()> {
    let begun = Instant::now();
    while master_rotation::is_begun(&place.master_key) {
        if begun.elapsed() > PATIENCE {
            bail!(
                "the server on {} has not taken the new master key; its log tells why. It goes on trying",
                place.data_dir.display()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    say(&format!("The key in {} is the master key.", place.master_key.display()))
}
