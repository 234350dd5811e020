//! DescribeRegistry.

use serde::{Deserialize, Serialize};

use super::Request;
use super::validate::Member;

/// Asks for the caller's registry and its settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DescribeRegistryRequest {}

impl Request for DescribeRegistryRequest {
    const OPERATION: &'static str = "DescribeRegistry";
    const MEMBERS: &'static [Member] = &[];
}

/// Where images are copied to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationConfiguration {
    /// The rules; none means that nothing is replicated.
    pub rules: Vec<ReplicationRule>,
}

/// Destinations of some repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRule {
    /// Where to.
    pub destinations: Vec<ReplicationDestination>,
    /// Which repositories; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repository_filters: Vec<RepositoryFilter>,
}

/// A registry that images are copied to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationDestination {
    /// Its region.
    pub region: String,
    /// Its account.
    pub registry_id: String,
}

/// How a filter over repositories is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RepositoryFilterType {
    /// The beginning of the name.
    #[default]
    PrefixMatch,
}

/// Repositories by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryFilter {
    /// What to compare with.
    pub filter: String,
    /// How.
    pub filter_type: RepositoryFilterType,
}

/// The registry and its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRegistryResponse {
    /// The account.
    pub registry_id: String,
    /// Where images are copied to.
    pub replication_configuration: ReplicationConfiguration,
}
