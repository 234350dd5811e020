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
    /// The rules. There are none: nothing is replicated yet.
    pub rules: [(); 0],
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
