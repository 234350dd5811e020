//! Pushes an image, for both APIs: checks its manifest and stores it.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{Grant, OnRepository, Opens, Permit};
use access::quota::Quotas;
use access::storage_quota::{More, StorageHold};
use access::store::{
    ImageId, MissingContents, PutImage, PutImageOutcome, PutImageRefusal, RefusedExt as _, SameDigestSameTag,
    Target,
};
use bytes::Bytes;
use fault::Fault;
use oci::digest::{Algorithm, Digest};
use oci::manifest::{Manifest, ManifestError};
use oci::name::{Reference, Tag};

use super::join;
use crate::Registry;

/// The maximum number of layers of an image and of manifests in an index: each is a row of one transaction, for which
/// others wait.
const MAX_REFERENCES: usize = 4_200;

/// The result of a push of a manifest.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its `subject`, which the answer confirms (`OCI-Subject`).
    pub subject: Option<Digest>,
    /// The tags that point to it because of this push.
    pub tags: Vec<Tag>,
}

/// One push of a manifest, from either API.
pub(crate) struct ImagePush {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) body: Bytes,
    pub(crate) tags: Vec<Tag>,
    pub(crate) same_image: SameDigestSameTag,
    /// What to do if something that the manifest refers to does not exist.
    pub(crate) missing: MissingContents,
}

impl Registry {
    /// Whether the caller may push a manifest, decided before the manifest is read.
    pub async fn check_put_manifest(&self, ctx: &Ctx, repository: &RepositoryRef) -> Result<()> {
        self.permits_to_push::<Permit<ecr::PutImage>>(ctx, repository, Target::None).await.map(|_| ())
    }

    /// Stores a manifest and points tags to it. Pushing an existing image succeeds, even if tags are immutable
    /// (docs/adr/0012-which-specification-wins.md).
    pub async fn put_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
        more_tags: &[Tag],
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Pushed> {
        let permit = self.permits_to_push::<Permit<ecr::PutImage>>(ctx, repository, Target::None).await?;
        let manifest = Manifest::parse(&body, content_type).map_err(|error| manifest_error(&error))?;
        let mut tags = more_tags.to_vec();
        let digest = match reference {
            Reference::Tag(tag) => {
                tags.insert(0, tag.clone());
                Digest::of(Algorithm::Sha256, &body)
            }
            Reference::Digest(digest) => {
                let computed = Digest::of(digest.algorithm(), &body);
                if computed != *digest {
                    let message = format!("The manifest's digest is {computed}, not {digest}.");
                    return Err(Error::new(Code::DigestInvalid, message));
                }
                *digest
            }
        };
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        let push = ImagePush {
            digest,
            manifest,
            body,
            tags: tags.clone(),
            same_image: SameDigestSameTag::Accept,
            missing: MissingContents::AsTheRegistrySays,
        };
        self.push_image(ctx, repository, &permit, push).await?;
        Ok(Pushed { digest, subject, tags })
    }

