//! Public registries on the data plane. They are at hosts of their own (`public.ecr.aws/ALIAS/NAME`), and at every host
//! that names no registry under the path `public.ecr.aws/ALIAS/NAME`. Everyone can pull; pushes need the password of
//! ECR Public, or a bearer token for it.

use std::sync::Arc;
use std::time::Instant;

use access::addressing::Host;
use access::context::{Caller, RepositoryRef};
use access::settings::ECR_PUBLIC;
use access::token::TokenError;
use aws::ids::Region;
use http::{Method, StatusCode, header};
use oci::error::ErrorCode;
use oci::path::{PathError, Route};

use super::auth::{self, Presented};
use super::{Call, Outcome, RouteOp, base, context, serve, unknown, unreadable};
use crate::error::Refusal;
use crate::exchange::Exchange;
use crate::serve::App;

/// A path of a public registry.
pub(super) struct Place {
    /// Whether the host serves only public registries.
    has_own_host: bool,
    /// What follows `/v2/` and, without an own host, [`ECR_PUBLIC`].
    rest: String,
}

/// Where in the public registries a request is; None for every other request.
pub(super) fn place(app: &App, host: &Host, exchange: &Exchange) -> Option<Place> {
    let inner = exchange.uri.path().strip_prefix("/v2").map(|path| path.trim_start_matches('/'))?;
    if app.access.is_public_host(exchange.host.as_deref()) {
        return Some(Place { has_own_host: true, rest: inner.to_owned() });
    }
    let rest = inner.strip_prefix(ECR_PUBLIC)?.strip_prefix('/').filter(|_| !host.names_registry())?;
    // Without an alias, a name and a route it is a private repository with this name.
    let (_alias, path) = rest.split_once('/')?;
    let is_route = !matches!(route_of(path), Err(PathError::NotFound) | Ok(Route::Base | Route::Catalog));
    is_route.then(|| Place { has_own_host: false, rest: rest.to_owned() })
}

/// Whether a request is for a public registry: its challenge is another one.
pub(super) fn is_asked(app: &App, exchange: &Exchange) -> bool {
    let host = app.access.host(exchange.host.as_deref()).ok();
    host.is_some_and(|host| place(app, &host, exchange).is_some())
}

fn route_of(path: &str) -> Result<Route, PathError> {
    oci::path::parse(&format!("/v2/{path}"))
}

/// Answers a request for a public registry.
pub(super) async fn dispatch(app: &App, exchange: &mut Exchange, host: Host, place: Place) -> Outcome {
    let caller = authenticate(app, exchange, &place).await?;
    if caller.is_anonymous() {
        take_anonymous(app, exchange)?;
    } else {
        exchange.prove(&caller);
    }
    if place.rest.is_empty() {
        exchange.operation = RouteOp::Ping.into();
        if caller.is_anonymous() {
            return base::answer_to(exchange);
        }
        let account = caller.account_id.clone();
        let ctx = context(exchange, caller);
        return base::handle(app, exchange, &ctx, (&account, &Region::public())).await;
    }
    let (alias, path) = place.rest.split_once('/').ok_or_else(unknown)?;
    let route = route_of(path).map_err(|error| unreadable(&error))?;
    if let (false, Some(operation)) = (caller.is_anonymous(), RouteOp::of(&exchange.method, &route)) {
        exchange.operation = operation.into();
        app.admit(exchange, &caller)?;
    }
    let name = match &route {
        Route::Base | Route::Catalog => return Err(unknown()),
        Route::Tags { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Uploads { name }
        | Route::Upload { name, .. }
        | Route::Referrers { name, .. } => name.clone(),
    };
    let account_id = app.access.account_of_alias(alias).await?.ok_or_else(|| no_alias(alias))?;
    let prefix = if place.has_own_host { alias.to_owned() } else { format!("{ECR_PUBLIC}/{alias}") };
    let ctx = context(exchange, caller);
    let repository = RepositoryRef { account_id, region: Region::public(), name };
    let registry = &*app.registry;
    serve(
        Call { app, exchange, ctx, host, registry, repository, prefix: Some(prefix), at_mirror: None },
        route,
    )
    .await
}

/// The caller. A host of public registries answers requests without credentials with a challenge, as ECR Public does:
/// its clients then request a token for nothing. At other hosts a client learns nothing of tokens, so a pull without
/// credentials is one of nobody, and so is a pull with the password of private registries, which docker stores by host.
async fn authenticate(app: &App, exchange: &Exchange, place: &Place) -> Result<Arc<Caller>, Refusal> {
    let reads = exchange.method == Method::GET || exchange.method == Method::HEAD;
    let nobody = || {
        if reads && !place.has_own_host {
            return Ok(app.access.anonymous());
        }
        Err(Refusal::bare(StatusCode::UNAUTHORIZED, "Not Authorized"))
    };
    match auth::presented(exchange) {
        Presented::Nothing => nobody(),
        Presented::Token(token) => {
            app.access.authenticate_bearer(&token, exchange.now).await.map_err(auth::refused)
        }
        Presented::Password(user, password) => {
            let opened = app.access.authenticate_password(&user, &password, exchange.now).await;
            let caller = opened.map_err(auth::refused)?;
            if caller.is_of_public_registries() { Ok(caller) } else { nobody() }
        }
        Presented::Unknown => Err(auth::refused(TokenError::Invalid)),
    }
}

/// Takes one request from what the address of a client without credentials may do.
pub(crate) fn take_anonymous(app: &App, exchange: &Exchange) -> Result<(), Refusal> {
    app.anonymous.take(exchange.peer.address, Instant::now()).map_err(|wait| {
        let message = "Rate exceeded. Clients that log in have a higher rate.";
        let seconds = wait.as_secs().saturating_add(1).to_string();
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, message)
            .with(header::RETRY_AFTER, &seconds)
    })
}

fn no_alias(alias: &str) -> Refusal {
    let alias: String = alias.chars().take(64).collect();
    let message = format!("The registry with alias '{alias}' does not exist");
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
}
