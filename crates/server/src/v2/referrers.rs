//! `GET /v2/<name>/referrers/<digest>` (specification, end-12a and end-12b): an image index of the manifests whose
//! subject is the digest.

use http::{HeaderName, HeaderValue, Method, header};
use oci::digest::Digest;
use oci::media_type::OCI_IMAGE_INDEX;
use serde::Serialize;
use serde_json::value::RawValue;

use super::page::{link, listed};
use super::{Call, Outcome, RouteOp, not_allowed};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

pub(super) async fn handle(call: Call<'_>, digest: &Digest) -> Outcome {
    let shown = call.shown();
    let Call { exchange, ctx, registry, repository, .. } = call;
    if exchange.method != Method::GET && exchange.method != Method::HEAD {
        return Err(not_allowed(&exchange.method, "GET, HEAD"));
    }
    exchange.operation = RouteOp::ListReferrers.into();
    let artifact_type = exchange.parameter("artifactType").filter(|text| !text.is_empty());
    let cursor = exchange.parameter("last");
    let page =
        registry.referrers(&ctx, &repository, digest, artifact_type.as_deref(), cursor.as_deref()).await?;
    let manifests = page
        .referrers
        .iter()
        .map(|referrer| Descriptor {
            media_type: &referrer.media_type,
            digest: referrer.digest.to_string(),
            size: referrer.size,
            artifact_type: referrer.artifact_type.as_deref(),
            annotations: referrer.annotations.as_deref(),
        })
        .collect();
    let index = Index { schema_version: 2, media_type: OCI_IMAGE_INDEX, manifests };
    let body = serde_json::to_vec(&index).unwrap_or_default();
    let next = page.next.map(|next| {
        let path = format!("/v2/{shown}/referrers/{digest}");
        match &artifact_type {
            Some(artifact_type) => link(&path, &[("artifactType", artifact_type), ("last", &next)]),
            None => link(&path, &[("last", &next)]),
        }
    });
    let mut response = listed(body, next);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCI_IMAGE_INDEX));
    if artifact_type.is_some() {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}
