//! Converts the names of principals in policies to the unique IDs that are stored, and back.
//!
//! A principal that is deleted and created again has another ID, so a policy that named the old one does not name the
//! new one (IAM User Guide, "AWS JSON policy elements: Principal").

use std::collections::HashMap;

use aws::arn::Arn;
use aws::ids::AccountId;
use meta::{EntityKind, EntityName, FindNamedPrincipals, NamedPrincipals, Principal};
use policy::{AwsPrincipal, Document};

use crate::error::Result;
use crate::permit::Reads;

/// A principal in a policy that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPrincipal(pub String);

/// The principals that a document names, as the store had them in one read. It converts names to unique IDs, and back.
pub struct Known(NamedPrincipals);

impl Known {
    /// Reads the principals that a document names.
    pub async fn of(store: &impl Reads<FindNamedPrincipals>, document: &Document) -> Result<Self> {
        Ok(Self(store.look_up(question(document)).await?))
    }

    /// Replaces the principals of a document by their unique IDs, or returns the first that does not exist. If one is
    /// deleted before the document is written, its ID stays in the document and belongs to nobody.
    pub fn resolve(&self, document: &mut Document) -> std::result::Result<(), UnknownPrincipal> {
        let mut ids = HashMap::new();
        for name in document.aws_principals() {
            match self.kept(name) {
                Some(id) => ids.insert(name.to_owned(), id),
                None => return Err(UnknownPrincipal(name.to_owned())),
            };
        }
        document.replace_aws_principals(&ids);
        Ok(())
    }

    /// Replaces the unique IDs of a document by ARNs. The ID of a deleted principal stays.
    pub fn render(&self, document: &mut Document) {
        let shown = document.aws_principals().into_iter();
        let names = shown.filter_map(|kept| Some((kept.to_owned(), self.shown(kept)?))).collect();
        document.replace_aws_principals(&names);
    }

    fn by_name(&self, account: &str, kind: &str, name: &str) -> Option<&Principal> {
        // The store finds names in any letter case; an ARN must have the exact spelling.
        self.0
            .principals
            .iter()
            .find(|one| one.account_id.as_str() == account && one.kind == kind && one.name == name)
    }

    fn by_id(&self, id: &str) -> Option<&Principal> {
        self.0.principals.iter().find(|one| one.unique_id == id)
    }

    /// The stored form of a name; None if it does not exist.
    fn kept(&self, name: &str) -> Option<String> {
        if name == "*" {
            return Some(name.to_owned());
        }
        match AwsPrincipal::parse(name)? {
            AwsPrincipal::FederatedUser => Some(name.to_owned()),
            AwsPrincipal::Account(account) => {
                let known = self.0.accounts.iter().find(|known| known.as_str() == account);
                known.map(ToString::to_string)
            }
            AwsPrincipal::Entity { account, kind, path_and_name } => {
                let (path, name) = split(path_and_name);
                let found = self.by_name(account, kind, name).filter(|one| one.path == path);
                found.map(|one| one.unique_id.clone())
            }
            AwsPrincipal::Session { account, role, session } => {
                self.by_name(account, "role", role).map(|role| format!("{}:{session}", role.unique_id))
            }
            AwsPrincipal::UniqueId { id, .. } => self.by_id(id).map(|_| name.to_owned()),
        }
    }

    /// How a stored name is shown, if it differs.
    fn shown(&self, kept: &str) -> Option<String> {
        match AwsPrincipal::parse(kept)? {
            AwsPrincipal::Account(account) => Some(format!("arn:aws:iam::{account}:root")),
            AwsPrincipal::UniqueId { id, session } => {
                let Principal { account_id, kind, path, name, .. } = self.by_id(id)?;
                Some(match session {
                    Some(session) => Arn::sts_assumed_role(account_id, name, session).to_string(),
                    None => format!("arn:aws:iam::{account_id}:{kind}{path}{name}"),
                })
            }
            _ => None,
        }
    }
}

/// The path and the name of `path/to/name`.
fn split(path_and_name: &str) -> (String, &str) {
    match path_and_name.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), path_and_name),
    }
}

/// What the store must look up for the names of a document.
fn question(document: &Document) -> FindNamedPrincipals {
    let mut ask = FindNamedPrincipals::default();
    let entity = |account: &str, kind, name: &str| {
        let account_id: AccountId = account.parse().ok()?;
        Some(EntityName { account_id, kind, name: name.to_owned() })
    };
    for name in document.aws_principals() {
        match AwsPrincipal::parse(name) {
            Some(AwsPrincipal::Account(account)) => ask.accounts.extend(account.parse::<AccountId>().ok()),
            Some(AwsPrincipal::Entity { account, kind, path_and_name }) => {
                let kind = if kind == "user" { EntityKind::User } else { EntityKind::Role };
                ask.entities.extend(entity(account, kind, split(path_and_name).1));
            }
            Some(AwsPrincipal::Session { account, role, .. }) => {
                ask.entities.extend(entity(account, EntityKind::Role, role));
            }
            Some(AwsPrincipal::UniqueId { id, .. }) => ask.unique_ids.push(id.to_owned()),
            Some(AwsPrincipal::FederatedUser) | None => {}
        }
    }
    ask
}

/// [`Known::of`] and [`Known::render`] in one call.
pub async fn render_principals(
    store: &impl Reads<FindNamedPrincipals>,
    document: &mut Document,
) -> Result<()> {
    Known::of(store, document).await?.render(document);
    Ok(())
}
