//! A permit: the result of the gate when it allows an operation, and the only way to the store's operations.
//!
//! A permit contains the subject of the decision, so its effect cannot apply to another one. `effects` lists which
//! permit opens which operation of the store.

use std::marker::PhantomData;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::{
    AccountKey, BlobRow, FindAccount, ImageRow, Meta, Micros, Never, OpError, Operation, Registry,
    RepositoryKey, RepositoryRow, Resolved, UploadRow,
};
use tokio::sync::Notify;

use crate::Access;
use crate::authz::repository_not_found;
use crate::context::{Caller, micros};
use crate::error::{Error, Result};
use crate::ids::IdSource;
use crate::seal::SealError;
use crate::store::StoreResultExt as _;

/// Other crates cannot name these traits, so they cannot implement the traits below and make their own permission.
pub(crate) mod sealed {
    /// A type of this crate.
    pub trait Sealed {}

    /// A pair of a permission and what it opens, from the lists of `effects`.
    pub trait Listed<O> {}
}

use sealed::{Listed, Sealed};

/// What a permit is on.
pub trait Subject: Sealed + Send + Sync + 'static {
    /// The key in the operations of the store.
    type Key;

    /// Its key.
    fn key(&self) -> Self::Key;
}

/// A subject of a request.
pub trait Asked: Subject {
    /// Who was permitted.
    fn caller(&self) -> &Arc<Caller>;

    /// The account that owns the subject.
    fn account(&self) -> &AccountId;
}

/// A repository that exists.
#[derive(Debug)]
pub struct OnRepository {
    pub(crate) caller: Arc<Caller>,
    pub(crate) account_id: AccountId,
    pub(crate) region: Region,
    pub(crate) decided_at: Timestamp,
    pub(crate) row: Arc<RepositoryRow>,
    pub(crate) resolved: Resolved,
}

impl Subject for OnRepository {
    type Key = RepositoryKey;

    fn key(&self) -> RepositoryKey {
        self.row.key
    }
}

/// A registry: an account in a Region.
#[derive(Debug)]
pub struct OnRegistry {
    pub(crate) caller: Arc<Caller>,
    pub(crate) account_id: AccountId,
    pub(crate) region: Region,
    pub(crate) decided_at: Timestamp,
    pub(crate) resolved: Resolved,
}

impl Subject for OnRegistry {
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.account_id.clone()
    }
}

/// A subject in a Region, at the time of the decision: what an event is about.
pub(crate) trait Place: Asked {
    /// The Region.
    fn region(&self) -> &Region;

    /// When the gate decided.
    fn decided_at(&self) -> Timestamp;
}

/// An account: for lists, for what is created in it, and for a member account.
#[derive(Debug)]
pub struct OnAccount {
    pub(crate) caller: Arc<Caller>,
    pub(crate) account_id: AccountId,
}

impl Subject for OnAccount {
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.account_id.clone()
    }
}

/// A resource of an account that exists, such as a user or a policy.
#[derive(Debug)]
pub struct OnResource {
    pub(crate) caller: Arc<Caller>,
    pub(crate) account_id: AccountId,
    pub(crate) key: ResourceKey,
}

impl Subject for OnResource {
    type Key = ResourceKey;

    fn key(&self) -> ResourceKey {
        self.key.clone()
    }
}

/// The keys of a resource in the store: by unique ID, or by ARN.
#[derive(Clone, Debug)]
pub struct ResourceKey {
    /// The unique ID.
    pub id: PermittedKey,
    /// The ARN.
    pub arn: PermittedKey,
}

impl ResourceKey {
    pub(crate) fn new(id: &str, arn: &str) -> Self {
        Self { id: PermittedKey(id.into()), arn: PermittedKey(arn.into()) }
    }
}

/// The key of what a permit is on. No other crate makes one, so an operation that needs one takes it from its permit.
#[derive(Clone, Debug)]
pub struct PermittedKey(Arc<str>);

