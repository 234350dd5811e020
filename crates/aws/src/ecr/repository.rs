//! CreateRepository, DescribeRepositories, DeleteRepository, PutImageTagMutability and PutImageScanningConfiguration.

use serde::{Deserialize, Serialize};

use super::Request;
use super::invalid::Invalid;
use super::pattern::{EXCLUSION_FILTER, REGISTRY_ID, REPOSITORY_NAME};
use super::tagging::{TAG_LIST, Tag, check_tags};
use super::validate::{Member, Rule};

/// Whether a tag that exists can be moved to another image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageTagMutability {
    /// Every tag can be moved.
    #[default]
    Mutable,
    /// No tag can be moved.
    Immutable,
    /// Tags can be moved, except those that a filter matches.
    MutableWithExclusion,
    /// Tags cannot be moved, except those that a filter matches.
    ImmutableWithExclusion,
}

/// How a filter over tags is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ImageTagMutabilityExclusionFilterType {
    /// `*` stands for any run of characters.
    #[default]
    Wildcard,
}

/// Tags that are exempt from a repository's mutability setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageTagMutabilityExclusionFilter {
    /// How `filter` is written.
    pub filter_type: ImageTagMutabilityExclusionFilterType,
    /// The wildcard.
    pub filter: String,
}

/// Whether images are scanned when they are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageScanningConfiguration {
    /// Scan on push.
    pub scan_on_push: bool,
}

/// Who holds the key that a repository's images are encrypted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncryptionType {
    /// The store's own.
    #[default]
    #[serde(rename = "AES256")]
    Aes256,
    /// A key management service.
    #[serde(rename = "KMS")]
    Kms,
    /// A key management service, two layers.
    #[serde(rename = "KMS_DSSE")]
    KmsDsse,
}

/// A repository's encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EncryptionConfiguration {
    /// Who holds the key.
    pub encryption_type: EncryptionType,
    /// Which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// A repository.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    /// Its ARN.
    pub repository_arn: String,
    /// The account that it belongs to.
    pub registry_id: String,
    /// Its name.
    pub repository_name: String,
    /// What a container client calls it.
    pub repository_uri: String,
    /// When it was made, in seconds since 1970.
    pub created_at: f64,
    /// Whether its tags can be moved.
    pub image_tag_mutability: ImageTagMutability,
    /// Tags that are exempt from that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_tag_mutability_exclusion_filters: Vec<ImageTagMutabilityExclusionFilter>,
    /// Whether its images are scanned.
    pub image_scanning_configuration: ImageScanningConfiguration,
    /// How its images are encrypted.
    pub encryption_configuration: EncryptionConfiguration,
}

const SCANNING: Rule = Rule::Structure(&[Member::optional("scanOnPush", Rule::Flag)]);

/// The order is that of ECR's text.
const MUTABILITY: Rule =
    Rule::Choice(&["IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"]);

const EXCLUSION_FILTERS: Rule = Rule::List {
    of: &Rule::Structure(&[
        Member::required("filterType", Rule::Choice(&["WILDCARD"])),
        Member::required("filter", EXCLUSION_FILTER),
    ]),
    min: 1,
    max: 5,
};

/// The filters come with a setting that speaks of them, and only with such a one.
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

/// Makes a repository.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateRepositoryRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The name.
    pub repository_name: String,
    /// Resource tags.
    pub tags: Vec<Tag>,
    /// Whether tags can be moved; they can if absent.
    pub image_tag_mutability: Option<ImageTagMutability>,
    /// Tags that are exempt from that.
    pub image_tag_mutability_exclusion_filters: Vec<ImageTagMutabilityExclusionFilter>,
    /// Whether images are scanned.
    pub image_scanning_configuration: Option<ImageScanningConfiguration>,
    /// How images are encrypted.
    pub encryption_configuration: Option<EncryptionConfiguration>,
}

impl Request for CreateRepositoryRequest {
    const OPERATION: &'static str = "CreateRepository";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::optional("tags", TAG_LIST),
        Member::optional("imageTagMutability", MUTABILITY),
        Member::optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
        Member::optional("imageScanningConfiguration", SCANNING),
        Member::optional(
            "encryptionConfiguration",
            Rule::Structure(&[
                Member::required("encryptionType", Rule::Choice(&["AES256", "KMS", "KMS_DSSE"])),
                Member::optional("kmsKey", Rule::text(1, 2048)),
            ]),
        ),
    ];

    fn validate(&self) -> Result<(), Invalid> {
        check_filters(self.image_tag_mutability, &self.image_tag_mutability_exclusion_filters)?;
        check_tags(&self.tags)
    }
}

/// The repository that was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepositoryResponse {
    /// The repository.
    pub repository: Repository,
}

/// Lists repositories, or describes some by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeRepositoriesRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// Names; all of the registry if empty.
    pub repository_names: Vec<String>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Page size; 100 if absent.
    pub max_results: Option<u32>,
}

impl Request for DescribeRepositoriesRequest {
    const OPERATION: &'static str = "DescribeRepositories";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::optional("repositoryNames", Rule::List { of: &REPOSITORY_NAME, min: 1, max: 100 }),
        Member::optional("nextToken", Rule::ANY_TEXT),
        Member::optional("maxResults", Rule::Integer { min: 1, max: 1000 }),
    ];

    fn validate(&self) -> Result<(), Invalid> {
        super::check_no_page_of("repositoryNames", &self.repository_names, self.next_token.as_deref())
    }
}

/// A page of repositories.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositoriesResponse {
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Deletes a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteRepositoryRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The name.
    pub repository_name: String,
    /// Also if it holds images.
    pub force: bool,
}

impl Request for DeleteRepositoryRequest {
    const OPERATION: &'static str = "DeleteRepository";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::optional("force", Rule::Flag),
    ];
}

/// The repository that was deleted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteRepositoryResponse {
    /// The repository.
    pub repository: Repository,
}

/// Changes whether a repository's tags can be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutImageTagMutabilityRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The new setting.
    pub image_tag_mutability: ImageTagMutability,
    /// Tags that are exempt from it.
    pub image_tag_mutability_exclusion_filters: Vec<ImageTagMutabilityExclusionFilter>,
}

impl Request for PutImageTagMutabilityRequest {
    const OPERATION: &'static str = "PutImageTagMutability";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("imageTagMutability", MUTABILITY),
        Member::optional("imageTagMutabilityExclusionFilters", EXCLUSION_FILTERS),
    ];

    fn validate(&self) -> Result<(), Invalid> {
        check_filters(Some(self.image_tag_mutability), &self.image_tag_mutability_exclusion_filters)
    }
}

/// The setting as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageTagMutabilityResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The setting.
    pub image_tag_mutability: ImageTagMutability,
    /// Tags that are exempt from it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_tag_mutability_exclusion_filters: Vec<ImageTagMutabilityExclusionFilter>,
}

/// Changes whether a repository's images are scanned when they are pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutImageScanningConfigurationRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The new setting.
    pub image_scanning_configuration: ImageScanningConfiguration,
}

impl Request for PutImageScanningConfigurationRequest {
    const OPERATION: &'static str = "PutImageScanningConfiguration";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("imageScanningConfiguration", SCANNING),
    ];
}

/// The setting as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PutImageScanningConfigurationResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The setting.
    pub image_scanning_configuration: ImageScanningConfiguration,
}
