//! DescribeImageTags: the tags of a repository, with when they were set and their images.

use access::context::Ctx;
use access::error::Result;
use access::op::ecr_public;
use access::store::{ListTagDetails, TagDetail, Target};
use aws::ecr_public::{
    DescribeImageTagsRequest, DescribeImageTagsResponse, ImageTagDetail, ReferencedImageDetail,
};
use aws::ids::Region;

use crate::Registry;
use crate::ecr::{epoch_seconds, page_limit, repository_of};

impl Registry {
    /// A page of tags in byte order.
    pub async fn describe_public_image_tags(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DescribeImageTagsRequest,
    ) -> Result<DescribeImageTagsResponse> {
        let registry_id = self.registry_id(input.registry_id).await?;
        let repository = repository_of(ctx, public, registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr_public::DescribeImageTags>()?;
        let key = permit.repository();
        let name = format!("image tags {} {}", key.registry.0, key.id);
        let token = input.next_token;
        let after = token.map(|token| self.access.open_page_token::<String>(&name, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let list = |repository| ListTagDetails { repository, after, limit: limit.saturating_add(1) };
        let mut tags = permit.read(list).await?;
        let more = tags.len() > limit;
        tags.truncate(limit);
        let next_token = match tags.last() {
            Some(last) if more => Some(self.access.page_token(&name, last.tag.to_string())?),
            _ => None,
        };
        let image_tag_details = tags.into_iter().map(detail).collect();
        Ok(DescribeImageTagsResponse { image_tag_details, next_token })
    }
}

fn detail(TagDetail { tag, tagged_at, image }: TagDetail) -> ImageTagDetail {
    ImageTagDetail {
        image_tag: Some(tag.to_string()),
        created_at: Some(epoch_seconds(tagged_at)),
        image_detail: Some(ReferencedImageDetail {
            image_digest: Some(image.digest.to_string()),
            image_size_in_bytes: Some(image.image_size),
            image_pushed_at: Some(epoch_seconds(image.pushed_at)),
            image_manifest_media_type: Some(image.media_type),
            artifact_media_type: image.config_media_type.or(image.artifact_type),
        }),
    }
}
