//! The data plane: the OCI distribution specification under `/v2/`. A request is authenticated, its path is parsed from
//! the end, and the file of its resource calls the registry and writes the answer.

mod auth;
mod base;
pub(crate) mod blob;
mod byteranges;
mod catalog;
mod content_digest;
mod manifest;
mod mirror;
mod page;
mod public;
mod redirect;
mod referrers;
mod renamed;
mod route_op;
mod tags;
pub(crate) mod token;
mod upload;

use std::sync::Arc;

use access::addressing::{Host, HostError};
use access::context::{Caller, Ctx, Plane, RepositoryRef};
use aws::ids::{AccountId, Region};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use oci::error::ErrorCode;
use oci::path::{PathError, Route};
use percent_encoding::percent_decode_str;
use registry::Registry;

use crate::error::Refusal;
use crate::exchange::{Exchange, Response};
use crate::ledger::Tab;
use crate::serve::App;
pub(crate) use public::take_anonymous;
pub use route_op::RouteOp;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The result of a handler.
type Outcome = Result<Response, Refusal>;

/// The arguments of every handler of a repository's resource.
struct Call<'a> {
    app: &'a App,
    exchange: &'a mut Exchange,
    ctx: Ctx,
    host: Host,
    /// The registries of the database that has the repository.
    registry: &'a Registry,
    repository: RepositoryRef,
    /// What is before the name in the path: an account ID, or what names a public registry.
    prefix: Option<String>,
    /// The name in the path of a mirror, which adds what the repository's name begins with.
    at_mirror: Option<String>,
}

impl Call<'_> {
    /// The repository name as in the path: with the prefix if the path has one. Answers use this name.
    fn shown(&self) -> String {
        let name = self.at_mirror.as_deref().unwrap_or(self.repository.name.as_str());
        self.prefix.as_ref().map_or_else(|| name.to_owned(), |prefix| format!("{prefix}/{name}"))
    }
}

/// Whether a path belongs to the data plane.
pub(crate) fn is_under(path: &str) -> bool {
    path == "/v2" || path.starts_with("/v2/")
}

/// Answers a request under `/v2/`.
pub(crate) async fn handle(app: &App, exchange: &mut Exchange) -> Response {
    let mut response = match dispatch(app, exchange).await {
        Ok(response) => response,
        Err(refusal) => auth::challenged(app, exchange, refusal).into_response(exchange),
    };
    response.headers_mut().insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

async fn dispatch(app: &App, exchange: &mut Exchange) -> Outcome {
    if let Some(mirror) = app.access.mirror_at(exchange.host.as_deref()) {
        return Box::pin(mirror::dispatch(app, exchange, mirror)).await;
    }
    let host = app.access.host(exchange.host.as_deref()).map_err(|error| no_registry(&error))?;
    if let Some(place) = public::place(app, &host, exchange) {
        return public::dispatch(app, exchange, host, place).await;
    }
    let caller = auth::authenticate(app, exchange).await?;
    exchange.prove(&caller);
    let (account, route) = read_path(app, &host, exchange.uri.path()).await?;
    if let Some(operation) = RouteOp::of(&exchange.method, &route) {
        exchange.operation = operation.into();
        app.admit(exchange, &caller)?;
    }
    let ctx = context(exchange, Arc::clone(&caller));
    let (account_id, mut region) = app.access.registry_of(&host, account.as_ref(), &ctx.caller);
    if route == Route::Base && ctx.caller.is_of_public_registries() && !host.names_registry() {
        // `docker login` with ECR Public's password: public registries are at this host too.
        region = Region::public();
    }
    let name = match &route {
        Route::Base => return base::handle(app, exchange, &ctx, (&account_id, &region)).await,
        Route::Catalog => {
            let path = exchange.uri.path().to_owned();
            return catalog::handle(app, exchange, &ctx, (&account_id, &region), &path).await;
        }
        Route::Tags { name }
        | Route::Manifest { name, .. }
        | Route::Blob { name, .. }
        | Route::Uploads { name }
        | Route::Upload { name, .. }
        | Route::Referrers { name, .. } => name,
    };
    let repository = RepositoryRef { account_id, region, name: name.clone() };
    let registry = app.registry_of(&repository.account_id, &repository.region).await?;
    let prefix = account.map(|account| account.to_string());
    let call =
        Call { app, exchange: &mut *exchange, ctx, host, registry, repository, prefix, at_mirror: None };
    match serve(call, route).await {
        Err(refusal) if renamed::is_possible(&exchange.method, &refusal) => {
            Box::pin(renamed::pull(app, exchange, caller, refusal)).await
        }
        outcome => outcome,
    }
}

/// Answers a request for a repository's resource.
async fn serve(call: Call<'_>, route: Route) -> Outcome {
    match route {
        Route::Base | Route::Catalog => Err(unknown()),
        Route::Tags { .. } => tags::handle(call).await,
        Route::Manifest { reference, .. } => manifest::handle(call, &reference).await,
        Route::Blob { digest, .. } => blob::handle(call, &digest).await,
        Route::Uploads { .. } => Box::pin(upload::start(call)).await,
        Route::Upload { id, .. } => Box::pin(upload::handle(call, &id)).await,
        Route::Referrers { digest, .. } => Box::pin(referrers::handle(call, &digest)).await,
    }
}

/// The account ID in the path, if there is one, and the route after it. Without a route after it, the digits are the
/// name of a repository: `/v2/111122223333/tags/list`.
async fn read_path(app: &App, host: &Host, path: &str) -> Result<(Option<AccountId>, Route), Refusal> {
    if let Some((first, rest)) = path.strip_prefix("/v2/").and_then(|inner| inner.split_once('/')) {
        // In any spelling of its digits: names are decoded too.
        let first = percent_decode_str(first).decode_utf8_lossy();
        if let Some(account) = app.access.account_in_path(host, &first).await? {
            match oci::path::parse(&format!("/v2/{rest}")) {
                Err(PathError::NotFound) => {}
                route => return Ok((Some(account), route.map_err(|error| unreadable(&error))?)),
            }
        }
    }
    Ok((None, oci::path::parse(path).map_err(|error| unreadable(&error))?))
}

fn context(exchange: &Exchange, caller: Arc<Caller>) -> Ctx {
    let id = Arc::clone(&exchange.request_id);
    let ctx = Ctx::new(caller, exchange.peer, exchange.user_agent(), id, exchange.now, Plane::Data);
    ctx.accounted_by(Arc::<Tab>::clone(exchange.tab())).recorded_in(Arc::clone(&exchange.decisions))
}

/// A host that looks like the name of a registry but is not one. Not 404, which clients treat as "the image does not
/// exist".
fn no_registry(error: &HostError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::NameInvalid, error.to_string())
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

/// 405 with the allowed methods (RFC 9110 §15.5.6).
fn not_allowed(method: &Method, allowed: &'static str) -> Refusal {
    let message = format!("{method} is not supported here. Supported: {allowed}.");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message).with(header::ALLOW, allowed)
}
