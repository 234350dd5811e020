//! Pushes of blobs: in one POST, with POST and PUT, in chunks, by mount (specification, end-4 to end-6, end-11, end-13,
//! end-14).

use std::sync::Arc;

use access::addressing::Host;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error};
use http::{HeaderName, Method, StatusCode, header};
use oci::digest::{Algorithm, Digest};
use oci::error::ErrorCode;
use oci::name::RepositoryName;
use oci::range::ContentRange;
use registry::layer::upload::{Incoming, UploadStatus};

use super::content_digest::CONTENT_DIGEST;
use super::{Call, Outcome, RouteOp, not_allowed};
use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer, value};
use crate::receiving;
use crate::serve::App;

const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST /v2/<name>/blobs/uploads/`.
pub(super) async fn start(call: Call<'_>) -> Outcome {
    let shown = call.shown();
    let Call { app, exchange, ctx, host, registry, repository, prefix, .. } = call;
    if exchange.method != Method::POST {
        return Err(not_allowed(&exchange.method, "POST"));
    }
    if let Some(digest) = exchange.parameter("digest") {
        exchange.operation = RouteOp::PutBlob.into();
        let digest = parse_digest(&digest)?;
        let _carrying = Carrying::begin(app);
        let incoming = incoming(exchange)?;
        registry.put_blob(&ctx, &repository, &digest, incoming).await?;
        return Ok(created(&shown, &digest));
    }
    exchange.operation = RouteOp::StartUpload.into();
    // A mount that is not possible for any reason becomes an upload (specification, "Mounting a blob").
    if let Some(Ok(digest)) = exchange.parameter("mount").map(|digest| digest.parse::<Digest>()) {
        exchange.operation = RouteOp::MountBlob.into();
        let from = exchange.parameter("from").filter(|from| !from.is_empty());
        if let Some(source) =
            mount_source(app, &ctx, &host, (&repository, prefix.as_deref()), from.as_deref()).await?
            && registry.mount_blob(&ctx, &repository, &digest, source.as_ref()).await?
        {
            return Ok(created(&shown, &digest));
        }
    }
    let algorithm = match exchange.parameter("digest-algorithm").as_deref() {
        Some("sha512") => Algorithm::Sha512,
        _ => Algorithm::Sha256,
    };
    let status = registry.start_upload(&ctx, &repository, algorithm).await?;
    Ok(progress(StatusCode::ACCEPTED, &shown, &status))
}

/// The repository to mount from, or any repository if none is given. None: the given name is not a repository of the
/// same registry, so nothing can be mounted.
async fn mount_source(
    app: &App,
    ctx: &Ctx,
    host: &Host,
    (repository, prefix): (&RepositoryRef, Option<&str>),
    from: Option<&str>,
) -> Result<Option<Option<RepositoryName>>, Refusal> {
    let Some(from) = from else { return Ok(Some(None)) };
    if repository.region.is_public() {
        let name =
            prefix.and_then(|prefix| from.strip_prefix(prefix)).and_then(|name| name.strip_prefix('/'));
        return Ok(name.and_then(|name| name.parse().ok()).map(Some));
    }
    let (mut account, mut name) = (None, from);
    if let Some((first, rest)) = from.split_once('/') {
        account = app.access.account_in_path(host, first).await?;
        name = if account.is_some() { rest } else { from };
    }
    let (account, region) = app.access.registry_of(host, account.as_ref(), &ctx.caller);
    let is_same = account == repository.account_id && region == repository.region;
    Ok(name.parse().ok().filter(|_| is_same).map(Some))
}

/// GET, PATCH, PUT and DELETE of an upload session.
pub(super) async fn handle(call: Call<'_>, id: &str) -> Outcome {
    let method = call.exchange.method.clone();
    match method {
        Method::PATCH => append(call, id).await,
        Method::PUT => finish(call, id).await,
        Method::GET | Method::HEAD => {
            let shown = call.shown();
            let Call { exchange, ctx, registry, repository, .. } = call;
            exchange.operation = RouteOp::UploadStatus.into();
            let status = registry.upload_status(&ctx, &repository, id).await?;
            Ok(progress(StatusCode::NO_CONTENT, &shown, &status))
        }
        Method::DELETE => {
            let Call { exchange, ctx, registry, repository, .. } = call;
            exchange.operation = RouteOp::CancelUpload.into();
            registry.cancel_upload(&ctx, &repository, id).await?;
            Ok(answer(StatusCode::NO_CONTENT, ResponseBody::empty()))
        }
        _ => Err(not_allowed(&method, "GET, PATCH, PUT, DELETE")),
    }
}

async fn append(call: Call<'_>, id: &str) -> Outcome {
    call.exchange.operation = RouteOp::AppendUpload.into();
    let _carrying = Carrying::begin(call.app);
    let outcome = match incoming(call.exchange) {
        Ok(incoming) => call.registry.append_upload(&call.ctx, &call.repository, id, incoming).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(status) => Ok(progress(StatusCode::ACCEPTED, &call.shown(), &status)),
        Err(error) => Err(refuse(&call, id, error).await),
    }
}

async fn finish(call: Call<'_>, id: &str) -> Outcome {
    call.exchange.operation = RouteOp::FinishUpload.into();
    let digest = parse_digest(&call.exchange.parameter("digest").unwrap_or_default())?;
    let _carrying = Carrying::begin(call.app);
    let outcome = match incoming(call.exchange) {
        Ok(incoming) => call.registry.finish_upload(&call.ctx, &call.repository, id, &digest, incoming).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => Ok(created(&call.shown(), &digest)),
        Err(error) => Err(refuse(&call, id, error).await),
    }
}

/// A chunk out of order gets an error with the position to continue at (specification, "Pushing a blob in chunks").
async fn refuse(call: &Call<'_>, id: &str, error: Error) -> Refusal {
    let out_of_order = error.code == Code::UploadRangeInvalid;
    let mut refusal = Refusal::from(error);
    if out_of_order && let Ok(status) = call.registry.upload_status(&call.ctx, &call.repository, id).await {
        refusal = refusal
            .with(header::LOCATION, &location(&call.shown(), id))
            .with(header::RANGE, &held(status.offset))
            .with(UPLOAD_ID, id);
    }
    refusal
}

/// The bytes of the request for the registry, with what the client says about them.
fn incoming(exchange: &mut Exchange) -> Result<Incoming, Error> {
    let range = match exchange.headers.get(header::CONTENT_RANGE) {
        Some(range) => {
            let malformed =
                || Error::new(Code::UploadRangeInvalid, "Content-Range is not of the form first-last.");
            let text = range.to_str().map_err(|_| malformed())?;
            Some(ContentRange::parse(text).ok_or_else(malformed)?)
        }
        None => None,
    };
    let share = Arc::clone(exchange.tab().share());
    Ok(receiving::incoming(exchange.body.detach(), range, &share))
}

fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|_| {
        let message = if text.is_empty() {
            "The query has no `digest`, which names the digest of the whole blob.".to_owned()
        } else {
            format!("'{text}' is not a digest that this registry supports.")
        };
        Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message)
    })
}

fn location(name: &str, id: &str) -> String {
    format!("/v2/{name}/blobs/uploads/{id}")
}

/// The stored bytes of the session as an inclusive range. No bytes are `0-0` by convention.
fn held(offset: u64) -> String {
    format!("0-{}", offset.saturating_sub(1))
}

fn progress(status: StatusCode, name: &str, upload: &UploadStatus) -> Response {
    let mut response = answer(status, ResponseBody::empty());
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, value(&location(name, &upload.id)));
    headers.insert(header::RANGE, value(&held(upload.offset)));
    headers.insert(UPLOAD_ID, value(&upload.id));
    response
}

fn created(name: &str, digest: &Digest) -> Response {
    let digest = digest.to_string();
    let mut response = answer(StatusCode::CREATED, ResponseBody::empty());
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, value(&format!("/v2/{name}/blobs/{digest}")));
    headers.insert(CONTENT_DIGEST, value(&digest));
    response
}

/// Counts a request with bytes while it runs.
struct Carrying(prometheus_client::metrics::gauge::Gauge);

impl Carrying {
    fn begin(app: &App) -> Self {
        let gauge = app.metrics.uploads_in_flight.clone();
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Carrying {
    fn drop(&mut self) {
        self.0.dec();
    }
}
