//! ListImages, DescribeImages and ListImageReferrers.

use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{FoundImage, ImageCursor, ImageId, ImageState, TagStatus, TaggedImage, Target};
use aws::ecr::{
    DescribeImagesRequest, DescribeImagesResponse, ImageDetail, ImageIdentifier, ImageReferrer, ImageStatus,
    ImageStatusFilter, ImagesFilter, ListImageReferrersRequest, ListImageReferrersResponse,
    ListImagesRequest, ListImagesResponse,
};
use aws::ids::Region;
use oci::digest::Digest;

use super::image::image_ref;
use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::image::{describe, list};

impl Registry {
    /// Image identifiers: one for each tag, one without a tag for each untagged image.
    pub async fn list_images(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListImagesRequest,
    ) -> Result<ListImagesResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::ListImages>()?;
        let filter = input.filter.unwrap_or_default();
        let key = permit.repository();
        let name =
            format!("images {} {} {:?} {:?}", key.registry.0, key.id, filter.tag_status, filter.image_status);
        let after = input
            .next_token
            .map(|token| self.access.open_page_token::<(i64, Option<String>)>(&name, &token))
            .transpose()?;
        let after = after.map(|(image, tag)| ImageCursor {
            image: ImageId(image),
            tag: tag.and_then(|tag| tag.parse().ok()),
        });
        let limit = page_limit(input.max_results, 100);
        let page =
            list::entries(&permit, after, limit, (tag_status(filter), state(filter.image_status))).await?;
        let next_token = match page.next {
            Some(next) => {
                let tag = next.tag.map(|tag| tag.to_string());
                Some(self.access.page_token(&name, (next.image.0, tag))?)
            }
            None => None,
        };
        let image_ids = page
            .items
            .into_iter()
            .map(|(digest, tag)| ImageIdentifier {
                image_digest: Some(digest.to_string()),
                image_tag: tag.map(|tag| tag.to_string()),
            })
            .collect();
        Ok(ListImagesResponse { image_ids, next_token })
    }

    /// Details of the named images, or of a page of all images.
    pub async fn describe_images(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeImagesRequest,
    ) -> Result<DescribeImagesResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DescribeImages>()?;
        if !input.image_ids.is_empty() {
            return describe_named(&permit, &repository, &input.image_ids).await;
        }
        let key = permit.repository();
        let filter = input.filter.unwrap_or_default();
        let list = format!(
            "image details {} {} {:?} {:?}",
            key.registry.0, key.id, filter.tag_status, filter.image_status
        );
        let after =
            input.next_token.map(|token| self.access.open_page_token::<i64>(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let page = describe::page(
            &permit,
            after.map(ImageId),
            limit,
            (tag_status(filter), state(filter.image_status)),
        )
        .await?;
        let next_token = page.next.map(|last| self.access.page_token(&list, last.0)).transpose()?;
        let details = page.images.into_iter().map(|listed| image_detail(&repository, listed));
        Ok(DescribeImagesResponse { image_details: details.collect(), next_token })
    }

    /// The manifests whose subject is the named image.
    pub async fn list_image_referrers(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListImageReferrersRequest,
    ) -> Result<ListImageReferrersResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::ListImageReferrers>()?;
        let subject: Digest = input
            .subject_id
            .image_digest
            .parse()
            .map_err(|_| Error::invalid_parameter("subjectId.imageDigest", "Invalid image digest"))?;
        self.import_referrers(ctx, (&repository, &gate), &subject).await;
        let filter = input.filter.unwrap_or_default();
        let wanted = (filter.artifact_types, state(filter.artifact_status));
        let limit = page_limit(input.max_results, 20);
        let cursor = input.next_token.as_deref();
        let page = self.referrer_page(ctx, &permit, &subject, wanted, cursor, limit).await?;
        let referrers = page
            .referrers
            .into_iter()
            .map(|entry| ImageReferrer {
                digest: entry.digest.to_string(),
                media_type: entry.media_type,
                artifact_type: entry.artifact_type,
                size: entry.size,
                annotations: entry.annotations,
                artifact_status: image_status(entry.state),
            })
            .collect();
        Ok(ListImageReferrersResponse { referrers, next_token: page.next })
    }
}

