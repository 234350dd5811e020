//! IAM's operations: from the form to the rule that answers it, and back to XML or JSON.

use aws::dialect::Dialect;
use aws::query::{Form, Format, FromForm, IAM, Invalid, Output, empty_response, response};
use http::StatusCode;

use super::fault::Fault;
use super::signed::Signed;
use crate::serve::App;

macro_rules! operations {
    ($($name:literal: $request:ident => $method:ident;)*) => {
        /// The operations that are there, by the API's names.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// Runs an operation out of [`NAMES`].
        pub(super) async fn run(
            app: &App,
            operation: &str,
            (form, format): (&Form, Format),
            signed: &Signed,
        ) -> Result<Vec<u8>, Fault> {
            match operation {
                $($name => {
                    let input = aws::iam::$request::from_form(form).map_err(invalid)?;
                    let outcome = app.identity.$method(&signed.ctx, input).await;
                    let result = outcome.map_err(|error| Fault::rules(error, Dialect::Query))?;
                    Ok(written($name, format, &signed.ctx.request_id, &result))
                })*
                other => Err(Fault::new(
                    StatusCode::BAD_REQUEST,
                    "InvalidAction",
                    format!("The operation {other} is not available in this version of Wharf."),
                )),
            }
        }
    };
}

operations! {
    "AddClientIDToOpenIDConnectProvider": AddClientIDToOpenIDConnectProviderRequest => add_client_id_to_open_id_connect_provider;
    "AddRoleToInstanceProfile": AddRoleToInstanceProfileRequest => add_role_to_instance_profile;
    "AddUserToGroup": AddUserToGroupRequest => add_user_to_group;
    "AttachGroupPolicy": AttachGroupPolicyRequest => attach_group_policy;
    "AttachRolePolicy": AttachRolePolicyRequest => attach_role_policy;
    "AttachUserPolicy": AttachUserPolicyRequest => attach_user_policy;
    "CreateAccessKey": CreateAccessKeyRequest => create_access_key;
    "CreateGroup": CreateGroupRequest => create_group;
    "CreateInstanceProfile": CreateInstanceProfileRequest => create_instance_profile;
    "CreateOpenIDConnectProvider": CreateOpenIDConnectProviderRequest => create_open_id_connect_provider;
    "CreatePolicy": CreatePolicyRequest => create_policy;
    "CreatePolicyVersion": CreatePolicyVersionRequest => create_policy_version;
    "CreateRole": CreateRoleRequest => create_role;
    "CreateServiceLinkedRole": CreateServiceLinkedRoleRequest => create_service_linked_role;
    "CreateUser": CreateUserRequest => create_user;
    "DeleteAccessKey": DeleteAccessKeyRequest => delete_access_key;
    "DeleteGroup": DeleteGroupRequest => delete_group;
    "DeleteGroupPolicy": DeleteGroupPolicyRequest => delete_group_policy;
    "DeleteInstanceProfile": DeleteInstanceProfileRequest => delete_instance_profile;
    "DeleteLoginProfile": GetUserRequest => delete_login_profile;
    "DeleteOpenIDConnectProvider": DeleteOpenIDConnectProviderRequest => delete_open_id_connect_provider;
    "DeletePolicy": DeletePolicyRequest => delete_policy;
    "DeletePolicyVersion": DeletePolicyVersionRequest => delete_policy_version;
    "DeleteRole": DeleteRoleRequest => delete_role;
    "DeleteRolePermissionsBoundary": DeleteRolePermissionsBoundaryRequest => delete_role_permissions_boundary;
    "DeleteRolePolicy": DeleteRolePolicyRequest => delete_role_policy;
    "DeleteServiceLinkedRole": DeleteServiceLinkedRoleRequest => delete_service_linked_role;
    "DeleteUser": DeleteUserRequest => delete_user;
    "DeleteUserPermissionsBoundary": DeleteUserPermissionsBoundaryRequest => delete_user_permissions_boundary;
    "DeleteUserPolicy": DeleteUserPolicyRequest => delete_user_policy;
    "DetachGroupPolicy": DetachGroupPolicyRequest => detach_group_policy;
    "DetachRolePolicy": DetachRolePolicyRequest => detach_role_policy;
    "DetachUserPolicy": DetachUserPolicyRequest => detach_user_policy;
    "GetAccessKeyLastUsed": GetAccessKeyLastUsedRequest => get_access_key_last_used;
    "GetAccountAuthorizationDetails": GetAccountAuthorizationDetailsRequest => get_account_authorization_details;
    "GetAccountSummary": GetAccountSummaryRequest => get_account_summary;
    "GetContextKeysForCustomPolicy": GetContextKeysForCustomPolicyRequest => get_context_keys_for_custom_policy;
    "GetContextKeysForPrincipalPolicy": GetContextKeysForPrincipalPolicyRequest => get_context_keys_for_principal_policy;
    "GetGroup": GetGroupRequest => get_group;
    "GetGroupPolicy": GetGroupPolicyRequest => get_group_policy;
    "GetInstanceProfile": GetInstanceProfileRequest => get_instance_profile;
    "GetLoginProfile": GetUserRequest => get_login_profile;
    "GetOpenIDConnectProvider": GetOpenIDConnectProviderRequest => get_open_id_connect_provider;
    "GetPolicy": GetPolicyRequest => get_policy;
    "GetPolicyVersion": GetPolicyVersionRequest => get_policy_version;
    "GetRole": GetRoleRequest => get_role;
    "GetRolePolicy": GetRolePolicyRequest => get_role_policy;
    "GetServiceLinkedRoleDeletionStatus": GetServiceLinkedRoleDeletionStatusRequest => get_service_linked_role_deletion_status;
    "GetUser": GetUserRequest => get_user;
    "GetUserPolicy": GetUserPolicyRequest => get_user_policy;
    "ListAccessKeys": ListAccessKeysRequest => list_access_keys;
    "ListAccountAliases": ListAccountAliasesRequest => list_account_aliases;
    "ListAttachedGroupPolicies": ListAttachedGroupPoliciesRequest => list_attached_group_policies;
    "ListAttachedRolePolicies": ListAttachedRolePoliciesRequest => list_attached_role_policies;
    "ListAttachedUserPolicies": ListAttachedUserPoliciesRequest => list_attached_user_policies;
    "ListEntitiesForPolicy": ListEntitiesForPolicyRequest => list_entities_for_policy;
    "ListGroupPolicies": ListGroupPoliciesRequest => list_group_policies;
    "ListGroups": ListGroupsRequest => list_groups;
    "ListGroupsForUser": ListGroupsForUserRequest => list_groups_for_user;
    "ListInstanceProfileTags": ListInstanceProfileTagsRequest => list_instance_profile_tags;
    "ListInstanceProfiles": ListInstanceProfilesRequest => list_instance_profiles;
    "ListInstanceProfilesForRole": ListInstanceProfilesForRoleRequest => list_instance_profiles_for_role;
    "ListMFADevices": ListUserThingsRequest => list_mfa_devices;
    "ListOpenIDConnectProviderTags": ListOpenIDConnectProviderTagsRequest => list_open_id_connect_provider_tags;
    "ListOpenIDConnectProviders": ListOpenIDConnectProvidersRequest => list_open_id_connect_providers;
    "ListPolicies": ListPoliciesRequest => list_policies;
    "ListPolicyTags": ListPolicyTagsRequest => list_policy_tags;
    "ListPolicyVersions": ListPolicyVersionsRequest => list_policy_versions;
    "ListRolePolicies": ListRolePoliciesRequest => list_role_policies;
    "ListRoleTags": ListRoleTagsRequest => list_role_tags;
    "ListRoles": ListRolesRequest => list_roles;
    "ListSSHPublicKeys": ListUserThingsRequest => list_ssh_public_keys;
    "ListServiceSpecificCredentials": ListUserThingsRequest => list_service_specific_credentials;
    "ListSigningCertificates": ListUserThingsRequest => list_signing_certificates;
    "ListUserPolicies": ListUserPoliciesRequest => list_user_policies;
    "ListUserTags": ListUserTagsRequest => list_user_tags;
    "ListUsers": ListUsersRequest => list_users;
    "ListVirtualMFADevices": ListUserThingsRequest => list_virtual_mfa_devices;
    "PutGroupPolicy": PutGroupPolicyRequest => put_group_policy;
    "PutRolePermissionsBoundary": PutRolePermissionsBoundaryRequest => put_role_permissions_boundary;
    "PutRolePolicy": PutRolePolicyRequest => put_role_policy;
    "PutUserPermissionsBoundary": PutUserPermissionsBoundaryRequest => put_user_permissions_boundary;
    "PutUserPolicy": PutUserPolicyRequest => put_user_policy;
    "RemoveClientIDFromOpenIDConnectProvider": RemoveClientIDFromOpenIDConnectProviderRequest => remove_client_id_from_open_id_connect_provider;
    "RemoveRoleFromInstanceProfile": RemoveRoleFromInstanceProfileRequest => remove_role_from_instance_profile;
    "RemoveUserFromGroup": RemoveUserFromGroupRequest => remove_user_from_group;
    "SetDefaultPolicyVersion": SetDefaultPolicyVersionRequest => set_default_policy_version;
    "SimulateCustomPolicy": SimulateCustomPolicyRequest => simulate_custom_policy;
    "SimulatePrincipalPolicy": SimulatePrincipalPolicyRequest => simulate_principal_policy;
    "TagInstanceProfile": TagInstanceProfileRequest => tag_instance_profile;
    "TagOpenIDConnectProvider": TagOpenIDConnectProviderRequest => tag_open_id_connect_provider;
    "TagPolicy": TagPolicyRequest => tag_policy;
    "TagRole": TagRoleRequest => tag_role;
    "TagUser": TagUserRequest => tag_user;
    "UntagInstanceProfile": UntagInstanceProfileRequest => untag_instance_profile;
    "UntagOpenIDConnectProvider": UntagOpenIDConnectProviderRequest => untag_open_id_connect_provider;
    "UntagPolicy": UntagPolicyRequest => untag_policy;
    "UntagRole": UntagRoleRequest => untag_role;
    "UntagUser": UntagUserRequest => untag_user;
    "UpdateAccessKey": UpdateAccessKeyRequest => update_access_key;
    "UpdateAssumeRolePolicy": UpdateAssumeRolePolicyRequest => update_assume_role_policy;
    "UpdateGroup": UpdateGroupRequest => update_group;
    "UpdateOpenIDConnectProviderThumbprint": UpdateOpenIDConnectProviderThumbprintRequest => update_open_id_connect_provider_thumbprint;
    "UpdateRole": UpdateRoleRequest => update_role;
    "UpdateRoleDescription": UpdateRoleDescriptionRequest => update_role_description;
    "UpdateUser": UpdateUserRequest => update_user;
    "WharfExplainAccess": WharfExplainAccessRequest => wharf_explain_access;
    "WharfPutOpenIDConnectProviderKeys": WharfPutOpenIDConnectProviderKeysRequest => wharf_put_open_id_connect_provider_keys;
}

/// The operation of this name, if it is there.
pub(super) fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

fn written<T: Output>(operation: &str, format: Format, request_id: &str, result: &T) -> Vec<u8> {
    if T::IS_EMPTY {
        return empty_response(IAM, format, operation, request_id);
    }
    response(IAM, format, operation, request_id, |out| result.write(out))
}

pub(super) fn invalid(invalid: Invalid) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, "ValidationError", invalid.message)
}
