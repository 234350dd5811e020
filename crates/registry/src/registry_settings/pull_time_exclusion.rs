//! Principals whose pulls leave the time of an image's last pull as it is, such as scanners (ECR User Guide, "Pull time
//! update exclusions").

use access::Access;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    DeregisterPullTimeExclusion, ListPullTimeExclusions, RefusedExt as _, RegisterPullTimeExclusion,
    RegisterPullTimeExclusionRefusal as Refusal,
};

use super::own_registry;

/// Excludes a user or role.
pub(crate) async fn register(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::RegisterPullTimeUpdateExclusion>,
    principal_arn: &str,
) -> Result<()> {
    let registry = own_registry(access, ctx, permit).await?;
    let (principal_arn, at) = (principal_arn.to_owned(), ctx.at());
    let register = RegisterPullTimeExclusion {
        registry,
        principal_arn: principal_arn.clone(),
        at,
        limit: access.quotas().pull_time_update_exclusions_per_registry.limit(),
    };
    permit.write(|_| register).await.or_refused(|refusal| match refusal {
        Refusal::Exists => Error::new(
            Code::ExclusionAlreadyExists,
            format!("A pull time update exclusion for '{principal_arn}' already exists in the registry"),
        ),
        Refusal::Limit => access.quotas().pull_time_update_exclusions_per_registry.exceeded(),
    })
}

/// Ends the exclusion of a user or role.
pub(crate) async fn deregister(
    permit: &Permit<ecr::DeregisterPullTimeUpdateExclusion>,
    principal_arn: &str,
) -> Result<()> {
    let not_found = || {
        let message =
            format!("A pull time update exclusion for '{principal_arn}' does not exist in the registry");
        Error::new(Code::ExclusionNotFound, message)
    };
    let registry = permit.registry().ok_or_else(not_found)?.key;
    let deregister = DeregisterPullTimeExclusion { registry, principal_arn: principal_arn.to_owned() };
    permit.write(|_| deregister).await.or_refused(|_| not_found())
}

/// Lists excluded users and roles by ARN.
pub(crate) async fn list(
    permit: &Permit<ecr::ListPullTimeUpdateExclusions>,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<String>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    permit.read(|_| ListPullTimeExclusions { registry: registry.key, after, limit }).await
}
