//! Registries on several databases: which one has the registries of an account, and how an account is placed
//! (docs/adr/0047-registries-on-several-databases.md).
//!
//! The database of `[database]` is the directory. Each other database has an [`Access`] of its own, whose gate reads
//! callers from the directory and registries from its database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::{Duration, Instant};

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::{GetSetting, Meta, PutSettingOnce};
use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::Access;
use crate::clock::Clock;
use crate::context::micros;
use crate::effects::authority;
use crate::error::{Code, Error, Internal, Result};
use crate::permit::Permit;
use crate::store::{
    CopiedAccount, CopyAccount, FindAccount, FindPlacement, ListCopiedAccounts, ListPlacedDatabases,
    ListPlacements, PlaceAccount, PlaceAccountRefusal, PlacedAccount, Placement, RefusedExt as _,
    StoreResultExt as _,
};

/// The number of accounts whose database is remembered.
const KNOWN: usize = 20_000;
/// The time between two lines of the log about databases that are not open.
const LINES: Duration = Duration::from_secs(10);
/// Accounts in a page.
const PAGE: usize = 500;

/// The other databases of a deployment.
pub(crate) struct Databases {
    /// The name of this one; None: the directory.
    name: Option<Arc<str>>,
    /// The directory, if this is another one.
    directory: Weak<Access>,
    /// By name. Only the directory has them. One that could not be opened yet is empty.
    others: OnceLock<BTreeMap<String, OnceLock<Arc<Access>>>>,
    /// Where the registries of accounts are; None: in the directory. Only answers that never change.
    known: Cache<AccountId, Option<Arc<str>>>,
    /// Wakes the delivery of events, which is the directory's.
    delivery: Arc<Notify>,
}

impl Databases {
    pub(crate) fn new(delivery: &Arc<Notify>) -> Self {
        Self {
            name: None,
            directory: Weak::new(),
            others: OnceLock::new(),
            known: Cache::new(KNOWN),
            delivery: Arc::clone(delivery),
        }
    }
}

