//! Pulls an image, for both APIs: its manifest, and the time of the pull.
//!
//! ECR updates `lastRecordedPullTime` within a day, Wharf within an hour. A busy tag costs one small write per hour,
//! and a pull never waits for it.

use std::time::Duration;

use access::context::{Ctx, RepositoryRef};
use access::effects::authority;
use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{ImageId, ImageRow, ImageState, LoadManifest, Micros, RecordPull, RepositoryKey, Target};
use bytes::Bytes;
use moka::sync::Cache;
use oci::digest::Digest;
use oci::name::Reference;

use super::manifest_unknown;
use crate::Registry;

/// A pull soon after the recorded one is not written.
const COARSENESS: Duration = Duration::from_hours(1);
// The cache counts entries: each is two IDs and a number, some hundred bytes.
const CACHED_PULLS: u64 = 20_000;
/// How long a pull is remembered. An exclusion that ends is noticed after this time.
const REMEMBERED: Duration = Duration::from_mins(5);

/// A manifest as it was pushed, byte for byte.
#[derive(Clone, Debug)]
pub struct ManifestContent {
    /// Its digest, with the algorithm of the push.
    pub digest: Digest,
    pub media_type: String,
    /// Its bytes.
    pub body: Bytes,
}

/// Manifests that were read recently.
pub(crate) struct Manifests(Cache<Digest, Bytes>);

impl Manifests {
    /// Caches at most this many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let weigher =
            |_: &Digest, body: &Bytes| u32::try_from(body.len()).unwrap_or(u32::MAX).saturating_add(256);
        Self(Cache::builder().max_capacity(bytes).weigher(weigher).build())
    }
}

/// Who pulled which image recently. What is here costs no write: it was recorded, or the principal is excluded.
pub(crate) struct Pulls(Cache<(RepositoryKey, ImageId, String), ()>);

impl Default for Pulls {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CACHED_PULLS).time_to_live(REMEMBERED).build())
    }
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
        self.record_pull(ctx, permit, image);
        Ok(body)
    }

    /// The bytes of a manifest. They never change for a digest, so they can be cached. The repository was read just
    /// before, and has the image.
    async fn manifest_body(&self, permit: &Permit<ecr::BatchGetImage>, image: &ImageRow) -> Result<Bytes> {
        if let Some(body) = self.manifests.0.get(&image.digest) {
            return Ok(body);
        }
        let body = permit.read(|repository| LoadManifest { repository, id: image.id }).await?;
        let body = Bytes::from(body.ok_or_else(manifest_unknown)?);
        self.manifests.0.insert(image.digest, body.clone());
        Ok(body)
    }

    fn record_pull(&self, ctx: &Ctx, permit: &Permit<ecr::BatchGetImage>, image: &ImageRow) {
        let (at, repository) = (ctx.at(), permit.repository());
        let recent = |then: Micros| i128::from(at.0 - then.0) < COARSENESS.as_micros().cast_signed();
        if image.last_pulled_at.is_some_and(recent) {
            return;
        }
        // One write at a time for each image and principal: until it is visible, or forever where the principal is excluded.
        let (id, principal_arn) = (image.id, permit.caller().principal_arn());
        let key = (repository, id, permit.caller().unique_id.clone());
        if self.pulls.0.contains_key(&key) {
            return;
        }
        self.pulls.0.insert(key.clone(), ());
        let (permit, pulls) =
            (Permit::for_service(authority::RecordPulls, &self.access), self.pulls.0.clone());
        tokio::spawn(async move {
            if let Err(error) = permit.write(|()| RecordPull { repository, id, at, principal_arn }).await {
                tracing::warn!(?error, "the time of a pull was not recorded");
                pulls.invalidate(&key);
            }
        });
    }
}
