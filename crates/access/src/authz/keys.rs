//! Condition keys. Source: IAM User Guide, "AWS global condition context keys".
//!
//! A request from a network of a configured VPC endpoint has `aws:SourceVpc`, `aws:SourceVpce` and `aws:VpcSourceIp`,
//! and no `aws:SourceIp`. Every other request has only `aws:SourceIp`.

use std::sync::Arc;

use aws::ids::{AccountId, Region};
use aws::service::{RegionRule, Service};
use jiff::Timestamp;

use crate::context::{Caller, CallerKind, Ctx, Peer, Session, Unsigned};
use crate::op::Op;
use crate::organization::Organization;
use crate::service_role::ServiceUse;
use crate::settings::Settings;

/// Room for the keys of most requests.
const USUAL_KEYS: usize = 24;

/// Where an account is in the organization.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) organization: &'a Organization,
    /// The units that it is in; empty in the root.
    pub(super) unit_path: &'a str,
}

/// Where a request comes from, and when.
pub(super) struct Origin<'a> {
    peer: Peer,
    user_agent: Option<&'a Arc<str>>,
    now: Timestamp,
}

impl<'a> From<&'a Unsigned> for Origin<'a> {
    fn from(request: &'a Unsigned) -> Self {
        Self { peer: request.peer, user_agent: request.user_agent.as_ref(), now: request.now }
    }
}

