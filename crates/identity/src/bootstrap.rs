//! The first start: creates an account, an administrator and its access key. There is no default credential: the key is
//! random, or the operator gives it.

use access::context::micros;
use access::effects::authority::{CreateAdministrator, EnableCreateOnPush};
use access::error::{Code, Error, Result};
use access::ids::unique_id;
use access::permit::{Opens, Permit, ServiceAuthority};
use access::seal::{Purpose, SealError};
use access::store::{
    AccountKey, CREATE_ON_PUSH, CreateAccessKey, CreateAccount, CreateFirstUser, CreateUser, EnsureRegistry,
    EnsureRegistryRefusal, FindAccessKey, FindAccount, FirstUserRefused, OpError, PutAccountSettingOnce,
    RefusedExt as _, RegistryKey, StoreResultExt as _, store_error,
};
use aws::ids::{AccessKeyId, AccountId, Region, SecretKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;

use crate::Identity;

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const USER_NAME: &str = "admin";

/// The administrator of the management account of a new deployment.
#[derive(Clone)]
pub struct Administrator {
    /// The management account.
    pub account_id: AccountId,
    /// Its registry's region.
    pub region: Region,
    /// The access key of the IAM user `admin`.
    pub access_key_id: AccessKeyId,
    pub secret: SecretKey,
}

/// A random 12-digit account ID.
pub fn random_account_id() -> Result<AccountId> {
    let mut bytes = [0_u8; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal(SealError::Failed))?;
    let number = 100_000_000_000 + u64::from_le_bytes(bytes) % 900_000_000_000;
    number.to_string().parse().map_err(Error::internal)
}

/// A random access key: an ID in AWS's format and a secret of 40 characters.
pub fn random_access_key() -> Result<(AccessKeyId, SecretKey)> {
    let id = unique_id("AKIA").map_err(Error::internal)?;
    let id = id.get(..20).unwrap_or(&id).parse().map_err(Error::internal)?;
    let mut bytes = [0_u8; 30];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal(SealError::Failed))?;
    Ok((id, SecretKey::new(STANDARD_NO_PAD.encode(bytes))))
}

impl Identity {
    /// Creates the account, its user `admin` with AdministratorAccess, and the key, if they do not exist. The call can
    /// be repeated: it does not change existing ones.
    pub async fn ensure_administrator(&self, administrator: &Administrator, now: Timestamp) -> Result<()> {
        let service = Permit::for_service(CreateAdministrator, &self.access);
        let account = self.ensure_account(&service, &administrator.account_id, now).await?;
        // Recorded before another account can be created.
        self.access.management_account().await?;
        self.ensure_registry(&service, account, &administrator.region, now).await?;
        let id = administrator.access_key_id.clone();
        if let Some(key) = service.read(|()| FindAccessKey { id: id.clone() }).await? {
            if key.principal.account_id == administrator.account_id {
                return Ok(());
            }
            return Err(Error::new(Code::InvalidParameter, "the access key belongs to another account"));
        }
        let owner = unique_id("AIDA").map_err(Error::internal)?;
        let at = micros(now);
        let sealed_secret = self
            .access
            .keys
            .seal(Purpose::AccessKey, administrator.secret.expose().as_bytes())
            .map_err(Error::internal)?;
        let user = CreateUser {
            account,
            unique_id: owner.clone(),
            path: "/".to_owned(),
            name: USER_NAME.to_owned(),
            at,
        };
        let access_key = CreateAccessKey { id, owner, sealed_secret, at };
        let first = CreateFirstUser { user, policy_arn: ADMINISTRATOR.to_owned(), access_key };
        service.write(|()| first).await.or_refused(|refusal| match refusal {
            FirstUserRefused => {
                Error::new(Code::InvalidParameter, "the user `admin` already exists, with another access key")
            }
        })?;
        Ok(())
    }

    /// Lets pushes to an account's registry create repositories. The call can be repeated: it does not change a setting
    /// that exists.
    pub async fn enable_create_on_push(
        &self,
        account_id: &AccountId,
        region: &Region,
        now: Timestamp,
    ) -> Result<()> {
        let service = Permit::for_service(EnableCreateOnPush, &self.access);
        let find = FindAccount { account_id: account_id.clone() };
        let Some(account) = service.read(|()| find).await? else { return Ok(()) };
        let registry = self.ensure_registry(&service, account.key, region, now).await?;
        let (name, value) = (CREATE_ON_PUSH.to_owned(), "ENABLED".to_owned());
        service.write(|()| PutAccountSettingOnce { registry, name, value }).await.or_store_error()
    }

    async fn ensure_registry<A>(
        &self,
        service: &Permit<A>,
        account: AccountKey,
        region: &Region,
        now: Timestamp,
    ) -> Result<RegistryKey>
    where
        A: ServiceAuthority + Opens<EnsureRegistry>,
    {
        let ensure = EnsureRegistry {
            key_if_new: RegistryKey(self.access.ids.next(now)),
            account,
            region: region.clone(),
            limit: self.access.quotas().registries_per_account.limit(),
            at: micros(now),
        };
        let ensured = service.write(|()| ensure).await.or_refused(|refusal| match refusal {
            EnsureRegistryRefusal::TooMany => self.access.quotas().registries_per_account.exceeded(),
            EnsureRegistryRefusal::Elsewhere => Error::new(
                Code::InvalidParameter,
                "the registries of the account are placed in another database",
            ),
        });
        Ok(ensured?.key)
    }

    async fn ensure_account(
        &self,
        service: &Permit<CreateAdministrator>,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<AccountKey> {
        let find = FindAccount { account_id: account_id.clone() };
        if let Some(account) = service.read(|()| find.clone()).await? {
            return Ok(account.key);
        }
        let create = CreateAccount {
            key: AccountKey(self.access.ids.next(now)),
            account_id: account_id.clone(),
            name: "management".to_owned(),
            at: micros(now),
        };
        service.write(|()| create).await.map_err(refused_or_store)?;
        let account = service.read(|()| find).await?;
        account.map(|account| account.key).ok_or_else(|| Error::internal(SealError::Failed))
    }
}

/// A refusal means that two processes created the account at the same time. The caller must retry.
fn refused_or_store<R: std::fmt::Debug>(error: OpError<R>) -> Error {
    match error {
        OpError::Store(error) => store_error(error),
        OpError::Refused(refusal) => {
            tracing::error!(?refusal, "the store refused to create an account or a registry");
            Error::new(Code::Unavailable, "another process changes the same account; start again")
        }
    }
}
