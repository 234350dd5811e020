//! PutImage, BatchDeleteImage and DescribeImages.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use aws::ecr;
use aws::ecr_public::{
    BatchDeleteImageRequest, BatchDeleteImageResponse, DescribeImagesRequest, DescribeImagesResponse, Image,
    ImageDetail, ImageFailure, ImageFailureCode, ImageIdentifier, PutImageRequest, PutImageResponse,
};
use aws::ids::Region;

use crate::Registry;

fn asked_id(id: ImageIdentifier) -> ecr::ImageIdentifier {
    ecr::ImageIdentifier { image_digest: id.image_digest, image_tag: id.image_tag }
}

fn answered_id(id: ecr::ImageIdentifier) -> ImageIdentifier {
    ImageIdentifier { image_digest: id.image_digest, image_tag: id.image_tag }
}

fn detail(detail: ecr::ImageDetail) -> ImageDetail {
    ImageDetail {
        registry_id: Some(detail.registry_id),
        repository_name: Some(detail.repository_name),
        image_digest: Some(detail.image_digest),
        image_tags: detail.image_tags,
        image_size_in_bytes: detail.image_size_in_bytes,
        image_pushed_at: Some(detail.image_pushed_at),
        image_manifest_media_type: detail.image_manifest_media_type,
        artifact_media_type: detail.artifact_media_type,
    }
}

impl Registry {
    /// Stores a manifest and, if requested, points a tag to it.
    pub async fn put_public_image(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: PutImageRequest,
    ) -> Result<PutImageResponse> {
        let asked = ecr::PutImageRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            image_manifest: input.image_manifest,
            image_manifest_media_type: input.image_manifest_media_type,
            image_tag: input.image_tag,
            image_digest: input.image_digest,
        };
        let image = self.put_image(ctx, public, asked).await?.image;
        Ok(PutImageResponse {
            image: Some(Image {
                registry_id: Some(image.registry_id),
                repository_name: Some(image.repository_name),
                image_id: Some(answered_id(image.image_id)),
                image_manifest: Some(image.image_manifest.to_string()),
                image_manifest_media_type: image.image_manifest_media_type,
            }),
        })
    }

    /// Deletes images by digest, or tags.
    pub async fn batch_delete_public_image(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: BatchDeleteImageRequest,
    ) -> Result<BatchDeleteImageResponse> {
        // The model of this operation has no RegistryNotFoundException.
        let registry_id = self.registry_id(input.registry_id).await.map_err(|error| match error.code {
            Code::RegistryNotFound => Error::new(Code::RepositoryNotFound, error.message),
            _ => error,
        })?;
        let asked = ecr::BatchDeleteImageRequest {
            registry_id,
            repository_name: input.repository_name,
            image_ids: input.image_ids.into_iter().map(asked_id).collect(),
        };
        let deleted = self.batch_delete_image(ctx, public, asked).await?;
        let failure = |failure: ecr::ImageFailure| ImageFailure {
            image_id: Some(answered_id(failure.image_id)),
            failure_code: ImageFailureCode::parse(failure.failure_code.as_str()),
            failure_reason: Some(failure.failure_reason),
        };
        Ok(BatchDeleteImageResponse {
            image_ids: deleted.image_ids.into_iter().map(answered_id).collect(),
            failures: deleted.failures.into_iter().map(failure).collect(),
        })
    }

    /// Details of the named images, or of a page of all images.
    pub async fn describe_public_images(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DescribeImagesRequest,
    ) -> Result<DescribeImagesResponse> {
        let asked = ecr::DescribeImagesRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            image_ids: input.image_ids.into_iter().map(asked_id).collect(),
            next_token: input.next_token,
            max_results: input.max_results,
            filter: None,
        };
        let found = self.describe_images(ctx, public, asked).await?;
        Ok(DescribeImagesResponse {
            image_details: found.image_details.into_iter().map(detail).collect(),
            next_token: found.next_token,
        })
    }
}