    /// Stores a manifest that a client pushes, or that comes from an upstream registry. Replication stores those of other
    /// registries.
    pub(crate) async fn push_image<G>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        permit: &Permit<G>,
        push: ImagePush,
    ) -> Result<PutImageOutcome>
    where
        G: Opens<PutImage, On = OnRepository>,
    {
        // The row and its copies on their way to the store.
        ctx.hold(push.body.len() as u64 * 3).await?;
        // Beyond a storage quota only an image that is there can be pushed: it adds nothing, and may get a tag.
        let held = self.hold_for_image(repository, More::Stored(push.body.len() as u64)).await?;
        let put = self.new_image(ctx, permit, push, held.is_err())?;
        fault::hit(Fault::BeforePutImage);
        let outcome = permit.write(|_repository| put).await;
        let outcome = outcome.or_refused(|refusal| match (refusal, held) {
            (PutImageRefusal::OverStorageQuota, Err(exceeded)) => exceeded,
            (refusal, _) => put_image_error(refusal, permit, self.access.quotas()),
        })?;
        fault::hit(Fault::AfterPutImage);
        Ok(outcome)
    }

    /// The image of a manifest, as the store takes it. It is in the repository of the permit.
    pub(crate) fn new_image<G: Grant<On = OnRepository>>(
        &self,
        ctx: &Ctx,
        permit: &Permit<G>,
        push: ImagePush,
        is_over_storage_quota: bool,
    ) -> Result<PutImage> {
        let manifest = &push.manifest;
        if manifest.layers.len() + manifest.manifests.len() > MAX_REFERENCES {
            let message = format!("A manifest may refer to at most {MAX_REFERENCES} layers or manifests.");
            return Err(Error::new(Code::ManifestInvalid, message));
        }
        let config_type = manifest.config.as_ref().and_then(|config| config.media_type.as_deref());
        let types = [Some(manifest.media_type.as_str()), manifest.effective_artifact_type(), config_type];
        if types.into_iter().flatten().any(|text| text.contains(char::is_control)) {
            return Err(Error::new(Code::ManifestInvalid, "A media type cannot hold control characters."));
        }
        let annotations_json = match (&manifest.subject, manifest.annotations.is_empty()) {
            (Some(_), false) => Some(serde_json::to_vec(&manifest.annotations).map_err(Error::internal)?),
            _ => None,
        };
        Ok(PutImage {
            tags_limit: self.access.quotas().tags_per_image.value,
            images_limit: self.access.quotas().images_per_repository.value,
            is_over_storage_quota,
            repository: permit.repository(),
            id: ImageId(self.access.ids.next(ctx.now)),
            digest: push.digest,
            media_type: manifest.media_type.clone(),
            artifact_type: manifest.effective_artifact_type().map(str::to_owned),
            config_media_type: manifest.config.as_ref().and_then(|config| config.media_type.clone()),
            body: push.body.to_vec(),
            image_size: manifest.total_size(),
            subject: manifest.subject.as_ref().map(|subject| subject.digest),
            annotations_json,
            blobs: manifest.blob_digests(),
            foreign: manifest.foreign_digests(),
            children: manifest.child_digests(),
            missing: push.missing,
            tags: push.tags,
            pushed_by: permit.caller().unique_id.clone(),
            moved_by: permit.caller().arn.clone(),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
            same_digest_same_tag: push.same_image,
        })
    }

    /// Holds the bytes of an image against the storage quotas until a row counts them. The inner error is that of an image
    /// that would exceed one.
    pub(crate) async fn hold_for_image(
        &self,
        repository: &RepositoryRef,
        more: More,
    ) -> Result<Result<StorageHold>> {
        match self.access.hold_storage(repository, more).await {
            Err(error) if error.code != Code::LimitExceeded => Err(error),
            held => Ok(held),
        }
    }
}

/// An invalid manifest, with the text of the parser.
fn manifest_error(error: &ManifestError) -> Error {
    let code = match error {
        ManifestError::TooLarge(_) => Code::ManifestTooLarge,
        ManifestError::UnsupportedSchema1 => Code::ManifestSchema1,
        _ => Code::ManifestInvalid,
    };
    Error::new(code, error.to_string())
}

pub(crate) fn put_image_error<G: Grant<On = OnRepository>>(
    refusal: PutImageRefusal,
    permit: &Permit<G>,
    quotas: &Quotas,
) -> Error {
    let (name, account) = (&permit.row().name, permit.account());
    match refusal {
        PutImageRefusal::RepositoryGone => permit.repository_not_found(),
        PutImageRefusal::LayersNotFound(digests) => Error::new(
            Code::LayersNotFound,
            format!(
                "Layers with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist",
                join(&digests)
            ),
        )
        .about(digests),
        PutImageRefusal::ReferencedImagesNotFound(digests) => Error::new(
            Code::ReferencedImagesNotFound,
            format!(
                "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist",
                join(&digests)
            ),
        )
        .about(digests),
        PutImageRefusal::TagImmutable { tag, .. } => Error::new(
            Code::ImageTagAlreadyExists,
            format!(
                "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
            ),
        ),
        PutImageRefusal::ImageAlreadyExists { digest, tag } => Error::new(
            Code::ImageAlreadyExists,
            match tag {
                Some(tag) => format!(
                    "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in registry with id '{account}'"
                ),
                None => format!(
                    "Image with digest '{digest}' already exists in the repository with name '{name}' in registry with id '{account}'"
                ),
            },
        ),
        PutImageRefusal::TooManyTags => quotas.tags_per_image.exceeded(),
        // Only a push that was found to exceed one is refused so, and its error names the quota.
        PutImageRefusal::OverStorageQuota => {
            Error::new(Code::LimitExceeded, "The image would exceed a storage quota.")
        }
        PutImageRefusal::TooManyImages => quotas.images_per_repository.exceeded(),
    }
}
