//! Roles.

use access::context::Ctx;
use access::error::{AwsCode, Error, Result};
use access::ids::unique_id;
use access::op::iam;
use access::permit::{Grant, OnResource, Opens, Permit, PermittedKey, Reads, ResourceKey};
use access::store::{
    CreateEntity, Entity, EntityKind, FindNamedPrincipals, ListEntities, RefusedExt as _, RoleFields,
    UpdateRole,
};
use aws::iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRolePermissionsBoundaryRequest, DeleteRoleRequest,
    GetRoleRequest, GetRoleResponse, ListRolesRequest, ListRolesResponse, PutRolePermissionsBoundaryRequest,
    Role, RoleLastUsed, UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest,
    UpdateRoleDescriptionResponse, UpdateRoleRequest, UpdateRoleResponse,
};

use super::attachment::check_boundary;
use super::entity::{boundary_key, create_entity, delete_entity, set_boundary};
use super::trust_policy::{shown_trust_policy, stored_trust_policy};
use super::{
    arn_of, entity_arn, no_such_entity, request_tags, shown_boundary, shown_tags, stored_tags, time,
};
use crate::Identity;

/// The maximum session duration of a role that does not set it.
const DEFAULT_MAX_SESSION_SECONDS: i64 = 3_600;

/// A role as lists show it: without boundary, tags and last use.
pub(super) async fn listed_role(store: &impl Reads<FindNamedPrincipals>, entity: Entity) -> Result<Role> {
    let fields = entity.role.clone().unwrap_or(RoleFields {
        trust_policy: String::new(),
        description: None,
        max_session_seconds: DEFAULT_MAX_SESSION_SECONDS,
        service_name: None,
    });
    Ok(Role {
        arn: arn_of(&entity),
        assume_role_policy_document: shown_trust_policy(store, &fields.trust_policy).await?,
        path: entity.path,
        role_name: entity.name,
        role_id: entity.unique_id,
        create_date: time(entity.created_at).into(),
        description: fields.description,
        max_session_duration: fields.max_session_seconds,
        ..Role::default()
    })
}

/// A role with all its members.
pub(super) async fn shown_role(
    store: &impl Reads<FindNamedPrincipals>,
    entity: Entity,
    tags: Vec<(String, String)>,
) -> Result<Role> {
    let role_last_used = match &entity.last_used {
        Some((at, region)) => RoleLastUsed {
            last_used_date: Some(time(*at).into()),
            region: Some(region.clone()).filter(|region| !region.is_empty()),
        },
        None => RoleLastUsed::default(),
    };
    Ok(Role {
        permissions_boundary: shown_boundary(entity.boundary.clone()),
        tags: shown_tags(tags),
        role_last_used: Some(role_last_used),
        ..listed_role(store, entity).await?
    })
}

async fn update<E>(
    permit: &Permit<E>,
    role: &Entity,
    update: impl FnOnce(ResourceKey) -> UpdateRole<PermittedKey>,
) -> Result<()>
where
    E: Grant<On = OnResource> + Opens<UpdateRole<PermittedKey>>,
{
    permit.write(update).await.or_refused(|_| no_such_entity(EntityKind::Role, &role.name))
}

