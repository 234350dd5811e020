//! PutImage, BatchGetImage, ListImages, DescribeImages and BatchDeleteImage.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::Request;
use super::invalid::Invalid;
use super::pattern::{NEW_IMAGE_TAG, REGISTRY_ID, REPOSITORY_NAME};
use super::validate::{Member, Rule};

/// An image by digest, by tag, or by both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageIdentifier {
    /// The digest of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_digest: Option<String>,
    /// A tag of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_tag: Option<String>,
}

const IMAGE_IDENTIFIERS: Rule = Rule::List {
    of: &Rule::Structure(&[
        Member::optional("imageDigest", Rule::ANY_TEXT),
        Member::optional("imageTag", Rule::text(1, 300)),
    ]),
    min: 1,
    max: 100,
};

/// Whether images must have tags to be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TagStatus {
    /// With a tag.
    Tagged,
    /// Without one.
    Untagged,
    /// Either.
    Any,
}

/// Whether an image can be pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageStatus {
    /// It can.
    #[default]
    Active,
    /// It is in the archive.
    Archived,
    /// It is on its way out of the archive.
    Activating,
}

/// Which statuses to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageStatusFilter {
    /// Images that can be pulled.
    #[default]
    Active,
    /// Images in the archive.
    Archived,
    /// Images on their way out of the archive.
    Activating,
    /// All.
    Any,
}

pub(super) const IMAGE_STATUS_FILTER: Rule = Rule::Choice(&["ACTIVE", "ARCHIVED", "ACTIVATING", "ANY"]);

/// Which images to list; ListImages and DescribeImages have the same filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImagesFilter {
    /// By tags; either if absent.
    pub tag_status: Option<TagStatus>,
    /// By status; active ones if absent.
    pub image_status: Option<ImageStatusFilter>,
}

const IMAGES_FILTER: Rule = Rule::Structure(&[
    Member::optional("tagStatus", Rule::Choice(&["TAGGED", "UNTAGGED", "ANY"])),
    Member::optional("imageStatus", IMAGE_STATUS_FILTER),
]);

/// An image's manifest and names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// Its digest, and the tag that it was asked for or pushed by.
    pub image_id: ImageIdentifier,
    /// The manifest, byte for byte. Several names of one image share it.
    #[serde(serialize_with = "shared_text")]
    pub image_manifest: Arc<str>,
    /// The manifest's media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
}

fn shared_text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Why one image of a batch was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are ECR's and speak for themselves")]
pub enum ImageFailureCode {
    InvalidImageDigest,
    InvalidImageTag,
    ImageTagDoesNotMatchDigest,
    ImageNotFound,
    MissingDigestAndTag,
    ImageReferencedByManifestList,
    KmsError,
    UpstreamAccessDenied,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
    ImageInaccessible,
}

/// One image of a batch that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageFailure {
    /// The image as it was asked for.
    pub image_id: ImageIdentifier,
    /// Why, for programs.
    pub failure_code: ImageFailureCode,
    /// Why, for people.
    pub failure_reason: String,
}

/// Pushes a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutImageRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The manifest, byte for byte.
    pub image_manifest: String,
    /// Its media type, for a manifest that does not say.
    pub image_manifest_media_type: Option<String>,
    /// A tag.
    pub image_tag: Option<String>,
    /// The digest that the manifest must have.
    pub image_digest: Option<String>,
}

impl Request for PutImageRequest {
    const OPERATION: &'static str = "PutImage";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("imageManifest", Rule::text(1, 4_194_304)),
        Member::optional("imageManifestMediaType", Rule::ANY_TEXT),
        Member::optional("imageTag", NEW_IMAGE_TAG),
        Member::optional("imageDigest", Rule::ANY_TEXT),
    ];
}

/// The image that was pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageResponse {
    /// The image.
    pub image: Image,
}

/// Reads manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchGetImageRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The images.
    pub image_ids: Vec<ImageIdentifier>,
    /// Media types that the caller understands; all if empty.
    pub accepted_media_types: Vec<String>,
}

