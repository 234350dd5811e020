//! Service-linked roles that an operation creates with its first use, such as that of replication.

use aws::ids::AccountId;
use meta::{AttachPolicy, CreateEntity, CreateEntityRefusal, EntityKind, FindEntity, OpError, RoleFields};
use policy::service_role::ServiceRole;

use crate::Access;
use crate::authz::Gate;
use crate::context::Ctx;
use crate::error::{Error, Result};
use crate::ids::unique_id;
use crate::op::iam;
use crate::store::{RefusedExt as _, store_error};

/// The path of the role of a service.
pub fn path(service: &str) -> String {
    format!("/aws-service-role/{service}/")
}

/// The ARN of the role of a service in an account.
pub fn arn(account_id: &AccountId, known: &ServiceRole) -> String {
    format!("arn:aws:iam::{account_id}:role{}{}", path(known.service), known.role)
}

/// What the role of a service has beyond a user: only the service can assume it.
pub fn fields(service: &str, description: Option<String>) -> RoleFields {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    RoleFields {
        trust_policy: trust,
        description,
        max_session_seconds: 3_600,
        service_name: Some(service.to_owned()),
    }
}

impl Access {
    /// Creates the role of a service in the caller's account, unless it exists. The caller needs
    /// `iam:CreateServiceLinkedRole` only if it does not exist (IAM User Guide, "Service-linked role permissions").
    pub async fn ensure_service_role(&self, ctx: &Ctx, gate: &Gate, service: &str) -> Result<()> {
        let Some(known) = ServiceRole::find(service) else { return Ok(()) };
        let account_id = gate.caller().account_id.clone();
        let name = known.role.to_owned();
        let find = FindEntity { account_id: account_id.clone(), kind: EntityKind::Role, name: name.clone() };
        if gate.read(find).await?.is_some() {
            return Ok(());
        }
        let keys = policy::Context::new().with("iam:AWSServiceName", service);
        let permit = gate.permit_on::<iam::CreateServiceLinkedRole>(&arn(&account_id, &known), keys)?;
        let create = CreateEntity {
            account: permit.account_key().await?,
            kind: EntityKind::Role,
            unique_id: unique_id("AROA").map_err(Error::internal)?,
            path: path(service),
            name,
            boundary: None,
            role: Some(fields(service, None)),
            tags: Vec::new(),
            limit: self.quotas().roles_per_account.limit(),
            at: ctx.at(),
        };
        let made = match permit.write(|_| create).await {
            Ok(made) => made,
            // Another request has created it.
            Err(OpError::Refused(CreateEntityRefusal::Exists | CreateEntityRefusal::BoundaryGone)) => {
                return Ok(());
            }
            Err(OpError::Refused(CreateEntityRefusal::Limit)) => {
                return Err(self.quotas().roles_per_account.exceeded());
            }
            Err(OpError::Store(error)) => return Err(store_error(error)),
        };
        let attach = AttachPolicy {
            owner: made.unique_id,
            arn: known.policy_arn(),
            limit: self.quotas().policies_per_user.limit(),
        };
        permit.write(|_| attach).await.or_refused(|_| Error::internal(Gone))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a service-linked role was deleted while it was created")]
struct Gone;
