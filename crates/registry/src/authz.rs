//! The gate: the one place where it is decided whether an effect may happen.
//!
//! An effect takes a [`Permit`] made here and nowhere else; the permit carries the repository and the caller
//! that the decision was about, so that an effect cannot be done on another. Each request makes one read
//! that returns its target together with the versions of what decides, and compiled policies serve only at
//! exactly that version: no permission is ever stale (foundations 20, 24).

use std::marker::PhantomData;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use meta::ListTagsForResource;
use meta::LoadIdentityPolicies;
use meta::RepositoryKey;
use meta::RepositoryRow;
use meta::{CallerRef, CallerState, Resolve, Resolved, Target};

use crate::Registry;
use crate::context::{Caller, Ctx, RepositoryRef, repository_arn};
use crate::error::{Code, Error, Result};
use crate::op::effect::Effect;
use crate::op::{Op, Resource};
use crate::store::StoreResultExt as _;

/// Leave to do one kind of effect on one repository.
#[derive(Debug)]
pub struct Permit<E> {
    account_id: AccountId,
    row: RepositoryRow,
    caller: Arc<Caller>,
    effect: PhantomData<fn() -> E>,
}

impl<E: Effect> Permit<E> {
    /// The repository that the effect may touch.
    pub fn repository(&self) -> RepositoryKey {
        self.row.key
    }

    /// That repository as it stood when the decision was taken.
    pub fn row(&self) -> &RepositoryRow {
        &self.row
    }

    /// The account that owns the repository.
    pub fn account(&self) -> &AccountId {
        &self.account_id
    }

    /// Who was permitted.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// A caller's compiled policies at one version.
pub(crate) struct CompiledPolicies {
    version: i64,
    policies: Vec<(iam::SourceName, iam::Policy)>,
    /// Whether a statement looks at the tags of the resource, which are read only then.
    reads_resource_tags: bool,
}

/// One request at the gate: what it is about, and what decides on it.
pub(crate) struct Gate {
    account_id: AccountId,
    region: Region,
    name: Option<String>,
    caller: Arc<Caller>,
    policies: Arc<CompiledPolicies>,
    context: iam::Context,
    /// What the one read returned. Rows in it may be used only after a permit was given.
    resolved: Resolved,
}

impl Registry {
    /// Brings a request on a repository to the gate, with the one read of its hot path.
    pub(crate) async fn gate(&self, ctx: &Ctx, repository: &RepositoryRef, target: Target) -> Result<Gate> {
        let name = Some(repository.name.clone());
        self.gate_to(ctx, &repository.account_id, &repository.region, name, target).await
    }

    /// Brings a request on a registry to the gate.
    pub(crate) async fn registry_gate(
        &self,
        ctx: &Ctx,
        account: &AccountId,
        region: &Region,
    ) -> Result<Gate> {
        self.gate_to(ctx, account, region, None, Target::None).await
    }

    async fn gate_to(
        &self,
        ctx: &Ctx,
        account_id: &AccountId,
        region: &Region,
        repository: Option<oci::name::RepositoryName>,
        target: Target,
    ) -> Result<Gate> {
        let caller = CallerRef {
            unique_id: ctx.caller.unique_id.clone(),
            access_key_id: ctx.caller.access_key_id.clone(),
        };
        let name = repository.as_ref().map(|name| name.as_str().to_owned());
        let read = Resolve {
            account_id: account_id.clone(),
            region: region.clone(),
            repository: name.clone(),
            target,
            caller: Some(caller),
        };
        let resolved = self.meta.read(read).await.or_store_error()?;
        let state = resolved.caller.as_ref().filter(|state| state.access_key_active);
        let Some(state) = state else { return Err(gone(&ctx.caller)) };
        let policies = self.compiled_policies(&ctx.caller, state).await?;
        let mut context = request_context(ctx, account_id, region);
        if policies.reads_resource_tags
            && let Some(row) = &resolved.repository
        {
            let tags = self.meta.read(ListTagsForResource { repository: row.key }).await.or_store_error()?;
            for (key, value) in tags {
                context = context
                    .with(format!("aws:ResourceTag/{key}"), value.as_str())
                    .with(format!("ecr:ResourceTag/{key}"), value.as_str());
            }
        }
        Ok(Gate {
            account_id: account_id.clone(),
            region: region.clone(),
            name,
            caller: Arc::clone(&ctx.caller),
            policies,
            context,
            resolved,
        })
    }

    /// Whether the caller still exists and its key is active: what a login wants to know.
    pub async fn check_caller(&self, ctx: &Ctx) -> Result<()> {
        self.registry_gate(ctx, &ctx.caller.account_id, &self.settings.default_region).await.map(|_| ())
    }

