//! `wharf account`: the accounts of a deployment.

mod reach;

use anyhow::{Context as _, bail};
use aws::ids::AccountId;
use aws::organizations::is_account_name;
use clap::{Args, Subcommand};
use identity::organizations::NewAccount;
use jiff::Timestamp;

pub(crate) use self::reach::Reach;
use super::say;
use super::store::Store;

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account, with a role that the management account can assume.
    #[command(after_help = "\
Only the management account can create accounts. The new account has no users: assume its role. On a running server the
caller needs organizations:CreateAccount. With --data-dir or --config the command opens the store itself.

Examples:
  wharf account create --name staging
  wharf account create --name shared-tooling --id 111122223333
  wharf account create --name staging --config /etc/wharf.toml
  aws sts assume-role --role-session-name me \\
    --role-arn arn:aws:iam::111122223333:role/OrganizationAccountAccessRole")]
    Create(Create),
    /// List the accounts: ID, status, name.
    #[command(after_help = "\
A running server lists the accounts of its organization. With --data-dir or --config the list also has the accounts that
left the organization.

Examples:
  wharf account list
  wharf account list --json
  wharf account list --data-dir .wharf")]
    List(List),
    /// Rename an account.
    #[command(after_help = "\
Example:
  wharf account rename 111122223333 --name tooling")]
    Rename(Rename),
    /// Close an account: Wharf then rejects every request of its principals. Its images are kept.
    #[command(after_help = "\
Example:
  wharf account close 111122223333")]
    Close(Close),
    /// Create an access key for the root of an account, in the store itself, for when no other access is left.
    #[command(after_help = "\
The root has all permissions in its account, regardless of policies. The key is printed once, as lines for a shell. A
root has at most two keys. Delete the key when you no longer need it: aws iam delete-access-key --access-key-id KEY

Examples:
  wharf account root-key 111122223333 --config /etc/wharf.toml
  eval \"$(wharf account root-key 111122223333 --data-dir .wharf)\"")]
    RootKey(RootKey),
}

#[derive(Args)]
pub(crate) struct Create {
    /// The name of the account.
    #[arg(long, value_parser = account_name)]
    name: String,
    /// The account ID, 12 digits [default: random].
    #[arg(long, value_name = "ID")]
    id: Option<AccountId>,
    /// The email address of its root user; no other account may have it [default: an unused address].
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The name of the role [default: OrganizationAccountAccessRole].
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args)]
pub(crate) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args)]
pub(crate) struct Rename {
    /// The account ID.
    id: AccountId,
    /// The new name.
    #[arg(long, value_parser = account_name)]
    name: String,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args)]
pub(crate) struct Close {
    /// The account ID.
    id: AccountId,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args)]
pub(crate) struct RootKey {
    /// The account ID.
    id: AccountId,
    #[command(flatten)]
    store: Store,
}

/// A name that CreateAccount accepts.
pub(crate) fn account_name(text: &str) -> Result<String, String> {
    if is_account_name(text) {
        return Ok(text.to_owned());
    }
    Err("a name has 1 to 50 printable ASCII characters".to_owned())
}

pub(crate) async fn run(command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Create(options) => Box::pin(create(options)).await,
        AccountCommand::List(options) => list(options).await,
        AccountCommand::Rename(options) => {
            options.reach.open().await?.rename(&options.id, options.name.clone()).await?;
            say(&format!("{} now has the name {}", options.id, options.name))
        }
        AccountCommand::Close(options) => {
            options.reach.open().await?.close(&options.id).await?;
            say(&format!("{} is now closed", options.id))
        }
        AccountCommand::RootKey(options) => root_key(options).await,
    }
}

async fn create(options: Create) -> anyhow::Result<()> {
    let name = options.name.clone();
    let asked = NewAccount {
        name: options.name,
        email: options.email,
        id: options.id,
        role_name: options.role_name,
        tags: Vec::new(),
    };
    let id = options.reach.open().await?.create(asked).await?;
    if options.json {
        return say(&serde_json::json!({ "Id": id, "Name": name }).to_string());
    }
    say(&id)
}

async fn list(options: List) -> anyhow::Result<()> {
    let accounts = options.reach.open().await?.list().await?;
    if options.json {
        return say(&serde_json::to_string_pretty(&accounts)?);
    }
    let row = |id: &str, status: &str, name: &str| format!("{id:<12}  {status:<9}  {name}");
    let mut rows = vec![row("ID", "STATUS", "NAME")];
    rows.extend(accounts.iter().map(|account| {
        let left = if account.in_organization { "" } else { " (not in the organization)" };
        row(&account.id, &account.status, &format!("{}{left}", account.name))
    }));
    say(&rows.join("\n"))
}

async fn root_key(options: RootKey) -> anyhow::Result<()> {
    let Some(store) = options.store.open().await? else {
        bail!("give --data-dir DIR or --config FILE: a running server does not create root keys");
    };
    let made = store.deployment.identity.make_root_key(&options.id, Timestamp::now()).await;
    let (id, secret) = made.with_context(|| format!("account {}", options.id))?;
    say(&format!(
        "export AWS_ACCESS_KEY_ID={id}\nexport AWS_SECRET_ACCESS_KEY='{}'\nunset AWS_SESSION_TOKEN AWS_PROFILE",
        secret.expose()
    ))
}
