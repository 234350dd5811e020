//! Blobs and manifests, and how they are pushed.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Method, Uri, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::client::Client;
use super::sign::plain;

/// The media type of an image manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const MIB: usize = 1024 * 1024;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image with one layer of 1 MiB.
pub(super) struct Image {
    /// The digest of the manifest.
    pub(super) digest: String,
    /// The manifest.
    pub(super) manifest: Value,
    /// The digest of the layer.
    pub(super) layer: String,
    /// The length of the manifest.
    pub(super) length: usize,
}

/// `sha256:…` of the bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Pushes an image with the tag `latest`.
pub(super) async fn push_image(
    client: &mut Client,
    host: &str,
    basic: &str,
    repository: &str,
) -> Result<Image> {
    let layer_bytes = Bytes::from(vec![b'l'; MIB]);
    let layer = push_blob(client, host, basic, repository, layer_bytes).await?;
    let config_bytes = Bytes::from_static(b"{\"architecture\":\"amd64\",\"os\":\"linux\"}");
    let config_size = config_bytes.len();
    let config = push_blob(client, host, basic, repository, config_bytes).await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "digest": config, "size": config_size},
        "layers": [{"mediaType": LAYER, "digest": layer, "size": MIB}],
    });
    let bytes = Bytes::from(manifest.to_string());
    let (digest, length) = (sha256(&bytes), bytes.len());
    push_manifest(client, host, basic, repository, "latest", bytes).await?;
    Ok(Image { digest, manifest, layer, length })
}

/// POST, then PUT with all bytes.
pub(super) async fn push_blob(
    client: &mut Client,
    host: &str,
    basic: &str,
    repository: &str,
    bytes: Bytes,
) -> Result<String> {
    let digest = sha256(&bytes);
    let start = format!("/v2/{repository}/blobs/uploads/");
    let answer =
        client.ask(plain(host, Method::POST, &start, Some(basic), None, Bytes::new())?).await?.expect(202)?;
    let location = answer.headers.get(header::LOCATION).context("an upload without Location")?;
    let location: Uri = location.to_str()?.parse()?;
    let place = location.path_and_query().context("a Location without a path")?.as_str();
    let sign = if place.contains('?') { '&' } else { '?' };
    let put = plain(
        host,
        Method::PUT,
        &format!("{place}{sign}digest={digest}"),
        Some(basic),
        Some("application/octet-stream"),
        bytes,
    )?;
    client.ask(put).await?.expect(201)?;
    Ok(digest)
}

/// PUT of a manifest with a tag or a digest.
pub(super) async fn push_manifest(
    client: &mut Client,
    host: &str,
    basic: &str,
    repository: &str,
    reference: &str,
    bytes: Bytes,
) -> Result<()> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    client.ask(plain(host, Method::PUT, &path, Some(basic), Some(MANIFEST), bytes)?).await?.expect(201)?;
    Ok(())
}