impl AsRef<str> for PermittedKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// The account of a permit, for what is created in it. No other crate makes one.
#[derive(Clone, Copy, Debug)]
pub struct PermittedAccount(AccountKey);

impl From<PermittedAccount> for AccountKey {
    fn from(account: PermittedAccount) -> Self {
        account.0
    }
}

/// The effect of an operation on one resource that exists. A permit for the operation alone is on the account, and opens
/// nothing that changes a resource.
#[derive(Debug)]
pub struct Of<E>(PhantomData<fn() -> E>);

impl<E> Sealed for Of<E> {}

impl<E: Grant<On = OnAccount>> Grant for Of<E> {
    type On = OnResource;
}

/// The resource of an unsigned request in an account. There is no caller: the request contains the proof.
#[derive(Debug)]
pub struct OnUnsigned {
    pub(crate) account_id: AccountId,
}

impl Subject for OnUnsigned {
    type Key = AccountId;

    fn key(&self) -> AccountId {
        self.account_id.clone()
    }
}

/// The whole deployment: for work without a request.
#[derive(Debug)]
pub struct OnDeployment;

impl Subject for OnDeployment {
    type Key = ();

    fn key(&self) {}
}

impl Sealed for OnRepository {}
impl Sealed for OnRegistry {}
impl Sealed for OnAccount {}
impl Sealed for OnResource {}
impl Sealed for OnUnsigned {}
impl Sealed for OnDeployment {}
impl<G: Grant> Sealed for Permit<G> {}

macro_rules! asked {
    ($($subject:ident)*) => {$(
        impl Asked for $subject {
            fn caller(&self) -> &Arc<Caller> {
                &self.caller
            }

            fn account(&self) -> &AccountId {
                &self.account_id
            }
        }
    )*};
}

asked! { OnRepository OnRegistry OnAccount OnResource }

macro_rules! place {
    ($($subject:ident)*) => {$(
        impl Place for $subject {
            fn region(&self) -> &Region {
                &self.region
            }

            fn decided_at(&self) -> Timestamp {
                self.decided_at
            }
        }
    )*};
}

place! { OnRepository OnRegistry }

/// A grant: the effect of an operation, or the work of a service.
pub trait Grant: Sealed + Send + Sync + 'static {
    /// What the permit is on.
    type On: Subject;
}

/// A permit for `G` opens the store's operation `O`. Implemented in `effects` and nowhere else.
pub trait Opens<O: Operation>: Grant + Listed<O> {
    /// What the store runs: the operation, or the operation and its events in one transaction.
    type Runs: Operation<Output = O::Output, Refusal = O::Refusal>;
    /// Whether it writes events.
    const HAS_EVENTS: bool;

    /// The operation as the store runs it.
    fn as_run(on: &Self::On, ids: &IdSource, operation: O) -> Self::Runs;
}

/// What runs the permitted operations.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) meta: Meta,
    /// The IDs of events.
    pub(crate) ids: Arc<IdSource>,
    /// Wakes the delivery of events at this node.
    pub(crate) events_written: Arc<Notify>,
}

/// The permission for one kind of effect on one subject.
pub struct Permit<G: Grant> {
    store: Store,
    on: G::On,
    grant: PhantomData<fn() -> G>,
}

impl<G: Grant> Permit<G> {
    /// Only the gate and `for_service` create permits.
    pub(crate) fn new(store: Store, on: G::On) -> Self {
        Self { store, on, grant: PhantomData }
    }

    /// Reads with an operation that the permit opens.
    pub async fn read<O>(&self, operation: impl FnOnce(<G::On as Subject>::Key) -> O) -> Result<O::Output>
    where
        O: Operation<Refusal = Never>,
        G: Opens<O>,
    {
        self.store.meta.read(operation(self.on.key())).await.or_store_error()
    }

