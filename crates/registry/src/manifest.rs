//! Manifests on the data plane: push with its checks, pull, delete.

use access::op::ecr;
use access::permit::OnRepository;
use bytes::Bytes;
use fault::Fault;
use meta::{
    DeleteManifest, DeleteManifestRefusal, DeleteTag, ImageId, ImageRow, LoadManifest, MissingContents,
    PutImage, PutImageOutcome, PutImageRefusal, RepositoryKey, SameDigestSameTag, Target,
};
use oci::digest::{Algorithm, Digest};
use oci::manifest::{Manifest, ManifestError};
use oci::name::{Reference, Tag};

use crate::Registry;
use access::authz::{Gate, Permit};
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::{RefusedExt as _, StoreResultExt as _};

/// Most layers of an image and most manifests of an index: each is a row of one transaction, which others wait for.
const MAX_REFERENCES: usize = 4_200;

/// A manifest as it was pushed, byte for byte.
#[derive(Clone, Debug)]
pub struct ManifestContent {
    /// Its digest, in the algorithm it was pushed with.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub body: Bytes,
}

/// What a push of a manifest did.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// Its `subject`, which the answer confirms (`OCI-Subject`).
    pub subject: Option<Digest>,
    /// The tags that point at it now through this push.
    pub tags: Vec<Tag>,
}

/// One push of a manifest, whichever API it came by.
pub(crate) struct ManifestPush {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) body: Bytes,
    pub(crate) tags: Vec<Tag>,
    pub(crate) same_image: SameDigestSameTag,
    /// What it means that something that the manifest refers to is not there.
    pub(crate) missing: MissingContents,
}

impl Registry {
    /// The manifest that a tag or digest names. This is a pull; looking (`HEAD`) is not.
    pub async fn get_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<ManifestContent> {
        self.find_manifest(ctx, repository, reference, true).await
    }

