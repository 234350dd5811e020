//! Service-linked roles: those that ECR's own features use, and records of the roles of other AWS services, which
//! infrastructure templates create.

use access::context::Ctx;
use access::error::{AwsCode, Code, Error, Result};
use access::ids::unique_id;
use access::op::iam;
use access::permit::ResourceKey;
use access::service_linked_role;
use access::store::{AttachPolicy, CreateEntity, DetachManagedPolicy, Entity, EntityKind, RefusedExt as _};
use aws::iam::{
    CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse, DeleteServiceLinkedRoleRequest,
    DeleteServiceLinkedRoleResponse, DeletionTaskStatusType, GetServiceLinkedRoleDeletionStatusRequest,
    GetServiceLinkedRoleDeletionStatusResponse, Role,
};
use policy::service_role::ServiceRole;

use super::entity::{create_entity, delete_entity};
use super::role::shown_role;
use super::{entity_arn, no_such_entity};
use crate::Identity;

/// Whether a role belongs to a service.
pub(super) fn is_service_linked(role: &Entity) -> bool {
    role.role.as_ref().is_some_and(|fields| fields.service_name.is_some())
}

impl Identity {
    /// Creates the role of a service.
    pub async fn create_service_linked_role(
        &self,
        ctx: &Ctx,
        input: CreateServiceLinkedRoleRequest,
    ) -> Result<CreateServiceLinkedRoleResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let service = input.aws_service_name;
        let path = service_linked_role::path(&service);
        let known = ServiceRole::find(&service);
        let name = match (known, &input.custom_suffix) {
            (Some(known), Some(suffix)) => format!("{}_{suffix}", known.role),
            (Some(known), None) => known.role.to_owned(),
            (None, _) => "*".to_owned(),
        };
        let keys = policy::Context::new().with("iam:AWSServiceName", service.as_str());
        let arn = entity_arn(&ctx.caller.account_id, EntityKind::Role, &path, &name);
        let permit = gate.permit_on::<iam::CreateServiceLinkedRole>(&arn, keys)?;
        let Some(known) = known else {
            let message = format!("Service role name for service principal {service} could not be found.");
            return Err(Error::aws(AwsCode::InvalidInput, message));
        };
        if input.custom_suffix.is_some() && !known.takes_suffix {
            let message = format!("Custom suffix is not allowed for {service}");
            return Err(Error::aws(AwsCode::InvalidInput, message));
        }
        let create = CreateEntity {
            account: permit.account_key().await?,
            kind: EntityKind::Role,
            unique_id: unique_id("AROA").map_err(Error::internal)?,
            path: path.clone(),
            name: name.clone(),
            boundary: None,
            role: Some(service_linked_role::fields(&service, input.description)),
            tags: Vec::new(),
            limit: self.access.quotas().roles_per_account.limit(),
            at: ctx.at(),
        };
        let taken = format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        );
        let made = create_entity(&permit, create, "Role", &self.access.quotas().roles_per_account).await;
        let made = made.map_err(|error| match error.code {
            Code::Aws(AwsCode::EntityAlreadyExists) => Error::aws(AwsCode::InvalidInput, taken),
            _ => error,
        })?;
        let arn = known.policy_arn();
        let attach = AttachPolicy {
            owner: made.unique_id.clone(),
            arn,
            limit: self.access.quotas().policies_per_user.limit(),
        };
        permit.write(|_| attach).await.or_refused(|_| no_such_entity(EntityKind::Role, &name))?;
        let role = Role { role_last_used: None, ..shown_role(&permit, made, Vec::new()).await? };
        Ok(CreateServiceLinkedRoleResponse { role })
    }

    /// Deletes the role of a service at once, and the task reports it. Without its role nothing more is replicated.
    pub async fn delete_service_linked_role(
        &self,
        ctx: &Ctx,
        input: DeleteServiceLinkedRoleRequest,
    ) -> Result<DeleteServiceLinkedRoleResponse> {
        let named = (EntityKind::Role, input.role_name.as_str());
        let keys = policy::Context::new();
        let found = self.entity_for::<iam::DeleteServiceLinkedRole>(ctx, named, keys).await?;
        let (permit, role) = (found.permit, found.on);
        let Some(service) = role.role.as_ref().and_then(|fields| fields.service_name.clone()) else {
            let message = format!("The role {} is not a service-linked role.", role.name);
            return Err(Error::aws(AwsCode::InvalidInput, message));
        };
        if let Some(known) = ServiceRole::find(&service) {
            let arn = known.policy_arn();
            let detach = |key: ResourceKey| DetachManagedPolicy { owner: key.id, arn };
            permit.write(detach).await.or_refused(|_| no_such_entity(EntityKind::Role, &role.name))?;
        }
        let name = role.name;
        delete_entity(&permit, &name, EntityKind::Role).await?;
        let deletion_task_id = format!("task/aws-service-role/{service}/{name}/{}", ctx.request_id);
        Ok(DeleteServiceLinkedRoleResponse { deletion_task_id })
    }

    /// The state of a deletion: each deletion is complete when its request is answered.
    pub async fn get_service_linked_role_deletion_status(
        &self,
        ctx: &Ctx,
        input: GetServiceLinkedRoleDeletionStatusRequest,
    ) -> Result<GetServiceLinkedRoleDeletionStatusResponse> {
        let gate = self.access.account_gate(ctx).await?;
        let task = input.deletion_task_id;
        let path_and_name =
            task.strip_prefix("task").and_then(|rest| rest.rsplit_once('/')).map(|(role, _)| role);
        let arn = format!("arn:aws:iam::{}:role{}", ctx.caller.account_id, path_and_name.unwrap_or("/*"));
        gate.permit_on::<iam::GetServiceLinkedRoleDeletionStatus>(&arn, policy::Context::new())?;
        if path_and_name.is_none_or(|role| !role.starts_with("/aws-service-role/")) {
            let message = format!("The deletion task {task} cannot be found.");
            return Err(Error::aws(AwsCode::NoSuchEntity, message));
        }
        Ok(GetServiceLinkedRoleDeletionStatusResponse {
            status: DeletionTaskStatusType::Succeeded,
            reason: None,
        })
    }
}
