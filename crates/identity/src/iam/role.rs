//! Roles.

use access::op::IamOp;
use aws::iam::{
    CreateRoleRequest, DeleteRolePermissionsBoundaryRequest, DeleteRoleRequest, GetRoleRequest,
    ListRolesRequest, PutRolePermissionsBoundaryRequest, Role, RoleLastUsed, UpdateAssumeRolePolicyRequest,
    UpdateRoleDescriptionRequest, UpdateRoleRequest,
};
use aws::query::{Empty, One, Page};
use meta::{CreateEntity, Entity, EntityKind, ListEntities, RoleFields, UpdateRole};

use super::user::boundary_key;
use super::{arn_of, entity_arn, no_such_entity, quota, request_tags, time};
use crate::Identity;
use access::context::Ctx;
use access::error::{Error, Result};
use access::ids::unique_id;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

/// The longest session of a role that does not say.
const DEFAULT_MAX_SESSION_SECONDS: i64 = 3_600;

impl Identity {
    /// A role as results show it; `whole` with boundary, tags and last use, which lists leave out.
    pub(super) async fn shown_role(&self, entity: Entity, whole: bool) -> Result<Role> {
        let fields = entity.role.clone().unwrap_or(RoleFields {
            trust_policy: String::new(),
            description: None,
            max_session_seconds: DEFAULT_MAX_SESSION_SECONDS,
            service_name: None,
        });
        let tags = if whole { self.iam_tags(&entity.unique_id).await? } else { Vec::new() };
        let used = entity.last_used.as_ref().map(|(at, region)| RoleLastUsed {
            at: time(*at),
            region: Some(region.clone()).filter(|region| !region.is_empty()),
        });
        Ok(Role {
            arn: arn_of(&entity),
            trust_policy: self.shown_trust_policy(&fields.trust_policy).await?,
            path: entity.path,
            name: entity.name,
            id: entity.unique_id,
            created_at: time(entity.created_at),
            description: fields.description,
            max_session_seconds: fields.max_session_seconds,
            boundary: entity.boundary.filter(|_| whole),
            tags,
            last_used: whole.then_some(used),
        })
    }

    /// Makes a role.
    pub async fn create_role(&self, ctx: &Ctx, input: CreateRoleRequest) -> Result<One<Role>> {
        let gate = self.access.account_gate(ctx).await?;
        let path = input.path.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        let arn = entity_arn(&account_id, EntityKind::Role, &path, &input.role_name);
        let tags = request_tags(&input.tags)?;
        gate.allow_on(
            Op::Iam(IamOp::CreateRole),
            &arn,
            tags.clone().and(boundary_key(input.permissions_boundary.as_deref())),
        )?;
        if !input.tags.is_empty() {
            gate.allow_on(Op::Iam(IamOp::TagRole), &arn, tags)?;
        }
        if path.starts_with("/aws-service-role/") {
            let message = "Roles under the path /aws-service-role/ are made by CreateServiceLinkedRole.";
            return Err(Error::aws(access::error::AwsCode::InvalidInput, message));
        }
        if let Some(boundary) = &input.permissions_boundary {
            self.can_bound(ctx, boundary).await?;
        }
        let create = CreateEntity {
            account: self.access.account_key(&account_id).await?,
            kind: EntityKind::Role,
            unique_id: unique_id("AROA").map_err(Error::internal)?,
            path,
            name: input.role_name,
            boundary: input.permissions_boundary,
            role: Some(RoleFields {
                trust_policy: self.stored_trust_policy(&input.assume_role_policy_document).await?,
                description: input.description,
                max_session_seconds: input.max_session_duration.unwrap_or(DEFAULT_MAX_SESSION_SECONDS),
                service_name: None,
            }),
            tags: input.tags,
            limit: quota::ROLES,
            at: ctx.at(),
        };
        let made = self.create_entity(create, "Role", ("RolesPerAccount", quota::ROLES)).await?;
        Ok(One("Role", Role { last_used: None, ..self.shown_role(made, true).await? }))
    }

