//! Which registry a request means (docs/adr/0013-names-of-registries.md): the host names it, or the first part of the
//! path does, or it is the caller's own.

use aws::ids::{AccountId, Region};
use meta::FindAccount;

use crate::Access;
use crate::context::Caller;
use crate::error::Result;
pub use crate::settings::HostError;
use crate::store::StoreResultExt as _;

/// The registry that a request's host names, if it names one.
#[derive(Clone, Debug, Default)]
pub struct Host(Option<(AccountId, Region)>);

impl Host {
    /// Whether the host names a registry.
    pub fn names_registry(&self) -> bool {
        self.0.is_some()
    }
}

impl Access {
    /// Parses a host. `localhost` or an address names no registry.
    pub fn host(&self, host: Option<&str>) -> std::result::Result<Host, HostError> {
        host.map_or(Ok(None), |host| self.settings.address.registry_of_host(host)).map(Host)
    }

    /// The registry of a request: the one that the host names, or that of the account ID in the path, or the caller's
    /// own. The last two are in the Region of the caller's token.
    pub fn registry_of(
        &self,
        host: &Host,
        in_path: Option<&AccountId>,
        caller: &Caller,
    ) -> (AccountId, Region) {
        if let Some(named) = &host.0 {
            return named.clone();
        }
        // A password of ECR Public is for no Region, so the gate refuses it here.
        let region = caller.token_region.clone().filter(|region| !region.is_public());
        let region = region.unwrap_or_else(|| self.settings.default_region.clone());
        (in_path.unwrap_or(&caller.account_id).clone(), region)
    }

    /// The account ID at the start of a path: `111122223333/svc/api`. Only at a host that names no registry, and only
    /// an account of this deployment: other digits are part of a repository name. A repository whose name begins with
    /// an account ID is reached after its own account ID, as in `repositoryUri`.
    pub async fn account_in_path(&self, host: &Host, first_part: &str) -> Result<Option<AccountId>> {
        let Ok(account_id) = first_part.parse::<AccountId>() else { return Ok(None) };
        if host.0.is_some() {
            return Ok(None);
        }
        let find = FindAccount { account_id };
        let known = self.meta.read_kept(find).await.or_store_error()?;
        Ok(known.as_ref().as_ref().map(|account| account.account_id.clone()))
    }
}
