//! Operations on accounts, either on a running server through the Organizations API, or on its store.

use anyhow::{Context as _, anyhow, bail};
use aws::ids::{AccountId, Region};
use clap::Args;
use identity::organizations::NewAccount;
use jiff::Timestamp;
use meta::MemberChange;
use serde::Serialize;
use serde_json::{Value, json};

use crate::aws_client::{AwsClient, Connection, Service};
use crate::cmd::store::{OpenStore, Store};

/// Where the accounts are: on a running server, or in a store that this process opens.
#[derive(Args, Clone, Default)]
pub(crate) struct Reach {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    store: Store,
}

/// An account, as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    /// Whether it is in the organization. A running server lists only such accounts.
    pub(super) in_organization: bool,
}

pub(crate) enum Accounts {
    Server(AwsClient),
    Store(OpenStore),
}

impl Reach {
    /// The caller's Region.
    pub(crate) fn region(&self) -> anyhow::Result<Region> {
        Ok(self.connection.open()?.region().clone())
    }

    pub(crate) async fn open(&self) -> anyhow::Result<Accounts> {
        match self.store.open().await? {
            Some(_) if self.connection.endpoint.is_some() || self.connection.profile.is_some() => {
                bail!("--data-dir and --config open a store: remove --endpoint and --profile")
            }
            Some(store) => Ok(Accounts::Store(store)),
            None => Ok(Accounts::Server(self.connection.open()?)),
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

async fn call(client: &AwsClient, operation: &str, input: &Value) -> anyhow::Result<Value> {
    Ok(client.json(Service::Organizations, operation, input).await?)
}

impl Accounts {
    /// Creates an account and returns its ID, or the reason for the failure.
    pub(super) async fn create(&self, mut asked: NewAccount) -> anyhow::Result<String> {
        let input = checked(&mut asked)?;
        let (id, reason) = match self {
            Self::Server(client) => {
                let answer = call(client, "CreateAccount", &input).await?;
                let status =
                    answer.get("CreateAccountStatus").context("the server's answer has no status")?;
                (text(status, "AccountId"), text(status, "FailureReason"))
            }
            Self::Store(store) => {
                let management = store.deployment.access.management_account().await?;
                let made =
                    store.deployment.identity.add_account(&management, asked, Timestamp::now()).await?;
                (made.account_id.unwrap_or_default(), made.failure_reason.unwrap_or_default())
            }
        };
        match reason.as_str() {
            "" => Ok(id),
            "EMAIL_ALREADY_EXISTS" => bail!("another account has this email address already"),
            reason => bail!("the account was not created: {reason}"),
        }
    }

    pub(super) async fn list(&self) -> anyhow::Result<Vec<Account>> {
        match self {
            Self::Server(client) => listed(client).await,
            Self::Store(store) => {
                let all = store.deployment.identity.all_accounts().await?;
                let shown = |account: meta::MemberAccount| Account {
                    id: account.account_id.to_string(),
                    status: account.status,
                    name: account.name,
                    email: account.email,
                    in_organization: account.in_organization,
                };
                Ok(all.into_iter().map(shown).collect())
            }
        }
    }

    /// The IDs of the accounts that are not closed.
    pub(crate) async fn open_accounts(&self) -> anyhow::Result<Vec<AccountId>> {
        let open = self.list().await?.into_iter().filter(|account| account.status == "ACTIVE");
        open.map(|account| account.id.parse().with_context(|| format!("account {}", account.id))).collect()
    }

    pub(super) async fn rename(&self, id: &AccountId, name: String) -> anyhow::Result<()> {
        match self {
            Self::Server(client) => {
                let input = json!({ "AccountId": id.as_str(), "AccountName": name });
                call(client, "WharfRenameAccount", &input).await?;
            }
            Self::Store(store) => {
                store
                    .deployment
                    .identity
                    .change_account(id, MemberChange::Rename(name), Timestamp::now())
                    .await?;
            }
        }
        Ok(())
    }

    pub(super) async fn close(&self, id: &AccountId) -> anyhow::Result<()> {
        match self {
            Self::Server(client) => {
                call(client, "CloseAccount", &json!({ "AccountId": id.as_str() })).await?;
            }
            Self::Store(store) => {
                if store.deployment.access.management_account().await? == *id {
                    bail!("the management account cannot be closed");
                }
                store.deployment.identity.change_account(id, MemberChange::Close, Timestamp::now()).await?;
            }
        }
        Ok(())
    }
}

/// An email address in a reserved domain (RFC 2606) that no other account has.
fn nobodys_address() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 10];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| anyhow!("the operating system provides no random numbers"))?;
    Ok(format!("root+{}@wharf.invalid", hex::encode(bytes)))
}

/// The input of CreateAccount, after validation. The API's rules also apply to a store that is opened.
fn checked(asked: &mut NewAccount) -> anyhow::Result<Value> {
    let email = match asked.email.take() {
        Some(email) => email,
        None => nobodys_address()?,
    };
    // Options that are not given are null, which is the same as absent.
    let (id, role_name) = (asked.id.as_ref().map(AccountId::as_str), &asked.role_name);
    let input =
        json!({ "AccountName": asked.name, "Email": email, "WharfAccountId": id, "RoleName": role_name });
    aws::json::decode::<aws::organizations::CreateAccountRequest>(input.to_string().as_bytes())?;
    asked.email = Some(email);
    Ok(input)
}

async fn listed(client: &AwsClient) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::new();
    let mut input = json!({});
    loop {
        let page = call(client, "ListAccounts", &input).await?;
        for account in page.get("Accounts").and_then(Value::as_array).into_iter().flatten() {
            accounts.push(Account {
                id: text(account, "Id"),
                status: text(account, "Status"),
                name: text(account, "Name"),
                email: account.get("Email").and_then(Value::as_str).map(str::to_owned),
                in_organization: true,
            });
        }
        match page.get("NextToken") {
            Some(token) => input = json!({ "NextToken": token }),
            None => return Ok(accounts),
        }
    }
}
