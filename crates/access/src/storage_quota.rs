//! Storage quotas: how many bytes the repositories with a prefix, an account or the deployment may hold.

use aws::ids::AccountId;
use oci::name::RepositoryName;

use crate::Access;
use crate::context::RepositoryRef;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::permit::Permit;
use crate::store::{StoredBy, SumStoredBytes};

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
}

impl Access {
    /// Each storage quota that limits an account, or any account, with the bytes that are stored now.
    pub async fn storage_quota_use(&self, account: Option<&AccountId>) -> Result<Vec<(StorageQuota, u64)>> {
        let mut used = Vec::new();
        for quota in &self.settings.storage_quotas {
            if account.is_none() || quota.account_id.is_none() || quota.account_id.as_ref() == account {
                let permit = Permit::for_service(authority::CheckStorageQuotas, self);
                let stored = permit.read(|()| SumStoredBytes { by: quota.counts() }).await?;
                used.push((quota.clone(), stored));
            }
        }
        Ok(used)
    }

    /// Refuses a repository that moves to another account if its bytes would exceed a storage quota there. What the quotas
    /// of its old place count too adds nothing to them. Layers that the account has already are counted again.
    pub async fn within_storage_quotas_of_move(
        &self,
        (from, to): (&RepositoryRef, &RepositoryRef),
        bytes: u64,
    ) -> Result<()> {
        let quotas = self.settings.storage_quotas.iter();
        for quota in quotas.filter(|quota| quota.applies_to(to) && !quota.applies_to(from)) {
            self.within(quota, to, More::Stored(bytes)).await?;
        }
        Ok(())
    }

    /// Refuses bytes that would exceed a storage quota. Requests at the same moment can exceed it by what each of them
    /// stores. Without quotas it reads nothing.
    pub async fn within_storage_quotas(&self, repository: &RepositoryRef, more: More) -> Result<()> {
        for quota in self.settings.storage_quotas.iter().filter(|quota| quota.applies_to(repository)) {
            self.within(quota, repository, more).await?;
        }
        Ok(())
    }

    async fn within(&self, quota: &StorageQuota, repository: &RepositoryRef, more: More) -> Result<()> {
        let added = quota.adds(more);
        if matches!(more, More::Linked(_) | More::Shared(_)) && added == 0 {
            return Ok(());
        }
        let permit = Permit::for_service(authority::CheckStorageQuotas, self);
        let stored = permit.read(|()| SumStoredBytes { by: quota.counts() }).await?;
        if stored.saturating_add(added) <= quota.bytes {
            return Ok(());
        }
        // What other accounts store is not shown.
        let by = quota.counts_of(Some(repository.account_id.clone()));
        let own = permit.read(|()| SumStoredBytes { by }).await?;
        let recorded = if let More::Uploaded { recorded, .. } = more { recorded } else { 0 };
        let own = own.saturating_sub(recorded);
        Err(exceeded(quota, (&repository.account_id, own), recorded.saturating_add(added)))
    }
}

fn exceeded(quota: &StorageQuota, (account, own): (&AccountId, u64), added: u64) -> Error {
    let StorageQuota { name, bytes, .. } = quota;
    let message = format!(
        "The storage quota '{name}' of {bytes} bytes would be exceeded: the account {account} stores {own} bytes of it, and {added} would be added. Delete images first, or ask the operator to raise the quota."
    );
    Error::new(Code::LimitExceeded, message)
}
