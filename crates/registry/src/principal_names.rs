//! From the names that policies give principals to the unique ids that they are kept under, and back.
//!
//! A principal that is deleted and made again has another id, so a policy that named the first one does not name the
//! second (IAM User Guide, "AWS JSON policy elements: Principal").

use std::collections::HashMap;

use aws::ids::AccountId;
use iam::{AwsPrincipal, Document};
use meta::{EntityKind, FindAccount, FindEntity, FindEntityById};

use crate::Registry;
use crate::error::Result;
use crate::iam::arn_of;
use crate::store::StoreResultExt as _;

/// A principal that a policy names and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPrincipal(pub(crate) String);

impl Registry {
    /// Puts unique ids for the principals that a document names, or tells the first that does not exist.
    pub(crate) async fn resolve_principals(
        &self,
        document: &mut Document,
    ) -> Result<std::result::Result<(), UnknownPrincipal>> {
        let mut ids = HashMap::new();
        for name in document.aws_principals() {
            match self.resolve_principal(name).await? {
                Some(id) => ids.insert(name.to_owned(), id),
                None => return Ok(Err(UnknownPrincipal(name.to_owned()))),
            };
        }
        document.replace_aws_principals(&ids);
        Ok(Ok(()))
    }

    async fn resolve_principal(&self, name: &str) -> Result<Option<String>> {
        if name == "*" {
            return Ok(Some(name.to_owned()));
        }
        match AwsPrincipal::parse(name) {
            None => Ok(None),
            Some(AwsPrincipal::FederatedUser) => Ok(Some(name.to_owned())),
            Some(AwsPrincipal::Account(account)) => {
                let Ok(account_id) = account.parse::<AccountId>() else { return Ok(None) };
                let found = self.meta.read(FindAccount { account_id }).await.or_store_error()?;
                Ok(found.map(|account| account.account_id.to_string()))
            }
            Some(AwsPrincipal::Entity { account, kind, path_and_name }) => {
                let kind = if kind == "user" { EntityKind::User } else { EntityKind::Role };
                let (path, entity_name) = match path_and_name.rsplit_once('/') {
                    Some((path, name)) => (format!("/{path}/"), name),
                    None => ("/".to_owned(), path_and_name),
                };
                let Ok(account_id) = account.parse() else { return Ok(None) };
                let find = FindEntity { account_id, kind, name: entity_name.to_owned() };
                let found = self.meta.read(find).await.or_store_error()?;
                // An ARN names an entity by the exact spelling of its path and name.
                let exact = found.filter(|entity| entity.path == path && entity.name == entity_name);
                Ok(exact.map(|entity| entity.unique_id))
            }
            Some(AwsPrincipal::Session { account, role, session }) => {
                let Ok(account_id) = account.parse() else { return Ok(None) };
                let find = FindEntity { account_id, kind: EntityKind::Role, name: role.to_owned() };
                let found = self.meta.read(find).await.or_store_error()?.filter(|entity| entity.name == role);
                Ok(found.map(|entity| format!("{}:{session}", entity.unique_id)))
            }
            Some(AwsPrincipal::UniqueId { id, .. }) => {
                let find = FindEntityById { unique_id: id.to_owned() };
                Ok(self.meta.read(find).await.or_store_error()?.map(|_| name.to_owned()))
            }
        }
    }

    /// Puts ARNs for the unique ids of a document; what was deleted stays its id.
    pub(crate) async fn render_principals(&self, document: &mut Document) -> Result<()> {
        let mut names = HashMap::new();
        for id in document.aws_principals() {
            let shown = match AwsPrincipal::parse(id) {
                Some(AwsPrincipal::Account(account)) => Some(format!("arn:aws:iam::{account}:root")),
                Some(AwsPrincipal::UniqueId { id, session }) => self.arn_of_id(id, session).await?,
                _ => None,
            };
            if let Some(shown) = shown {
                names.insert(id.to_owned(), shown);
            }
        }
        document.replace_aws_principals(&names);
        Ok(())
    }

    async fn arn_of_id(&self, id: &str, session: Option<&str>) -> Result<Option<String>> {
        let found = self.meta.read(FindEntityById { unique_id: id.to_owned() }).await.or_store_error()?;
        Ok(found.map(|entity| match session {
            Some(session) => {
                aws::arn::Arn::sts_assumed_role(&entity.account_id, &entity.name, session).to_string()
            }
            None => arn_of(&entity),
        }))
    }
}
