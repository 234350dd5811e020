//! Requests on managed policies.

use super::{MARKER, SCOPE, USAGE, VERSION_ID};
use crate::query::request::{ARN, DOCUMENT, NAME_128, PATH_PREFIX, POLICY_PATH, text};

crate::query_requests! {
    /// `CreatePolicy`.
    CreatePolicyRequest {
        policy_name: required(NAME_128) "PolicyName",
        path: optional(POLICY_PATH) "Path",
        policy_document: required(DOCUMENT) "PolicyDocument",
        description: optional(text(0,1000)) "Description",
        tags: tags "Tags",
    }
    /// `GetPolicy`.
    GetPolicyRequest {
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `ListPolicies`.
    ListPoliciesRequest {
        scope: optional(SCOPE) "Scope",
        only_attached: flag "OnlyAttached",
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        policy_usage_filter: optional(USAGE) "PolicyUsageFilter",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `DeletePolicy`.
    DeletePolicyRequest {
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `CreatePolicyVersion`.
    CreatePolicyVersionRequest {
        policy_arn: required(ARN) "PolicyArn",
        policy_document: required(DOCUMENT) "PolicyDocument",
        set_as_default: flag "SetAsDefault",
    }
    /// `GetPolicyVersion`.
    GetPolicyVersionRequest {
        policy_arn: required(ARN) "PolicyArn",
        version_id: required(VERSION_ID) "VersionId",
    }
    /// `ListPolicyVersions`.
    ListPolicyVersionsRequest {
        policy_arn: required(ARN) "PolicyArn",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `DeletePolicyVersion`.
    DeletePolicyVersionRequest {
        policy_arn: required(ARN) "PolicyArn",
        version_id: required(VERSION_ID) "VersionId",
    }
    /// `SetDefaultPolicyVersion`.
    SetDefaultPolicyVersionRequest {
        policy_arn: required(ARN) "PolicyArn",
        version_id: required(VERSION_ID) "VersionId",
    }
    /// `ListEntitiesForPolicy`.
    ListEntitiesForPolicyRequest {
        policy_arn: required(ARN) "PolicyArn",
        entity_filter: optional(text(1,64)) "EntityFilter",
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        policy_usage_filter: optional(USAGE) "PolicyUsageFilter",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `TagPolicy`.
    TagPolicyRequest {
        policy_arn: required(ARN) "PolicyArn",
        tags: required_tags "Tags",
    }
    /// `UntagPolicy`.
    UntagPolicyRequest {
        policy_arn: required(ARN) "PolicyArn",
        tag_keys: required_texts(text(1,128),50) "TagKeys",
    }
    /// `ListPolicyTags`.
    ListPolicyTagsRequest {
        policy_arn: required(ARN) "PolicyArn",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
}
