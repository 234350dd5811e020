//! Docker passwords and their callers. The parts without a registry are in the tests of `identity`.

use std::sync::Arc;

use access::context::Caller;
use access::token::TokenError;
use aws::ecr::GetAuthorizationTokenRequest;
use aws::iam::{DeleteRolePolicyRequest, DeleteRoleRequest};
use aws::ids::Region;
use aws::sts::{Credentials, FederationToken, GetFederationTokenRequest, GetSessionTokenRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::world::{World, at, ctx};

#[path = "../../../identity/tests/it/credentials.rs"]
mod sessions;

pub(crate) use sessions::*;

/// The docker password that a caller requests at a time for a Region.
pub(crate) async fn password(world: &World, caller: &Arc<Caller>, region: &Region, now: Timestamp) -> String {
    let input = GetAuthorizationTokenRequest::default();
    let answer = world.rules.registry.get_authorization_token(&at(caller, now), region, input).await.unwrap();
    let token = answer.authorization_data.into_iter().next().unwrap().authorization_token;
    let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    text.strip_prefix("AWS:").unwrap().to_owned()
}

/// The caller of a docker password now.
pub(crate) async fn opened(world: &World, password: &str) -> Result<Arc<Caller>, TokenError> {
    world.rules.access.authenticate_password("AWS", password, Timestamp::now()).await
}

/// The docker login with a caller's credentials.
pub(crate) async fn login(world: &World, caller: &Arc<Caller>, region: &Region) -> Arc<Caller> {
    opened(world, &password(world, caller, region, Timestamp::now()).await).await.unwrap()
}

pub(crate) async fn delete_role(world: &World, name: &str) {
    let role_name = name.to_owned();
    let policy = DeleteRolePolicyRequest { role_name: role_name.clone(), policy_name: "rights".to_owned() };
    world.rules.identity.delete_role_policy(&ctx(&world.admin), policy).await.unwrap();
    world.rules.identity.delete_role(&ctx(&world.admin), DeleteRoleRequest { role_name }).await.unwrap();
}

pub(crate) async fn session_token(world: &World, caller: &Arc<Caller>) -> Credentials {
    world.rules.identity.get_session_token(&ctx(caller), GetSessionTokenRequest::default()).await.unwrap()
}

pub(crate) async fn federation_token(
    world: &World,
    caller: &Arc<Caller>,
    request: GetFederationTokenRequest,
) -> FederationToken {
    world.rules.identity.get_federation_token(&ctx(caller), request).await.unwrap()
}
