//! The common parts of users, groups and roles: how a request names one, and how one is created, renamed and deleted.

use access::authz::{Gate, add_resource_tags};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, IamOp, Op};
use access::permit::{
    Grant, OnAccount, OnResource, Opens, Permit, PermittedAccount, PermittedKey, ResourceKey,
};
use access::quota::Quota;
use access::store::{
    CreateEntity, CreateEntityRefusal, DeleteEntity, DeleteEntityRefusal, Entity, EntityKind, FindEntityById,
    ListGroupLinks, RefusedExt as _, RenameEntity, RenameEntityRefusal, SetBoundary,
};
use aws::service::Service;

use super::attachment::check_boundary;
use super::service_linked_role::is_service_linked;
use super::{Permitted, already_exists, arn_of, entity_arn, iam_tags, no_such_entity};
use crate::Identity;

/// IAM's message for a boundary whose policy does not exist.
pub(super) fn boundary_gone(arn: &str) -> Error {
    Error::aws(AwsCode::NoSuchEntity, format!("Scope ARN: {arn} does not exist or is not attachable."))
}

pub(super) fn boundary_key(arn: Option<&str>) -> policy::Context {
    match arn {
        Some(arn) => policy::Context::new().with("iam:PermissionsBoundary", arn),
        None => policy::Context::new(),
    }
}

/// IAM's messages for an entity that is still in use.
fn delete_refused(refusal: DeleteEntityRefusal, kind: EntityKind, name: &str) -> Error {
    let what = match refusal {
        DeleteEntityRefusal::Gone => return no_such_entity(kind, name),
        DeleteEntityRefusal::InlinePolicies => "delete policies",
        DeleteEntityRefusal::AttachedPolicies => "detach all policies",
        DeleteEntityRefusal::AccessKeys => "delete access keys",
        DeleteEntityRefusal::Members => "remove users from group",
        DeleteEntityRefusal::MfaDevices => "delete MFA device",
        DeleteEntityRefusal::LoginProfile => "delete login profile",
        DeleteEntityRefusal::InstanceProfiles => "remove roles from instance profile",
    };
    Error::aws(AwsCode::DeleteConflict, format!("Cannot delete entity, must {what} first."))
}

/// A service-linked role can be changed only by its service, except for its description and its tags (IAM User Guide,
/// "Edit a service-linked role"; Terraform changes both).
fn check_not_service_linked(op: Op, entity: &Entity) -> Result<()> {
    let is_open = matches!(
        op,
        Op::Iam(IamOp::UpdateRole | IamOp::UpdateRoleDescription | IamOp::TagRole | IamOp::UntagRole)
    );
    if is_open || !is_service_linked(entity) {
        return Ok(());
    }
    let message = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
        entity.name
    );
    Err(Error::aws(AwsCode::UnmodifiableEntity, message))
}

/// Creates an entity. The errors have IAM's messages.
pub(super) async fn create_entity<E: Opens<CreateEntity<PermittedAccount>>>(
    permit: &Permit<E>,
    create: CreateEntity<PermittedAccount>,
    kind: &str,
    quota: &Quota,
) -> Result<Entity> {
    let (name, boundary) = (create.name.clone(), create.boundary.clone().unwrap_or_default());
    permit.write(|_| create).await.or_refused(|refusal| match refusal {
        CreateEntityRefusal::Exists => already_exists(kind, &name),
        CreateEntityRefusal::Limit => quota.exceeded(),
        CreateEntityRefusal::BoundaryGone => boundary_gone(&boundary),
    })
}

