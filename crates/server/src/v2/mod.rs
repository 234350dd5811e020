//! The data plane: the OCI distribution specification under `/v2/`. A request is authenticated, its path parsed
//! from the tail, and handed to the file of its resource, which calls the rules and shapes the answer.

mod auth;
mod base;
pub(crate) mod blob;
mod catalog;
mod manifest;
mod page;
mod referrers;
mod tags;
mod upload;

use std::sync::Arc;

use aws::ids::{AccountId, Region};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use oci::error::ErrorCode;
use oci::path::{PathError, Route};
use registry::context::{Caller, Ctx, Plane, RepositoryRef};

use crate::error::Refusal;
use crate::exchange::{Exchange, Response};
use crate::ledger::Tab;
use crate::serve::App;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// What a handler gives.
type Outcome = Result<Response, Refusal>;

/// What every handler of a repository's resource needs.
struct Call<'a> {
    app: &'a App,
    exchange: &'a mut Exchange,
    ctx: Ctx,
    repository: RepositoryRef,
}

/// Answers a request under `/v2/`.
pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    let mut response = match dispatch(app, exchange).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(exchange),
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn dispatch(app: &App, exchange: &mut Exchange) -> Outcome {
    let caller = auth::authenticate(app, exchange).await?;
    exchange.prove(&app.ledger, &caller);
    let route = oci::path::parse(exchange.uri.path()).map_err(|error| unreadable(&error))?;
    let ctx = context(exchange, caller);
    let name = match &route {
        Route::Base => return base::handle(app, exchange, &ctx).await,
        Route::Catalog => return catalog::handle(app, exchange, &ctx).await,
        Route::Tags { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Uploads { name }
        | Route::Upload { name, .. }
        | Route::Referrers { name, .. } => name,
    };
    let (account_id, region) = registry_of(app, exchange, &ctx.caller);
    let repository = RepositoryRef { account_id, region, name: name.clone() };
    let call = Call { app, exchange, ctx, repository };
    match route {
        Route::Base | Route::Catalog => Err(unknown()),
        Route::Tags { .. } => tags::handle(call).await,
        Route::Manifest { reference, .. } => manifest::handle(call, &reference).await,
        Route::Blob { digest, .. } => blob::handle(call, &digest).await,
        Route::Uploads { .. } => upload::start(call).await,
        Route::Upload { id, .. } => upload::handle(call, &id).await,
        Route::Referrers { digest, .. } => referrers::handle(call, &digest).await,
    }
}

fn context(exchange: &Exchange, caller: Arc<Caller>) -> Ctx {
    let user_agent = exchange.header(&header::USER_AGENT).map(str::to_owned);
    let ctx =
        Ctx::new(caller, exchange.peer, user_agent, exchange.request_id.clone(), exchange.now, Plane::Data);
    ctx.accounted_by(Arc::<Tab>::clone(&exchange.tab))
}

/// The registry that the host names; any other host means the account of the caller's token and its region.
fn registry_of(app: &App, exchange: &Exchange, caller: &Caller) -> (AccountId, Region) {
    app.registry.registry_of(exchange.host.as_deref(), caller)
}

fn unknown() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::Unsupported, "There is no such endpoint.")
}

fn unreadable(error: &PathError) -> Refusal {
    let bad = |code, message| Refusal::new(StatusCode::BAD_REQUEST, code, message);
    match error {
        PathError::NotFound => unknown(),
        PathError::InvalidName(name) => {
            bad(ErrorCode::NameInvalid, format!("'{name}' is not a valid repository name."))
        }
        PathError::InvalidReference(text) => {
            bad(ErrorCode::TagInvalid, format!("'{text}' is neither a valid tag nor a valid digest."))
        }
        PathError::InvalidDigest(text) => {
            bad(ErrorCode::DigestInvalid, format!("'{text}' is not a digest that this registry supports."))
        }
    }
}

/// 405 with the methods that are allowed (RFC 9110 §15.5.6).
fn not_allowed(method: &Method, allowed: &'static str) -> Refusal {
    let message = format!("{method} is not supported here; {allowed} are.");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message).with(header::ALLOW, allowed)
}
