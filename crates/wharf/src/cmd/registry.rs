//! `wharf registry`: which database has the registries of an account.

use std::path::PathBuf;

use anyhow::bail;
use aws::ids::AccountId;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::say;
use super::store::{OpenStore, Store};

#[derive(Subcommand)]
pub(crate) enum RegistryCommand {
    /// Place the registries of an account in another database.
    #[command(after_help = "\
The account must exist and must not have a registry yet: nothing of it was pushed, and no repository or setting of it was
created. From then on its private registries, in all Regions, are in the database with this name, which [[databases]] of the
configuration has. The account, its users and their policies stay in the database of [database], and so does its public
registry. An account is placed once: it cannot be placed elsewhere later.

Servers may run. All of them must have the database in [[databases]] before.

Examples:
  wharf registry place 111122223333 east --config /etc/wharf.toml
  wharf registry place 111122223333 east --config /etc/wharf.toml --json")]
    Place(Place),
    /// List the accounts whose registries are in other databases.
    #[command(after_help = "\
Registries of accounts that are not listed are in the database of [database].

Examples:
  wharf registry list --config /etc/wharf.toml
  wharf registry list --config /etc/wharf.toml --json")]
    List(List),
}

#[derive(Args)]
pub(crate) struct Place {
    /// The account ID.
    #[arg(value_name = "ACCOUNT")]
    account: AccountId,
    /// The name of the database.
    #[arg(value_name = "DATABASE")]
    database: String,
    #[command(flatten)]
    list: List,
}

#[derive(Args)]
pub(crate) struct List {
    /// The configuration file of the servers.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(command: RegistryCommand) -> anyhow::Result<()> {
    match command {
        RegistryCommand::Place(options) => place(&options).await,
        RegistryCommand::List(options) => list(&options).await,
    }
}

async fn open(options: &List) -> anyhow::Result<OpenStore> {
    let Some(store) = Store::of_config(&options.config).open().await? else { bail!("no store") };
    Ok(store)
}

async fn place(options: &Place) -> anyhow::Result<()> {
    let store = open(&options.list).await?;
    let (account, database) = (&options.account, &options.database);
    store.deployment.access.place_account(account, database, Timestamp::now()).await?;
    if options.list.json {
        let placed = json!({ "AccountId": account.to_string(), "Database": database });
        return say(&serde_json::to_string_pretty(&placed)?);
    }
    say(&format!("The registries of the account {account} are in the database '{database}' from now on."))
}

async fn list(options: &List) -> anyhow::Result<()> {
    let store = open(options).await?;
    let placed = store.deployment.access.placements().await?;
    if options.json {
        let shown = placed.iter().map(|placed| {
            let at = Timestamp::from_microsecond(placed.placed_at.0).unwrap_or_default();
            json!({
                "AccountId": placed.account_id.to_string(),
                "Database": placed.database,
                "PlacedAt": at.to_string(),
            })
        });
        return say(&serde_json::to_string_pretty(&shown.collect::<Vec<Value>>())?);
    }
    let mut lines = vec![format!("{:<14}{}", "ACCOUNT", "DATABASE")];
    lines.extend(
        placed.iter().map(|placed| format!("{:<14}{}", placed.account_id.to_string(), placed.database)),
    );
    say(&lines.join("\n"))
}
