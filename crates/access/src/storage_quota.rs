//! Storage quotas: how many bytes the repositories with a prefix, an account or the deployment may hold. Bytes that are
//! being received count before they are in a row.

mod holds;

use aws::ids::AccountId;
use futures::future::try_join_all;
use oci::name::RepositoryName;

use crate::Access;
use crate::context::RepositoryRef;
use crate::databases::away;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::permit::Permit;
use crate::store::{StoredBy, SumStoredBytes};
use holds::Deciding;
pub use holds::StorageHold;
pub(crate) use holds::StorageHolds;

/// A limit of the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageQuota {
    /// The name in errors.
    pub name: String,
    pub bytes: u64,
    /// Only repositories of this account; without a prefix, its registries.
    pub account_id: Option<AccountId>,
    /// Only repositories whose names begin with this.
    pub prefix: Option<String>,
}

/// Bytes that a request would add to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    /// They are new.
    Stored(u64),
    /// Bytes of an upload. Those that are recorded count as stored already.
    Uploaded { recorded: u64, added: u64 },
    /// A layer that another repository of the registry has. Only the quota of a prefix counts it again.
    Linked(u64),
    /// Layers that another registry of the deployment has. They add nothing to what the deployment stores.
    Shared(u64),
}

impl StorageQuota {
    fn applies_to(&self, repository: &RepositoryRef) -> bool {
        let RepositoryRef { account_id, name, .. } = repository;
        self.account_id.as_ref().is_none_or(|wanted| wanted == account_id) && self.has_prefix(name)
    }

    fn has_prefix(&self, name: &RepositoryName) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| name.to_string().starts_with(prefix.as_str()))
    }

    /// What it limits.
    fn counts(&self) -> StoredBy {
        match &self.account_id {
            None if self.prefix.is_none() => StoredBy::Deployment,
            account_id => self.counts_of(account_id.clone()),
        }
    }

    /// The part of an account, or of all that have repositories with the prefix.
    fn counts_of(&self, account_id: Option<AccountId>) -> StoredBy {
        match (&self.prefix, account_id) {
            (Some(prefix), account_id) => StoredBy::Prefix { account_id, prefix: prefix.clone() },
            (None, Some(account_id)) => StoredBy::Account(account_id),
            (None, None) => StoredBy::Deployment,
        }
    }

    /// How much of the bytes it counts.
    const fn adds(&self, more: More) -> u64 {
        match more {
            More::Linked(_) if self.prefix.is_none() => 0,
            More::Shared(_) if self.prefix.is_none() && self.account_id.is_none() => 0,
            More::Stored(bytes) | More::Linked(bytes) | More::Shared(bytes) => bytes,
            More::Uploaded { added, .. } => added,
        }
    }

    /// Whether it limits the bytes. Those of layers that it counts already it does not.
    const fn limits(&self, more: More) -> bool {
        !matches!(more, More::Linked(_) | More::Shared(_)) || self.adds(more) > 0
    }
}

impl Access {
    /// Each storage quota that limits an account, or any account, with the bytes that are stored now.
    pub async fn storage_quota_use(&self, account: Option<&AccountId>) -> Result<Vec<(StorageQuota, u64)>> {
        let mut used = Vec::new();
        for quota in &self.settings.storage_quotas {
            if account.is_none() || quota.account_id.is_none() || quota.account_id.as_ref() == account {
                let by = quota.counts();
                let stored = match &quota.account_id {
                    Some(account) => match self.stored(&by, Some(account)).await {
                        Ok(stored) => stored,
                        Err(error) => {
                            let of = self.database_of(account, &self.settings.default_region).await?;
                            return Err(away(of.as_deref().unwrap_or_default(), error));
                        }
                    },
                    None => self.stored_in_all(&by).await?,
                };
                used.push((quota.clone(), stored));
            }
        }
        Ok(used)
    }

