//! Registries on several databases: which one has the registries of an account, and how an account is placed
//! (docs/adr/0047-registries-on-several-databases.md).
//!
//! The database of `[database]` is the directory. Each other database has an [`Access`] of its own, whose gate reads
//! callers from the directory and registries from its database.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::Meta;
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::Access;
use crate::clock::Clock;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::permit::Permit;
use crate::store::{
    CopyAccount, FindAccount, FindPlacement, ListPlacedDatabases, ListPlacements, PlaceAccount,
    PlaceAccountRefusal, PlacedAccount, RefusedExt as _, StoreResultExt as _,
};

/// The number of accounts whose database is remembered.
const KNOWN: usize = 20_000;
/// Accounts in a page.
const PAGE: usize = 500;

/// The other databases of a deployment.
pub(crate) struct Databases {
    /// The name of this one; None: the directory.
    name: Option<Arc<str>>,
    /// By name. Only the directory has them, and only when the node has opened them.
    others: OnceLock<BTreeMap<String, Arc<Access>>>,
    /// Where the registries of accounts are; None: in the directory. Only answers that never change.
    known: Cache<AccountId, Option<Arc<str>>>,
    /// Wakes the delivery of events, which is the directory's.
    delivery: Arc<Notify>,
}

impl Databases {
    pub(crate) fn new(name: Option<&str>, delivery: &Arc<Notify>) -> Self {
        Self {
            name: name.map(Into::into),
            others: OnceLock::new(),
            known: Cache::new(KNOWN),
            delivery: Arc::clone(delivery),
        }
    }
}

impl Access {
    /// Access to the registries in another database, whose directory this is.
    pub fn beside(&self, name: &str, meta: Meta) -> Arc<Self> {
        Arc::new(Self {
            meta: meta.of_directory(&self.meta, name),
            settings: self.settings.clone(),
            keys: Arc::clone(&self.keys),
            ids: Arc::clone(&self.ids),
            organization: self.organization.clone(),
            management: OnceLock::new(),
            policies: Arc::clone(&self.policies),
            reconcilers_woken: Notify::new(),
            events_written: Arc::default(),
            storage_holds: Arc::default(),
            tokens: Arc::clone(&self.tokens),
            aliases: Arc::clone(&self.aliases),
            anonymous: Arc::clone(&self.anonymous),
            clock: Clock::default(),
            databases: Databases::new(Some(name), &self.events_written),
        })
    }

    /// The other databases, once they are open.
    pub fn set_databases(&self, others: BTreeMap<String, Arc<Self>>) {
        // A node opens them once.
        drop(self.databases.others.set(others));
    }

    /// The other databases, by name.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &Arc<Self>)> {
        self.databases.others.get().into_iter().flatten().map(|(name, access)| (name.as_str(), access))
    }

    /// The database with a registry; None: the directory. Public registries are always there.
    pub async fn database_of(&self, account: &AccountId, region: &Region) -> Result<Option<Arc<str>>> {
        if region.is_public() || self.databases().next().is_none() {
            return Ok(None);
        }
        if let Some(known) = self.databases.known.get(account) {
            return Ok(known);
        }
        let find = FindPlacement { account_id: account.clone() };
        let placement = self.meta.read(find).await.or_store_error()?;
        let database: Option<Arc<str>> = placement.database.map(Into::into);
        if placement.is_final {
            self.databases.known.insert(account.clone(), database.clone());
        }
        Ok(database)
    }

    /// Access to a registry: that of its database, or this one.
    pub async fn of_registry(&self, account: &AccountId, region: &Region) -> Result<&Self> {
        let Some(name) = self.database_of(account, region).await? else { return Ok(self) };
        let found = self.databases().find(|(known, _)| **known == *name);
        found.map(|(_, access)| &**access).ok_or_else(|| unopened(&name))
    }

    /// Whether the private registries of an account are in another database than this one.
    pub async fn is_elsewhere(&self, account: &AccountId) -> Result<bool> {
        if self.databases.name.is_none() && self.databases().next().is_none() {
            return Ok(false);
        }
        let find = FindPlacement { account_id: account.clone() };
        let placement = self.meta.read(find).await.or_store_error()?;
        Ok(placement.database.as_deref() != self.databases.name.as_deref())
    }

    /// Wakes the delivery of the events that were forwarded to the directory.
    pub fn events_forwarded(&self) {
        self.databases.delivery.notify_one();
    }

    /// Places the registries of an account in one of the other databases, from now on. It must not have any yet.
    pub async fn place_account(&self, account_id: &AccountId, database: &str, now: Timestamp) -> Result<()> {
        let there = self.databases().find(|(name, _)| *name == database).map(|(_, there)| there);
        let there =
            there.ok_or_else(|| invalid(format!("there is no database '{database}' in [[databases]]")))?;
        let permit = Permit::for_service(authority::PlaceRegistries, self);
        let account = permit.read(|()| FindAccount { account_id: account_id.clone() }).await?;
        let account = account.filter(|account| account.status == "ACTIVE").ok_or_else(|| {
            invalid(format!("there is no account {account_id} in this deployment, or it is closed"))
        })?;
        // Before anybody can find the registries there: their rows refer to it.
        let place = PlaceAccount { account: account.key, database: database.to_owned(), at: micros(now) };
        let copy = CopyAccount { account, at: micros(now) };
        Permit::for_service(authority::PlaceRegistries, there).write(|()| copy).await.or_store_error()?;
        permit.write(|()| place).await.or_refused(|refusal| match refusal {
            PlaceAccountRefusal::HasRegistries => invalid(format!(
                "the account {account_id} has registries in the directory database already: only an account without \
                 registries can be placed"
            )),
            PlaceAccountRefusal::IsDestination => invalid(format!(
                "registries are replicated to the account {account_id} from the directory database: remove it from their \
                 replication rules first"
            )),
            PlaceAccountRefusal::Placed(database) => invalid(format!(
                "the registries of the account {account_id} are placed in the database '{database}' already"
            )),
        })
    }

    /// Every account whose registries are placed in another database, by ID.
    pub async fn placements(&self) -> Result<Vec<PlacedAccount>> {
        let permit = Permit::for_service(authority::PlaceRegistries, self);
        let mut all: Vec<PlacedAccount> = Vec::new();
        loop {
            let after = all.last().map(|last| last.account_id.clone());
            let page = permit.read(|()| ListPlacements { after, limit: PAGE }).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// The databases that registries are placed in.
    pub async fn placed_databases(&self) -> Result<Vec<String>> {
        Permit::for_service(authority::PlaceRegistries, self).read(|()| ListPlacedDatabases).await
    }
}

/// The error for what would need the registries of two databases in one transaction.
pub fn elsewhere(account: &AccountId) -> Error {
    let message = format!(
        "The registries of the account {account} are in another database of this deployment, which this operation cannot \
         reach."
    );
    Error::new(Code::InvalidParameter, message)
}

/// The error for a database that this node did not open. Its registries are there, so no other answer is right.
pub fn unopened(name: &str) -> Error {
    tracing::error!(database = name, "registries are placed in a database that [[databases]] does not have");
    Error::new(Code::Unavailable, "The registry's store is not available at the moment. Try again shortly.")
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidParameter, message)
}
