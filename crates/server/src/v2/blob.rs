//! Blobs: existence, download of the whole or of parts, deletion (specification, end-2, end-10; RFC 9110 on ranges and
//! conditions).

use std::sync::Arc;

use futures::FutureExt as _;
use http::{HeaderValue, Method, StatusCode, header};
use oci::digest::Digest;
use oci::error::ErrorCode;
use oci::range::{ByteRange, RangeOutcome, parse_range};
use registry::layer::download::{BlobHandle, BlobStat, failed};

use super::content_digest::{ContentDigest, Kept};
use super::{Call, Outcome, RouteOp, byteranges, not_allowed, redirect};
use crate::body::ResponseBody;
use crate::error::Refusal;
use crate::exchange::{Exchange, Response, answer, value};
use crate::sending;
use crate::serve::App;
use crate::slots::Slot;
use crate::transfer::{Chunks, Transfer};

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) async fn handle(call: Call<'_>, digest: &Digest) -> Outcome {
    let Call { app, exchange, ctx, registry, repository, .. } = call;
    match exchange.method {
        Method::HEAD => {
            exchange.operation = RouteOp::HeadBlob.into();
            let stat = registry.head_blob(&ctx, &repository, digest).await?;
            Ok(head(exchange, &stat, repository.region.is_public()))
        }
        Method::GET => {
            exchange.operation = RouteOp::GetBlob.into();
            let blob = registry.get_blob(&ctx, &repository, digest).await?;
            send(app, exchange, blob, repository.region.is_public()).await
        }
        Method::DELETE => {
            exchange.operation = RouteOp::DeleteBlob.into();
            registry.delete_blob(&ctx, &repository, digest).await?;
            Ok(answer(StatusCode::ACCEPTED, ResponseBody::empty()))
        }
        ref method => Err(not_allowed(method, "GET, HEAD, DELETE")),
    }
}

/// A HEAD is always answered here: a URL that is signed for GET would refuse it.
fn head(exchange: &Exchange, stat: &BlobStat, is_public: bool) -> Response {
    let digest = ContentDigest::from(&stat.digest);
    let status = if digest.is_known_to(exchange) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = answer(status, ResponseBody::empty());
    describe(&mut response, digest, is_public);
    if status == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_LENGTH, stat.size.into());
    }
    response
}

/// The blob's bytes: all, some parts, or none if the client has them already.
pub(crate) async fn send(app: &App, exchange: &Exchange, blob: BlobHandle, is_public: bool) -> Outcome {
    let BlobStat { digest, size } = blob.stat;
    let digest = ContentDigest::from(&digest);
    let mut response = if digest.is_known_to(exchange) {
        answer(StatusCode::NOT_MODIFIED, ResponseBody::empty())
    } else if let Some(response) = redirect::redirect(exchange, &blob).await? {
        response
    } else {
        match wanted(exchange, &digest, size) {
            RangeOutcome::Whole => whole(app, exchange, &blob).await?,
            RangeOutcome::Part(range) => part(app, exchange, &blob, range).await?,
            RangeOutcome::Parts(ranges) => byteranges::answer_parts(app, exchange, blob, ranges).await?,
            RangeOutcome::Unsatisfiable => {
                let mut response = answer(StatusCode::RANGE_NOT_SATISFIABLE, ResponseBody::empty());
                response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
                response
            }
        }
    };
    describe(&mut response, digest, is_public);
    Ok(response)
}

async fn whole(app: &App, exchange: &Exchange, blob: &BlobHandle) -> Outcome {
    let size = blob.stat.size;
    let body = if size == 0 { ResponseBody::empty() } else { bytes(app, exchange, blob, 0, size).await? };
    Ok(answer(StatusCode::OK, body))
}

async fn part(app: &App, exchange: &Exchange, blob: &BlobHandle, range: ByteRange) -> Outcome {
    let body = bytes(app, exchange, blob, range.start, range.length()).await?;
    let mut response = answer(StatusCode::PARTIAL_CONTENT, body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, range.length().into());
    headers.insert(header::CONTENT_RANGE, value(&content_range(range, blob.stat.size)));
    Ok(response)
}

pub(super) fn content_range(range: ByteRange, size: u64) -> String {
    format!("bytes {}-{}/{size}", range.start, range.end_inclusive)
}

async fn bytes(
    app: &App,
    exchange: &Exchange,
    blob: &BlobHandle,
    start: u64,
    length: u64,
) -> Result<ResponseBody, Refusal> {
    if blob.is_small() {
        return small(app, exchange, blob, start, length).await;
    }
    let (transfer, file) = place(app, exchange)?;
    let is_plain = exchange.is_plain;
    let open = async move {
        let mut stream = blob.open(start, length).await?;
        if is_plain {
            stream.allow_unread();
        }
        Ok(stream)
    };
    let chunks: Chunks = Box::pin(sending::charged(length, exchange.tab().share(), open.boxed()).await?);
    let body = ResponseBody::stream(transfer, chunks, length, Some(file)).await;
    body.map_err(|error| failed(error).into())
}

/// Bytes of a small blob. They are kept in memory for the next request; this one was permitted before.
async fn small(
    app: &App,
    exchange: &Exchange,
    blob: &BlobHandle,
    start: u64,
    length: u64,
) -> Result<ResponseBody, Refusal> {
    let whole = if let Some(kept) = blob.kept() {
        kept
    } else {
        let _file = place(app, exchange)?;
        exchange.tab().add(blob.stat.size).await?;
        blob.read().await?
    };
    let end = start.saturating_add(length);
    let [start, end] = [start, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX).min(whole.len()));
    Ok(ResponseBody::bytes(whole.slice(start..end.max(start))))
}

/// A transfer with its place among the open files. The place is taken before the file is opened, so sockets and files
/// never use the last descriptor.
pub(super) fn place(app: &App, exchange: &Exchange) -> Result<(Arc<Transfer>, Slot<Transfer>), Refusal> {
    let transfer = Transfer::new(exchange.peer.address, app.options.limits.pace());
    let file = app.files.take(Arc::clone(&transfer)).ok_or_else(too_many_files)?;
    Ok((transfer, file))
}

fn too_many_files() -> Refusal {
    let message = "Too many blobs are being read. Try again shortly.";
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
        .with(header::RETRY_AFTER, "1")
}

/// The requested range. A range for another version of the blob means the whole blob (RFC 9110 §13.1.5).
fn wanted(exchange: &Exchange, digest: &ContentDigest, size: u64) -> RangeOutcome {
    let stale = exchange.header(&header::IF_RANGE).is_some_and(|condition| !digest.is_tag(condition));
    match exchange.header(&header::RANGE) {
        Some(range) if !stale => parse_range(range, size),
        _ => RangeOutcome::Whole,
    }
}

fn describe(response: &mut Response, digest: ContentDigest, is_public: bool) {
    let kept = match response.status() {
        StatusCode::TEMPORARY_REDIRECT => Some(Kept::Never),
        StatusCode::RANGE_NOT_SATISFIABLE => None,
        _ => Some(Kept::by_digest(is_public)),
    };
    let headers = response.headers_mut();
    if let Some(kept) = kept {
        kept.add_to(headers);
    }
    headers.entry(header::CONTENT_TYPE).or_insert(OCTETS);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    digest.add_to(headers);
}
