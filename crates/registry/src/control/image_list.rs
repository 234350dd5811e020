//! ListImages, DescribeImages and ListImageReferrers.

use access::op::ecr;
use aws::ecr::{
    DescribeImagesRequest, DescribeImagesResponse, ImageDetail, ImageIdentifier, ImageReferrer, ImageStatus,
    ImageStatusFilter, ImagesFilter, ListImageReferrersRequest, ListImageReferrersResponse,
    ListImagesRequest, ListImagesResponse,
};
use aws::ids::Region;
use meta::ImageId;
use meta::{DescribeImages, FindImages, FoundImage, ImageCursor, ListImages, TagStatus};
use meta::{ImageRow, Target};
use oci::digest::Digest;
use oci::name::Tag;

use super::image::image_ref;
use super::{epoch_seconds, page_limit, repository_of};
use crate::Registry;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::store::StoreResultExt as _;

/// Images that are read at once for one page of DescribeImages.
const DETAILS_AT_ONCE: usize = 50;
/// Tags after which such a page ends.
const MOST_TAGS: usize = 10_000;

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
        if !lists_active(filter) {
            return Ok(ListImagesResponse::default());
        }
        let key = permit.repository();
        let list = format!("images {} {} {:?}", key.registry.0, key.id, filter.tag_status);
        let after = input
            .next_token
            .map(|token| self.access.open_page_token::<(i64, Option<String>)>(&list, &token))
            .transpose()?;
        let limit = page_limit(input.max_results, 100);
        let page = ListImages {
            repository: key,
            after: after.map(|(image, tag)| ImageCursor {
                image: ImageId(image),
                tag: tag.and_then(|tag| tag.parse().ok()),
            }),
            limit,
            tag_status: tag_status(filter),
        };
        let page = self.access.meta.read(page).await.or_store_error()?;
        let next_token = match page.next {
            Some(next) => {
                let tag = next.tag.map(|tag| tag.to_string());
                Some(self.access.page_token(&list, (next.image.0, tag))?)
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

    /// Details of the images asked for, or of a page of all.
    pub async fn describe_images(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeImagesRequest,
    ) -> Result<DescribeImagesResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DescribeImages>()?;
        let key = permit.repository();
        if !input.image_ids.is_empty() {
            let mut ids = Vec::with_capacity(input.image_ids.len());
            for id in &input.image_ids {
                ids.push(
                    image_ref(id)
                        .map_err(|failure| Error::invalid_parameter("imageIds", &failure.failure_reason))?,
                );
            }
            let found = self.access.meta.read(FindImages { repository: key, ids }).await.or_store_error()?;
            let mut details: Vec<ImageDetail> = Vec::with_capacity(found.len());
            for (id, found) in input.image_ids.iter().zip(found) {
                let FoundImage::Found(image) = found else { return Err(image_not_found(id, &repository)) };
                let (row, tags) = *image;
                let detail = image_detail(&repository, row, &tags);
                if !details.iter().any(|known| known.image_digest == detail.image_digest) {
                    details.push(detail);
                }
            }
            return Ok(DescribeImagesResponse { image_details: details, next_token: None });
        }
        let filter = input.filter.unwrap_or_default();
        if !lists_active(filter) {
            return Ok(DescribeImagesResponse::default());
        }
        let list = format!("image details {} {} {:?}", key.registry.0, key.id, filter.tag_status);
        let after =
            input.next_token.map(|token| self.access.open_page_token::<i64>(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let mut page = DescribeImages {
            repository: key,
            after: after.map(ImageId),
            limit: 0,
            tag_status: tag_status(filter),
        };
        let (mut image_details, mut next) = (Vec::new(), None);
        let mut tags_listed = 0;
        // An image may have a thousand tags: a page ends early where they are many.
        while image_details.len() < limit && tags_listed < MOST_TAGS {
            let part = (limit - image_details.len()).min(DETAILS_AT_ONCE);
            page.limit = part + 1;
            let mut rows = self.access.meta.read(page.clone()).await.or_store_error()?;
            let fitting =
                images_that_fit(&mut tags_listed, rows.iter().take(part).map(|(_, tags)| tags.len()));
            let more = rows.len() > fitting;
            rows.truncate(fitting);
            next = rows.last().map(|(last, _)| last.id).filter(|_| more);
            image_details.extend(rows.into_iter().map(|(row, tags)| image_detail(&repository, row, &tags)));
            page.after = next;
            if next.is_none() {
                break;
            }
        }
        let next_token = next.map(|last| self.access.page_token(&list, last.0)).transpose()?;
        Ok(DescribeImagesResponse { image_details, next_token })
    }

    /// The manifests whose subject is the image asked about.
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
        let filter = input.filter.unwrap_or_default();
        if !matches!(
            filter.artifact_status.unwrap_or_default(),
            ImageStatusFilter::Active | ImageStatusFilter::Any
        ) {
            return Ok(ListImageReferrersResponse::default());
        }
        let limit = page_limit(input.max_results, 20);
        let cursor = input.next_token.as_deref();
        let page = self
            .referrer_page(ctx, permit.repository(), &subject, filter.artifact_types, cursor, limit)
            .await?;
        let referrers = page
            .referrers
            .into_iter()
            .map(|entry| ImageReferrer {
                digest: entry.digest.to_string(),
                media_type: entry.media_type,
                artifact_type: entry.artifact_type,
                size: entry.size,
                annotations: entry.annotations,
                artifact_status: ImageStatus::Active,
            })
            .collect();
        Ok(ListImageReferrersResponse { referrers, next_token: page.next })
    }
}

/// How many of the next images a page takes, given the number of tags of each: it ends with the image that reaches the limit.
fn images_that_fit(tags_listed: &mut usize, tags: impl Iterator<Item = usize>) -> usize {
    tags.take_while(|tags| {
        let fits = *tags_listed < MOST_TAGS;
        *tags_listed += tags;
        fits
    })
    .count()
}

/// The archive does not exist yet: every image is active, so other statuses have none.
fn lists_active(filter: ImagesFilter) -> bool {
    match filter.image_status.unwrap_or_default() {
        ImageStatusFilter::Active | ImageStatusFilter::Any => true,
        ImageStatusFilter::Archived | ImageStatusFilter::Activating => false,
    }
}

fn tag_status(filter: ImagesFilter) -> TagStatus {
    match filter.tag_status {
        None | Some(aws::ecr::TagStatus::Any) => TagStatus::Any,
        Some(aws::ecr::TagStatus::Tagged) => TagStatus::Tagged,
        Some(aws::ecr::TagStatus::Untagged) => TagStatus::Untagged,
    }
}

fn image_detail(repository: &RepositoryRef, row: ImageRow, tags: &[Tag]) -> ImageDetail {
    ImageDetail {
        registry_id: repository.account_id.to_string(),
        repository_name: repository.name.to_string(),
        image_digest: row.digest.to_string(),
        image_tags: tags.iter().map(ToString::to_string).collect(),
        image_size_in_bytes: Some(row.image_size),
        image_pushed_at: epoch_seconds(row.pushed_at),
        image_manifest_media_type: Some(row.media_type),
        artifact_media_type: row.config_media_type.or(row.artifact_type),
        last_recorded_pull_time: row.last_pulled_at.map(epoch_seconds),
        subject_manifest_digest: row.subject.map(|subject| subject.to_string()),
        image_status: Some(ImageStatus::Active),
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

#[cfg(test)]
mod tests {
    use super::{MOST_TAGS, images_that_fit};

    #[test]
    fn a_page_ends_with_the_image_that_reaches_the_tag_limit() {
        let mut listed = 0;
        assert_eq!(images_that_fit(&mut listed, [1_000; 9].into_iter()), 9);
        assert_eq!(images_that_fit(&mut listed, [999, 1, 7, 0].into_iter()), 2);
        assert!(listed >= MOST_TAGS);
        assert_eq!(images_that_fit(&mut listed, [0].into_iter()), 0);
    }

    #[test]
    fn an_image_with_more_tags_than_a_page_takes_is_listed() {
        assert_eq!(images_that_fit(&mut 0, [MOST_TAGS + 1, 1].into_iter()), 1);
    }
}