    /// Writes with an operation that the permit opens. A rule of the store can refuse it. If the operation has events
    /// (`effects`), they are written in its transaction.
    pub async fn write<O>(
        &self,
        operation: impl FnOnce(<G::On as Subject>::Key) -> O,
    ) -> std::result::Result<O::Output, OpError<O::Refusal>>
    where
        O: Operation,
        G: Opens<O>,
    {
        let operation = G::as_run(&self.on, &self.store.ids, operation(self.on.key()));
        let outcome = self.store.meta.write(operation).await;
        if G::HAS_EVENTS && outcome.is_ok() {
            self.store.events_written.notify_one();
        }
        outcome
    }
}

/// What can read with an operation of the store: a gate before the decision, a permit after it.
pub trait Reads<O: Operation<Refusal = Never>>: Sealed + Sync {
    /// Runs the operation.
    fn look_up(&self, operation: O) -> impl Future<Output = Result<O::Output>> + Send;
}

impl<O, G> Reads<O> for Permit<G>
where
    O: Operation<Refusal = Never>,
    G: Opens<O>,
{
    async fn look_up(&self, operation: O) -> Result<O::Output> {
        self.store.meta.read(operation).await.or_store_error()
    }
}

impl<G: Grant> Permit<G>
where
    G::On: Asked,
{
    /// Who was permitted.
    pub fn caller(&self) -> &Caller {
        self.on.caller()
    }

    /// The account that owns the subject.
    pub fn account(&self) -> &AccountId {
        self.on.account()
    }
}

impl<G> Permit<G>
where
    G: Grant<On = OnAccount> + Opens<FindAccount>,
{
    /// The store's key for the account of the permit.
    pub async fn account_key(&self) -> Result<PermittedAccount> {
        let account = self.read(|account_id| FindAccount { account_id }).await?;
        account.map(|account| PermittedAccount(account.key)).ok_or_else(|| Error::internal(SealError::Failed))
    }
}

impl<G: Grant<On = OnRepository>> Permit<G> {
    /// The repository that the effect may touch.
    pub fn repository(&self) -> RepositoryKey {
        self.on.row.key
    }

    /// When the gate decided.
    pub fn decided_at(&self) -> Micros {
        micros(self.on.decided_at)
    }

    /// That repository at the time of the decision.
    pub fn row(&self) -> &RepositoryRow {
        &self.on.row
    }

    /// The image of the request, if the repository has it.
    pub fn image(&self) -> Option<&ImageRow> {
        self.on.resolved.image()
    }

    /// The blob of the request, if the repository has it.
    pub fn blob(&self) -> Option<&BlobRow> {
        self.on.resolved.blob()
    }

    /// The upload of the request, if the repository has it.
    pub fn upload(&self) -> Option<&UploadRow> {
        self.on.resolved.upload()
    }
}

impl<G: Grant<On = OnRegistry>> Permit<G> {
    /// The registry, if it exists.
    pub fn registry(&self) -> Option<&Registry> {
        self.on.resolved.basis.registry.as_ref()
    }

    /// The registry's Region.
    pub fn region(&self) -> &Region {
        &self.on.region
    }
}

impl<G: Grant<On = OnRepository>> Permit<G> {
    /// Whether the repository is a public one.
    pub fn is_public(&self) -> bool {
        self.on.region.is_public()
    }

    /// ECR's error for a repository that was deleted after the decision.
    pub fn repository_not_found(&self) -> Error {
        repository_not_found(&self.on.row.name, &self.on.account_id)
    }
}

/// The authority of a service of the deployment: work without a request. Listed in `effects`.
pub trait ServiceAuthority: Grant<On = OnDeployment> {}

impl<A: ServiceAuthority> Permit<A> {
    /// The permit of a service.
    pub fn for_service(_authority: A, access: &Access) -> Self {
        Self::new(access.store(), OnDeployment)
    }

    /// The same while the deployment is opened.
    pub(crate) fn for_opening(_authority: A, store: &Store) -> Self {
        Self::new(store.clone(), OnDeployment)
    }
}
