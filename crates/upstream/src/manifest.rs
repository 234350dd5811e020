//! Manifests of an upstream registry.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method};
use oci::digest::{Algorithm, Digest};
use oci::manifest::{MAX_MANIFEST_BYTES, Manifest};
use oci::media_type::essence;
use oci::name::{Reference, RepositoryName};

use crate::error::UpstreamError;
use crate::registry::{Ask, Upstream};

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Every format that can be stored; a registry converts nothing then.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.oci.artifact.manifest.v1+json, application/vnd.cncf.oras.artifact.manifest.v1+json, */*;q=0.5";

/// A manifest whose bytes have the digest.
#[derive(Clone, Debug)]
pub struct RemoteManifest {
    /// Its digest: the requested one, or the SHA-256 of its bytes for a tag.
    pub digest: Digest,
    /// What it refers to, with its media type.
    pub manifest: Manifest,
    /// Its bytes.
    pub body: Bytes,
}

/// What a registry says about a manifest without sending it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// Its digest, if the registry names one.
    pub digest: Option<Digest>,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
}

impl Upstream {
    /// The manifest of a tag or digest, verified.
    pub async fn get_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<RemoteManifest, UpstreamError> {
        let invalid = |why| UpstreamError::invalid(self.endpoint().host(), why);
        let answer = self.ask(&manifest_ask(Method::GET, name, reference)).await?;
        let (head, download) = answer.into_parts();
        let body = download.collect(MAX_MANIFEST_BYTES).await?;
        let named = content_digest(&head.headers);
        let digest = match reference {
            Reference::Digest(digest) => *digest,
            Reference::Tag(_) => Digest::of(Algorithm::Sha256, &body),
        };
        if Digest::of(digest.algorithm(), &body) != digest {
            return Err(invalid("its bytes do not have the digest"));
        }
        if named.is_some_and(|named| Digest::of(named.algorithm(), &body) != named) {
            return Err(invalid("its bytes do not have the digest that its header names"));
        }
        let media_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        // Some registries send a general type; the body has its own then.
        let media_type = media_type.filter(|text| !is_general(text));
        let manifest =
            Manifest::parse(&body, media_type).map_err(|_| invalid("it is not a valid manifest"))?;
        Ok(RemoteManifest { digest, manifest, body })
    }

    /// What the registry says about the manifest of a tag or digest. Nothing of it is verified.
    pub async fn head_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<ManifestHead, UpstreamError> {
        let answer = self.ask(&manifest_ask(Method::HEAD, name, reference)).await?;
        let headers = answer.headers();
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(ManifestHead {
            digest: content_digest(headers),
            media_type: media_type.map(|text| essence(text).to_owned()),
            size: content_length(headers),
        })
    }
}

fn manifest_ask(method: Method, name: &RepositoryName, reference: &Reference) -> Ask<'static> {
    let path = format!("/v2/{name}/manifests/{reference}");
    Ask { method, path, accept: Some(ACCEPT), scope: Upstream::pull_scope(name) }
}

fn is_general(media_type: &str) -> bool {
    ["application/json", "application/octet-stream", "text/plain"].contains(&essence(media_type))
}

/// A digest in the header, if it has an algorithm that can be checked.
fn content_digest(headers: &HeaderMap) -> Option<Digest> {
    headers.get(CONTENT_DIGEST)?.to_str().ok()?.parse().ok()
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
