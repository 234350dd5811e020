//! Creating a repository.

use std::fmt;

use access::Access;
use access::authz::repository_not_found;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{CreateRepository, CreateRepositoryRefusal, Mutability, RefusedExt as _, RepositoryRow};
use aws::ids::AccountId;

use crate::registry_settings::registry_of;

/// A new repository as requested.
#[derive(Default)]
pub(crate) struct NewRepository {
    pub(crate) name: String,
    pub(crate) mutability: Mutability,
    /// Tags that the mutability does not apply to.
    pub(crate) filters: Vec<String>,
    pub(crate) scan_on_push: bool,
    pub(crate) tags: Vec<(String, String)>,
    /// The repository policy, with principals by unique ID.
    pub(crate) policy: Option<String>,
    pub(crate) lifecycle_policy: Option<String>,
}

/// Creates a repository. The first repository of an account in a Region creates the registry.
pub(crate) async fn create(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::CreateRepository>,
    new: NewRepository,
) -> Result<RepositoryRow> {
    let registry = registry_of(access, ctx, permit).await?;
    let registry = registry.ok_or_else(|| repository_not_found(&new.name, permit.account()))?;
    let name = new.name.clone();
    let create = |_account| CreateRepository {
        registry,
        id: access.ids.next(ctx.now),
        name: new.name,
        at: ctx.at(),
        op: ctx.operation_id.clone(),
        mutability: new.mutability,
        filters: new.filters,
        scan_on_push: new.scan_on_push,
        encryption_type: "AES256".to_owned(),
        kms_key: None,
        tags: new.tags,
        policy: new.policy,
        lifecycle_policy: new.lifecycle_policy,
        limit: access.quotas().repositories_per_registry.limit(),
    };
    let created = permit.write(create).await;
    created.or_refused(|refusal| refused(access, &name, permit.account(), refusal))
}

/// The error of a repository that was not created.
pub(crate) fn refused(
    access: &Access,
    name: impl fmt::Display,
    account: &AccountId,
    refusal: CreateRepositoryRefusal,
) -> Error {
    match refusal {
        CreateRepositoryRefusal::Exists => Error::new(
            Code::RepositoryAlreadyExists,
            format!("The repository with name '{name}' already exists in the registry with id '{account}'"),
        ),
        CreateRepositoryRefusal::Limit => access.quotas().repositories_per_registry.exceeded(),
    }
}
