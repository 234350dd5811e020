//! The gate: the only place that decides whether an effect is allowed.
//!
//! An effect of a request takes a [`Permit`], which only this module creates. The permit contains the repository and
//! the caller of the decision, so an effect cannot apply to another one. Each request makes one read that returns its
//! target and the versions of everything that decides. A compiled policy is used only at exactly its version, so no
//! permission is ever stale (docs/adr/0007-one-gate-and-permits.md, docs/adr/0008-no-stale-permission.md).

mod decide;
mod documents;
mod event_resources;
mod explain;
mod keys;
mod password_rules;
mod permits;
mod policies;
mod public;
mod resources;
mod secrets;
mod trust;

use aws::service::Service;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use futures::future::BoxFuture;
use jiff::Timestamp;
use meta::{
    Account, Basis, CallerRef, CallerState, ImageRow, ListTagsForResource, Never, Operation, RegistryKey,
    Resolve, Resolved, Target,
};
use trace::Kind;

pub use documents::{Named, PolicyCaches, PrincipalPolicies};
pub use event_resources::EventKind;
pub use explain::{Examined, Explained};
pub use keys::{add_resource_tags, of_request_tags, pairs};
pub use permits::{Allowed, Permits};
pub use policies::{Deciding, V1_ACTIONS};
pub use resources::{Found, HasArn};
pub(crate) use trust::trusts_service;

use crate::Access;
use crate::context::{Caller, Ctx, Plane, RepositoryRef, repository_arn};
use crate::decisions::Decisions;
use crate::effects::BeforeDecision;
use crate::error::{Code, Error, Result};
use crate::op::Effect;
use crate::op::{Op, Resource};
pub use crate::permit::Permit;
use crate::permit::{OnAccount, OnRegistry, OnRepository, Reads, Store, Subject};
use crate::store::StoreResultExt as _;
use crate::token::TokenError;

/// One request at the gate: its target, and what decides about it.
pub struct Gate {
    account_id: AccountId,
    region: Region,
    name: Option<String>,
    caller: Arc<Caller>,
    policies: Deciding,
    context: policy::Context,
    signed_region: Option<Region>,
    /// The result of the one read. A permit returns its rows.
    resolved: Resolved,
    store: Store,
    decided_at: Timestamp,
    decisions: Arc<Decisions>,
    is_of_peer: bool,
}

/// The target of a request: the input of the gate's one read.
struct Destination<'a> {
    account: &'a AccountId,
    region: &'a Region,
    repository: Option<String>,
    target: Target,
}

impl Access {
    /// Brings a request on a repository to the gate, with the one read of its hot path.
    pub async fn gate(&self, ctx: &Ctx, repository: &RepositoryRef, target: Target) -> Result<Gate> {
        let (account, region) = (&repository.account_id, &repository.region);
        let repository = Some(repository.name.as_str().to_owned());
        self.gate_to(ctx, Destination { account, region, repository, target }, None).await
    }

    /// Brings a request on a registry to the gate.
    pub async fn registry_gate(&self, ctx: &Ctx, account: &AccountId, region: &Region) -> Result<Gate> {
        let destination = Destination { account, region, repository: None, target: Target::None };
        self.gate_to(ctx, destination, None).await
    }

    /// Brings a request on the caller's own account (IAM, STS, Organizations) to the gate.
    pub async fn account_gate(&self, ctx: &Ctx) -> Result<Gate> {
        self.registry_gate(ctx, &ctx.caller.account_id, &self.settings.default_region).await
    }

