//! Pulls an image, for both APIs: its manifest, and the time of the pull.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{ImageId, ImageRow, ImageState, LoadManifest};
use bytes::Bytes;
use oci::digest::{Algorithm, Digest};
use oci::manifest::{other_format, to_other_format};
use oci::name::Reference;

use super::manifest_unknown;
use crate::Registry;

/// A manifest of an answer: as it was pushed, byte for byte, or converted.
#[derive(Clone, Debug)]
pub struct ManifestContent {
    /// Its digest, with the algorithm of the push.
    pub digest: Digest,
    pub media_type: String,
    /// Its bytes.
    pub body: Bytes,
}

/// Which media types a client accepts.
pub type Accepts<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// The memory for each byte of a manifest that is converted.
const CONVERSION_TIMES: u64 = 16;

/// An image that can be pulled. An archived one is not found (user guide, "Archiving an image").
fn pullable(image: Option<&ImageRow>) -> Result<&ImageRow> {
    image.filter(|image| image.state == ImageState::Active).ok_or_else(manifest_unknown)
}

impl Registry {
    /// The manifest of a tag or digest. This is a pull; a `HEAD` is not.
    pub async fn get_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<ManifestContent> {
        self.get_manifest_as(ctx, repository, reference, &|_| true).await
    }

    /// The same for a client that accepts certain media types: by tag, an image of the other format is converted.
    pub async fn get_manifest_as(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
        accepts: Accepts<'_>,
    ) -> Result<ManifestContent> {
        let permit = self.permit_pull_through(ctx, repository, reference).await?;
        let image = pullable(permit.image())?;
        ctx.hold(image.manifest_size).await?;
        let body = self.pull(ctx, &permit, image).await?;
        content(ctx, (image, body), reference, accepts).await
    }

    /// The stored manifest of a tag or digest, without recording a pull. It is never converted, because clients that ask
    /// which digest a tag has then pull by this digest, and only stored manifests have one that can be pulled.
    pub async fn head_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<ManifestContent> {
        let permit = self.permit_pull_through(ctx, repository, reference).await?;
        let image = pullable(permit.image())?;
        ctx.hold(image.manifest_size).await?;
        let body = self.manifest_body(&permit, image).await?;
        Ok(as_stored(image, body))
    }

    /// Writes the times of all pulls so far. For a server that stops.
    pub async fn write_pull_times(&self) {
        self.pull_times.write().await;
    }

    /// The only way to read a manifest from the store. The pull is recorded after the answer.
    pub(crate) async fn pull(
        &self,
        ctx: &Ctx,
        permit: &Permit<ecr::BatchGetImage>,
        image: &ImageRow,
    ) -> Result<Bytes> {
        let body = self.manifest_body(permit, image).await?;
        self.pull_times.note(ctx, permit, image);
        Ok(body)
    }

    /// The bytes of a manifest. They never change for a digest, so they can be cached. The repository was read just
    /// before, and has the image.
    async fn manifest_body(&self, permit: &Permit<ecr::BatchGetImage>, image: &ImageRow) -> Result<Bytes> {
        self.manifest_bytes(permit, (image.id, &image.digest)).await
    }

    /// The same for any permit that reads manifests.
    pub(crate) async fn manifest_bytes<G>(
        &self,
        permit: &Permit<G>,
        (id, digest): (ImageId, &Digest),
    ) -> Result<Bytes>
    where
        G: Opens<LoadManifest, On = OnRepository>,
    {
        if let Some(body) = self.bodies.manifest(digest) {
            return Ok(body);
        }
        let body = permit.read(|repository| LoadManifest { repository, id }).await?;
        let body = Bytes::from(body.ok_or_else(manifest_unknown)?);
        self.bodies.keep_manifest(*digest, body.clone());
        Ok(body)
    }
}

/// The manifest as it is answered. By digest it is never converted: the digest names these bytes.
async fn content(
    ctx: &Ctx,
    (image, body): (&ImageRow, Bytes),
    reference: &Reference,
    accepts: Accepts<'_>,
) -> Result<ManifestContent> {
    let converted = match reference {
        Reference::Tag(_) => convert(ctx, &image.media_type, &body, accepts).await?,
        Reference::Digest(_) => None,
    };
    Ok(converted.unwrap_or_else(|| as_stored(image, body)))
}

fn as_stored(image: &ImageRow, body: Bytes) -> ManifestContent {
    ManifestContent { digest: image.digest, media_type: image.media_type.clone(), body }
}

/// The manifest in the other format, if the client accepts only that one (ECR User Guide, "Container image manifest format
/// support in Amazon ECR").
pub(crate) async fn convert(
    ctx: &Ctx,
    media_type: &str,
    body: &[u8],
    accepts: Accepts<'_>,
) -> Result<Option<ManifestContent>> {
    if accepts(media_type) || !other_format(media_type).is_some_and(accepts) {
        return Ok(None);
    }
    ctx.hold(body.len() as u64 * CONVERSION_TIMES).await?;
    Ok(to_other_format(media_type, body).map(|converted| ManifestContent {
        digest: Digest::of(Algorithm::Sha256, &converted.body),
        media_type: converted.media_type.to_owned(),
        body: converted.body.into(),
    }))
}
