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
        match (&self.prefix, &self.account_id) {
            (Some(prefix), account_id) => {
                StoredBy::Prefix { account_id: account_id.clone(), prefix: prefix.clone() }
            }
            (None, Some(account_id)) => StoredBy::Account(account_id.clone()),
            (None, None) => StoredBy::Deployment,
        }
    }
}

impl Access {
    /// Refuses bytes that would exceed a storage quota. Requests at the same moment can exceed it by what each of them
    /// stores. Without quotas it reads nothing.
    pub async fn within_storage_quotas(&self, repository: &RepositoryRef, more: u64) -> Result<()> {
        for quota in self.settings.storage_quotas.iter().filter(|quota| quota.applies_to(repository)) {
            let permit = Permit::for_service(authority::CheckStorageQuotas, self);
            let stored = permit.read(|()| SumStoredBytes { by: quota.counts() }).await?;
            if stored.saturating_add(more) > quota.bytes {
                return Err(exceeded(quota, stored, more));
            }
        }
        Ok(())
    }
}

fn exceeded(quota: &StorageQuota, stored: u64, more: u64) -> Error {
    let StorageQuota { name, bytes, .. } = quota;
    let message = format!(
        "The storage quota '{name}' of {bytes} bytes would be exceeded: {stored} bytes are stored, and {more} would be added. Delete images first, or ask the operator to raise the quota."
    );
    Error::new(Code::LimitExceeded, message)
}
