//! BatchDeleteImage.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr;
use access::store::{DeleteItem, DeleteOutcome, ImageRef, Target};
use aws::ecr::{
    BatchDeleteImageRequest, BatchDeleteImageResponse, ImageFailure, ImageFailureCode, ImageIdentifier,
};
use aws::ids::Region;

use super::image::{image_ref, not_found, tag_mismatch};
use super::repository_of;
use crate::Registry;
use crate::image::delete::delete_images;
use crate::image::protection::protected;

impl Registry {
    /// Deletes images by digest, or tags; an image is deleted with its last tag. An image in an index cannot be
    /// deleted.
    pub async fn batch_delete_image(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: BatchDeleteImageRequest,
    ) -> Result<BatchDeleteImageResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::BatchDeleteImage>()?;
        let mut response = BatchDeleteImageResponse::default();
        let (mut asked, mut items) = (Vec::new(), Vec::new());
        for id in input.image_ids {
            match image_ref(&id).map(delete_item) {
                Ok(Some(item)) => {
                    asked.push(id);
                    items.push(item);
                }
                Ok(None) => response.failures.push(not_found(id)),
                Err(failure) => response.failures.push(failure),
            }
        }
        let outcomes = delete_images(ctx, &permit, items).await?;
        for (id, outcome) in asked.into_iter().zip(outcomes) {
            match outcome {
                DeleteOutcome::Removed(removed) => {
                    response.image_ids.extend(removed.pairs.into_iter().map(|(digest, tag)| {
                        ImageIdentifier {
                            image_digest: Some(digest.to_string()),
                            image_tag: tag.map(|tag| tag.to_string()),
                        }
                    }));
                }
                DeleteOutcome::NotFound => response.failures.push(not_found(id)),
                DeleteOutcome::TagDigestMismatch => response.failures.push(tag_mismatch(id)),
                DeleteOutcome::Protected(by) => response.failures.push(ImageFailure {
                    image_id: id,
                    failure_code: ImageFailureCode::ImageProtected,
                    failure_reason: protected(&by).message.into_owned(),
                }),
                DeleteOutcome::ReferencedByList(lists) => {
                    let lists = lists.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    response.failures.push(ImageFailure {
                        image_id: id,
                        failure_code: ImageFailureCode::ImageReferencedByManifestList,
                        failure_reason: format!("Requested image referenced by manifest list: [{lists}]"),
                    });
                }
            }
        }
        Ok(response)
    }
}

fn delete_item(reference: ImageRef) -> Option<DeleteItem> {
    match (reference.tag, reference.digest) {
        (Some(tag), Some(digest)) => Some(DeleteItem::Both(digest, tag)),
        (Some(tag), None) => Some(DeleteItem::ByTag(tag)),
        (None, Some(digest)) => Some(DeleteItem::ByDigest(digest)),
        (None, None) => None,
    }
}
