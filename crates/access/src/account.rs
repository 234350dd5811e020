//! The store's rows for an account and its registries.

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::{AccountKey, EnsureRegistry, FindAccount, RegistryKey};

use crate::Access;
use crate::context::micros;
use crate::error::{Code, Error, Result};
use crate::seal::SealError;
use crate::store::{StoreResultExt as _, store_error};

impl Access {
    /// The store's key of an existing account, such as the caller's.
    pub async fn account_key(&self, account_id: &AccountId) -> Result<AccountKey> {
        let find = FindAccount { account_id: account_id.clone() };
        let account = self.meta.read(find).await.or_store_error()?;
        account.map(|account| account.key).ok_or_else(|| Error::internal(SealError::Failed))
    }

    /// The registry of an account in a Region. The first request for it creates it.
    pub async fn ensure_registry(
        &self,
        account: AccountKey,
        region: &Region,
        now: Timestamp,
    ) -> Result<RegistryKey> {
        let ensure = EnsureRegistry {
            key_if_new: RegistryKey(self.ids.next(now)),
            account,
            region: region.clone(),
            at: micros(now),
        };
        self.meta.write(ensure).await.map(|registry| registry.key).map_err(refused_or_store)
    }
}

/// A refusal means that two processes created the account at the same time. The caller is asked to retry.
pub fn refused_or_store<R: std::fmt::Debug>(error: meta::OpError<R>) -> Error {
    match error {
        meta::OpError::Store(error) => store_error(error),
        meta::OpError::Refused(refusal) => {
            tracing::error!(?refusal, "the store refused to make an account or a registry");
            Error::new(Code::Unavailable, "another process changes the same account; start again")
        }
    }
}
