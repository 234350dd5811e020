//! `wharf account`: the accounts of a deployment, by the Organizations API of a running server.

use anyhow::{Context as _, bail};
use aws::ids::AccountId;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::say;
use crate::aws_client::{AwsClient, Connection, Service};

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Make an account, with the role OrganizationAccountAccessRole that the management account can take on.
    #[command(after_help = "\
Only the management account makes accounts. The new one has no user: enter it by its role.

Examples:
  wharf account create --name staging
  wharf account create --name shared-tooling --id 111122223333
  aws sts assume-role --role-session-name me \\
    --role-arn arn:aws:iam::111122223333:role/OrganizationAccountAccessRole")]
    Create(Create),
    /// List the accounts: id, status, name.
    #[command(after_help = "\
Examples:
  wharf account list
  wharf account list --json")]
    List(List),
    /// Give an account another name.
    #[command(after_help = "\
Example:
  wharf account rename 111122223333 --name tooling")]
    Rename(Rename),
    /// Close an account: from then on nobody of it is heard. Its images stay.
    #[command(after_help = "\
Example:
  wharf account close 111122223333")]
    Close(Close),
}

#[derive(Args)]
pub(crate) struct Create {
    /// A name for people.
    #[arg(long)]
    name: String,
    /// The account's id, 12 digits [random].
    #[arg(long, value_name = "ID")]
    id: Option<AccountId>,
    /// The address of its root user, which no other account has [one that the name makes].
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The role's name [OrganizationAccountAccessRole].
    #[arg(long, value_name = "NAME")]
    role_name: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct Rename {
    /// The account's id.
    id: AccountId,
    /// Its name from now on.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct Close {
    /// The account's id.
    id: AccountId,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: AccountCommand) -> anyhow::Result<()> {
    match command {
        AccountCommand::Create(options) => create(options).await,
        AccountCommand::List(options) => list(options).await,
        AccountCommand::Rename(options) => {
            let input = json!({ "AccountId": options.id.as_str(), "AccountName": options.name });
            call(&options.connection.open()?, "WharfRenameAccount", &input).await?;
            say(&format!("{} is named {}", options.id, options.name))
        }
        AccountCommand::Close(options) => {
            let input = json!({ "AccountId": options.id.as_str() });
            call(&options.connection.open()?, "CloseAccount", &input).await?;
            say(&format!("{} is closed", options.id))
        }
    }
}

async fn call(client: &AwsClient, operation: &str, input: &Value) -> anyhow::Result<Value> {
    Ok(client.json(Service::Organizations, operation, input).await?)
}

/// An address that belongs to nobody (RFC 2606) and to this account alone.
fn own_address(name: &str, id: Option<&AccountId>) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(kept).take(30).collect();
    match id {
        Some(id) => format!("{name}+{id}@wharf.invalid"),
        None => format!("{name}@wharf.invalid"),
    }
}

async fn create(options: Create) -> anyhow::Result<()> {
    let email = options.email.unwrap_or_else(|| own_address(&options.name, options.id.as_ref()));
    // What is not given is null, which is the same as absent.
    let (id, role_name) = (options.id.as_ref().map(AccountId::as_str), &options.role_name);
    let input =
        json!({ "AccountName": options.name, "Email": email, "WharfAccountId": id, "RoleName": role_name });
    let answer = call(&options.connection.open()?, "CreateAccount", &input).await?;
    let status = answer.get("CreateAccountStatus").context("the server's answer has no status")?;
    if let Some(reason) = status.get("FailureReason").and_then(Value::as_str) {
        bail!("the account was not made: {reason} (address {email})");
    }
    if options.json {
        return say(&serde_json::to_string_pretty(status)?);
    }
    say(text(status, "AccountId"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

async fn list(options: List) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let mut accounts = Vec::new();
    let mut input = json!({});
    loop {
        let page = call(&client, "ListAccounts", &input).await?;
        accounts.extend(page.get("Accounts").and_then(Value::as_array).cloned().unwrap_or_default());
        match page.get("NextToken") {
            Some(token) => input = json!({ "NextToken": token }),
            None => break,
        }
    }
    if options.json {
        return say(&serde_json::to_string_pretty(&accounts)?);
    }
    let rows: Vec<String> = accounts
        .iter()
        .map(|account| {
            format!("{}  {:<9}  {}", text(account, "Id"), text(account, "Status"), text(account, "Name"))
        })
        .collect();
    say(&rows.join("\n"))
}