impl Access {
    /// Access to the registries in another database, whose directory this is.
    pub fn beside(self: &Arc<Self>, name: &str, meta: Meta) -> Arc<Self> {
        let directory = Arc::downgrade(self);
        let databases =
            Databases { name: Some(name.into()), directory, ..Databases::new(&self.events_written) };
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
            storage_holds: Arc::clone(&self.storage_holds),
            tokens: Arc::clone(&self.tokens),
            aliases: Arc::clone(&self.aliases),
            anonymous: Arc::clone(&self.anonymous),
            clock: Clock::default(),
            databases,
        })
    }

    /// Whether this is the database with the accounts.
    pub(crate) fn is_directory(&self) -> bool {
        self.databases.name.is_none()
    }

    /// The names of the other databases, before any of them is open.
    pub fn name_databases(&self, names: impl Iterator<Item = String>) {
        // A node reads its configuration once.
        drop(self.databases.others.set(names.map(|name| (name, OnceLock::new())).collect()));
    }

    /// Adds another database, now that it is open.
    pub fn open_database(&self, name: &str, access: Arc<Self>) {
        let place = self.databases.others.get().and_then(|others| others.get(name));
        // A node opens it once.
        drop(place.map(|place| place.set(access)));
    }

    /// The other databases that are open, by name.
    pub fn databases(&self) -> impl Iterator<Item = (&str, &Arc<Self>)> {
        let all = self.databases.others.get().into_iter().flatten();
        all.filter_map(|(name, access)| Some((name.as_str(), access.get()?)))
    }

    /// All databases, for what counts all of them: the directory, which has no name, and the others. It fails while one is
    /// not open.
    pub fn all_databases(&self) -> Result<Vec<(&str, &Self)>> {
        let mut all = vec![("", self)];
        for (name, access) in self.databases.others.get().into_iter().flatten() {
            let access = access.get().ok_or_else(|| away(name, unopened(name)))?;
            all.push((name.as_str(), &**access));
        }
        Ok(all)
    }

    /// The database with a registry; None: the directory. Public registries are always there.
    pub async fn database_of(&self, account: &AccountId, region: &Region) -> Result<Option<Arc<str>>> {
        // SQLite is never the directory of other databases.
        if region.is_public() || self.is_alone() {
            return Ok(None);
        }
        if let Some(known) = self.databases.known.get(account) {
            return Ok(known);
        }
        let placement = self.placement(account).await?;
        let database: Option<Arc<str>> = placement.database.map(Into::into);
        if placement.is_final {
            self.databases.known.insert(account.clone(), database.clone());
        }
        Ok(database)
    }

    async fn placement(&self, account: &AccountId) -> Result<Placement> {
        self.meta.read(FindPlacement { account_id: account.clone() }).await.or_store_error()
    }

    /// Another database, if it is open.
    pub fn opened(&self, name: &str) -> Option<&Arc<Self>> {
        self.databases.others.get()?.get(name)?.get()
    }

    /// Access to a registry: that of its database, or this one.
    pub async fn of_registry(&self, account: &AccountId, region: &Region) -> Result<&Self> {
        let name = self.database_of(account, region).await?;
        let Some(name) = name.filter(|name| Some(name) != self.databases.name.as_ref()) else {
            return Ok(self);
        };
        self.opened(&name).map(|access| &**access).ok_or_else(|| unopened(&name))
    }

    /// The other database that bytes of an account can be in: its public registry is in the directory.
    pub(crate) async fn other_side(&self, account: &AccountId) -> Result<Option<Arc<Self>>> {
        if self.databases.name.is_some() {
            return Ok(self.databases.directory.upgrade());
        }
        let Some(name) = self.database_of(account, &self.settings.default_region).await? else {
            return Ok(None);
        };
        self.opened(&name).map(|access| Some(Arc::clone(access))).ok_or_else(|| unopened(&name))
    }

    /// Whether the private registries of an account are in another database than this one.
    pub async fn is_elsewhere(&self, account: &AccountId) -> Result<bool> {
        let database = self.database_of(account, &self.settings.default_region).await?;
        Ok(database != self.databases.name)
    }

    /// Wakes the delivery of the events that were forwarded to the directory.
    pub fn events_forwarded(&self) {
        self.databases.delivery.notify_one();
    }

    /// Places the registries of an account in one of the other databases, from now on. It must not have any yet.
    pub async fn place_account(&self, account_id: &AccountId, database: &str, now: Timestamp) -> Result<()> {
        self.place_in((self.named(database)?, database), account_id, now).await
    }

    async fn place_in(
        &self,
        (there, database): (&Self, &str),
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<()> {
        let permit = Permit::for_service(authority::PlaceRegistries, self);
        let account = permit.read(|()| FindAccount { account_id: account_id.clone() }).await?;
        let account = account.filter(|account| account.status == "ACTIVE").ok_or_else(|| {
            invalid(format!("there is no account {account_id} in this deployment, or it is closed"))
        })?;
        // What can be refused leaves nothing there.
        let known = self.placement(account_id).await?;
        match known.database {
            Some(other) if other != database => {
                return Err(not_placed(account_id, PlaceAccountRefusal::Placed(other)));
            }
            None if known.is_final => return Err(not_placed(account_id, PlaceAccountRefusal::HasRegistries)),
            _ => {}
        }
        // Before anybody can find the registries there: their rows refer to it.
        let place = PlaceAccount { account: account.key, database: database.to_owned(), at: micros(now) };
        let copy = CopyAccount { account, at: micros(now) };
        Permit::for_service(authority::PlaceRegistries, there).write(|()| copy).await.or_store_error()?;
        permit.write(|()| place).await.or_refused(|refusal| not_placed(account_id, refusal))
    }

    /// Compares the placements in a database with the accounts that it has, before it is used. One of both can have been
    /// restored to an earlier moment. An account with registries there is placed again, and one without a row gets it.
    pub async fn compare_placements(&self, there: &Self, database: &str, now: Timestamp) -> Result<()> {
        let placed = self.placements().await?.into_iter().filter(|placed| placed.database == database);
        let mut lacking: BTreeSet<AccountId> = placed.map(|placed| placed.account_id).collect();
        let permit = Permit::for_service(authority::PlaceRegistries, there);
        let mut unplaced = Vec::new();
        let mut after = None;
        loop {
            let page = permit.read(|()| ListCopiedAccounts { after: after.take(), limit: PAGE }).await?;
            let is_last = page.len() < PAGE;
            for CopiedAccount { account_id, has_registries } in page {
                if !lacking.remove(&account_id) && has_registries {
                    unplaced.push(account_id.clone());
                }
                after = Some(account_id);
            }
            if is_last {
                break;
            }
        }
        for account in unplaced.iter().chain(&lacking) {
            match self.place_in((there, database), account, now).await {
                Ok(()) => {
                    tracing::warn!(%account, database, "the account was placed again: was a database restored?");
                }
                Err(error) => {
                    let cause = error.internal.as_ref().map(Internal::chain);
                    tracing::error!(%account, database, %error, cause, "the account cannot be placed where it was");
                }
            }
        }
        Ok(())
    }

    fn named(&self, database: &str) -> Result<&Arc<Self>> {
        let others = self.databases.others.get();
        let named = others.and_then(|others| others.get(database));
        let named =
            named.ok_or_else(|| invalid(format!("there is no database '{database}' in [[databases]]")))?;
        named.get().ok_or_else(|| invalid(format!("the database '{database}' cannot be opened")))
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

    /// The ID of another database, which no other one with its name has.
    pub async fn known_database(&self, name: &str) -> Result<Option<String>> {
        let known = self.meta.read(GetSetting { name: id_of(name) }).await.or_store_error()?;
        Ok(known.map(|id| String::from_utf8_lossy(&id).into_owned()))
    }

    /// Records the ID of another database, once. Returns the recorded one.
    pub async fn ensure_database(&self, name: &str, id: &str) -> Result<String> {
        let put = PutSettingOnce { name: id_of(name), value: id.as_bytes().to_vec() };
        let known = self.meta.write(put).await.or_store_error()?;
        Ok(String::from_utf8_lossy(&known).into_owned())
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
    /// When a line was last written, since the first one.
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    let now = FIRST.elapsed().as_secs().saturating_add(LINES.as_secs());
    let last = WRITTEN.load(Ordering::Relaxed);
    let is_due = now >= last.saturating_add(LINES.as_secs());
    // Anybody can cause it, so few lines are written.
    if is_due && WRITTEN.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        tracing::error!(database = name, "registries are placed in a database that this node has not opened");
    }
    Error::new(Code::Unavailable, "The registry's store is not available at the moment. Try again shortly.")
}

/// The error for an operator while a database is away: it says which one.
pub fn away(name: &str, error: Error) -> Error {
    if name.is_empty() || error.code != Code::Unavailable {
        return error;
    }
    let message = format!("The database '{name}' is not available at the moment. Try again shortly.");
    Error { message: message.into(), ..error }
}

/// The name of the setting with the ID of a database.
fn id_of(name: &str) -> String {
    format!("database/{name}")
}

fn not_placed(account: &AccountId, refusal: PlaceAccountRefusal) -> Error {
    invalid(match refusal {
        PlaceAccountRefusal::HasRegistries => format!(
            "the account {account} has registries in the directory database already: only an account without registries \
             can be placed"
        ),
        PlaceAccountRefusal::Placed(database) => {
            format!("the registries of the account {account} are placed in the database '{database}' already")
        }
    })
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidParameter, message)
}