/// Details of the named images, each once.
async fn describe_named(
    permit: &Permit<ecr::DescribeImages>,
    repository: &RepositoryRef,
    image_ids: &[ImageIdentifier],
) -> Result<DescribeImagesResponse> {
    let invalid =
        |failure: aws::ecr::ImageFailure| Error::invalid_parameter("imageIds", &failure.failure_reason);
    let ids = image_ids.iter().map(|id| image_ref(id).map_err(invalid)).collect::<Result<_>>()?;
    let found = describe::named(permit, ids).await?;
    let mut details: Vec<ImageDetail> = Vec::with_capacity(found.len());
    for (id, found) in image_ids.iter().zip(found) {
        let FoundImage::Found(image) = found else { return Err(image_not_found(id, repository)) };
        let detail = image_detail(repository, *image);
        if !details.iter().any(|known| known.image_digest == detail.image_digest) {
            details.push(detail);
        }
    }
    Ok(DescribeImagesResponse { image_details: details, next_token: None })
}

/// Without a filter, only active images are listed.
fn state(filter: Option<ImageStatusFilter>) -> Option<ImageState> {
    match filter.unwrap_or_default() {
        ImageStatusFilter::Active => Some(ImageState::Active),
        ImageStatusFilter::Archived => Some(ImageState::Archived),
        ImageStatusFilter::Activating => Some(ImageState::Activating),
        ImageStatusFilter::Any => None,
    }
}

pub(super) fn image_status(state: ImageState) -> ImageStatus {
    match state {
        ImageState::Active => ImageStatus::Active,
        ImageState::Archived => ImageStatus::Archived,
        ImageState::Activating => ImageStatus::Activating,
    }
}

fn tag_status(filter: ImagesFilter) -> TagStatus {
    match filter.tag_status {
        None | Some(aws::ecr::TagStatus::Any) => TagStatus::Any,
        Some(aws::ecr::TagStatus::Tagged) => TagStatus::Tagged,
        Some(aws::ecr::TagStatus::Untagged) => TagStatus::Untagged,
    }
}

fn image_detail(repository: &RepositoryRef, listed: TaggedImage) -> ImageDetail {
    let TaggedImage { image: row, tags, last_pulled_at } = listed;
    ImageDetail {
        registry_id: repository.account_id.to_string(),
        repository_name: repository.name.to_string(),
        image_digest: row.digest.to_string(),
        image_tags: tags.iter().map(ToString::to_string).collect(),
        image_size_in_bytes: Some(row.image_size),
        image_pushed_at: epoch_seconds(row.pushed_at),
        image_manifest_media_type: Some(row.media_type),
        artifact_media_type: row.config_media_type.or(row.artifact_type),
        last_recorded_pull_time: last_pulled_at.map(epoch_seconds),
        subject_manifest_digest: row.subject.map(|subject| subject.to_string()),
        image_status: Some(image_status(row.state)),
        last_archived_at: row.last_archived_at.map(epoch_seconds),
        last_activated_at: Some(row.last_activated_at).filter(|at| *at > row.pushed_at).map(epoch_seconds),
        ..ImageDetail::default()
    }
}

pub(super) fn image_not_found(id: &ImageIdentifier, repository: &RepositoryRef) -> Error {
    let half = |half: &Option<String>| half.clone().unwrap_or_else(|| "null".to_owned());
    Error::new(
        Code::ImageNotFound,
        format!(
            "The image with imageId {{imageDigest:'{}', imageTag:'{}'}} does not exist within the repository with name '{}' in the registry with id '{}'",
            half(&id.image_digest),
            half(&id.image_tag),
            repository.name,
            repository.account_id
        ),
    )
}
