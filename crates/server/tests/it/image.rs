//! Small blobs and manifests to push.

use oci::digest::{Algorithm, Digest};
use serde_json::json;

use crate::client::Client;
use crate::node::REPOSITORY;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).to_string()
}

/// A path of the test repository.
pub(crate) fn at(rest: &str) -> String {
    format!("/v2/{REPOSITORY}/{rest}")
}

/// Pushes a blob in one request.
pub(crate) async fn push_blob(client: &Client, bytes: &[u8]) -> String {
    let digest = sha256(bytes);
    client.post(&at(&format!("blobs/uploads/?digest={digest}")), bytes.to_vec()).await.expect(201);
    digest
}

/// A manifest with one config blob, which is pushed.
pub(crate) async fn manifest(client: &Client, seed: &str) -> Vec<u8> {
    let config = push_blob(client, seed.as_bytes()).await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": seed.len()},
        "layers": [],
    });
    serde_json::to_vec(&manifest).unwrap()
}

/// An artifact without blobs that refers to a subject.
pub(crate) async fn referrer(client: &Client, subject: &str, kind: &str, seed: &str) -> Vec<u8> {
    let empty = push_blob(client, b"{}").await;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": kind,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [],
        "subject": {"mediaType": MANIFEST, "digest": subject, "size": 1},
        "annotations": {"seed": seed},
    });
    serde_json::to_vec(&manifest).unwrap()
}

/// Pushes a manifest with a tag or digest and returns its digest.
pub(crate) async fn push(client: &Client, reference: &str, manifest: &[u8]) -> String {
    let client = client.clone().with("content-type", MANIFEST);
    client.put(&at(&format!("manifests/{reference}")), manifest.to_vec()).await.expect(201);
    sha256(manifest)
}
