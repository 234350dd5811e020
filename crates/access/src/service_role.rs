//! Roles that this server assumes as a service of AWS, such as the custom role of a repository creation template. The
//! trust policy of the role must name the service. The role's own policies decide what is done with it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use aws::ids::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use meta::FindEntity;

use crate::authz::trusts_service;
use crate::context::{Caller, Ctx, Peer, Plane, Session};
use crate::decisions::Decisions;
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
    let caller = session(store, role_arn, to, (ctx.now, &ctx.decisions)).await?;
    Ok(caller.map(|caller| Ctx { caller: Arc::new(caller), ..ctx.clone() }))
}

/// The same for work of a service that no request asks for. `id` names the work in the log.
pub async fn work_of_service(
    store: &impl Reads<FindEntity>,
    role_arn: &str,
    to: ServiceUse<'_>,
    (id, now): (impl Into<Arc<str>>, Timestamp),
) -> Result<Option<Ctx>> {
    let caller = session(store, role_arn, to, (now, &Decisions::none())).await?;
    // The work has no client, so no network of a condition contains its address.
    let peer = Peer { address: Ipv4Addr::UNSPECIFIED.into(), tls: true };
    Ok(caller.map(|caller| Ctx::new(Arc::new(caller), peer, None, id, now, Plane::Control)))
}

/// The same for work of a service for a registry: its ARN is the source.
pub(crate) async fn work_for_registry(
    store: &impl Reads<FindEntity>,
    role_arn: &str,
    (service, session_name): (&str, &str),
    (account_id, region): (&AccountId, &Region),
    work: (impl Into<Arc<str>>, Timestamp),
) -> Result<Option<Ctx>> {
    let source_arn = format!("arn:{}:ecr:{region}:{account_id}:registry", region.partition());
    let to = ServiceUse { service, account_id, source_arn: &source_arn, session_name };
    work_of_service(store, role_arn, to, work).await
}

/// The session of the role, if it trusts the service.
async fn session(
    store: &impl Reads<FindEntity>,
    role_arn: &str,
    to: ServiceUse<'_>,
    (now, decisions): (Timestamp, &Decisions),
) -> Result<Option<Caller>> {
    let role = role_of_arn(store, role_arn).await?.filter(|role| role.account_id == *to.account_id);
    let Some(role) = role else { return Ok(None) };
    if !trusts_service((now, decisions), role_arn, &trust_policy(&role)?, to) {
        return Ok(None);
    }
    let expires_at = now.saturating_add(SESSION).unwrap_or(Timestamp::MAX);
    let session =
        Session { issued_at: now.as_second(), expires_at: expires_at.as_second(), ..Session::default() };
    // The session has no credentials: it does not leave this process.
    Caller::of_role(role, to.session_name.to_owned(), session).map(Some).map_err(Error::internal)
}
