//! TagResource, UntagResource and ListTagsForResource.

use access::authz::{of_request_tags, pairs};
use access::context::{Ctx, RepositoryRef};
use access::error::{Error, Result};
use access::op::ecr;
use access::store::Target;
use aws::arn::Arn;
use aws::ecr::{
    ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest, TagResourceResponse,
    UntagResourceRequest, UntagResourceResponse,
};
use aws::ids::Region;

use crate::Registry;
use crate::repository::tags;

impl Registry {
    /// Adds resource tags to a repository.
    pub async fn tag_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let tags: Vec<_> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit_with::<ecr::TagResource>(request_tag_keys(&tags))?;
        tags::add(&permit, tags).await?;
        Ok(TagResourceResponse {})
    }

    /// Removes resource tags from a repository.
    pub async fn untag_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let permit = gate.permit_with::<ecr::UntagResource>(keys)?;
        tags::remove(&permit, input.tag_keys).await?;
        Ok(UntagResourceResponse {})
    }

    /// A repository's resource tags.
    pub async fn list_tags_for_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::ListTagsForResource>()?;
        let tags = tags::list(&permit).await?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(ListTagsForResourceResponse { tags })
    }
}

/// `aws:RequestTag/k` and `aws:TagKeys` of a request with tags.
pub(crate) fn request_tag_keys(tags: &[(String, String)]) -> policy::Context {
    of_request_tags(pairs(tags))
}

/// The repository of an ARN. Only repositories in the requested Region have tags.
fn tagged_repository(arn: &str, region: &Region) -> Result<RepositoryRef> {
    let invalid = || Error::invalid_parameter("resourceArn", "Invalid ARN");
    let arn: Arn = arn.parse().map_err(|_| invalid())?;
    let name = arn.resource.strip_prefix("repository/").ok_or_else(invalid)?;
    let (service, of_region) = if region.is_public() { ("ecr-public", "") } else { ("ecr", region.as_str()) };
    if arn.partition != region.partition() || arn.service != service || arn.region != of_region {
        return Err(invalid());
    }
    Ok(RepositoryRef {
        account_id: arn.account.parse().map_err(|_| invalid())?,
        region: region.clone(),
        name: name.parse().map_err(|_| invalid())?,
    })
}