impl Identity {
    pub async fn create_role(&self, ctx: &Ctx, input: CreateRoleRequest) -> Result<CreateRoleResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let arn = entity_arn(&ctx.caller.account_id, EntityKind::Role, &path, &input.role_name);
        let stored = stored_tags(input.tags);
        let tags = request_tags(&stored)?;
        let keys = tags.clone().and(boundary_key(input.permissions_boundary.as_deref()));
        let permit = gate.permit_on::<iam::CreateRole>(&arn, keys)?;
        if !stored.is_empty() {
            gate.permit_on::<iam::TagRole>(&arn, tags)?;
        }
        if path.starts_with("/aws-service-role/") {
            let message = "Roles under the path /aws-service-role/ are created with CreateServiceLinkedRole.";
            return Err(Error::aws(AwsCode::InvalidInput, message));
        }
        if let Some(boundary) = &input.permissions_boundary {
            check_boundary(permit.account(), boundary)?;
        }
        let create = CreateEntity {
            account: permit.account_key().await?,
            kind: EntityKind::Role,
            unique_id: unique_id("AROA").map_err(Error::internal)?,
            path,
            name: input.role_name,
            boundary: input.permissions_boundary,
            role: Some(RoleFields {
                trust_policy: stored_trust_policy(&permit, &input.assume_role_policy_document).await?,
                description: input.description,
                max_session_seconds: input
                    .max_session_duration
                    .map_or(DEFAULT_MAX_SESSION_SECONDS, i64::from),
                service_name: None,
            }),
            tags: stored.clone(),
            limit: self.access.quotas().roles_per_account.limit(),
            at: ctx.at(),
        };
        let made = create_entity(&permit, create, "Role", &self.access.quotas().roles_per_account).await?;
        let role = Role { role_last_used: None, ..shown_role(&permit, made, stored).await? };
        Ok(CreateRoleResponse { role })
    }

    pub async fn get_role(&self, ctx: &Ctx, input: GetRoleRequest) -> Result<GetRoleResponse> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self.entity_for::<iam::GetRole>(ctx, named, policy::Context::new()).await?;
        Ok(GetRoleResponse { role: shown_role(&role.permit, role.on, role.tags).await? })
    }

    /// Lists roles by name.
    pub async fn list_roles(&self, ctx: &Ctx, input: ListRolesRequest) -> Result<ListRolesResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = &ctx.caller.account_id;
        let arn = format!("arn:aws:iam::{account_id}:role{prefix}");
        let permit = gate.permit_on::<iam::ListRoles>(&arn, policy::Context::new())?;
        let page =
            self.page_of(format!("roles {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = |account_id| ListEntities {
            account_id,
            kind: EntityKind::Role,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut roles = permit.read(list).await?;
        let marker = self.cut(&page, &mut roles, |role| role.name.to_ascii_lowercase())?;
        let mut listed = Vec::with_capacity(roles.len());
        for role in roles {
            listed.push(listed_role(&permit, role).await?);
        }
        Ok(ListRolesResponse { roles: listed, is_truncated: marker.is_some(), marker })
    }

    /// Changes a role's description and maximum session duration. The duration becomes one hour if the request does not
    /// contain it (IAM API reference, "UpdateRole").
    pub async fn update_role(&self, ctx: &Ctx, input: UpdateRoleRequest) -> Result<UpdateRoleResponse> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self.own_entity_for::<iam::UpdateRole>(ctx, named, policy::Context::new()).await?;
        let change = |key: ResourceKey| UpdateRole {
            unique_id: key.id,
            trust_policy: None,
            description: input.description,
            max_session_seconds: Some(
                input.max_session_duration.map_or(DEFAULT_MAX_SESSION_SECONDS, i64::from),
            ),
        };
        update(&role.permit, &role.on, change).await?;
        Ok(UpdateRoleResponse {})
    }

    /// Changes a role's description, and returns the role.
    pub async fn update_role_description(
        &self,
        ctx: &Ctx,
        input: UpdateRoleDescriptionRequest,
    ) -> Result<UpdateRoleDescriptionResponse> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = policy::Context::new();
        let role = self.own_entity_for::<iam::UpdateRoleDescription>(ctx, named, keys).await?;
        let change = |key: ResourceKey| UpdateRole {
            unique_id: key.id,
            trust_policy: None,
            description: Some(input.description.clone()),
            max_session_seconds: None,
        };
        update(&role.permit, &role.on, change).await?;
        let shown = shown_role(&role.permit, role.on, role.tags).await?;
        Ok(UpdateRoleDescriptionResponse { role: Role { description: Some(input.description), ..shown } })
    }

    /// Changes the trust policy of a role.
    pub async fn update_assume_role_policy(
        &self,
        ctx: &Ctx,
        input: UpdateAssumeRolePolicyRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = policy::Context::new();
        let role = self.own_entity_for::<iam::UpdateAssumeRolePolicy>(ctx, named, keys).await?;
        let trust_policy = stored_trust_policy(&role.permit, &input.policy_document).await?;
        let change = |key: ResourceKey| UpdateRole {
            unique_id: key.id,
            trust_policy: Some(trust_policy),
            description: None,
            max_session_seconds: None,
        };
        update(&role.permit, &role.on, change).await
    }

    /// Deletes a role that is not in use. Its sessions end with it.
    pub async fn delete_role(&self, ctx: &Ctx, input: DeleteRoleRequest) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self.own_entity_for::<iam::DeleteRole>(ctx, named, policy::Context::new()).await?;
        delete_entity(&role.permit, &role.on.name, EntityKind::Role).await
    }

    /// Sets the permissions boundary of a role.
    pub async fn put_role_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: PutRolePermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = boundary_key(Some(&input.permissions_boundary));
        let role = self.own_entity_for::<iam::PutRolePermissionsBoundary>(ctx, named, keys).await?;
        set_boundary(&role.permit, Some(input.permissions_boundary)).await
    }

    /// Removes the permissions boundary of a role.
    pub async fn delete_role_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: DeleteRolePermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = policy::Context::new();
        let role = self.own_entity_for::<iam::DeleteRolePermissionsBoundary>(ctx, named, keys).await?;
        set_boundary(&role.permit, None).await
    }
}
