//! `wharf keys`: the keys that encrypt docker passwords, sessions, URLs and secrets at rest.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::say;
use super::status::moment;
use super::store::{KeyPlace, Options, Store};
use crate::aws_client::{Connection, Service};
use crate::data_dir::DataFolder;
use crate::{files, master_rotation};

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List the sealing keys: when each was created, whether it is in use, and until when it is needed.
    #[command(after_help = "\
One key seals (encrypts) new values. Older keys only open the values that they sealed. A new key waits 30 seconds, until
every server knows it. On a running server the caller must be in the management account and needs
organizations:WharfListKeys. With --data-dir or --config the command opens the store itself.

Examples:
  wharf keys list
  wharf keys list --json --config /etc/wharf.toml")]
    List(Options),
    /// Create a new sealing key or a new master key; passwords and sessions stay valid until they expire.
    #[command(after_help = "\
Running servers use the new key after 30 seconds. The old key still opens values for 37 hours; after that, everything that
it sealed has expired. Meanwhile the servers re-seal the stored secrets. On a running server the caller must be in
the management account and needs organizations:WharfRotateKeys.

--master replaces the key in the master key file; give --data-dir or --config. A running server on this folder uses the
new key within ten seconds. If several servers share a PostgreSQL database, both master keys work at first: copy the new
file to each server, then run the command again with --finish.

Examples:
  wharf keys rotate
  wharf keys rotate --config /etc/wharf.toml
  wharf keys rotate --master --data-dir .wharf
  wharf keys rotate --master --config /etc/wharf.toml             # PostgreSQL: then copy the file to the other servers
  wharf keys rotate --master --finish --config /etc/wharf.toml")]
    Rotate(Rotate),
}

#[derive(Args)]
pub(crate) struct Rotate {
    /// Replace the master key.
    #[arg(long)]
    master: bool,
    /// Disable the old master key, after every server has the new one.
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

async fn list(options: Options) -> anyhow::Result<()> {
    let answer = match options.store.open().await? {
        Some(store) => serde_json::to_value(store.deployment.access.listed_keys(Timestamp::now()).await?)?,
        None => options.connection.open()?.json(Service::Organizations, "WharfListKeys", &json!({})).await?,
    };
    options.print(&answer, |answer| {
        let mut text = table(answer);
        if answer.get("MasterKeys").and_then(Value::as_u64).is_some_and(|count| count > 1) {
            text.push_str(
                "\nTwo master keys open the store: wharf keys rotate --master --finish disables the old one.",
            );
        }
        text
    })
}

fn keys(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.get("Keys").and_then(Value::as_array).into_iter().flatten()
}

fn table(answer: &Value) -> String {
    let row = |id: &str, made: &str, state: &str, until: &str, count: &str| {
        format!("{id:>3}  {made:<20}  {state:<33}  {until:<20}  {count:>11}")
    };
    let mut rows = vec![row("KEY", "CREATED", "STATE", "NEEDED UNTIL", "ACCESS KEYS")];
    for key in keys(answer) {
        let number = |name: &str| key.get(name).map(ToString::to_string).unwrap_or_default();
        let state = match (key.get("State").and_then(Value::as_str), moment(key, "SealsFrom")) {
            (Some("WAITING"), Some(from)) => format!("seals from {from}"),
            (Some("SEALING"), _) => "seals".to_owned(),
            _ => "only opens".to_owned(),
        };
        let unknown = || "-".to_owned();
        rows.push(row(
            &number("KeyId"),
            &moment(key, "MadeAt").unwrap_or_else(unknown),
            &state,
            &moment(key, "NeededUntil").unwrap_or_else(unknown),
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
    let from = moment(newest, "SealsFrom").unwrap_or_default();
    say(&format!(
        "Key {id} seals from {from} on. Values that older keys sealed stay valid until they expire: wharf keys list"
    ))
}

/// How long a running server may take. It checks every ten seconds.
const PATIENCE: Duration = Duration::from_mins(1);

async fn rotate_master(store: &Store, finish: bool) -> anyhow::Result<()> {
    let Some(place) = store.key_place()? else {
        bail!("name the store of the master key to replace: --data-dir DIR or --config FILE");
    };
    let key = &place.master_key;
    if files::read_optional(key)?.is_none() {
        bail!("there is no master key to replace: {} does not exist", key.display());
    }
    if place.is_alone && DataFolder::is_held(&place.data_dir) {
        if !finish {
            master_rotation::begin(key)?;
        }
        return await_server(&place).await;
    }
    let Some(open) = store.open().await? else { bail!("no store was given") };
    // A rotation that stopped after the new key was put in place only has to be finished.
    let is_in_place = open.deployment.access.listed_keys(Timestamp::now()).await?.master_keys > 1
        && !master_rotation::is_begun(key);
    if !finish && !is_in_place {
        master_rotation::begin(key)?;
        master_rotation::put_in_place(&open.deployment, key).await?;
    }
    if finish || place.is_alone {
        master_rotation::finish(&open.deployment, key).await?;
        return say(&format!("The key in {} is the master key.", key.display()));
    }
    say(&format!(
        "The new master key is in {}. The old key also still opens the store. Copy the new file to every other server, \
         then run this command again with --finish.",
        key.display()
    ))
}

/// Waits until the server that has opened the store has rotated the master key.
async fn await_server(place: &KeyPlace) -> anyhow::Result<()> {
    let begun = Instant::now();
    while master_rotation::is_begun(&place.master_key) {
        if begun.elapsed() > PATIENCE {
            bail!(
                "the server on {} has not switched to the new master key yet and keeps trying; see its log",
                place.data_dir.display()
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    say(&format!("The key in {} is the master key.", place.master_key.display()))
}