    /// The gate of a caller. `root` is the state of a root that has no row in the store. On the heap, so the gate is compiled
    /// with this crate and not again in each crate that awaits it.
    fn gate_to<'a>(
        &'a self,
        ctx: &'a Ctx,
        to: Destination<'a>,
        root: Option<&'a CallerState>,
    ) -> BoxFuture<'a, Result<Gate>> {
        Box::pin(self.gate_of(ctx, to, root))
    }

    async fn gate_of(&self, ctx: &Ctx, to: Destination<'_>, root: Option<&CallerState>) -> Result<Gate> {
        let _step = trace::begin("gate", Kind::Internal);
        if ctx.caller.token_region.as_ref().is_some_and(|region| region != to.region) {
            return Err(Error::new(Code::InvalidToken, TokenError::Invalid.to_string()));
        }
        if ctx.caller.has_ended(ctx.now) {
            return Err(expired(ctx.plane));
        }
        let nobody = public::nobody(&ctx.caller, to.region)?;
        let read = Resolve {
            account_id: to.account.clone(),
            region: to.region.clone(),
            repository: to.repository.clone(),
            target: to.target,
            caller: nobody.is_none().then(|| CallerRef {
                unique_id: ctx.caller.unique_id.clone(),
                access_key_id: ctx.caller.long_term_key.clone(),
            }),
        };
        let resolved = self.meta.resolve(read).await.or_store_error()?;
        let basis = &resolved.basis;
        let found = basis.caller.as_ref().filter(|state| state.is_active());
        let Some(state) = found.or(root).or(nobody.as_ref()) else {
            return Err(gone(&ctx.caller));
        };
        let caller = match ctx.caller.renamed(&state.path, &state.name) {
            Some(renamed) => Arc::new(renamed),
            None => Arc::clone(&ctx.caller),
        };
        let policies = self.deciding(&caller, state, basis).await?;
        let account = (to.account, self.place(basis.account_in_organization, &basis.account_unit_path));
        let mut context = keys::of_request(ctx, &caller, account, to.region, &self.settings);
        if let Some(place) = self.place(state.in_organization, &state.unit_path) {
            keys::add_principal_organization(&mut context, place);
        }
        keys::add_principal_tags(&mut context, policies.principal_tags(), caller.session.as_deref());
        if policies.read_resource_tags() {
            self.add_repository_tags(&mut context, basis).await?;
        }
        Ok(Gate {
            account_id: to.account.clone(),
            region: to.region.clone(),
            name: to.repository,
            caller,
            policies,
            context,
            signed_region: ctx.signed_region.clone(),
            resolved,
            store: self.store(),
            decided_at: ctx.now,
            decisions: Arc::clone(&ctx.decisions),
            is_of_peer: ctx.of_peer.is_some(),
        })
    }

    async fn add_repository_tags(&self, context: &mut policy::Context, basis: &Basis) -> Result<()> {
        let Some(row) = &basis.repository else { return Ok(()) };
        let tags = self.meta.read_kept(ListTagsForResource { repository: row.key }).await.or_store_error()?;
        let is_public = basis.registry.as_ref().is_some_and(|registry| registry.region.is_public());
        let service = if is_public { Service::EcrPublic } else { Service::Ecr };
        keys::add_resource_tags(context, service, &tags);
        Ok(())
    }

    /// Whether a policy would deny the caller an operation if it were the resource's: the lock-out check. It also reads
    /// the tags of the repository, which the deciding policies may not have needed.
    pub async fn would_deny(&self, gate: &Gate, op: Op, policy: &policy::Policy) -> Result<bool> {
        let mut context = gate.context.clone();
        if policies::reads_resource_tags(policy) {
            self.add_repository_tags(&mut context, &gate.resolved.basis).await?;
        }
        let op = gate.decided_as(op)?;
        let resource = gate.resource(op);
        let request = policy::Request { action: op.action(), resource: &resource, context: &context };
        Ok(gate.policies.is_denied_by(policy, &request, &gate.caller, &gate.account_id))
    }

    /// The condition keys about a role's account, which a gate for the caller's own account does not have.
    pub fn keys_of_account(&self, account: &Account) -> policy::Context {
        let mut keys = policy::Context::new();
        let place = self.place(account.in_organization, &account.unit_path);
        keys::add_resource_account(&mut keys, &account.account_id, place);
        keys
    }

    /// Where an account is in the organization; None if it left.
    fn place<'a>(&'a self, in_organization: bool, unit_path: &'a str) -> Option<keys::Place<'a>> {
        in_organization.then_some(keys::Place { organization: &self.organization, unit_path })
    }

    /// Whether the caller still exists, its key is active and its token is for this registry's Region: the checks of a
    /// login. Also whether the registry exists: the gate refuses other requests to another account's registry, whether
    /// or not it exists.
    pub async fn check_login(&self, ctx: &Ctx, account: &AccountId, region: &Region) -> Result<()> {
        let gate = self.registry_gate(ctx, account, region).await?;
        if gate.resolved.basis.account_is_open { Ok(()) } else { Err(no_registry(account)) }
    }
}

