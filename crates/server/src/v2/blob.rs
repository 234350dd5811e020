//! Blobs: existence, bytes whole or in part, delete (specification, end-2, end-10; RFC 9110 on ranges and
//! conditions).

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use oci::digest::Digest;
use oci::range::{RangeOutcome, parse_range};
use registry::blob::{BlobHandle, BlobStat};
use registry::error::Error;

use super::{CONTENT_DIGEST, Call, Outcome, not_allowed};
use crate::body::{Chunks, ResponseBody};
use crate::error::Refusal;
use crate::exchange::{Exchange, answer, value};
use crate::sending;

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(super) async fn handle(call: Call<'_>, digest: &Digest) -> Outcome {
    let Call { app, exchange, ctx, repository } = call;
    match exchange.method {
        Method::HEAD => {
            exchange.operation = "head_blob";
            let stat = app.registry.head_blob(&ctx, &repository, digest).await?;
            Ok(head(exchange, &stat))
        }
        Method::GET => {
            exchange.operation = "get_blob";
            let blob = app.registry.get_blob(&ctx, &repository, digest).await?;
            send(exchange, &blob).await
        }
        Method::DELETE => {
            exchange.operation = "delete_blob";
            app.registry.delete_blob(&ctx, &repository, digest).await?;
            Ok(answer(StatusCode::ACCEPTED, ResponseBody::empty()))
        }
        ref method => Err(not_allowed(method, "GET, HEAD, DELETE")),
    }
}

/// A HEAD is answered here always: a redirect to a URL made for GET would be refused there.
fn head(exchange: &Exchange, stat: &BlobStat) -> crate::exchange::Response {
    let digest = stat.digest.to_string();
    let status = if not_modified(exchange, &digest) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = answer(status, ResponseBody::empty());
    describe(response.headers_mut(), &digest);
    if status == StatusCode::OK {
        response.headers_mut().insert(header::CONTENT_LENGTH, stat.size.into());
    }
    response
}

/// The blob's bytes: all, a part, or none of them if the client has them already.
pub(crate) async fn send(exchange: &Exchange, blob: &BlobHandle) -> Outcome {
    let BlobStat { digest, size } = blob.stat;
    let digest = digest.to_string();
    if not_modified(exchange, &digest) {
        let mut response = answer(StatusCode::NOT_MODIFIED, ResponseBody::empty());
        describe(response.headers_mut(), &digest);
        return Ok(response);
    }
    let (status, start, length) = match wanted(exchange, &digest, size) {
        RangeOutcome::Whole => (StatusCode::OK, 0, size),
        RangeOutcome::Part { start, end_inclusive } => {
            (StatusCode::PARTIAL_CONTENT, start, end_inclusive.saturating_sub(start).saturating_add(1))
        }
        RangeOutcome::Unsatisfiable => {
            let mut response = answer(StatusCode::RANGE_NOT_SATISFIABLE, ResponseBody::empty());
            describe(response.headers_mut(), &digest);
            response.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok(response);
        }
    };
    let body = bytes(exchange, blob, start, length).await?;
    let mut response = answer(status, body);
    let headers = response.headers_mut();
    describe(headers, &digest);
    headers.insert(header::CONTENT_LENGTH, length.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = start.saturating_add(length).saturating_sub(1);
        headers.insert(header::CONTENT_RANGE, value(&format!("bytes {start}-{last}/{size}")));
    }
    Ok(response)
}

async fn bytes(
    exchange: &Exchange,
    blob: &BlobHandle,
    start: u64,
    length: u64,
) -> Result<ResponseBody, Refusal> {
    if length == 0 {
        return Ok(ResponseBody::empty());
    }
    let content = blob.open(start, length).await?;
    let parts = sending::charged(content.into_stream(), exchange.tab.share()).await?;
    let chunks: Chunks = Box::pin(parts);
    ResponseBody::stream(chunks, length).await.map_err(|error| Error::internal(error).into())
}

/// The range asked for. One that holds only for another version of the blob asks for all (RFC 9110 §13.1.5).
fn wanted(exchange: &Exchange, digest: &str, size: u64) -> RangeOutcome {
    let stale = exchange.header(&header::IF_RANGE).is_some_and(|condition| !is_tag_of(condition, digest));
    match exchange.header(&header::RANGE) {
        Some(range) if !stale => parse_range(range, size),
        _ => RangeOutcome::Whole,
    }
}

fn describe(headers: &mut HeaderMap, digest: &str) {
    headers.insert(header::CONTENT_TYPE, OCTETS);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, value(&format!("\"{digest}\"")));
    headers.insert(CONTENT_DIGEST, value(digest));
}

/// Whether `If-None-Match` names the digest (RFC 9110 §13.1.2).
pub(super) fn not_modified(exchange: &Exchange, digest: &str) -> bool {
    exchange.header(&header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || is_tag_of(tag.strip_prefix("W/").unwrap_or(tag), digest))
    })
}

fn is_tag_of(tag: &str, digest: &str) -> bool {
    tag.trim().strip_prefix('"').and_then(|tag| tag.strip_suffix('"')) == Some(digest)
}
