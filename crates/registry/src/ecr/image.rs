//! PutImage and BatchGetImage.

use std::collections::HashMap;
use std::sync::Arc;

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::store::{FoundImage, ImageRef, ImageState, MissingContents, SameDigestSameTag, Target};
use aws::ecr::{
    BatchGetImageRequest, BatchGetImageResponse, Image, ImageFailure, ImageFailureCode, ImageIdentifier,
    PutImageRequest, PutImageResponse,
};
use aws::ids::Region;
use bytes::Bytes;
use oci::digest::{Algorithm, Digest};
use oci::manifest::{Manifest, ManifestError};
use oci::name::Tag;

use super::repository_of;
use crate::Registry;
use crate::image::describe;
use crate::image::pull::convert;
use crate::image::push::ImagePush;

/// The maximum bytes of manifests in one answer of BatchGetImage: a hundred usual ones have a few hundred KiB, and the
/// answer is built in memory.
const MAX_ANSWER_BYTES: u64 = 8 << 20;
/// The memory for each of these bytes: the manifest, and the growing answer with its escapes.
const ANSWER_TIMES: u64 = 4;

impl Registry {
    /// Stores a manifest and, if requested, points a tag to it. The same digest with the same tag again is refused:
    /// re-tagging scripts depend on that.
    pub async fn put_image(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutImageRequest,
    ) -> Result<PutImageResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let permit = self.access.gate(ctx, &repository, Target::None).await?.permit::<ecr::PutImage>()?;
        let body = Bytes::from(input.image_manifest.clone());
        let manifest = Manifest::parse(&body, input.image_manifest_media_type.as_deref())
            .map_err(|error| parameter_error(&error))?;
        let digest = declared_digest(input.image_digest.as_deref(), &body)?;
        let tag = input.image_tag.as_deref().map(parse_tag).transpose()?;
        let media_type = manifest.media_type.clone();
        let push = ImagePush {
            digest,
            manifest,
            body,
            tags: tag.into_iter().collect(),
            same_image: SameDigestSameTag::Refuse,
            missing: MissingContents::Refuse,
        };
        self.push_image(ctx, &repository, &permit, push).await?;
        Ok(PutImageResponse {
            image: Image {
                registry_id: repository.account_id.to_string(),
                repository_name: repository.name.to_string(),
                image_id: ImageIdentifier {
                    image_digest: Some(digest.to_string()),
                    image_tag: input.image_tag,
                },
                image_manifest: input.image_manifest.into(),
                image_manifest_media_type: Some(media_type),
            },
        })
    }

    /// Manifests of several images. A missing image is a failure in the answer, not an error.
    pub async fn batch_get_image(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: BatchGetImageRequest,
    ) -> Result<BatchGetImageResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchGetImage>()?;
        let mut response = BatchGetImageResponse::default();
        let mut asked = Vec::new();
        for id in input.image_ids {
            match image_ref(&id) {
                Ok(reference) => asked.push((id, reference)),
                Err(failure) => response.failures.push(failure),
            }
        }
        let ids: Vec<ImageRef> = asked.iter().map(|(_, reference)| reference.clone()).collect();
        let upstream = self.pull_all_through(ctx, (&repository, &gate), &ids).await;
        let found = describe::named(&permit, ids).await?;
        let sizes = found.iter().map(|found| match found {
            FoundImage::Found(image) => image.image.manifest_size,
            FoundImage::TagOfAnother | FoundImage::NotFound => 0,
        });
        let named = sizes.sum::<u64>();
        ctx.hold(named.min(MAX_ANSWER_BYTES) * ANSWER_TIMES).await?;
        let mut room = MAX_ANSWER_BYTES;
        let mut manifests: HashMap<Digest, Arc<str>> = HashMap::new();
        for ((id, reference), found) in asked.into_iter().zip(found) {
            let row = match found {
                FoundImage::Found(image) if image.image.state == ImageState::Active => image.image,
                FoundImage::TagOfAnother => {
                    response.failures.push(tag_mismatch(id));
                    continue;
                }
                // An archived image cannot be pulled.
                FoundImage::Found(_) | FoundImage::NotFound => {
                    let error = upstream.iter().find(|(of, _)| *of == reference).map(|(_, error)| error);
                    response.failures.push(upstream_failure(id, error));
                    continue;
                }
            };
            room = room.checked_sub(row.manifest_size).ok_or_else(|| {
                Error::new(
                    Code::InvalidParameter,
                    "The images' manifests are too large for one answer. Ask for fewer.",
                )
            })?;
            let manifest = if let Some(manifest) = manifests.get(&row.digest) {
                Arc::clone(manifest)
            } else {
                let body = self.pull(ctx, &permit, &row).await?;
                let text: Arc<str> = std::str::from_utf8(&body).map_err(Error::internal)?.into();
                Arc::clone(manifests.entry(row.digest).or_insert(text))
            };
            let stored = (row.digest, row.media_type, manifest);
            let (digest, media_type, manifest) =
                in_accepted_format(ctx, &id, &input.accepted_media_types, stored).await?;
            response.images.push(Image {
                registry_id: repository.account_id.to_string(),
                repository_name: repository.name.to_string(),
                image_id: ImageIdentifier { image_digest: Some(digest.to_string()), image_tag: id.image_tag },
                image_manifest: manifest,
                image_manifest_media_type: Some(media_type),
            });
        }
        Ok(response)
    }
}