impl Gate {
    /// Decides on one operation. The decision comes before the answer whether the repository exists, so a caller
    /// without permission cannot learn which names exist.
    pub fn permit<E: Effect<On: Resolving>>(&self) -> Result<Permit<E>> {
        self.allow(E::OP)?;
        Permit::existing(Allowed::by(self))
    }

    /// `permit`, with the condition keys of the request.
    pub fn permit_with<E: Effect<On: Resolving>>(&self, keys: policy::Context) -> Result<Permit<E>> {
        self.also_allow(E::OP, keys)?;
        Permit::existing(Allowed::by(self))
    }

    /// Decides on several operations. Whether the repository exists is answered after the last decision.
    pub fn permits<P: Permits>(&self) -> Result<P> {
        P::existing(P::decide(self)?)
    }

    /// Decides on an operation whose resource the request names, for example by the ARN of a role.
    pub fn permit_on<E: Effect<On = OnAccount>>(
        &self,
        resource: &str,
        keys: policy::Context,
    ) -> Result<Permit<E>> {
        self.permit_shown_as(resource, resource, keys)
    }

    /// `permit_on`, where the request does not contain the resource's ARN. A denial shows only `shown`, which the
    /// caller knows: the resource's path and spelling are for callers with permission.
    pub fn permit_shown_as<E: Effect<On = OnAccount>>(
        &self,
        resource: &str,
        shown: &str,
        keys: policy::Context,
    ) -> Result<Permit<E>> {
        self.permit_if(resource, shown, keys, &|| Ok(()))
    }

    /// The same with a rule beside the policies.
    pub(crate) fn permit_if<E: Effect<On = OnAccount>>(
        &self,
        resource: &str,
        shown: &str,
        keys: policy::Context,
        and: &dyn Fn() -> Result<()>,
    ) -> Result<Permit<E>> {
        let (store, on) = self.allowed_if((E::OP, resource), shown, keys, and)?;
        Ok(Permit::new(store, on))
    }

    /// The part of a decision and its permit that is the same for each operation, and is compiled once.
    fn allowed_if(
        &self,
        (op, resource): (Op, &str),
        shown: &str,
        keys: policy::Context,
        and: &dyn Fn() -> Result<()>,
    ) -> Result<(Store, OnAccount)> {
        self.decide_if((op, resource), shown, &self.context_of(op, keys), and)?;
        let on = OnAccount { caller: Arc::clone(&self.caller), account_id: self.account_id.clone() };
        Ok((self.store.clone(), on))
    }

    /// Reads what a decision needs first, such as the path of a user that is named without it. Nothing that is
    /// read here may be shown before the decision.
    pub async fn read<O>(&self, operation: O) -> Result<O::Output>
    where
        O: BeforeDecision + Operation<Refusal = Never>,
    {
        self.store.meta.read(operation).await.or_store_error()
    }

    /// Decides, with further condition keys, for an operation that needs a second permission
    /// (creating a repository with tags needs TagResource; docs/adr/0007-one-gate-and-permits.md).
    pub fn also_allow(&self, op: Op, keys: policy::Context) -> Result<()> {
        let resource = self.resource(op);
        self.decide((op, &resource), &resource, &self.context_of(op, keys))
    }

    /// Decides on one operation without creating a permit.
    pub fn allow(&self, op: Op) -> Result<()> {
        let resource = self.resource(op);
        self.decide((op, &resource), &resource, &self.context)
    }

    /// Decides on an operation whose resource the request names (`Resource::Named`), for example by the ARN of a role.
    pub fn allow_on(&self, op: Op, resource: &str, keys: policy::Context) -> Result<()> {
        self.decide((op, resource), resource, &self.context_of(op, keys))
    }

    /// The condition keys of an operation, with those of its request.
    fn context_of(&self, op: Op, keys: policy::Context) -> policy::Context {
        let mut context = self.context.clone();
        if let Some(region) = keys::requested_region(op, self.signed_region.as_ref()) {
            context.set("aws:RequestedRegion", region);
        }
        context.and(keys)
    }

