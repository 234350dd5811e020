//! Storage quotas: how many bytes the repositories with a prefix, an account or the deployment may hold. Bytes that are
//! being received count before they are in a row.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// The bytes that this node is receiving and that no row counts yet, in the order of the requests.
#[derive(Debug, Default)]
pub(crate) struct StorageHolds(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    next: u64,
    all: BTreeMap<u64, (RepositoryRef, More)>,
}

/// Bytes that a request holds against the storage quotas until it has recorded them or gives up, which drops this.
#[derive(Debug)]
#[must_use = "the bytes count until this is dropped"]
pub struct StorageHold {
    holds: Arc<StorageHolds>,
    /// None: nothing is limited.
    place: Option<u64>,
}

impl StorageHolds {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageHold {
    fn new(holds: &Arc<StorageHolds>, repository: &RepositoryRef, more: More) -> Self {
        let mut held = holds.lock();
        let place = held.next;
        held.next += 1;
        held.all.insert(place, (repository.clone(), more));
        Self { holds: Arc::clone(holds), place: Some(place) }
    }

    /// How many of these bytes a row counts now.
    pub fn recorded(&self, bytes: u64) {
        let mut held = self.holds.lock();
        let held = self.place.and_then(|place| held.all.get_mut(&place));
        if let Some((_, More::Uploaded { recorded, added })) = held {
            *recorded = recorded.saturating_add(bytes);
            *added = added.saturating_sub(bytes);
        }
    }

    /// What requests before this one hold against a quota; with an account, only what is held for it.
    fn before(&self, quota: &StorageQuota, account: Option<&AccountId>) -> u64 {
        let Some(place) = self.place else { return 0 };
        let held = self.holds.lock();
        let earlier = held.all.range(..place).map(|(_, held)| held);
        earlier
            .filter(|(repository, _)| quota.applies_to(repository))
            .filter(|(repository, _)| account.is_none_or(|account| *account == repository.account_id))
            .fold(0, |sum: u64, (_, more)| sum.saturating_add(quota.adds(*more)))
    }
}

impl Drop for StorageHold {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.holds.lock().all.remove(&place);
        }
    }
}

impl Access {
    /// Each storage quota that limits an account, or any account, with the bytes that are stored now.
    pub async fn storage_quota_use(&self, account: Option<&AccountId>) -> Result<Vec<(StorageQuota, u64)>> {
        let mut used = Vec::new();
        for quota in &self.settings.storage_quotas {
            if account.is_none() || quota.account_id.is_none() || quota.account_id.as_ref() == account {
                let stored = self.stored_in_all(&quota.counts()).await?;
                used.push((quota.clone(), stored));
            }
        }
        Ok(used)
    }

    /// The bytes that are stored in all databases.
    pub(crate) async fn stored_in_all(&self, by: &StoredBy) -> Result<u64> {
        let mut all = 0_u64;
        for access in std::iter::once(self).chain(self.databases().map(|(_, access)| &**access)) {
            let permit = Permit::for_service(authority::CheckStorageQuotas, access);
            all = all.saturating_add(permit.read(|()| SumStoredBytes { by: by.clone() }).await?);
        }
        Ok(all)
    }

    /// Holds bytes against the storage quotas, or refuses them. They count for all later requests of this node until the
    /// hold is dropped. Requests of different nodes at the same moment can exceed a quota by what each of them stores.
    /// Of registries on several databases, each database counts what it has. Without quotas it reads nothing.
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
            return Ok(StorageHold { holds: Arc::clone(&self.storage_holds), place: None });
        }
        let hold = StorageHold::new(&self.storage_holds, repository, more);
        let quotas = self.settings.storage_quotas.iter().filter(|quota| quota.applies_to(repository));
        for quota in quotas.filter(|quota| counts(quota)) {
            self.within(quota, repository, more, &hold).await?;
        }
        Ok(hold)
    }

    async fn within(
        &self,
        quota: &StorageQuota,
        repository: &RepositoryRef,
        more: More,
        hold: &StorageHold,
    ) -> Result<()> {
        let added = quota.adds(more);
        if matches!(more, More::Linked(_) | More::Shared(_)) && added == 0 {
            return Ok(());
        }
        let permit = Permit::for_service(authority::CheckStorageQuotas, self);
        // Before the rows are read: what is recorded meanwhile counts twice, and never not at all.
        let held = hold.before(quota, None);
        let stored = permit.read(|()| SumStoredBytes { by: quota.counts() }).await?;
        if stored.saturating_add(held).saturating_add(added) <= quota.bytes {
            return Ok(());
        }
        // What other accounts store is not shown.
        let account = &repository.account_id;
        let held = hold.before(quota, Some(account));
        let by = quota.counts_of(Some(account.clone()));
        let own = permit.read(|()| SumStoredBytes { by }).await?.saturating_add(held);
        let recorded = if let More::Uploaded { recorded, .. } = more { recorded } else { 0 };
        let own = own.saturating_sub(recorded);
        Err(exceeded(quota, (account, own), recorded.saturating_add(added)))
    }
}

fn exceeded(quota: &StorageQuota, (account, own): (&AccountId, u64), added: u64) -> Error {
    let StorageQuota { name, bytes, .. } = quota;
    let message = format!(
        "The storage quota '{name}' of {bytes} bytes would be exceeded: the account {account} stores {own} bytes of it, and {added} would be added. Delete images first, or ask the operator to raise the quota."
    );
    Error::new(Code::LimitExceeded, message)
}