pub(super) async fn rename_entity<E>(
    permit: &Permit<E>,
    (path, name): (String, String),
    kind: EntityKind,
    word: &str,
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<RenameEntity<PermittedKey>>,
{
    let rename = |key: ResourceKey| RenameEntity { unique_id: key.id, path, name: name.clone() };
    permit.write(rename).await.map(|_| ()).or_refused(|refusal| match refusal {
        RenameEntityRefusal::Gone => no_such_entity(kind, &name),
        RenameEntityRefusal::Exists => already_exists(word, &name),
    })
}

pub(super) async fn delete_entity<E>(permit: &Permit<E>, name: &str, kind: EntityKind) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<DeleteEntity<PermittedKey>>,
{
    let delete = |key: ResourceKey| DeleteEntity { unique_id: key.id };
    permit.write(delete).await.or_refused(|refusal| delete_refused(refusal, kind, name))
}

pub(super) async fn set_boundary<E>(permit: &Permit<E>, arn: Option<String>) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<SetBoundary<PermittedKey>>,
{
    if let Some(arn) = &arn {
        check_boundary(permit.account(), arn)?;
    }
    let shown = arn.clone().unwrap_or_default();
    let set = |key: ResourceKey| SetBoundary { unique_id: key.id, arn };
    permit.write(set).await.or_refused(|_| boundary_gone(&shown))
}

/// The users of a group, or the groups of a user.
pub(super) async fn linked<E>(permit: &Permit<E>, of: &str, after: &str, limit: usize) -> Result<Vec<Entity>>
where
    E: Opens<ListGroupLinks> + Opens<FindEntityById>,
{
    let list = ListGroupLinks { of: of.to_owned(), after: after.to_owned(), limit };
    let mut entities = Vec::new();
    for unique_id in permit.read(|_| list).await? {
        entities.extend(permit.read(|_| FindEntityById { unique_id }).await?);
    }
    Ok(entities)
}

/// Decides on an operation on a user, group or role, and then returns an error if it does not exist. A denial shows the
/// name as the request spells it, without the entity's path.
pub(super) async fn entity_at<E: Effect<On = OnAccount>>(
    gate: &Gate,
    (kind, name): (EntityKind, &str),
    mut keys: policy::Context,
) -> Result<Permitted<E, Entity>> {
    let account_id = gate.caller().account_id.clone();
    let found = gate.find_entity(kind, name).await?;
    let mut tags = Vec::new();
    let mut shown = entity_arn(&account_id, kind, "/", name);
    if let Some(entity) = &found {
        tags = iam_tags(gate, &entity.unique_id).await?;
        add_resource_tags(&mut keys, Service::Iam, &tags);
        if let Some(boundary) = &entity.boundary
            && !keys.has("iam:PermissionsBoundary")
        {
            keys.set("iam:PermissionsBoundary", boundary.as_str());
        }
        // A caller knows its own path.
        if entity.unique_id == gate.caller().unique_id {
            shown = arn_of(entity);
        }
    }
    let permit = gate.permit_found::<E, _>(found.as_ref(), &shown, keys)?;
    let (permit, on) = permit.zip(found).ok_or_else(|| no_such_entity(kind, name))?;
    Ok(Permitted { permit, on: on.into_row(), tags })
}

/// `entity_at` of an operation that changes the entity.
pub(super) async fn own_entity_at<E: Effect<On = OnAccount>>(
    gate: &Gate,
    named: (EntityKind, &str),
    keys: policy::Context,
) -> Result<Permitted<E, Entity>> {
    let permitted = entity_at::<E>(gate, named, keys).await?;
    check_not_service_linked(E::OP, &permitted.on)?;
    Ok(permitted)
}

impl Identity {
    /// `entity_at` with its own gate.
    pub(super) async fn entity_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        named: (EntityKind, &str),
        keys: policy::Context,
    ) -> Result<Permitted<E, Entity>> {
        entity_at(&self.access.account_gate(ctx).await?, named, keys).await
    }

    /// `own_entity_at` with its own gate.
    pub(super) async fn own_entity_for<E: Effect<On = OnAccount>>(
        &self,
        ctx: &Ctx,
        named: (EntityKind, &str),
        keys: policy::Context,
    ) -> Result<Permitted<E, Entity>> {
        own_entity_at(&self.access.account_gate(ctx).await?, named, keys).await
    }
}