    async fn compiled_policies(&self, caller: &Caller, state: &CallerState) -> Result<Arc<CompiledPolicies>> {
        if let Some(compiled) = self.policies.get(&caller.unique_id)
            && compiled.version == state.version
        {
            return Ok(compiled);
        }
        let owner = caller.unique_id.clone();
        let loaded = self.meta.read(LoadIdentityPolicies { owner }).await.or_store_error()?;
        let mut policies = Vec::new();
        for (name, document) in &loaded.inline {
            policies.push((iam::SourceName::new(name.as_str()), compile(document)?));
        }
        for arn in &loaded.managed {
            // An attachment of a policy that does not exist cannot be made; were one there, it allows nothing.
            if let Some(document) = iam::managed::find(arn) {
                policies.push((iam::SourceName::new(arn.as_str()), compile(document)?));
            }
        }
        let reads_resource_tags = policies
            .iter()
            .any(|(_, policy)| policy.mentions("aws:ResourceTag/") || policy.mentions("ecr:ResourceTag/"));
        let compiled = Arc::new(CompiledPolicies { version: loaded.version, policies, reads_resource_tags });
        self.policies.insert(caller.unique_id.clone(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

impl Gate {
    /// What the one read found. Use a row of it only under a permit.
    pub(crate) fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// Decides on one operation on the repository. The decision comes before the existence of the
    /// repository is told, so that a stranger cannot learn which names are taken.
    pub(crate) fn permit<E: Effect>(&self) -> Result<Permit<E>> {
        self.allow(E::OP)?;
        self.existing()
    }

    fn existing<E: Effect>(&self) -> Result<Permit<E>> {
        let row = self.resolved.repository.clone().ok_or_else(|| self.repository_not_found())?;
        Ok(Permit {
            account_id: self.account_id.clone(),
            row,
            caller: Arc::clone(&self.caller),
            effect: PhantomData,
        })
    }

    /// `permit`, with the condition keys that the request brings.
    pub(crate) fn permit_with<E: Effect>(&self, keys: iam::Context) -> Result<Permit<E>> {
        self.also_allow(E::OP, keys)?;
        self.existing()
    }

    /// Decides, with further condition keys, for an operation that needs a second permission
    /// (creating a repository with tags needs TagResource, foundation 21).
    pub(crate) fn also_allow(&self, op: Op, keys: iam::Context) -> Result<()> {
        self.decide(op, &self.context.clone().and(keys))
    }

    /// Decides on one operation without making a permit.
    pub(crate) fn allow(&self, op: Op) -> Result<()> {
        self.decide(op, &self.context)
    }

    fn decide(&self, op: Op, context: &iam::Context) -> Result<()> {
        let resource = self.resource(op);
        if self.caller.account_id != self.account_id {
            let reason = format!("because no resource-based policy allows the {} action", op.action());
            return Err(denied(&self.caller, op, &resource, &reason));
        }
        let policies: Vec<_> = self.policies.policies.iter().map(|(name, policy)| (name, policy)).collect();
        let request = iam::Request { action: op.action(), resource: &resource, context };
        let decision = iam::evaluate_identity(&policies, &request);
        if let iam::Decision::ExplicitDeny(by) = &decision {
            let policy = by.source.as_ref().map(iam::SourceName::as_str);
            tracing::info!(action = op.action(), resource, policy, statement = by.statement_index, "denied");
        }
        match decision.reason(op.action()) {
            None => Ok(()),
            Some(reason) => Err(denied(&self.caller, op, &resource, &reason)),
        }
    }

    fn resource(&self, op: Op) -> String {
        match op.resource() {
            Resource::Account => "*".to_owned(),
            Resource::AllRepositories => repository_arn(&self.region, &self.account_id, "*"),
            Resource::Repository => {
                repository_arn(&self.region, &self.account_id, self.name.as_deref().unwrap_or("*"))
            }
        }
    }

    /// ECR's sentence for a repository that is not there.
    pub(crate) fn repository_not_found(&self) -> Error {
        repository_not_found(self.name.as_deref().unwrap_or_default(), &self.account_id)
    }
}

/// ECR's sentence for a repository that is not there.
pub(crate) fn repository_not_found(name: &str, account: &AccountId) -> Error {
    let message =
        format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
    Error::new(Code::RepositoryNotFound, message)
}

fn denied(caller: &Caller, op: Op, resource: &str, reason: &str) -> Error {
    let message = format!(
        "User: {} is not authorized to perform: {} on resource: {resource} {reason}",
        caller.arn,
        op.action()
    );
    Error::new(Code::AccessDenied, message)
}

fn gone(caller: &Caller) -> Error {
    tracing::info!(caller = caller.arn, "the principal or its access key is gone");
    Error::new(Code::InvalidToken, "The security token included in the request is invalid.")
}

fn compile(document: &str) -> Result<iam::Policy> {
    iam::Policy::parse(document).map_err(Error::internal)
}

/// The condition keys that hold for every operation of a request (IAM: global condition context keys).
fn request_context(ctx: &Ctx, account: &AccountId, region: &Region) -> iam::Context {
    let caller = &ctx.caller;
    let mut context = iam::Context::new()
        .with("aws:PrincipalArn", caller.arn.as_str())
        .with("aws:PrincipalAccount", caller.account_id.to_string())
        .with("aws:PrincipalType", "User")
        .with("aws:userid", caller.unique_id.as_str())
        .with("aws:username", caller.username.as_str())
        .with("aws:SourceIp", ctx.peer.address)
        .with("aws:SecureTransport", ctx.peer.tls)
        .with("aws:CurrentTime", ctx.now)
        .with("aws:EpochTime", ctx.now.as_second())
        .with("aws:RequestedRegion", region.to_string())
        .with("aws:ResourceAccount", account.to_string());
    if let Some(user_agent) = &ctx.user_agent {
        context = context.with("aws:UserAgent", user_agent.as_str());
    }
    context
}