impl Request for BatchGetImageRequest {
    const OPERATION: &'static str = "BatchGetImage";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("imageIds", IMAGE_IDENTIFIERS),
        Member::optional("acceptedMediaTypes", Rule::List { of: &Rule::ANY_TEXT, min: 1, max: 100 }),
    ];
}

/// The manifests that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchGetImageResponse {
    /// The images.
    pub images: Vec<Image>,
    /// The others.
    pub failures: Vec<ImageFailure>,
}

/// Lists an image once for each of its tags, or once if it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListImagesRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Page size; 100 if absent.
    pub max_results: Option<u32>,
    /// Which images.
    pub filter: Option<ImagesFilter>,
}

impl Request for ListImagesRequest {
    const OPERATION: &'static str = "ListImages";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::optional("nextToken", Rule::ANY_TEXT),
        Member::optional("maxResults", Rule::Integer { min: 1, max: 1000 }),
        Member::optional("filter", IMAGES_FILTER),
    ];
}

/// A page of image ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImagesResponse {
    /// The ids.
    pub image_ids: Vec<ImageIdentifier>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Describes the images of a repository, or some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeImagesRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// Images; all of the repository if empty.
    pub image_ids: Vec<ImageIdentifier>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Page size; 100 if absent.
    pub max_results: Option<u32>,
    /// Which images.
    pub filter: Option<ImagesFilter>,
}

impl Request for DescribeImagesRequest {
    const OPERATION: &'static str = "DescribeImages";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::optional("imageIds", IMAGE_IDENTIFIERS),
        Member::optional("nextToken", Rule::ANY_TEXT),
        Member::optional("maxResults", Rule::Integer { min: 1, max: 1000 }),
        Member::optional("filter", IMAGES_FILTER),
    ];

    fn validate(&self) -> Result<(), Invalid> {
        super::check_no_page_of("imageIds", &self.image_ids, self.next_token.as_deref())
    }
}

/// How far the scan of an image is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageScanStatus {
    /// One of the model's statuses.
    pub status: String,
    /// A sentence about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What the scan of an image found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageScanFindingsSummary {
    /// When it ended, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_scan_completed_at: Option<f64>,
    /// How old the list of vulnerabilities was, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability_source_updated_at: Option<f64>,
    /// Findings by severity.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub finding_severity_counts: BTreeMap<String, u32>,
}

/// All about an image but its manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageDetail {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The digest of its manifest.
    pub image_digest: String,
    /// Its tags; the member is left out if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_tags: Vec<String>,
    /// What its layers and config take; of an index, the largest of its members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size_in_bytes: Option<u64>,
    /// When it was pushed, in seconds since 1970.
    pub image_pushed_at: f64,
    /// How far its scan is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_scan_status: Option<ImageScanStatus>,
    /// What its scan found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_scan_findings_summary: Option<ImageScanFindingsSummary>,
    /// Its manifest's media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_manifest_media_type: Option<String>,
    /// Its artifact type, or the media type of its config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_media_type: Option<String>,
    /// When it was last pulled, roughly, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_recorded_pull_time: Option<f64>,
    /// The image that it refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_manifest_digest: Option<String>,
    /// Whether it can be pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_status: Option<ImageStatus>,
    /// When it was put into the archive, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_archived_at: Option<f64>,
    /// When it came out of the archive, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activated_at: Option<f64>,
}

/// A page of images.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImagesResponse {
    /// The images.
    pub image_details: Vec<ImageDetail>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Deletes tags, or images with all their tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BatchDeleteImageRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// By tag: the tag goes, and the image with its last one. By digest: the image goes.
    pub image_ids: Vec<ImageIdentifier>,
}

impl Request for BatchDeleteImageRequest {
    const OPERATION: &'static str = "BatchDeleteImage";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("imageIds", IMAGE_IDENTIFIERS),
    ];
}

/// What was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchDeleteImageResponse {
    /// Each pair of digest and tag that is gone.
    pub image_ids: Vec<ImageIdentifier>,
    /// What was not deleted.
    pub failures: Vec<ImageFailure>,
}
