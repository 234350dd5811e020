//! The login of another registry of this deployment: a password for the custom role of a rule (ECR User Guide, "Setting up
//! permissions for cross-account ECR to ECR pull through cache"). It opens registries of this deployment only, and is sent
//! to no other.

use aws::ids::{AccountId, Region};
use jiff::Timestamp;

use crate::Access;
use crate::context::Ctx;
use crate::effects::authority;
use crate::error::{Code, Error, Result};
use crate::permit::Permit;
use crate::service_role::work_for_registry;
use crate::token::USER;
use crate::upstream_secret::{SERVICE, SESSION_NAME, UpstreamLogin};

/// How long one password is used. It is valid for longer.
const USED_SECONDS: i64 = 60 * 60;

fn unusable(role_arn: &str, why: &str) -> Error {
    let message = format!("The custom role {role_arn} of the pull through cache rule cannot be used: {why}");
    Error::new(Code::UpstreamAccessDenied, message)
}

impl Access {
    /// A password of the custom role of a registry's rule, for the upstream registry at an address.
    pub async fn upstream_role(
        &self,
        registry: (&AccountId, &Region),
        role_arn: &str,
        (host, port): (&str, Option<u16>),
        now: Timestamp,
    ) -> Result<UpstreamLogin> {
        let Some(upstream_region) = self.settings.address.own_region(host, port, registry.1) else {
            return Err(unusable(role_arn, "the upstream registry is not one of this deployment."));
        };
        let permit = Permit::for_service(authority::ReadUpstreamSecrets, self);
        let (by, work) = ((SERVICE, SESSION_NAME), (SESSION_NAME, now));
        let work = work_for_registry(&permit, role_arn, by, registry, work).await?;
        let no_role = || unusable(role_arn, &format!("the account has no such role that trusts {SERVICE}."));
        let ctx = work.ok_or_else(no_role)?.signed_for(upstream_region.clone());
        let token = self.issue_token(&ctx, &upstream_region).await;
        let token = token.map_err(|error| unusable(role_arn, &error.message))?;
        // A role that was made again is another one: the password of the one before opens nothing.
        let role = &ctx.caller.unique_id;
        let version = format!("{role_arn} {role} {}", now.as_second() / USED_SECONDS);
        Ok(UpstreamLogin { version, username: USER.to_owned(), password: token.password })
    }
}

/// Whether a request is a pull of the cache of another registry of this deployment. Such a pull gets what is stored: a cycle
/// of rules would wait for itself.
pub fn is_of_cache(ctx: &Ctx) -> bool {
    let session = ctx.caller.arn.rsplit_once('/').map(|(_, session)| session);
    ctx.caller.session.is_some() && session == Some(SESSION_NAME)
}
