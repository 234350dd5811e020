//! The common parts of users, groups and roles: how a request names one, and how one is created, renamed and deleted.

use access::authz::{Gate, add_resource_tags};
use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::op::{Effect, IamOp, Op};
use access::permit::{OnAccount, Opens, Permit, Reads};
use access::quota::Quota;
use access::store::{
    CreateEntity, CreateEntityRefusal, DeleteEntity, DeleteEntityRefusal, Entity, EntityKind, FindEntity,
    FindEntityById, ListGroupLinks, RefusedExt as _, RenameEntity, RenameEntityRefusal, SetBoundary,
};
use aws::arn::Arn;
use aws::service::Service;

use super::attachment::check_boundary;
use super::service_linked_role::is_service_linked;
use super::{Permitted, already_exists, arn_of, entity_arn, iam_tags, no_such_entity};
use crate::Identity;

/// The user, group or role that an ARN names by its exact path and name.
pub(crate) async fn entity_of_arn(store: &impl Reads<FindEntity>, text: &str) -> Result<Option<Entity>> {
    let Ok(arn) = text.parse::<Arn>() else { return Ok(None) };
    let (Some(account_id), Some((kind, rest))) = (arn.account_id(), arn.resource.split_once('/')) else {
        return Ok(None);
    };
    let kind = match kind {
        "user" => EntityKind::User,
        "group" => EntityKind::Group,
        "role" => EntityKind::Role,
        _ => return Ok(None),
    };
    let name = rest.rsplit('/').next().unwrap_or_default().to_owned();
    let found = store.look_up(FindEntity { account_id, kind, name }).await?;
    Ok(found.filter(|entity| arn_of(entity) == text))
}

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
pub(super) async fn create_entity<E: Opens<CreateEntity>>(
    permit: &Permit<E>,
    create: CreateEntity,
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

pub(super) async fn rename_entity<E: Opens<RenameEntity>>(
    permit: &Permit<E>,
    rename: RenameEntity,
    kind: EntityKind,
    word: &str,
) -> Result<()> {
    let name = rename.name.clone();
    permit.write(|_| rename).await.map(|_| ()).or_refused(|refusal| match refusal {
        RenameEntityRefusal::Gone => no_such_entity(kind, &name),
        RenameEntityRefusal::Exists => already_exists(word, &name),
    })
}

pub(super) async fn delete_entity<E: Opens<DeleteEntity>>(
    permit: &Permit<E>,
    entity: Entity,
    kind: EntityKind,
) -> Result<()> {
    let delete = DeleteEntity { unique_id: entity.unique_id };
    permit.write(|_| delete).await.or_refused(|refusal| delete_refused(refusal, kind, &entity.name))
}

pub(super) async fn set_boundary<E>(permit: &Permit<E>, entity: Entity, arn: Option<String>) -> Result<()>
where
    E: Effect<On = OnAccount> + Opens<SetBoundary>,
{
    if let Some(arn) = &arn {
        check_boundary(permit.account(), arn)?;
    }
    let shown = arn.clone().unwrap_or_default();
    let set = SetBoundary { unique_id: entity.unique_id, arn };
    permit.write(|_| set).await.or_refused(|_| boundary_gone(&shown))
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
    let find = FindEntity { account_id: account_id.clone(), kind, name: name.to_owned() };
    let found = gate.read(find).await?;
    let mut tags = Vec::new();
    let shown = entity_arn(&account_id, kind, "/", name);
    let arn = match &found {
        Some(entity) => {
            tags = iam_tags(gate, &entity.unique_id).await?;
            add_resource_tags(&mut keys, Service::Iam, &tags);
            if let Some(boundary) = &entity.boundary
                && !keys.has("iam:PermissionsBoundary")
            {
                keys.set("iam:PermissionsBoundary", boundary.as_str());
            }
            arn_of(entity)
        }
        None => shown.clone(),
    };
    // A caller knows its own path.
    let is_caller = found.as_ref().is_some_and(|entity| entity.unique_id == gate.caller().unique_id);
    let permit = gate.permit_shown_as::<E>(&arn, if is_caller { &arn } else { &shown }, keys)?;
    let on = found.ok_or_else(|| no_such_entity(kind, name))?;
    Ok(Permitted { permit, on, tags })
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
