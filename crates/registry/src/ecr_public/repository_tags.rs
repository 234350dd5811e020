//! TagResource, UntagResource and ListTagsForResource.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use aws::ecr;
use aws::ecr_public::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use aws::ids::Region;

use crate::Registry;

/// The tags of a request. The model allows a tag without a key, which no tag can be.
pub(super) fn pairs_of(tags: Vec<Tag>) -> Result<Vec<(String, String)>> {
    let invalid = |text: &'static str| Error::new(Code::InvalidTagParameter, text);
    let pair = |tag: Tag| {
        let key = tag.key.filter(|key| !key.is_empty()).ok_or_else(|| invalid("A tag needs a key."))?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("Keys that begin with aws: are reserved."));
        }
        Ok((key, tag.value.unwrap_or_default()))
    };
    tags.into_iter().map(pair).collect()
}

impl Registry {
    /// Adds resource tags to a repository.
    pub async fn tag_public_resource(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse> {
        let tags = pairs_of(input.tags)?.into_iter().map(|(key, value)| ecr::Tag { key, value }).collect();
        let asked = ecr::TagResourceRequest { resource_arn: input.resource_arn, tags };
        self.tag_resource(ctx, public, asked).await?;
        Ok(TagResourceResponse {})
    }

    /// Removes resource tags from a repository.
    pub async fn untag_public_resource(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse> {
        let asked = ecr::UntagResourceRequest { resource_arn: input.resource_arn, tag_keys: input.tag_keys };
        self.untag_resource(ctx, public, asked).await?;
        Ok(UntagResourceResponse {})
    }

    /// A repository's resource tags.
    pub async fn list_tags_for_public_resource(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let asked = ecr::ListTagsForResourceRequest { resource_arn: input.resource_arn };
        let found = self.list_tags_for_resource(ctx, public, asked).await?;
        let tags = found.tags.into_iter().map(|tag| Tag { key: Some(tag.key), value: Some(tag.value) });
        Ok(ListTagsForResourceResponse { tags: tags.collect() })
    }
}
