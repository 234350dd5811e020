//! Manifests: pull, push with tags, delete (specification, end-2, end-7, end-9).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use oci::error::ErrorCode;
use oci::manifest::MAX_MANIFEST_BYTES;
use oci::name::{Reference, Tag};

use super::content_digest::{CONTENT_DIGEST, ContentDigest, Kept};
use super::{Call, Outcome, RouteOp, not_allowed};
use crate::body::{BodyError, ResponseBody};
use crate::error::Refusal;
use crate::exchange::{answer, value};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
/// The maximum number of tags in one push. The specification requires at least ten, and 414 for too many.
const MAX_TAGS: usize = 64;
/// The charge for each byte of a manifest: the bytes and the values parsed from them.
const TIMES: u64 = 3;

pub(super) async fn handle(call: Call<'_>, reference: &Reference) -> Outcome {
    let method = call.exchange.method.clone();
    match method {
        Method::GET | Method::HEAD => get(call, reference).await,
        Method::PUT => Box::pin(put(call, reference)).await,
        Method::DELETE => delete(call, reference).await,
        _ => Err(not_allowed(&method, "GET, HEAD, PUT, DELETE")),
    }
}

async fn get(call: Call<'_>, reference: &Reference) -> Outcome {
    let Call { exchange, ctx, registry, repository, .. } = call;
    // Only a GET counts as a pull, and only a GET is converted.
    let manifest = if exchange.method == Method::HEAD {
        exchange.operation = RouteOp::HeadManifest.into();
        registry.head_manifest(&ctx, &repository, reference).await?
    } else {
        exchange.operation = RouteOp::GetManifest.into();
        let accepted = |media_type: &str| accepts(&exchange.headers, media_type);
        registry.get_manifest_as(&ctx, &repository, reference, &accepted).await?
    };
    let digest = ContentDigest::from(&manifest.digest);
    let mut response = if digest.is_known_to(exchange) {
        answer(StatusCode::NOT_MODIFIED, ResponseBody::empty())
    } else {
        let mut response = answer(StatusCode::OK, ResponseBody::bytes(manifest.body));
        response.headers_mut().insert(header::CONTENT_TYPE, content_type(&manifest.media_type));
        response
    };
    digest.add_to(response.headers_mut());
    let by_digest = Kept::by_digest(repository.region.is_public());
    let kept = if matches!(reference, Reference::Tag(_)) { Kept::Compared } else { by_digest };
    kept.add_to(response.headers_mut());
    if matches!(reference, Reference::Tag(_)) {
        // By tag the answer can be converted, so a cache must keep one for each `Accept` (RFC 9110 §12.5.5).
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    }
    Ok(response)
}

/// Whether `Accept` allows a media type. A request without it accepts everything (RFC 9110 §12.5.1).
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(',')).filter(|range| !range.trim().is_empty());
    let mut ranges = ranges.map(wanted).peekable();
    let is_it =
        |range: &str| range.eq_ignore_ascii_case(media_type) || ["*/*", "application/*"].contains(&range);
    ranges.peek().is_none() || ranges.flatten().any(is_it)
}

/// The type of one range of `Accept`; None: its weight is 0, so the client does not accept it (RFC 9110, 12.4.2).
fn wanted(range: &str) -> Option<&str> {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next();
    let is_zero = |part: &str| {
        let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
        weight.and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
    };
    if parts.any(is_zero) { None } else { media_type }
}

/// Almost every manifest has one of four types.
fn content_type(media_type: &str) -> HeaderValue {
    const USUAL: [&str; 4] = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ];
    let usual = USUAL.into_iter().find(|usual| *usual == media_type);
    usual.map_or_else(|| value(media_type), HeaderValue::from_static)
}

async fn put(call: Call<'_>, reference: &Reference) -> Outcome {
    let shown = call.shown();
    let Call { exchange, ctx, registry, repository, .. } = call;
    exchange.operation = RouteOp::PutManifest.into();
    let tags = tags(exchange.parameters("tag"))?;
    // A caller without the permission to push is refused before the body is read. The push itself decides again.
    registry.check_put_manifest(&ctx, &repository).await?;
    let share = Arc::clone(exchange.tab().share());
    let body =
        exchange.body.read_bounded(MAX_MANIFEST_BYTES, &share, TIMES).await.map_err(|error| match error {
            BodyError::TooLarge { limit } => {
                let message = format!("A manifest may hold at most {limit} bytes.");
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid, message)
            }
            other => other.into(),
        })?;
    let ctx = ctx.later();
    let content_type = exchange.header(&header::CONTENT_TYPE);
    let pushed =
        Box::pin(registry.put_manifest(&ctx, &repository, reference, &tags, content_type, body.bytes))
            .await?;
    let digest = pushed.digest.to_string();
    let mut response = answer(StatusCode::CREATED, ResponseBody::empty());
    let headers = response.headers_mut();
    let location = format!("/v2/{shown}/manifests/{digest}");
    headers.insert(header::LOCATION, value(&location));
    headers.insert(CONTENT_DIGEST, value(&digest));
    if let Some(subject) = pushed.subject {
        headers.insert(OCI_SUBJECT, value(&subject.to_string()));
    }
    for tag in tags.iter().filter(|tag| pushed.tags.contains(tag)) {
        headers.append(OCI_TAG, value(tag.as_str()));
    }
    Ok(response)
}

/// The tags in `?tag=a&tag=b`.
fn tags(parameters: impl Iterator<Item = String>) -> Result<Vec<Tag>, Refusal> {
    let mut tags = Vec::new();
    for text in parameters {
        let tag = text.parse().map_err(|_| {
            let message = format!("'{text}' is not a valid tag.");
            Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::TagInvalid, message)
        })?;
        tags.push(tag);
    }
    if tags.len() > MAX_TAGS {
        let message = format!("At most {MAX_TAGS} tags can be pushed at once.");
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, ErrorCode::TagInvalid, message));
    }
    Ok(tags)
}

async fn delete(call: Call<'_>, reference: &Reference) -> Outcome {
    let Call { exchange, ctx, registry, repository, .. } = call;
    match reference {
        Reference::Tag(tag) => {
            exchange.operation = RouteOp::DeleteTag.into();
            registry.delete_tag(&ctx, &repository, tag).await?;
        }
        Reference::Digest(digest) => {
            exchange.operation = RouteOp::DeleteManifest.into();
            registry.delete_manifest(&ctx, &repository, digest).await?;
        }
    }
    Ok(answer(StatusCode::ACCEPTED, ResponseBody::empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_weight_zero_is_not_accepted() {
        let accepted = |text: &'static str, media_type| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))]);
            accepts(&headers, media_type)
        };
        assert!(accepted("a/b;q=0.5, c/d", "a/b") && accepted("*/*", "a/b") && accepted("", "a/b"));
        assert!(!accepted("a/b; q=0, c/d", "a/b") && !accepted("a/b;q=0.000", "a/b"));
        assert!(accepted("A/B;v=1;q=1", "a/b") && !accepted("c/d", "a/b"));
    }
}
