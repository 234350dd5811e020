//! Operations on accounts by the operator of the store: at the first start, and on a store that no server has open.
//! There is no request to decide on, because whoever can open the store can read all of it. The creation of an account
//! is shared with CreateAccount.

use access::context::micros;
use access::effects::authority::ManageAccounts;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::permit::{Opens, Permit};
use access::seal::Purpose;
use access::store::{
    AccountCreation, AccountKey, ChangeMemberAccount, CreateAccessKey, CreateAccessKeyWithin,
    CreateAccessKeyWithinRefusal, CreateAccount, CreateEntity, CreateMemberAccount, EnsureRoot, EntityKind,
    FindMemberAccount, ListAccounts, MemberAccount, MemberChange, OpError, RefusedExt as _, RoleFields,
    StoreResultExt as _, store_error,
};
use aws::ids::{AccessKeyId, AccountId, SecretKey};
use jiff::Timestamp;

use super::{account_not_found, email_of};
use crate::Identity;
use crate::bootstrap::{random_access_key, random_account_id};

const ROLE_NAME: &str = "OrganizationAccountAccessRole";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
/// All attempts fail only if about nine in ten of all IDs are in use.
const TRIES: usize = 50;
const PAGE: usize = 500;

/// The parameters of a new account.
#[derive(Clone, Debug, Default)]
pub struct NewAccount {
    /// The display name.
    pub name: String,
    /// The email address of its root user; an unused address if absent.
    pub email: Option<String>,
    /// Its account ID; random if absent.
    pub id: Option<AccountId>,
    /// The role that the management account can assume; `OrganizationAccountAccessRole` if absent.
    pub role_name: Option<String>,
    pub tags: Vec<(String, String)>,
}

impl NewAccount {
    /// The one transaction that creates the account with this ID.
    fn creation(
        &self,
        management: &AccountId,
        key: AccountKey,
        account_id: AccountId,
        now: Timestamp,
    ) -> Result<CreateMemberAccount> {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{management}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let at = micros(now);
        Ok(CreateMemberAccount {
            id: format!("car-{}", unique_id("").map_err(Error::internal)?.to_ascii_lowercase()),
            email: email_of(self.email.clone(), &account_id),
            account: CreateAccount { key, account_id, name: self.name.clone(), at },
            role: CreateEntity {
                account: key,
                kind: EntityKind::Role,
                unique_id: unique_id("AROA").map_err(Error::internal)?,
                path: "/".to_owned(),
                name: self.role_name.clone().unwrap_or_else(|| ROLE_NAME.to_owned()),
                boundary: None,
                role: Some(RoleFields {
                    trust_policy: trust,
                    description: None,
                    max_session_seconds: 3_600,
                    service_name: None,
                }),
                tags: Vec::new(),
                // The first role of the account.
                limit: 1,
                at,
            },
            policy_arn: ADMINISTRATOR.to_owned(),
            tags: self.tags.clone(),
        })
    }
}

impl Identity {
    /// Creates an account with a role that the management account can assume.
    pub async fn add_account(
        &self,
        management: &AccountId,
        asked: NewAccount,
        now: Timestamp,
    ) -> Result<AccountCreation> {
        self.create_member(&self.operator(), management, asked, now).await
    }

    fn operator(&self) -> Permit<ManageAccounts> {
        Permit::for_service(ManageAccounts, &self.access)
    }

    pub(super) async fn create_member<E: Opens<CreateMemberAccount>>(
        &self,
        permit: &Permit<E>,
        management: &AccountId,
        asked: NewAccount,
        now: Timestamp,
    ) -> Result<AccountCreation> {
        for _ in 0..TRIES {
            let account_id = match &asked.id {
                Some(id) => id.clone(),
                None => random_account_id()?,
            };
            let key = AccountKey(self.access.ids.next(now));
            let creation = asked.creation(management, key, account_id, now)?;
            match permit.write(|_| creation).await {
                Ok(creation) => return Ok(creation),
                Err(OpError::Store(error)) => return Err(store_error(error)),
                Err(OpError::Refused(_)) if asked.id.is_some() => break,
                Err(OpError::Refused(_)) => {}
            }
        }
        Err(Error::aws(AwsCode::DuplicateAccount, "Another account already has this account ID."))
    }

    /// All accounts by account ID. This includes accounts that left the organization, which no other operation lists.
    pub async fn all_accounts(&self) -> Result<Vec<MemberAccount>> {
        let operator = self.operator();
        let mut all: Vec<MemberAccount> = Vec::new();
        loop {
            let after = all.last().map(|last| last.account_id.to_string()).unwrap_or_default();
            let page = operator.read(|()| ListAccounts { after, limit: PAGE }).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Creates an account of the configuration if it does not exist yet: by its account ID, or by its name if there is no ID.
    /// An existing account is not changed. Returns its account ID.
    pub async fn ensure_member(
        &self,
        name: &str,
        id: Option<&AccountId>,
        now: Timestamp,
    ) -> Result<AccountId> {
        let found = match id {
            Some(id) => self.operator().read(|()| FindMemberAccount { account_id: id.clone() }).await?,
            None => self.all_accounts().await?.into_iter().find(|account| account.name == name),
        };
        if let Some(found) = found {
            return Ok(found.account_id);
        }
        let management = self.access.management_account().await?;
        let asked = NewAccount { name: name.to_owned(), id: id.cloned(), ..NewAccount::default() };
        let made = self.add_account(&management, asked, now).await?;
        made.account_id.unwrap_or_default().parse().map_err(Error::internal)
    }

    /// Renames or closes an account.
    pub async fn change_account(
        &self,
        account_id: &AccountId,
        change: MemberChange,
        now: Timestamp,
    ) -> Result<MemberAccount> {
        let change = ChangeMemberAccount { account_id: account_id.clone(), change, at: micros(now) };
        self.operator().write(|()| change).await.or_store_error()?.ok_or_else(account_not_found)
    }

    /// Creates an access key of an account's root, which no policy of the account limits.
    pub async fn make_root_key(
        &self,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<(AccessKeyId, SecretKey)> {
        let at = micros(now);
        let ensure = EnsureRoot { account_id: account_id.clone(), at };
        let operator = self.operator();
        operator.write(|()| ensure).await.or_refused(|_| account_not_found())?;
        let (id, secret) = random_access_key()?;
        let sealed_secret =
            self.access.keys.seal(Purpose::AccessKey, secret.expose().as_bytes()).map_err(Error::internal)?;
        let key = CreateAccessKey { id: id.clone(), owner: account_id.to_string(), sealed_secret, at };
        let create = CreateAccessKeyWithin { key, limit: self.access.quotas().access_keys_per_user.limit() };
        operator.write(|()| create).await.or_refused(|refusal| match refusal {
            CreateAccessKeyWithinRefusal::Limit => {
                let message = format!(
                    "The root already has {} access keys: delete one with `aws iam delete-access-key` first.",
                    self.access.quotas().access_keys_per_user.value
                );
                Error::aws(AwsCode::IamLimitExceeded, message)
            }
            CreateAccessKeyWithinRefusal::Key(_) => account_not_found(),
        })?;
        Ok((id, secret))
    }
}
