//! Which registry a request is about (design: addressing).

use aws::ids::{AccountId, Region};

use crate::Registry;
use crate::context::Caller;
use crate::settings::registry_of_host;

impl Registry {
    /// The registry that the host names. Any other host (`localhost`, an address) means the caller's own
    /// account, in the region that its token was issued for.
    pub fn registry_of(&self, host: Option<&str>, caller: &Caller) -> (AccountId, Region) {
        let own_suffix = self.settings.address.suffix.as_deref();
        if let Some(named) = host.and_then(|host| registry_of_host(host, own_suffix)) {
            return named;
        }
        let region = caller.token_region.clone().unwrap_or_else(|| self.settings.default_region.clone());
        (caller.account_id.clone(), region)
    }
}
