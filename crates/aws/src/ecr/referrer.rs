//! ListImageReferrers: signatures, attestations and other artifacts that name an image as their subject.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::pattern::{REGISTRY_ID, REPOSITORY_NAME};
use super::validate::{Member, Rule};
use super::{ImageStatus, ImageStatusFilter, Request};

/// The image whose referrers are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubjectIdentifier {
    /// Its digest.
    pub image_digest: String,
}

/// Which referrers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListImageReferrersFilter {
    /// Artifact types; all if empty.
    pub artifact_types: Vec<String>,
    /// Statuses; active ones if absent.
    pub artifact_status: Option<ImageStatusFilter>,
}

/// Lists the artifacts that refer to an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListImageReferrersRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The image.
    pub subject_id: SubjectIdentifier,
    /// Which referrers.
    pub filter: Option<ListImageReferrersFilter>,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Page size; 20 if absent.
    pub max_results: Option<u32>,
}

impl Request for ListImageReferrersRequest {
    const OPERATION: &'static str = "ListImageReferrers";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("subjectId", Rule::Structure(&[Member::required("imageDigest", Rule::ANY_TEXT)])),
        Member::optional(
            "filter",
            Rule::Structure(&[
                Member::optional("artifactTypes", Rule::List { of: &Rule::text(1, 255), min: 0, max: 5 }),
                Member::optional("artifactStatus", super::IMAGE_STATUS_FILTER),
            ]),
        ),
        Member::optional("nextToken", Rule::ANY_TEXT),
        Member::optional("maxResults", Rule::Integer { min: 1, max: 50 }),
    ];
}

/// An artifact that refers to an image.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageReferrer {
    /// Its digest.
    pub digest: String,
    /// Its manifest's media type.
    pub media_type: String,
    /// Its artifact type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Its manifest's size in bytes.
    pub size: u64,
    /// Its manifest's annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Box<RawValue>>,
    /// Whether it can be pulled.
    pub artifact_status: ImageStatus,
}

/// A page of referrers.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListImageReferrersResponse {
    /// The referrers.
    pub referrers: Vec<ImageReferrer>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
