//! Pulls an image, for both APIs: its manifest, and the time of the pull.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{ImageRow, ImageState, LoadManifest, Target};
use bytes::Bytes;
use oci::digest::Digest;
use oci::name::Reference;

use super::manifest_unknown;
use crate::Registry;

/// A manifest as it was pushed, byte for byte.
#[derive(Clone, Debug)]
pub struct ManifestContent {
    /// Its digest, with the algorithm of the push.
    pub digest: Digest,
    pub media_type: String,
    /// Its bytes.
    pub body: Bytes,
}

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
        let permit = self.permit_pull(ctx, repository, reference).await?;
        let image = pullable(permit.image())?;
        ctx.hold(image.manifest_size).await?;
        let body = self.pull(ctx, &permit, image).await?;
        Ok(ManifestContent { digest: image.digest, media_type: image.media_type.clone(), body })
    }

    /// The same without recording a pull.
    pub async fn head_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<ManifestContent> {
        let permit = self.permit_pull(ctx, repository, reference).await?;
        let image = pullable(permit.image())?;
        ctx.hold(image.manifest_size).await?;
        let body = self.manifest_body(&permit, image).await?;
        Ok(ManifestContent { digest: image.digest, media_type: image.media_type.clone(), body })
    }

    /// Writes the times of all pulls so far. For a server that stops.
    pub async fn write_pull_times(&self) {
        self.pull_times.write().await;
    }

    async fn permit_pull(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<Permit<ecr::BatchGetImage>> {
        let target = match reference {
            Reference::Tag(tag) => Target::Tag(tag.clone()),
            Reference::Digest(digest) => Target::Digest(*digest),
        };
        self.access.gate(ctx, repository, target).await?.permit()
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
        if let Some(body) = self.bodies.manifest(&image.digest) {
            return Ok(body);
        }
        let body = permit.read(|repository| LoadManifest { repository, id: image.id }).await?;
        let body = Bytes::from(body.ok_or_else(manifest_unknown)?);
        self.bodies.keep_manifest(image.digest, body.clone());
        Ok(body)
    }
}
