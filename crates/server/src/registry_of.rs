//! Which database has the registry of a request (docs/adr/0047-registries-on-several-databases.md). A request that is brought
//! to another one finds no registry there, so a mistake here opens nothing.

use std::sync::Arc;

use access::context::Ctx;
use access::databases::unopened;
use access::error::Result;
use aws::arn::Arn;
use aws::ids::{AccountId, Region};
use registry::Registry;

use crate::serve::App;

impl App {
    /// The registries of the database with this registry.
    pub(crate) async fn registry_of(&self, account: &AccountId, region: &Region) -> Result<&Arc<Registry>> {
        match self.access.database_of(account, region).await? {
            None => Ok(&self.registry),
            Some(name) => {
                self.beside.get(&*name).and_then(|opened| opened.get()).ok_or_else(|| unopened(&name))
            }
        }
    }

    /// The same for a request of ECR's API: it names the registry, by its ID or an ARN, or means that of the caller.
    pub(crate) async fn registry_of_request(
        &self,
        ctx: &Ctx,
        region: &Region,
        named: Option<&str>,
    ) -> Result<&Arc<Registry>> {
        let account = named.and_then(account_in);
        self.registry_of(account.as_ref().unwrap_or(&ctx.caller.account_id), region).await
    }

    /// The same for the URL of a layer.
    pub(crate) async fn registry_of_download(&self, token: &str) -> Result<&Arc<Registry>> {
        let named = if self.beside.is_empty() { None } else { self.registry.registry_of_download(token) };
        match named {
            Some((account, region)) => self.registry_of(&account, &region).await,
            None => Ok(&self.registry),
        }
    }
}

/// The account of a registry's ID or ARN. Operations refuse what is neither.
fn account_in(named: &str) -> Option<AccountId> {
    named.parse().ok().or_else(|| named.parse::<Arn>().ok()?.account_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_an_arn_name_the_account_of_a_registry() {
        let account = |named: &str| account_in(named).map(|account| account.to_string());
        let known = Some("111122223333".to_owned());
        assert_eq!(account("111122223333"), known);
        assert_eq!(account("arn:aws:ecr:us-east-1:111122223333:repository/a"), known);
        for other in ["", "1", "arn:aws:ecr:us-east-1", "arn:aws:s3:::bucket"] {
            assert_eq!(account(other), None, "{other}");
        }
    }
}