/// The keys of a request without a caller.
pub(super) fn of_unsigned(
    request: &Origin<'_>,
    (account, place): (&AccountId, Option<Place<'_>>),
    region: &Region,
    settings: &Settings,
) -> policy::Context {
    let mut context = policy::Context::with_capacity(USUAL_KEYS)
        .with("aws:ViaAWSService", false)
        .with("aws:SecureTransport", request.peer.tls)
        .with("aws:CurrentTime", request.now)
        .with("aws:EpochTime", request.now.as_second())
        .with("aws:RequestedRegion", Arc::<str>::from(&region.of_api()));
    add_resource_account(&mut context, account, place);
    if let Some(user_agent) = request.user_agent {
        context.set("aws:UserAgent", Arc::clone(user_agent));
    }
    let address = request.peer.address;
    match settings.vpc_endpoints.iter().find(|endpoint| endpoint.serves(address)) {
        Some(endpoint) => {
            context.set("aws:SourceVpc", endpoint.vpc.clone());
            context.set("aws:SourceVpce", endpoint.id.clone());
            context.set("aws:VpcSourceIp", address);
        }
        None => context.set("aws:SourceIp", address),
    }
    context
}

/// The keys of every operation of a request.
pub(super) fn of_request(
    ctx: &Ctx,
    caller: &Caller,
    account: (&AccountId, Option<Place<'_>>),
    region: &Region,
    settings: &Settings,
) -> policy::Context {
    let request = Origin { peer: ctx.peer, user_agent: ctx.user_agent.as_ref(), now: ctx.now };
    let mut context = of_unsigned(&request, account, region, settings)
        .with("aws:PrincipalArn", caller.principal_arn())
        .with("aws:PrincipalAccount", Arc::<str>::from(&caller.account_id))
        .with("aws:PrincipalType", caller.principal_type())
        .with("aws:PrincipalIsAWSService", false)
        .with("aws:userid", caller.user_id());
    if let CallerKind::User { name, .. } = &caller.kind {
        context.set("aws:username", name.as_str());
    }
    if let Some(session) = &caller.session {
        add_session(&mut context, session, ctx.now);
    }
    context
}

/// The keys of a service that assumes a role.
pub(super) fn of_service(to: ServiceUse<'_>, now: Timestamp) -> policy::Context {
    let mut context = policy::Context::with_capacity(USUAL_KEYS)
        .with("aws:PrincipalIsAWSService", true)
        .with("aws:PrincipalServiceName", to.service)
        .with_set("aws:PrincipalServiceNamesList", [to.service])
        .with("aws:SourceAccount", to.account_id.as_str())
        .with("aws:SourceArn", to.source_arn)
        .with("aws:SecureTransport", true)
        .with("aws:CurrentTime", now)
        .with("aws:EpochTime", now.as_second());
    add_resource_account(&mut context, to.account_id, None);
    context
}

/// The organization of the caller's account.
pub(super) fn add_principal_organization(context: &mut policy::Context, place: Place<'_>) {
    context.set("aws:PrincipalOrgID", Arc::clone(&place.organization.id));
    context.set_all("aws:PrincipalOrgPaths", [place.organization.path(place.unit_path)]);
}

/// The account of a resource and its organization; none hides the earlier values for another account.
pub(super) fn add_resource_account(
    context: &mut policy::Context,
    account: &AccountId,
    place: Option<Place<'_>>,
) {
    context.set("aws:ResourceAccount", Arc::<str>::from(account));
    context.set_all("aws:ResourceOrgID", [""; 0]);
    context.set_all("aws:ResourceOrgPaths", [""; 0]);
    if let Some(Place { organization, unit_path }) = place {
        context.set("aws:ResourceOrgID", Arc::clone(&organization.id));
        context.set_all("aws:ResourceOrgPaths", [organization.path(unit_path)]);
    }
}

/// `aws:RequestedRegion` of an operation whose Region is not its resource's. Services with one endpoint are always
/// called in us-east-1; for STS it is the Region of the signature.
pub(super) fn requested_region(op: Op, signed: Option<&Region>) -> Option<String> {
    match op.service().region_rule() {
        RegionRule::Global => Some("us-east-1".to_owned()),
        RegionRule::Signed => signed.map(ToString::to_string),
        RegionRule::Resource => None,
    }
}

fn add_session(context: &mut policy::Context, session: &Session, now: Timestamp) {
    // An invalid time counts as long ago: a policy that denies older sessions must apply to it.
    let issued_at = jiff::Timestamp::from_second(session.issued_at).unwrap_or(jiff::Timestamp::MIN);
    context.set("aws:TokenIssueTime", issued_at);
    // Only temporary credentials have the key at all.
    context.set("aws:MultiFactorAuthPresent", session.mfa);
    if session.mfa {
        // The code was checked when the session was issued.
        context.set("aws:MultiFactorAuthAge", now.as_second().saturating_sub(session.issued_at).max(0));
    }
    if let Some(identity) = &session.source_identity {
        context.set("aws:SourceIdentity", identity.as_str());
    }
    if let Some(web) = &session.web_identity {
        context.set("aws:FederatedProvider", web.provider_arn.as_str());
        context.set(format!("{}:sub", web.issuer), web.subject.as_str());
        context.set(format!("{}:aud", web.issuer), web.audience.as_str());
    }
}

/// `aws:PrincipalTag/…`: the principal's own tags, overridden by the session's.
pub(super) fn add_principal_tags(
    context: &mut policy::Context,
    own: &[(String, String)],
    session: Option<&Session>,
) {
    context.set_tags("aws:PrincipalTag/", pairs(own));
    if let Some(session) = session {
        context.set_tags("aws:PrincipalTag/", pairs(&session.tags));
    }
}

/// Tags as pairs of texts.
pub fn pairs(tags: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> + Clone {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// `aws:RequestTag/…` and `aws:TagKeys` of the tags in a request.
pub fn of_request_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> policy::Context {
    let mut context = policy::Context::new();
    context.set_tags("aws:RequestTag/", tags.clone());
    let names: Vec<&str> = tags.map(|(key, _)| key).collect();
    if !names.is_empty() {
        context.set_all("aws:TagKeys", names);
    }
    context
}

/// `aws:ResourceTag/…` and the service's own `ecr:ResourceTag/…`.
pub fn add_resource_tags(context: &mut policy::Context, service: Service, tags: &[(String, String)]) {
    context.set_tags("aws:ResourceTag/", pairs(tags));
    if let Some(prefix) = service.resource_tag_prefix() {
        context.set_tags(prefix, pairs(tags));
    }
}
