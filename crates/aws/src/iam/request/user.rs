//! Requests on users and their access keys.

use super::{MARKER, STATUS};
use crate::query::request::{ACCESS_KEY_ID, ARN, DOCUMENT, NAME_64, NAME_128, PATH, PATH_PREFIX, text};

crate::query_requests! {
    /// `CreateUser`.
    CreateUserRequest {
        path: optional(PATH) "Path",
        user_name: required(NAME_64) "UserName",
        permissions_boundary: optional(ARN) "PermissionsBoundary",
        tags: tags "Tags",
    }
    /// `GetUser`.
    GetUserRequest {
        user_name: optional(NAME_64) "UserName",
    }
    /// `ListUsers`.
    ListUsersRequest {
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `UpdateUser`.
    UpdateUserRequest {
        user_name: required(NAME_64) "UserName",
        new_path: optional(PATH) "NewPath",
        new_user_name: optional(NAME_64) "NewUserName",
    }
    /// `DeleteUser`.
    DeleteUserRequest {
        user_name: required(NAME_64) "UserName",
    }
    /// `TagUser`.
    TagUserRequest {
        user_name: required(NAME_64) "UserName",
        tags: required_tags "Tags",
    }
    /// `UntagUser`.
    UntagUserRequest {
        user_name: required(NAME_64) "UserName",
        tag_keys: required_texts(text(1,128),50) "TagKeys",
    }
    /// `ListUserTags`.
    ListUserTagsRequest {
        user_name: required(NAME_64) "UserName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `PutUserPolicy`.
    PutUserPolicyRequest {
        user_name: required(NAME_64) "UserName",
        policy_name: required(NAME_128) "PolicyName",
        policy_document: required(DOCUMENT) "PolicyDocument",
    }
    /// `GetUserPolicy`.
    GetUserPolicyRequest {
        user_name: required(NAME_64) "UserName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `DeleteUserPolicy`.
    DeleteUserPolicyRequest {
        user_name: required(NAME_64) "UserName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `ListUserPolicies`.
    ListUserPoliciesRequest {
        user_name: required(NAME_64) "UserName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `AttachUserPolicy`.
    AttachUserPolicyRequest {
        user_name: required(NAME_64) "UserName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `DetachUserPolicy`.
    DetachUserPolicyRequest {
        user_name: required(NAME_64) "UserName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `ListAttachedUserPolicies`.
    ListAttachedUserPoliciesRequest {
        user_name: required(NAME_64) "UserName",
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `PutUserPermissionsBoundary`.
    PutUserPermissionsBoundaryRequest {
        user_name: required(NAME_64) "UserName",
        permissions_boundary: required(ARN) "PermissionsBoundary",
    }
    /// `DeleteUserPermissionsBoundary`.
    DeleteUserPermissionsBoundaryRequest {
        user_name: required(NAME_64) "UserName",
    }
    /// `ListGroupsForUser`.
    ListGroupsForUserRequest {
        user_name: required(NAME_64) "UserName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `CreateAccessKey`.
    CreateAccessKeyRequest {
        user_name: optional(NAME_64) "UserName",
    }
    /// `ListAccessKeys`.
    ListAccessKeysRequest {
        user_name: optional(NAME_64) "UserName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `UpdateAccessKey`.
    UpdateAccessKeyRequest {
        user_name: optional(NAME_64) "UserName",
        access_key_id: required(ACCESS_KEY_ID) "AccessKeyId",
        status: required(STATUS) "Status",
    }
    /// `DeleteAccessKey`.
    DeleteAccessKeyRequest {
        user_name: optional(NAME_64) "UserName",
        access_key_id: required(ACCESS_KEY_ID) "AccessKeyId",
    }
    /// `GetAccessKeyLastUsed`.
    GetAccessKeyLastUsedRequest {
        access_key_id: required(ACCESS_KEY_ID) "AccessKeyId",
    }
    /// Lists of what users of this IAM never have: MFA devices, SSH keys, certificates.
    ListUserThingsRequest {
        user_name: optional(NAME_64) "UserName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
}
