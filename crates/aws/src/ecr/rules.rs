//! The rules of requests that span members, or that ECR enforces although the model does not contain them.

use super::{
    CreateRepositoryCreationTemplateRequest, CreateRepositoryRequest, DescribeImagesRequest,
    DescribeRepositoriesRequest, DescribeRepositoryCreationTemplatesRequest,
    GetLifecyclePolicyPreviewRequest, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    PutImageTagMutabilityRequest, Tag, TagResourceRequest, UntagResourceRequest,
    UpdateRepositoryCreationTemplateRequest, tagging,
};
use crate::shape::pattern::is_image_tag;
use crate::shape::{Invalid, Pattern, Rule};

/// The tag of an image that is pushed. The model has only the lengths; ECR enforces the expression.
pub(super) const NEW_IMAGE_TAG: Rule = Rule::Text {
    min: 1,
    max: 300,
    pattern: Some(Pattern { text: "[a-zA-Z0-9-_.]+", is_quoted: true, matches: is_image_tag }),
};

pub(super) fn create_repository(request: &CreateRepositoryRequest) -> Result<(), Invalid> {
    check_filters(request.image_tag_mutability, &request.image_tag_mutability_exclusion_filters)?;
    tagging::check_tags(&request.tags)
}

pub(super) fn create_repository_creation_template(
    request: &CreateRepositoryCreationTemplateRequest,
) -> Result<(), Invalid> {
    check_filters(request.image_tag_mutability, &request.image_tag_mutability_exclusion_filters)?;
    check_template_tags(&request.resource_tags)
}

/// Whether the filters match the mutability is decided when the template is known.
pub(super) fn update_repository_creation_template(
    request: &UpdateRepositoryCreationTemplateRequest,
) -> Result<(), Invalid> {
    request.resource_tags.as_deref().map_or(Ok(()), check_template_tags)
}

pub(super) fn describe_repository_creation_templates(
    request: &DescribeRepositoryCreationTemplatesRequest,
) -> Result<(), Invalid> {
    check_no_page_of("prefixes", &request.prefixes, request.next_token.as_deref())
}

/// The operations on templates have no exception for tags.
fn check_template_tags(tags: &[Tag]) -> Result<(), Invalid> {
    tagging::check_tags(tags).map_err(|invalid| Invalid::parameter("resourceTags", &invalid.message))
}

pub(super) fn put_image_tag_mutability(request: &PutImageTagMutabilityRequest) -> Result<(), Invalid> {
    check_filters(Some(request.image_tag_mutability), &request.image_tag_mutability_exclusion_filters)
}

pub(super) fn describe_repositories(request: &DescribeRepositoriesRequest) -> Result<(), Invalid> {
    check_no_page_of("repositoryNames", &request.repository_names, request.next_token.as_deref())
}

pub(super) fn describe_images(request: &DescribeImagesRequest) -> Result<(), Invalid> {
    check_no_page_of("imageIds", &request.image_ids, request.next_token.as_deref())
}

pub(super) fn get_lifecycle_policy_preview(
    request: &GetLifecyclePolicyPreviewRequest,
) -> Result<(), Invalid> {
    check_no_page_of("imageIds", &request.image_ids, request.next_token.as_deref())
}

pub(super) fn tag_resource(request: &TagResourceRequest) -> Result<(), Invalid> {
    tagging::check_tags(&request.tags)
}

pub(super) fn untag_resource(request: &UntagResourceRequest) -> Result<(), Invalid> {
    tagging::check_keys(&request.tag_keys)
}

/// A list of names cannot have pages: the model forbids `nextToken` with it.
fn check_no_page_of<T>(member: &str, list: &[T], next_token: Option<&str>) -> Result<(), Invalid> {
    if list.is_empty() || next_token.is_none() {
        return Ok(());
    }
    Err(Invalid::parameter("nextToken", &format!("must not be given together with {member}")))
}

/// The filters are required for a setting that uses them, and refused for other settings.
fn check_filters(
    mutability: Option<ImageTagMutability>,
    filters: &[ImageTagMutabilityExclusionFilter],
) -> Result<(), Invalid> {
    const MEMBER: &str = "imageTagMutabilityExclusionFilters";
    let name = match mutability.unwrap_or_default() {
        ImageTagMutability::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
        ImageTagMutability::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
        ImageTagMutability::Mutable | ImageTagMutability::Immutable if filters.is_empty() => return Ok(()),
        ImageTagMutability::Mutable | ImageTagMutability::Immutable => {
            return Err(Invalid::parameter(
                MEMBER,
                "ImageTagMutabilityExclusionFilters can only be given when imageTagMutability is set as \
                 MUTABLE_WITH_EXCLUSION or IMMUTABLE_WITH_EXCLUSION",
            ));
        }
    };
    if filters.is_empty() {
        let text = format!(
            "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {name}"
        );
        return Err(Invalid::parameter(MEMBER, &text));
    }
    Ok(())
}
