//! Roles that this server assumes as a service of AWS, such as the custom role of a repository creation template. The
//! trust policy of the role must name the service. The role's own policies decide what is done with it.

use std::sync::Arc;

use aws::arn::Arn;
use aws::ids::AccountId;
use jiff::{SignedDuration, Timestamp};
use meta::{Entity, EntityKind, FindEntity};

use crate::authz::trusts_service;
use crate::context::{Caller, CallerKind, Ctx, Session};
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

/// The role with exactly this ARN.
pub async fn role_of_arn(store: &impl Reads<FindEntity>, role_arn: &str) -> Result<Option<Entity>> {
    let Ok(arn) = role_arn.parse::<Arn>() else { return Ok(None) };
    let (Some(account_id), Some(path)) = (arn.account_id(), arn.resource.strip_prefix("role/")) else {
        return Ok(None);
    };
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = store.look_up(FindEntity { account_id, kind: EntityKind::Role, name }).await?;
    let is_it =
        |role: &Entity| Arn::iam_role(&role.account_id, &role.path, &role.name).to_string() == role_arn;
    Ok(found.filter(is_it))
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
    let stored = role.role.as_ref().map(|fields| fields.trust_policy.as_str()).unwrap_or_default();
    let trust = policy::Policy::parse(stored).map_err(Error::internal)?;
    if !trusts_service(ctx, role_arn, &trust, to) {
        return Ok(None);
    }
    let caller = session_of(role, to.session_name, ctx.now)?;
    Ok(Some(Ctx { caller: Arc::new(caller), ..ctx.clone() }))
}

fn session_of(role: Entity, session_name: &str, now: Timestamp) -> Result<Caller> {
    let kind = CallerKind::Role { path: role.path, name: role.name, session_name: session_name.to_owned() };
    let expires_at = now.saturating_add(SESSION).unwrap_or(Timestamp::MAX);
    let session =
        Session { issued_at: now.as_second(), expires_at: expires_at.as_second(), ..Session::default() };
    Ok(Caller {
        arn: kind.arn(&role.account_id),
        account_id: role.account_id,
        unique_id: role.unique_id,
        kind,
        // The session has no credentials: it does not leave this process.
        access_key_id: "ASIA000000000000".parse().map_err(Error::internal)?,
        long_term_key: None,
        session: Some(Arc::new(session)),
        token_region: None,
        ends_at: None,
    })
}