    /// The registry, if it exists.
    pub fn registry(&self) -> Option<RegistryKey> {
        self.resolved.basis.registry.as_ref().map(|registry| registry.key)
    }

    /// The registry, if it has pull-through cache rules.
    pub fn registry_with_cache(&self) -> Option<RegistryKey> {
        let registry = self.resolved.basis.registry.as_ref()?;
        (registry.pull_through_cache_rules > 0).then_some(registry.key)
    }

    /// The image that the request names, if the repository has it. For a caller that was permitted to know it.
    pub fn image(&self) -> Option<&ImageRow> {
        self.resolved.image()
    }

    /// The caller, with its current name.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    fn resource(&self, op: Op) -> String {
        match op.resource() {
            Resource::Account | Resource::Named | Resource::Everyone => "*".to_owned(),
            Resource::AllRepositories => repository_arn(&self.region, &self.account_id, "*"),
            Resource::Repository | Resource::NewRepository => {
                repository_arn(&self.region, &self.account_id, self.name.as_deref().unwrap_or("*"))
            }
        }
    }

    /// ECR's text for a repository that does not exist.
    pub fn repository_not_found(&self) -> Error {
        repository_not_found(self.name.as_deref().unwrap_or_default(), &self.account_id)
    }
}

impl crate::permit::sealed::Sealed for Gate {}

impl<O> Reads<O> for Gate
where
    O: BeforeDecision + Operation<Refusal = Never>,
{
    async fn look_up(&self, operation: O) -> Result<O::Output> {
        self.read(operation).await
    }
}

/// A subject that the gate's one read returned.
pub trait Resolving: Subject + Sized {
    /// The subject, or an error if it does not exist.
    fn resolve<P>(allowed: &Allowed<'_, P>) -> Result<Self>;
}

impl Resolving for OnRepository {
    fn resolve<P>(allowed: &Allowed<'_, P>) -> Result<Self> {
        Self::at(allowed.gate())
    }
}

impl OnRepository {
    /// After a decision. Not generic, so it is compiled once.
    fn at(gate: &Gate) -> Result<Self> {
        let row = gate.resolved.basis.repository.clone().ok_or_else(|| gate.repository_not_found())?;
        Ok(Self {
            caller: Arc::clone(&gate.caller),
            account_id: gate.account_id.clone(),
            region: gate.region.clone(),
            decided_at: gate.decided_at,
            row,
            resolved: gate.resolved.clone(),
        })
    }
}

impl Resolving for OnRegistry {
    fn resolve<P>(allowed: &Allowed<'_, P>) -> Result<Self> {
        Ok(Self::at(allowed.gate()))
    }
}

impl OnRegistry {
    /// After a decision. Not generic, so it is compiled once.
    fn at(gate: &Gate) -> Self {
        Self {
            caller: Arc::clone(&gate.caller),
            account_id: gate.account_id.clone(),
            region: gate.region.clone(),
            decided_at: gate.decided_at,
            resolved: gate.resolved.clone(),
        }
    }
}

/// ECR's text for a repository that does not exist.
pub fn repository_not_found(name: &str, account: &AccountId) -> Error {
    let message =
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
    Error::new(Code::RepositoryNotFound, message)
}

/// A host, or the path of an image, can name an account that does not exist: a login to it must not succeed.
fn no_registry(account: &AccountId) -> Error {
    let message = format!(
        "There is no registry with id '{account}': no account of this deployment has that id, or it is closed"
    );
    Error::new(Code::RepositoryNotFound, message)
}

fn gone(caller: &Caller) -> Error {
    tracing::info!(caller = caller.arn, "the principal or its access key is gone");
    Error::new(Code::InvalidToken, "The security token included in the request is invalid.")
}

/// The credentials were valid when the request began, and expired before its effect.
fn expired(plane: Plane) -> Error {
    let message = match plane {
        Plane::Data => TokenError::Expired.to_string(),
        Plane::Control => "The security token included in the request is expired".to_owned(),
    };
    Error::new(Code::ExpiredToken, message)
}
