//! Requests on roles.

use super::MARKER;
use crate::query::request::{ARN, DOCUMENT, NAME_64, NAME_128, PATH, PATH_PREFIX, ROLE_DESCRIPTION, text};

crate::query_requests! {
    /// `CreateRole`.
    CreateRoleRequest {
        path: optional(PATH) "Path",
        role_name: required(NAME_64) "RoleName",
        assume_role_policy_document: required(DOCUMENT) "AssumeRolePolicyDocument",
        description: optional(ROLE_DESCRIPTION) "Description",
        max_session_duration: number(3600,43200) "MaxSessionDuration",
        permissions_boundary: optional(ARN) "PermissionsBoundary",
        tags: tags "Tags",
    }
    /// `GetRole`.
    GetRoleRequest {
        role_name: required(NAME_64) "RoleName",
    }
    /// `ListRoles`.
    ListRolesRequest {
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `UpdateRole`.
    UpdateRoleRequest {
        role_name: required(NAME_64) "RoleName",
        description: optional(ROLE_DESCRIPTION) "Description",
        max_session_duration: number(3600,43200) "MaxSessionDuration",
    }
    /// `UpdateRoleDescription`.
    UpdateRoleDescriptionRequest {
        role_name: required(NAME_64) "RoleName",
        description: required(ROLE_DESCRIPTION) "Description",
    }
    /// `UpdateAssumeRolePolicy`.
    UpdateAssumeRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_document: required(DOCUMENT) "PolicyDocument",
    }
    /// `DeleteRole`.
    DeleteRoleRequest {
        role_name: required(NAME_64) "RoleName",
    }
    /// `TagRole`.
    TagRoleRequest {
        role_name: required(NAME_64) "RoleName",
        tags: required_tags "Tags",
    }
    /// `UntagRole`.
    UntagRoleRequest {
        role_name: required(NAME_64) "RoleName",
        tag_keys: required_texts(text(1,128),50) "TagKeys",
    }
    /// `ListRoleTags`.
    ListRoleTagsRequest {
        role_name: required(NAME_64) "RoleName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `PutRolePolicy`.
    PutRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_name: required(NAME_128) "PolicyName",
        policy_document: required(DOCUMENT) "PolicyDocument",
    }
    /// `GetRolePolicy`.
    GetRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `DeleteRolePolicy`.
    DeleteRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `ListRolePolicies`.
    ListRolePoliciesRequest {
        role_name: required(NAME_64) "RoleName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `AttachRolePolicy`.
    AttachRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `DetachRolePolicy`.
    DetachRolePolicyRequest {
        role_name: required(NAME_64) "RoleName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `ListAttachedRolePolicies`.
    ListAttachedRolePoliciesRequest {
        role_name: required(NAME_64) "RoleName",
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `PutRolePermissionsBoundary`.
    PutRolePermissionsBoundaryRequest {
        role_name: required(NAME_64) "RoleName",
        permissions_boundary: required(ARN) "PermissionsBoundary",
    }
    /// `DeleteRolePermissionsBoundary`.
    DeleteRolePermissionsBoundaryRequest {
        role_name: required(NAME_64) "RoleName",
    }
    /// `CreateServiceLinkedRole`.
    CreateServiceLinkedRoleRequest {
        aws_service_name: required(NAME_128) "AWSServiceName",
        description: optional(ROLE_DESCRIPTION) "Description",
        custom_suffix: optional(NAME_64) "CustomSuffix",
    }
    /// `DeleteServiceLinkedRole`.
    DeleteServiceLinkedRoleRequest {
        role_name: required(NAME_64) "RoleName",
    }
    /// `GetServiceLinkedRoleDeletionStatus`.
    GetServiceLinkedRoleDeletionStatusRequest {
        deletion_task_id: required(text(1,1000)) "DeletionTaskId",
    }
}
