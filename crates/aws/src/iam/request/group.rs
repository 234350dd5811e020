//! Requests on groups and on instance profiles.

use super::MARKER;
use crate::query::request::{ARN, DOCUMENT, NAME_64, NAME_128, PATH, PATH_PREFIX, text};

crate::query_requests! {
    /// `CreateGroup`.
    CreateGroupRequest {
        path: optional(PATH) "Path",
        group_name: required(NAME_128) "GroupName",
    }
    /// `GetGroup`.
    GetGroupRequest {
        group_name: required(NAME_128) "GroupName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `ListGroups`.
    ListGroupsRequest {
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `UpdateGroup`.
    UpdateGroupRequest {
        group_name: required(NAME_128) "GroupName",
        new_path: optional(PATH) "NewPath",
        new_group_name: optional(NAME_128) "NewGroupName",
    }
    /// `DeleteGroup`.
    DeleteGroupRequest {
        group_name: required(NAME_128) "GroupName",
    }
    /// `AddUserToGroup`.
    AddUserToGroupRequest {
        group_name: required(NAME_128) "GroupName",
        user_name: required(NAME_64) "UserName",
    }
    /// `RemoveUserFromGroup`.
    RemoveUserFromGroupRequest {
        group_name: required(NAME_128) "GroupName",
        user_name: required(NAME_64) "UserName",
    }
    /// `PutGroupPolicy`.
    PutGroupPolicyRequest {
        group_name: required(NAME_128) "GroupName",
        policy_name: required(NAME_128) "PolicyName",
        policy_document: required(DOCUMENT) "PolicyDocument",
    }
    /// `GetGroupPolicy`.
    GetGroupPolicyRequest {
        group_name: required(NAME_128) "GroupName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `DeleteGroupPolicy`.
    DeleteGroupPolicyRequest {
        group_name: required(NAME_128) "GroupName",
        policy_name: required(NAME_128) "PolicyName",
    }
    /// `ListGroupPolicies`.
    ListGroupPoliciesRequest {
        group_name: required(NAME_128) "GroupName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `AttachGroupPolicy`.
    AttachGroupPolicyRequest {
        group_name: required(NAME_128) "GroupName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `DetachGroupPolicy`.
    DetachGroupPolicyRequest {
        group_name: required(NAME_128) "GroupName",
        policy_arn: required(ARN) "PolicyArn",
    }
    /// `ListAttachedGroupPolicies`.
    ListAttachedGroupPoliciesRequest {
        group_name: required(NAME_128) "GroupName",
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `CreateInstanceProfile`.
    CreateInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        path: optional(PATH) "Path",
        tags: tags "Tags",
    }
    /// `GetInstanceProfile`.
    GetInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
    }
    /// `ListInstanceProfiles`.
    ListInstanceProfilesRequest {
        path_prefix: optional(PATH_PREFIX) "PathPrefix",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `DeleteInstanceProfile`.
    DeleteInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
    }
    /// `AddRoleToInstanceProfile`.
    AddRoleToInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        role_name: required(NAME_64) "RoleName",
    }
    /// `RemoveRoleFromInstanceProfile`.
    RemoveRoleFromInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        role_name: required(NAME_64) "RoleName",
    }
    /// `ListInstanceProfilesForRole`.
    ListInstanceProfilesForRoleRequest {
        role_name: required(NAME_64) "RoleName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
    /// `TagInstanceProfile`.
    TagInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        tags: required_tags "Tags",
    }
    /// `UntagInstanceProfile`.
    UntagInstanceProfileRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        tag_keys: required_texts(text(1,128),50) "TagKeys",
    }
    /// `ListInstanceProfileTags`.
    ListInstanceProfileTagsRequest {
        instance_profile_name: required(NAME_128) "InstanceProfileName",
        marker: optional(MARKER) "Marker",
        max_items: number(1, 1000) "MaxItems",
    }
}
