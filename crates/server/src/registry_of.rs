//! Which database has the registry of a request (docs/adr/0047-registries-on-several-databases.md). A request that is brought
//! to another one finds no registry there, so a mistake here opens nothing.

use std::sync::Arc;

use access::context::Ctx;
use access::databases::unopened;
use access::error::Result;
use aws::arn::Arn;
use aws::ids::{AccountId, Region};
use bytes::Bytes;
use registry::Registry;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::control::by_size;
use crate::serve::App;

/// A longer text names no registry.
const LONGEST: usize = 2_048;

/// The members of ECR's requests that name a registry, as they are written.
#[derive(Default, Deserialize)]
struct Named<'a> {
    #[serde(rename = "registryId", borrow)]
    registry_id: Option<&'a RawValue>,
    #[serde(rename = "resourceArn", borrow)]
    resource_arn: Option<&'a RawValue>,
}

impl App {
    /// The registries of the database with this registry.
    pub(crate) async fn registry_of(&self, account: &AccountId, region: &Region) -> Result<&Arc<Registry>> {
        match self.access.database_of(account, region).await? {
            None => Ok(&self.registry),
            Some(name) => self.beside.get(&*name).ok_or_else(|| unopened(&name)),
        }
    }

    /// The same for a request of ECR's API: it names the registry, or means that of the caller.
    pub(crate) async fn registry_of_request(
        &self,
        ctx: &Ctx,
        region: &Region,
        body: &Bytes,
    ) -> Result<&Arc<Registry>> {
        if self.beside.is_empty() {
            return Ok(&self.registry);
        }
        let body = body.clone();
        let named = by_size(body.len(), move || account_in(&body)).await?;
        self.registry_of(named.as_ref().unwrap_or(&ctx.caller.account_id), region).await
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

/// The account that a request names. What cannot be read here is refused when the request is decoded.
fn account_in(body: &[u8]) -> Option<AccountId> {
    let named: Named<'_> = serde_json::from_slice(body).ok()?;
    let text = |raw: &RawValue| {
        let written = Some(raw.get()).filter(|written| written.len() <= LONGEST)?;
        serde_json::from_str::<String>(written).ok()
    };
    if let Some(id) = named.registry_id {
        return text(id)?.parse().ok();
    }
    text(named.resource_arn?)?.parse::<Arn>().ok()?.account_id()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_account_of_its_registry() {
        let account = |body: &str| account_in(body.as_bytes()).map(|account| account.to_string());
        let named = Some("111122223333".to_owned());
        assert_eq!(account(r#"{"repositoryName":"a","registryId":"111122223333"}"#), named);
        assert_eq!(account(r#"{"registryId":"11112222\u0033333"}"#), named);
        let arn = "arn:aws:ecr:us-east-1:111122223333:repository/a";
        assert_eq!(account(&format!(r#"{{"resourceArn":"{arn}","tags":[]}}"#)), named);
        for other in
            ["{}", "[]", "", r#"{"registryId":1}"#, r#"{"registryId":"1"}"#, r#"{"registryId":null}"#]
        {
            assert_eq!(account(other), None, "{other}");
        }
        let long = format!(r#"{{"registryId":"{}"}}"#, "1".repeat(LONGEST));
        assert_eq!(account(&long), None);
    }
}