    /// The bytes that are stored in all databases.
    pub(crate) async fn stored_in_all(&self, by: &StoredBy) -> Result<u64> {
        let all = self.all_databases()?.into_iter();
        let stored = all.map(|(name, access)| async move {
            access.stored_here(by).await.map_err(|error| away(name, error))
        });
        let sums = try_join_all(stored).await?;
        Ok(sums.into_iter().fold(0, u64::saturating_add))
    }

    /// Holds bytes against the storage quotas, or refuses them. They count for all later requests of this node until the
    /// hold is dropped. Requests of different nodes at the same moment can exceed a quota by what each of them stores.
    /// Of registries on several databases, the quota of an account counts both that it can be in; of the others, each
    /// database counts what it has. Without quotas it reads nothing.
    pub async fn hold_storage(&self, repository: &RepositoryRef, more: More) -> Result<StorageHold> {
        self.hold_against(repository, more, |_| true).await
    }

    /// The same for a repository that moves to another account. What the quotas of its old place count too adds nothing to
    /// them. Layers that the account has already are counted again.
    pub async fn hold_storage_of_move(
        &self,
        (from, to): (&RepositoryRef, &RepositoryRef),
        bytes: u64,
    ) -> Result<StorageHold> {
        self.hold_against(to, More::Stored(bytes), |quota| !quota.applies_to(from)).await
    }

    async fn hold_against(
        &self,
        repository: &RepositoryRef,
        more: More,
        counts: impl Fn(&StorageQuota) -> bool,
    ) -> Result<StorageHold> {
        if self.settings.storage_quotas.is_empty() {
            return Ok(StorageHold::unlimited(&self.storage_holds));
        }
        let quotas = self.settings.storage_quotas.iter();
        let quotas =
            quotas.filter(|quota| quota.applies_to(repository) && quota.limits(more) && counts(quota));
        let mut deciding = Deciding::begin(&self.storage_holds, quotas);
        for (quota, counted) in &mut deciding.counted {
            *counted = counted.saturating_add(self.stored(&quota.counts(), quota.account_id.as_ref()).await?);
        }
        match deciding.admit(repository, more) {
            Ok(hold) => Ok(hold),
            Err(quota) => Err(self.exceeded(quota, &repository.account_id, more).await?),
        }
    }

    /// The bytes that are stored here; of one account, in all databases.
    async fn stored(&self, by: &StoredBy, account: Option<&AccountId>) -> Result<u64> {
        let own = self.stored_here(by).await?;
        let Some(account) = account else { return Ok(own) };
        Ok(match self.other_side(account).await? {
            Some(other) => own.saturating_add(other.stored_here(by).await?),
            None => own,
        })
    }

    async fn stored_here(&self, by: &StoredBy) -> Result<u64> {
        let permit = Permit::for_service(authority::CheckStorageQuotas, self);
        permit.read(|()| SumStoredBytes { by: by.clone() }).await
    }

    /// The error of a quota that would be exceeded. What other accounts store is not shown.
    async fn exceeded(&self, quota: &StorageQuota, account: &AccountId, more: More) -> Result<Error> {
        let held = self.storage_holds.of_account(quota, account);
        let by = quota.counts_of(Some(account.clone()));
        let own = self.stored(&by, Some(account)).await?.saturating_add(held);
        let recorded = if let More::Uploaded { recorded, .. } = more { recorded } else { 0 };
        let own = own.saturating_sub(recorded);
        Ok(exceeded(quota, (account, own), recorded.saturating_add(quota.adds(more))))
    }
}

fn exceeded(quota: &StorageQuota, (account, own): (&AccountId, u64), added: u64) -> Error {
    let StorageQuota { name, bytes, .. } = quota;
    let message = format!(
        "The storage quota '{name}' of {bytes} bytes would be exceeded: the account {account} stores {own} bytes of it, and {added} would be added. Delete images first, or ask the operator to raise the quota."
    );
    Error::new(Code::LimitExceeded, message)
}