    /// Shows a role.
    pub async fn get_role(&self, ctx: &Ctx, input: GetRoleRequest) -> Result<One<Role>> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self.entity_for(ctx, Op::Iam(IamOp::GetRole), named, policy::Context::new()).await?;
        Ok(One("Role", self.shown_role(role, true).await?))
    }

    /// Lists roles by name.
    pub async fn list_roles(&self, ctx: &Ctx, input: ListRolesRequest) -> Result<Page<Role>> {
        let gate = self.access.account_gate(ctx).await?;
        let prefix = input.path_prefix.unwrap_or_else(|| "/".to_owned());
        let account_id = ctx.caller.account_id.clone();
        gate.allow_on(
            Op::Iam(IamOp::ListRoles),
            &format!("arn:aws:iam::{account_id}:role{prefix}"),
            policy::Context::new(),
        )?;
        let page =
            self.page_of(format!("roles {account_id} {prefix}"), input.marker.as_deref(), input.max_items)?;
        let list = ListEntities {
            account_id,
            kind: EntityKind::Role,
            path_prefix: prefix,
            after: page.after.clone(),
            limit: page.limit + 1,
        };
        let mut roles = self.access.meta.read(list).await.or_store_error()?;
        let marker = self.cut(&page, &mut roles, |role| role.name.to_ascii_lowercase())?;
        let mut items = Vec::with_capacity(roles.len());
        for role in roles {
            items.push(self.shown_role(role, false).await?);
        }
        Ok(Page { name: "Roles", items, marker })
    }

    async fn update(&self, role: Entity, update: UpdateRole) -> Result<()> {
        self.access.meta.write(update).await.or_refused(|_| no_such_entity(EntityKind::Role, &role.name))
    }

    /// Changes a role's description and longest session, which is one hour if the request does not say (IAM API
    /// reference, "UpdateRole").
    pub async fn update_role(&self, ctx: &Ctx, input: UpdateRoleRequest) -> Result<Empty> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role =
            self.own_entity_for(ctx, Op::Iam(IamOp::UpdateRole), named, policy::Context::new()).await?;
        let update = UpdateRole {
            unique_id: role.unique_id.clone(),
            trust_policy: None,
            description: input.description,
            max_session_seconds: Some(input.max_session_duration.unwrap_or(DEFAULT_MAX_SESSION_SECONDS)),
        };
        self.update(role, update).await?;
        Ok(Empty)
    }

    /// Changes a role's description, and shows the role.
    pub async fn update_role_description(
        &self,
        ctx: &Ctx,
        input: UpdateRoleDescriptionRequest,
    ) -> Result<One<Role>> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self
            .own_entity_for(ctx, Op::Iam(IamOp::UpdateRoleDescription), named, policy::Context::new())
            .await?;
        let update = UpdateRole {
            unique_id: role.unique_id.clone(),
            trust_policy: None,
            description: Some(input.description.clone()),
            max_session_seconds: None,
        };
        self.update(role.clone(), update).await?;
        let mut shown = self.shown_role(role, true).await?;
        shown.description = Some(input.description);
        Ok(One("Role", shown))
    }

    /// Changes who may take a role on.
    pub async fn update_assume_role_policy(
        &self,
        ctx: &Ctx,
        input: UpdateAssumeRolePolicyRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role = self
            .own_entity_for(ctx, Op::Iam(IamOp::UpdateAssumeRolePolicy), named, policy::Context::new())
            .await?;
        let update = UpdateRole {
            unique_id: role.unique_id.clone(),
            trust_policy: Some(self.stored_trust_policy(&input.policy_document).await?),
            description: None,
            max_session_seconds: None,
        };
        self.update(role, update).await
    }

    /// Deletes a role that has nothing left; its sessions end with it.
    pub async fn delete_role(&self, ctx: &Ctx, input: DeleteRoleRequest) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let role =
            self.own_entity_for(ctx, Op::Iam(IamOp::DeleteRole), named, policy::Context::new()).await?;
        self.delete_entity(role, EntityKind::Role).await
    }

    /// Bounds what a role can be allowed.
    pub async fn put_role_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: PutRolePermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = boundary_key(Some(&input.permissions_boundary));
        let role = self.own_entity_for(ctx, Op::Iam(IamOp::PutRolePermissionsBoundary), named, keys).await?;
        self.set_boundary(ctx, role, Some(input.permissions_boundary)).await
    }

    /// Takes the boundary of a role away.
    pub async fn delete_role_permissions_boundary(
        &self,
        ctx: &Ctx,
        input: DeleteRolePermissionsBoundaryRequest,
    ) -> Result<()> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let op = Op::Iam(IamOp::DeleteRolePermissionsBoundary);
        let role = self.own_entity_for(ctx, op, named, policy::Context::new()).await?;
        self.set_boundary(ctx, role, None).await
    }
}
