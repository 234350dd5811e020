//! The policies of repositories and registries, account settings, and the findings of scans.

use serde::{Deserialize, Serialize};

use super::pattern::{REGISTRY_ID, REPOSITORY_NAME};
use super::validate::{Member, Rule};
use super::{ImageIdentifier, Request};

const POLICY_TEXT: Rule = Rule::text(0, 10_240);

/// Writes a repository's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetRepositoryPolicyRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The policy, as JSON.
    pub policy_text: String,
    /// Whether a policy that locks the caller out is written all the same.
    pub force: bool,
}

impl Request for SetRepositoryPolicyRequest {
    const OPERATION: &'static str = "SetRepositoryPolicy";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required("policyText", POLICY_TEXT),
        Member::optional("force", Rule::Flag),
    ];
}

macro_rules! of_repository {
    ($($(#[$doc:meta])* $name:ident $operation:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            /// The account; the caller's own if absent.
            pub registry_id: Option<String>,
            /// The repository's name.
            pub repository_name: String,
        }

        impl Request for $name {
            const OPERATION: &'static str = $operation;
            const MEMBERS: &'static [Member] = &[
                Member::optional("registryId", REGISTRY_ID),
                Member::required("repositoryName", REPOSITORY_NAME),
            ];
        }
    )*};
}

of_repository! {
    /// Shows a repository's policy.
    GetRepositoryPolicyRequest "GetRepositoryPolicy";
    /// Removes a repository's policy.
    DeleteRepositoryPolicyRequest "DeleteRepositoryPolicy";
}

/// A repository's policy: the one that holds, or the one that was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryPolicyResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The policy, as JSON.
    pub policy_text: String,
}

/// Writes the registry's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutRegistryPolicyRequest {
    /// The policy, as JSON.
    pub policy_text: String,
}

impl Request for PutRegistryPolicyRequest {
    const OPERATION: &'static str = "PutRegistryPolicy";
    const MEMBERS: &'static [Member] = &[Member::required("policyText", POLICY_TEXT)];
}

macro_rules! of_registry {
    ($($(#[$doc:meta])* $name:ident $operation:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {}

        impl Request for $name {
            const OPERATION: &'static str = $operation;
            const MEMBERS: &'static [Member] = &[];
        }
    )*};
}

of_registry! {
    /// Shows the registry's policy.
    GetRegistryPolicyRequest "GetRegistryPolicy";
    /// Removes the registry's policy.
    DeleteRegistryPolicyRequest "DeleteRegistryPolicy";
}

/// A registry's policy: the one that holds, or the one that was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistryPolicyResponse {
    /// The account.
    pub registry_id: String,
    /// The policy, as JSON.
    pub policy_text: String,
}

/// Shows a setting of the account in the region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAccountSettingRequest {
    /// Its name.
    pub name: String,
}

impl Request for GetAccountSettingRequest {
    const OPERATION: &'static str = "GetAccountSetting";
    const MEMBERS: &'static [Member] = &[Member::required("name", Rule::text(1, 64))];
}

/// Changes a setting of the account in the region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutAccountSettingRequest {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Request for PutAccountSettingRequest {
    const OPERATION: &'static str = "PutAccountSetting";
    const MEMBERS: &'static [Member] =
        &[Member::required("name", Rule::text(1, 64)), Member::required("value", Rule::ANY_TEXT)];
}

/// A setting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountSettingResponse {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Asks what a scan found in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeImageScanFindingsRequest {
    /// The account; the caller's own if absent.
    pub registry_id: Option<String>,
    /// The repository's name.
    pub repository_name: String,
    /// The image.
    pub image_id: ImageIdentifier,
    /// Where the last page ended.
    pub next_token: Option<String>,
    /// Page size.
    pub max_results: Option<u32>,
}

impl Request for DescribeImageScanFindingsRequest {
    const OPERATION: &'static str = "DescribeImageScanFindings";
    const MEMBERS: &'static [Member] = &[
        Member::optional("registryId", REGISTRY_ID),
        Member::required("repositoryName", REPOSITORY_NAME),
        Member::required(
            "imageId",
            Rule::Structure(&[
                Member::optional("imageDigest", Rule::ANY_TEXT),
                Member::optional("imageTag", Rule::text(1, 300)),
            ]),
        ),
        Member::optional("nextToken", Rule::ANY_TEXT),
        Member::optional("maxResults", Rule::Integer { min: 1, max: 1000 }),
    ];
}

/// What a scan found. No scan exists yet, so none is ever answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeImageScanFindingsResponse {
    /// The account.
    pub registry_id: String,
    /// The repository's name.
    pub repository_name: String,
    /// The image.
    pub image_id: ImageIdentifier,
}
