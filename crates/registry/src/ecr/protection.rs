//! Wharf's own WharfProtectImage, WharfUnprotectImage and WharfListProtectedImages.

use access::context::Ctx;
use access::error::{Error, Result};
use access::op::ecr;
use access::store::{ImageId, ImageRef, ProtectedCursor, Target};
use aws::ecr::{
    ImageIdentifier, WharfListProtectedImagesRequest, WharfListProtectedImagesResponse,
    WharfProtectImageRequest, WharfProtectImageResponse, WharfProtectedImage, WharfUnprotectImageRequest,
    WharfUnprotectImageResponse,
};
use aws::ids::Region;
use oci::digest::Digest;

use super::image::image_ref;
use super::image_list::image_not_found;
use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::image::protection;

impl Registry {
    /// Protects an image (by digest) or a tag against deletion.
    pub async fn wharf_protect_image(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfProtectImageRequest,
    ) -> Result<WharfProtectImageResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::WharfProtectImage>()?;
        let digest = protection::protect(ctx, &permit, named(&input.image_id)?).await?;
        let digest = digest.ok_or_else(|| image_not_found(&input.image_id, &repository))?;
        Ok(WharfProtectImageResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            image_id: with_digest(input.image_id, &digest),
        })
    }

    /// Ends the protection of an image or a tag.
    pub async fn wharf_unprotect_image(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfUnprotectImageRequest,
    ) -> Result<WharfUnprotectImageResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::WharfUnprotectImage>()?;
        let digest = protection::unprotect(ctx, &permit, named(&input.image_id)?).await?;
        let digest = digest.ok_or_else(|| image_not_found(&input.image_id, &repository))?;
        Ok(WharfUnprotectImageResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            image_id: with_digest(input.image_id, &digest),
        })
    }

    /// Lists protected images, then protected tags.
    pub async fn wharf_list_protected_images(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfListProtectedImagesRequest,
    ) -> Result<WharfListProtectedImagesResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::WharfListProtectedImages>()?;
        let key = permit.repository();
        let list = format!("protected images {} {}", key.registry.0, key.id);
        let after = match input.next_token {
            None => None,
            Some(token) => {
                Some(match self.access.open_page_token::<(i64, Option<String>)>(&list, &token)? {
                    (image, None) => ProtectedCursor::Image(ImageId(image)),
                    (_, Some(tag)) => ProtectedCursor::Tag(tag),
                })
            }
        };
        let limit = page_limit(input.max_results, 100);
        let mut items = protection::list(&permit, after, limit).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| more);
        let last = last.map(|item| (item.image.0, item.tag.as_ref().map(ToString::to_string)));
        let next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
        let images = items.into_iter().map(|item| WharfProtectedImage {
            image_digest: item.digest.to_string(),
            image_tag: item.tag.map(|tag| tag.to_string()),
            protected_at: epoch_seconds(item.protected_at),
        });
        Ok(WharfListProtectedImagesResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            protected_images: images.collect(),
            next_token,
        })
    }
}

fn named(id: &ImageIdentifier) -> Result<ImageRef> {
    image_ref(id).map_err(|failure| Error::invalid_parameter("imageId", &failure.failure_reason))
}

fn with_digest(id: ImageIdentifier, digest: &Digest) -> ImageIdentifier {
    ImageIdentifier { image_digest: Some(digest.to_string()), ..id }
}
