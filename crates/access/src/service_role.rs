//! Roles that this server assumes as a service of AWS, such as the custom role of a repository creation template. The
//! trust policy of the role must name the service. The role's own policies decide what is done with it.

use std::sync::Arc;

use aws::ids::AccountId;
use jiff::{SignedDuration, Timestamp};
use meta::FindEntity;

use crate::authz::trusts_service;
use crate::context::{Caller, Ctx, Session};
use crate::entity::{role_of_arn, trust_policy};
use crate::error::{Error, Result};
use crate::permit::Reads;

/// How long a session would be valid. It ends with the request.
const SESSION: SignedDuration = SignedDuration::from_hours(1);

/// What a service does with a role.
#[derive(Clone, Copy, Debug)]
pub struct ServiceUse<'a> {
    /// The service principal, such as `ecr.amazonaws.com`.
    pub service: &'a str,
    /// The account and the resource for which the service acts (`aws:SourceAccount`, `aws:SourceArn`).
    pub account_id: &'a AccountId,
    pub source_arn: &'a str,
    pub session_name: &'a str,
}

/// The request in a session of a role that a service assumes. None: there is no such role in the service's account, or it
/// does not trust the service.
pub async fn assumed_by_service(
    ctx: &Ctx,
    store: &impl Reads<FindEntity>,
    role_arn: &str,
    to: ServiceUse<'_>,
) -> Result<Option<Ctx>> {
    let role = role_of_arn(store, role_arn).await?.filter(|role| role.account_id == *to.account_id);
    let Some(role) = role else { return Ok(None) };
    if !trusts_service(ctx, role_arn, &trust_policy(&role)?, to) {
        return Ok(None);
    }
    let expires_at = ctx.now.saturating_add(SESSION).unwrap_or(Timestamp::MAX);
    let session =
        Session { issued_at: ctx.now.as_second(), expires_at: expires_at.as_second(), ..Session::default() };
    // The session has no credentials: it does not leave this process.
    let caller = Caller::of_role(role, to.session_name.to_owned(), session).map_err(Error::internal)?;
    Ok(Some(Ctx { caller: Arc::new(caller), ..ctx.clone() }))
}