    /// The same without a pull being recorded.
    pub async fn head_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
    ) -> Result<ManifestContent> {
        self.find_manifest(ctx, repository, reference, false).await
    }

    async fn find_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
        is_pull: bool,
    ) -> Result<ManifestContent> {
        let target = match reference {
            Reference::Tag(tag) => Target::Tag(tag.clone()),
            Reference::Digest(digest) => Target::Digest(*digest),
        };
        let gate = self.access.gate(ctx, repository, target).await?;
        let permit = gate.permit::<ecr::BatchGetImage>()?;
        let image = gate.resolved().image.as_ref().ok_or_else(manifest_unknown)?;
        ctx.hold(image.manifest_size).await?;
        let body = self.manifest_body(permit.repository(), image).await?;
        if is_pull {
            self.record_pull(ctx, permit.repository(), image);
        }
        Ok(ManifestContent { digest: image.digest, media_type: image.media_type.clone(), body })
    }

    /// A manifest's bytes. They never change under their digest, so memory may answer; that the repository
    /// holds the image was read just before.
    pub(crate) async fn manifest_body(&self, repository: RepositoryKey, image: &ImageRow) -> Result<Bytes> {
        if let Some(body) = self.manifests.get(&image.digest) {
            return Ok(body);
        }
        let load = LoadManifest { repository, id: image.id };
        let body = self.access.meta.read(load).await.or_store_error()?.ok_or_else(manifest_unknown)?;
        let body = Bytes::from(body);
        self.manifests.insert(image.digest, body.clone());
        Ok(body)
    }

    /// Whether the caller may push a manifest, asked before the manifest is read.
    pub async fn check_put_manifest(&self, ctx: &Ctx, repository: &RepositoryRef) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        gate.permit::<ecr::PutImage>().map(|_| ())
    }

    /// Stores a manifest and points tags at it. Pushing what is there already succeeds, also where tags are
    /// immutable (design: declared improvements).
    pub async fn put_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        reference: &Reference,
        more_tags: &[Tag],
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Pushed> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::PutImage>()?;
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
        let push = ManifestPush {
            digest,
            manifest,
            body,
            tags: tags.clone(),
            same_image: SameDigestSameTag::Accept,
            missing: MissingContents::AsTheRegistrySays,
        };
        self.push_manifest(ctx, &gate, &permit, push).await?;
        Ok(Pushed { digest, subject, tags })
    }

    /// The one way for a manifest into the store.
    pub(crate) async fn push_manifest(
        &self,
        ctx: &Ctx,
        gate: &Gate,
        permit: &Permit<ecr::PutImage>,
        push: ManifestPush,
    ) -> Result<PutImageOutcome> {
        // The row and its copies on their way into the store.
        ctx.hold(push.body.len() as u64 * 3).await?;
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
        let put = PutImage {
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
            at: ctx.at(),
            op: ctx.operation_id.clone(),
            same_digest_same_tag: push.same_image,
        };
        fault::hit(Fault::BeforePutImage);
        let outcome = self.access.meta.write(put).await;
        let outcome = outcome.or_refused(|refusal| put_image_error(refusal, gate, permit))?;
        fault::hit(Fault::AfterPutImage);
        Ok(outcome)
    }

    /// Deletes a manifest and its tags.
    pub async fn delete_manifest(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        digest: &Digest,
    ) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let delete = DeleteManifest {
            repository: permit.repository(),
            digest: *digest,
            refuse_if_referenced: true,
            at: ctx.at(),
        };
        fault::hit(Fault::BeforeDeleteImage);
        let deleted = self.access.meta.write(delete).await;
        fault::hit(Fault::AfterDeleteImage);
        deleted.map(|_| ()).or_refused(|refusal| match refusal {
            DeleteManifestRefusal::RepositoryGone => gate.repository_not_found(),
            DeleteManifestRefusal::NotFound => manifest_unknown(),
            DeleteManifestRefusal::ReferencedByList(lists) => Error::new(
                Code::ManifestReferenced,
                format!("Requested image referenced by manifest list: [{}]", join(&lists)),
            ),
        })
    }

    /// Removes a tag. The manifest stays (distribution specification, "Deleting tags").
    pub async fn delete_tag(&self, ctx: &Ctx, repository: &RepositoryRef, tag: &Tag) -> Result<()> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let delete = DeleteTag { repository: permit.repository(), tag: tag.clone() };
        self.access.meta.write(delete).await.or_refused(|_| manifest_unknown())
    }
}

pub(crate) fn manifest_unknown() -> Error {
    Error::new(Code::ManifestUnknown, "Requested image not found")
}

/// A manifest that breaks a rule, in the words of the parser.
fn manifest_error(error: &ManifestError) -> Error {
    let code = match error {
        ManifestError::TooLarge(_) => Code::ManifestTooLarge,
        ManifestError::UnsupportedSchema1 => Code::ManifestSchema1,
        _ => Code::ManifestInvalid,
    };
    Error::new(code, error.to_string())
}

fn put_image_error<E: Effect<On = OnRepository>>(
    refusal: PutImageRefusal,
    gate: &Gate,
    permit: &Permit<E>,
) -> Error {
    let (name, account) = (&permit.row().name, permit.account());
    match refusal {
        PutImageRefusal::RepositoryGone => gate.repository_not_found(),
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
        PutImageRefusal::TooManyTags => Error::new(
            Code::LimitExceeded,
            format!(
                "An image may have at most {} tags. Remove some before adding more.",
                meta::MAX_TAGS_PER_IMAGE
            ),
        ),
        PutImageRefusal::TooManyImages => Error::new(
            Code::LimitExceeded,
            format!(
                "The repository '{name}' holds {} images, which is the most it can hold. Delete some first.",
                meta::MAX_IMAGES_PER_REPOSITORY
            ),
        ),
    }
}

fn join(digests: &[Digest]) -> String {
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