/// The digest, media type and manifest of an answer: by tag in a format that the request accepts, by digest as stored.
async fn in_accepted_format(
    ctx: &Ctx,
    id: &ImageIdentifier,
    accepted: &[String],
    (digest, media_type, manifest): (Digest, String, Arc<str>),
) -> Result<(Digest, String, Arc<str>)> {
    let accepts = |media_type: &str| {
        id.image_digest.is_some() || accepted.is_empty() || accepted.iter().any(|one| one == media_type)
    };
    let Some(converted) = convert(ctx, &media_type, manifest.as_bytes(), &accepts).await? else {
        return Ok((digest, media_type, manifest));
    };
    let text = std::str::from_utf8(&converted.body).map_err(Error::internal)?.into();
    Ok((converted.digest, converted.media_type, text))
}

/// The image that an identifier names, or why it is invalid.
pub(super) fn image_ref(id: &ImageIdentifier) -> std::result::Result<ImageRef, ImageFailure> {
    let failure = |failure_code, reason: &str| ImageFailure {
        image_id: id.clone(),
        failure_code,
        failure_reason: reason.to_owned(),
    };
    let Ok(digest) = id.image_digest.as_deref().map(str::parse::<Digest>).transpose() else {
        return Err(failure(
            ImageFailureCode::InvalidImageDigest,
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        ));
    };
    let Ok(tag) = id.image_tag.as_deref().map(str::parse::<Tag>).transpose() else {
        return Err(failure(
            ImageFailureCode::InvalidImageTag,
            "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
        ));
    };
    if digest.is_none() && tag.is_none() {
        return Err(failure(
            ImageFailureCode::MissingDigestAndTag,
            "Invalid request parameters: both tag and digest cannot be null",
        ));
    }
    Ok(ImageRef { tag, digest })
}

pub(super) fn not_found(image_id: ImageIdentifier) -> ImageFailure {
    ImageFailure {
        image_id,
        failure_code: ImageFailureCode::ImageNotFound,
        failure_reason: "Requested image not found".to_owned(),
    }
}

/// Why an image is missing: what the upstream registry answered, or that nobody has it.
fn upstream_failure(image_id: ImageIdentifier, error: Option<&Error>) -> ImageFailure {
    let failure_code = match error.map(|error| error.code) {
        Some(Code::UpstreamAccessDenied | Code::AccessDenied) => ImageFailureCode::UpstreamAccessDenied,
        Some(Code::UpstreamTooManyRequests) => ImageFailureCode::UpstreamTooManyRequests,
        Some(Code::UpstreamUnavailable) => ImageFailureCode::UpstreamUnavailable,
        _ => return not_found(image_id),
    };
    let failure_reason = error.map(|error| error.message.to_string()).unwrap_or_default();
    ImageFailure { image_id, failure_code, failure_reason }
}

pub(super) fn tag_mismatch(image_id: ImageIdentifier) -> ImageFailure {
    ImageFailure {
        image_id,
        failure_code: ImageFailureCode::ImageTagDoesNotMatchDigest,
        failure_reason: "Invalid request parameters: given tag does not map to the given digest".to_owned(),
    }
}

fn parse_tag(tag: &str) -> Result<Tag> {
    tag.parse().map_err(|_| {
        Error::invalid_parameter("imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'")
    })
}

fn declared_digest(declared: Option<&str>, body: &[u8]) -> Result<Digest> {
    let Some(declared) = declared else { return Ok(Digest::of(Algorithm::Sha256, body)) };
    let mismatch = |computed: Digest| {
        let message = format!("The digest of the image manifest is '{computed}', not '{declared}'");
        Error::new(Code::ImageDigestDoesNotMatch, message)
    };
    let Ok(digest) = declared.parse::<Digest>() else {
        return Err(mismatch(Digest::of(Algorithm::Sha256, body)));
    };
    let computed = Digest::of(digest.algorithm(), body);
    if computed == digest { Ok(digest) } else { Err(mismatch(computed)) }
}

/// The parser's text in the API's error. A missing media type has the same text as invalid JSON: clients with
/// containers/image recognise it and retry with a media type.
fn parameter_error(error: &ManifestError) -> Error {
    let constraint = match error {
        ManifestError::NotJson(_) | ManifestError::MissingMediaType => "Invalid JSON syntax".to_owned(),
        other => other.to_string(),
    };
    Error::invalid_parameter("ImageManifest", &constraint)
}
