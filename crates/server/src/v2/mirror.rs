//! Hosts that answer like one upstream registry: `registry-mirrors` of docker, and mirrors of containerd and podman. The
//! names in their paths are those of the upstream registry. They only serve pulls.

use std::sync::Arc;

use access::addressing::Host;
use access::context::{Caller, RepositoryRef};
use access::settings::Mirror;
use access::token::TokenError;
use http::{Method, StatusCode};
use oci::error::ErrorCode;
use oci::path::Route;

use super::auth::{self, Presented};
use super::{Call, Outcome, RouteOp, base, context, not_allowed, serve, take_anonymous, unknown, unreadable};
use crate::error::Refusal;
use crate::exchange::Exchange;
use crate::serve::App;

/// Answers a request at a mirror.
pub(super) async fn dispatch(app: &App, exchange: &mut Exchange, mirror: &Mirror) -> Outcome {
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    // A client that asks all its mirrors for all registries must not get another image with the same name.
    if let Some(registry) = exchange.parameter("ns").filter(|registry| !mirror.is_of(registry)) {
        let registry: String = registry.chars().take(64).collect();
        let message = format!("This mirror has images of {}, and not of {registry}.", mirror.registry);
        return Err(Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message));
    }
    let route = oci::path::parse(exchange.uri.path()).map_err(|error| unreadable(&error))?;
    if let Some(operation) = RouteOp::of(&exchange.method, &route) {
        exchange.operation = operation.into();
    }
    let caller = authenticate(app, exchange, mirror).await?;
    let name = match &route {
        Route::Base => {
            exchange.operation = RouteOp::Ping.into();
            return base::answer_to(exchange);
        }
        Route::Catalog | Route::Uploads { .. } | Route::Upload { .. } => return Err(unknown()),
        Route::Tags { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Referrers { name, .. } => name,
    };
    let here = mirror.repository(name).ok_or_else(|| too_long(mirror))?;
    let at_mirror = Some(name.to_string());
    let (account_id, region) = (mirror.account_id.clone(), mirror.region.clone());
    let repository = RepositoryRef { account_id, region, name: here };
    let (ctx, host) = (context(exchange, caller), Host::default());
    let registry = app.registry_of(&repository.account_id, &repository.region).await?;
    serve(Call { app, exchange, ctx, host, registry, repository, prefix: None, at_mirror }, route).await
}

/// The caller: by a password of this deployment, or the session of the mirror's role. Clients that know nothing of this
/// deployment send no credentials, or those of the upstream registry.
async fn authenticate(app: &App, exchange: &mut Exchange, mirror: &Mirror) -> Result<Arc<Caller>, Refusal> {
    if let Presented::Password(user, password) = auth::presented(exchange) {
        match app.access.authenticate_password(&user, &password, exchange.now).await {
            Ok(caller) => {
                exchange.prove(&caller);
                app.admit(exchange, &caller)?;
                return Ok(caller);
            }
            Err(TokenError::Unavailable) => return Err(auth::refused(TokenError::Unavailable)),
            Err(error) if mirror.role_arn.is_none() => return Err(auth::refused(error)),
            Err(_) => {}
        }
    }
    take_anonymous(app, exchange)?;
    let role = app.access.mirror_caller(mirror, exchange.now).await?;
    role.ok_or_else(|| Refusal::bare(StatusCode::UNAUTHORIZED, "Not Authorized"))
}

fn too_long(mirror: &Mirror) -> Refusal {
    let prefix = mirror.repository_prefix.as_deref().unwrap_or_default();
    let message = format!("The name is too long: its repository begins with '{prefix}'.");
    Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::NameInvalid, message)
}
