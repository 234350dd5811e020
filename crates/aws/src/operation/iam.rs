//! The operations of IAM (API 2010-05-08) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::iam`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! iam_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                AddClientIDToOpenIDConnectProvider: "iam:AddClientIDToOpenIDConnectProvider" on Named => AddClientIDToOpenIDConnectProviderRequest, add_client_id_to_open_id_connect_provider;
                AddRoleToInstanceProfile: "iam:AddRoleToInstanceProfile" on Named => AddRoleToInstanceProfileRequest, add_role_to_instance_profile;
                AddUserToGroup: "iam:AddUserToGroup" on Named => AddUserToGroupRequest, add_user_to_group;
                AttachGroupPolicy: "iam:AttachGroupPolicy" on Named => AttachGroupPolicyRequest, attach_group_policy;
                AttachRolePolicy: "iam:AttachRolePolicy" on Named => AttachRolePolicyRequest, attach_role_policy;
                AttachUserPolicy: "iam:AttachUserPolicy" on Named => AttachUserPolicyRequest, attach_user_policy;
                ChangePassword: "iam:ChangePassword" on Named => ChangePasswordRequest, change_password;
                CreateAccessKey: "iam:CreateAccessKey" on Named => CreateAccessKeyRequest, create_access_key;
                CreateAccountAlias: "iam:CreateAccountAlias" on Named => CreateAccountAliasRequest, create_account_alias;
                CreateGroup: "iam:CreateGroup" on Named => CreateGroupRequest, create_group;
                CreateInstanceProfile: "iam:CreateInstanceProfile" on Named => CreateInstanceProfileRequest, create_instance_profile;
                CreateLoginProfile: "iam:CreateLoginProfile" on Named => CreateLoginProfileRequest, create_login_profile;
                CreateOpenIDConnectProvider: "iam:CreateOpenIDConnectProvider" on Named => CreateOpenIDConnectProviderRequest, create_open_id_connect_provider;
                CreatePolicy: "iam:CreatePolicy" on Named => CreatePolicyRequest, create_policy;
                CreatePolicyVersion: "iam:CreatePolicyVersion" on Named => CreatePolicyVersionRequest, create_policy_version;
                CreateRole: "iam:CreateRole" on Named => CreateRoleRequest, create_role;
                CreateServiceLinkedRole: "iam:CreateServiceLinkedRole" on Named => CreateServiceLinkedRoleRequest, create_service_linked_role;
                CreateUser: "iam:CreateUser" on Named => CreateUserRequest, create_user;
                DeleteAccessKey: "iam:DeleteAccessKey" on Named => DeleteAccessKeyRequest, delete_access_key;
                DeleteAccountAlias: "iam:DeleteAccountAlias" on Named => DeleteAccountAliasRequest, delete_account_alias;
                DeleteAccountPasswordPolicy: "iam:DeleteAccountPasswordPolicy" on Named => DeleteAccountPasswordPolicyRequest, delete_account_password_policy;
                DeleteGroup: "iam:DeleteGroup" on Named => DeleteGroupRequest, delete_group;
                DeleteGroupPolicy: "iam:DeleteGroupPolicy" on Named => DeleteGroupPolicyRequest, delete_group_policy;
                DeleteInstanceProfile: "iam:DeleteInstanceProfile" on Named => DeleteInstanceProfileRequest, delete_instance_profile;
                DeleteLoginProfile: "iam:DeleteLoginProfile" on Named => DeleteLoginProfileRequest, delete_login_profile;
                DeleteOpenIDConnectProvider: "iam:DeleteOpenIDConnectProvider" on Named => DeleteOpenIDConnectProviderRequest, delete_open_id_connect_provider;
                DeletePolicy: "iam:DeletePolicy" on Named => DeletePolicyRequest, delete_policy;
                DeletePolicyVersion: "iam:DeletePolicyVersion" on Named => DeletePolicyVersionRequest, delete_policy_version;
                DeleteRole: "iam:DeleteRole" on Named => DeleteRoleRequest, delete_role;
                DeleteRolePermissionsBoundary: "iam:DeleteRolePermissionsBoundary" on Named => DeleteRolePermissionsBoundaryRequest, delete_role_permissions_boundary;
                DeleteRolePolicy: "iam:DeleteRolePolicy" on Named => DeleteRolePolicyRequest, delete_role_policy;
                DeleteServiceLinkedRole: "iam:DeleteServiceLinkedRole" on Named => DeleteServiceLinkedRoleRequest, delete_service_linked_role;
                DeleteUser: "iam:DeleteUser" on Named => DeleteUserRequest, delete_user;
                DeleteUserPermissionsBoundary: "iam:DeleteUserPermissionsBoundary" on Named => DeleteUserPermissionsBoundaryRequest, delete_user_permissions_boundary;
                DeleteUserPolicy: "iam:DeleteUserPolicy" on Named => DeleteUserPolicyRequest, delete_user_policy;
                DetachGroupPolicy: "iam:DetachGroupPolicy" on Named => DetachGroupPolicyRequest, detach_group_policy;
                DetachRolePolicy: "iam:DetachRolePolicy" on Named => DetachRolePolicyRequest, detach_role_policy;
                DetachUserPolicy: "iam:DetachUserPolicy" on Named => DetachUserPolicyRequest, detach_user_policy;
                GetAccessKeyLastUsed: "iam:GetAccessKeyLastUsed" on Named => GetAccessKeyLastUsedRequest, get_access_key_last_used;
                GetAccountAuthorizationDetails: "iam:GetAccountAuthorizationDetails" on Named => GetAccountAuthorizationDetailsRequest, get_account_authorization_details;
                GenerateCredentialReport: "iam:GenerateCredentialReport" on Named => GenerateCredentialReportRequest, generate_credential_report;
                GetAccountPasswordPolicy: "iam:GetAccountPasswordPolicy" on Named => GetAccountPasswordPolicyRequest, get_account_password_policy;
                GetAccountSummary: "iam:GetAccountSummary" on Named => GetAccountSummaryRequest, get_account_summary;
                GetCredentialReport: "iam:GetCredentialReport" on Named => GetCredentialReportRequest, get_credential_report;
                GetContextKeysForCustomPolicy: "iam:GetContextKeysForCustomPolicy" on Named => GetContextKeysForCustomPolicyRequest, get_context_keys_for_custom_policy;
                GetContextKeysForPrincipalPolicy: "iam:GetContextKeysForPrincipalPolicy" on Named => GetContextKeysForPrincipalPolicyRequest, get_context_keys_for_principal_policy;
                GetGroup: "iam:GetGroup" on Named => GetGroupRequest, get_group;
                GetGroupPolicy: "iam:GetGroupPolicy" on Named => GetGroupPolicyRequest, get_group_policy;
                GetInstanceProfile: "iam:GetInstanceProfile" on Named => GetInstanceProfileRequest, get_instance_profile;
                GetLoginProfile: "iam:GetLoginProfile" on Named => GetLoginProfileRequest, get_login_profile;
                GetOpenIDConnectProvider: "iam:GetOpenIDConnectProvider" on Named => GetOpenIDConnectProviderRequest, get_open_id_connect_provider;
                GetPolicy: "iam:GetPolicy" on Named => GetPolicyRequest, get_policy;
                GetPolicyVersion: "iam:GetPolicyVersion" on Named => GetPolicyVersionRequest, get_policy_version;
                GetRole: "iam:GetRole" on Named => GetRoleRequest, get_role;
                GetRolePolicy: "iam:GetRolePolicy" on Named => GetRolePolicyRequest, get_role_policy;
                GetServiceLinkedRoleDeletionStatus: "iam:GetServiceLinkedRoleDeletionStatus" on Named => GetServiceLinkedRoleDeletionStatusRequest, get_service_linked_role_deletion_status;
                GetUser: "iam:GetUser" on Named => GetUserRequest, get_user;
                GetUserPolicy: "iam:GetUserPolicy" on Named => GetUserPolicyRequest, get_user_policy;
                ListAccessKeys: "iam:ListAccessKeys" on Named => ListAccessKeysRequest, list_access_keys;
                ListAccountAliases: "iam:ListAccountAliases" on Named => ListAccountAliasesRequest, list_account_aliases;
                ListAttachedGroupPolicies: "iam:ListAttachedGroupPolicies" on Named => ListAttachedGroupPoliciesRequest, list_attached_group_policies;
                ListAttachedRolePolicies: "iam:ListAttachedRolePolicies" on Named => ListAttachedRolePoliciesRequest, list_attached_role_policies;
                ListAttachedUserPolicies: "iam:ListAttachedUserPolicies" on Named => ListAttachedUserPoliciesRequest, list_attached_user_policies;
                ListEntitiesForPolicy: "iam:ListEntitiesForPolicy" on Named => ListEntitiesForPolicyRequest, list_entities_for_policy;
                ListGroupPolicies: "iam:ListGroupPolicies" on Named => ListGroupPoliciesRequest, list_group_policies;
                ListGroups: "iam:ListGroups" on Named => ListGroupsRequest, list_groups;
                ListGroupsForUser: "iam:ListGroupsForUser" on Named => ListGroupsForUserRequest, list_groups_for_user;
                ListInstanceProfileTags: "iam:ListInstanceProfileTags" on Named => ListInstanceProfileTagsRequest, list_instance_profile_tags;
                ListInstanceProfiles: "iam:ListInstanceProfiles" on Named => ListInstanceProfilesRequest, list_instance_profiles;
                ListInstanceProfilesForRole: "iam:ListInstanceProfilesForRole" on Named => ListInstanceProfilesForRoleRequest, list_instance_profiles_for_role;
                CreateVirtualMFADevice: "iam:CreateVirtualMFADevice" on Named => CreateVirtualMFADeviceRequest, create_virtual_mfa_device;
                DeactivateMFADevice: "iam:DeactivateMFADevice" on Named => DeactivateMFADeviceRequest, deactivate_mfa_device;
                DeleteVirtualMFADevice: "iam:DeleteVirtualMFADevice" on Named => DeleteVirtualMFADeviceRequest, delete_virtual_mfa_device;
                EnableMFADevice: "iam:EnableMFADevice" on Named => EnableMFADeviceRequest, enable_mfa_device;
                ResyncMFADevice: "iam:ResyncMFADevice" on Named => ResyncMFADeviceRequest, resync_mfa_device;
                ListMFADevices: "iam:ListMFADevices" on Named => ListMFADevicesRequest, list_mfa_devices;
                ListOpenIDConnectProviderTags: "iam:ListOpenIDConnectProviderTags" on Named => ListOpenIDConnectProviderTagsRequest, list_open_id_connect_provider_tags;
                ListOpenIDConnectProviders: "iam:ListOpenIDConnectProviders" on Named => ListOpenIDConnectProvidersRequest, list_open_id_connect_providers;
                ListPolicies: "iam:ListPolicies" on Named => ListPoliciesRequest, list_policies;
                ListPolicyTags: "iam:ListPolicyTags" on Named => ListPolicyTagsRequest, list_policy_tags;
                ListPolicyVersions: "iam:ListPolicyVersions" on Named => ListPolicyVersionsRequest, list_policy_versions;
                ListRolePolicies: "iam:ListRolePolicies" on Named => ListRolePoliciesRequest, list_role_policies;
                ListRoleTags: "iam:ListRoleTags" on Named => ListRoleTagsRequest, list_role_tags;
                ListRoles: "iam:ListRoles" on Named => ListRolesRequest, list_roles;
                ListSSHPublicKeys: "iam:ListSSHPublicKeys" on Named => ListSSHPublicKeysRequest, list_ssh_public_keys;
                ListServiceSpecificCredentials: "iam:ListServiceSpecificCredentials" on Named => ListServiceSpecificCredentialsRequest, list_service_specific_credentials;
                ListSigningCertificates: "iam:ListSigningCertificates" on Named => ListSigningCertificatesRequest, list_signing_certificates;
                ListUserPolicies: "iam:ListUserPolicies" on Named => ListUserPoliciesRequest, list_user_policies;
                ListUserTags: "iam:ListUserTags" on Named => ListUserTagsRequest, list_user_tags;
                ListUsers: "iam:ListUsers" on Named => ListUsersRequest, list_users;
                ListVirtualMFADevices: "iam:ListVirtualMFADevices" on Named => ListVirtualMFADevicesRequest, list_virtual_mfa_devices;
                PutGroupPolicy: "iam:PutGroupPolicy" on Named => PutGroupPolicyRequest, put_group_policy;
                PutRolePermissionsBoundary: "iam:PutRolePermissionsBoundary" on Named => PutRolePermissionsBoundaryRequest, put_role_permissions_boundary;
                PutRolePolicy: "iam:PutRolePolicy" on Named => PutRolePolicyRequest, put_role_policy;
                PutUserPermissionsBoundary: "iam:PutUserPermissionsBoundary" on Named => PutUserPermissionsBoundaryRequest, put_user_permissions_boundary;
                PutUserPolicy: "iam:PutUserPolicy" on Named => PutUserPolicyRequest, put_user_policy;
                RemoveClientIDFromOpenIDConnectProvider: "iam:RemoveClientIDFromOpenIDConnectProvider" on Named => RemoveClientIDFromOpenIDConnectProviderRequest, remove_client_id_from_open_id_connect_provider;
                RemoveRoleFromInstanceProfile: "iam:RemoveRoleFromInstanceProfile" on Named => RemoveRoleFromInstanceProfileRequest, remove_role_from_instance_profile;
                RemoveUserFromGroup: "iam:RemoveUserFromGroup" on Named => RemoveUserFromGroupRequest, remove_user_from_group;
                SetDefaultPolicyVersion: "iam:SetDefaultPolicyVersion" on Named => SetDefaultPolicyVersionRequest, set_default_policy_version;
                SimulateCustomPolicy: "iam:SimulateCustomPolicy" on Named => SimulateCustomPolicyRequest, simulate_custom_policy;
                SimulatePrincipalPolicy: "iam:SimulatePrincipalPolicy" on Named => SimulatePrincipalPolicyRequest, simulate_principal_policy;
                TagInstanceProfile: "iam:TagInstanceProfile" on Named => TagInstanceProfileRequest, tag_instance_profile;
                TagOpenIDConnectProvider: "iam:TagOpenIDConnectProvider" on Named => TagOpenIDConnectProviderRequest, tag_open_id_connect_provider;
                TagPolicy: "iam:TagPolicy" on Named => TagPolicyRequest, tag_policy;
                TagRole: "iam:TagRole" on Named => TagRoleRequest, tag_role;
                TagUser: "iam:TagUser" on Named => TagUserRequest, tag_user;
                UntagInstanceProfile: "iam:UntagInstanceProfile" on Named => UntagInstanceProfileRequest, untag_instance_profile;
                UntagOpenIDConnectProvider: "iam:UntagOpenIDConnectProvider" on Named => UntagOpenIDConnectProviderRequest, untag_open_id_connect_provider;
                UntagPolicy: "iam:UntagPolicy" on Named => UntagPolicyRequest, untag_policy;
                UntagRole: "iam:UntagRole" on Named => UntagRoleRequest, untag_role;
                UntagUser: "iam:UntagUser" on Named => UntagUserRequest, untag_user;
                UpdateAccessKey: "iam:UpdateAccessKey" on Named => UpdateAccessKeyRequest, update_access_key;
                UpdateAccountPasswordPolicy: "iam:UpdateAccountPasswordPolicy" on Named => UpdateAccountPasswordPolicyRequest, update_account_password_policy;
                UpdateAssumeRolePolicy: "iam:UpdateAssumeRolePolicy" on Named => UpdateAssumeRolePolicyRequest, update_assume_role_policy;
                UpdateGroup: "iam:UpdateGroup" on Named => UpdateGroupRequest, update_group;
                UpdateLoginProfile: "iam:UpdateLoginProfile" on Named => UpdateLoginProfileRequest, update_login_profile;
                UpdateOpenIDConnectProviderThumbprint: "iam:UpdateOpenIDConnectProviderThumbprint" on Named => UpdateOpenIDConnectProviderThumbprintRequest, update_open_id_connect_provider_thumbprint;
                UpdateRole: "iam:UpdateRole" on Named => UpdateRoleRequest, update_role;
                UpdateRoleDescription: "iam:UpdateRoleDescription" on Named => UpdateRoleDescriptionRequest, update_role_description;
                UpdateUser: "iam:UpdateUser" on Named => UpdateUserRequest, update_user;
                WharfExplainAccess: "iam:SimulatePrincipalPolicy" on Named => WharfExplainAccessRequest, wharf_explain_access;
                // A caller who sets the keys of a provider controls who can assume its roles, like the caller who
                // creates it. A thumbprint does not give that control.
                WharfPutOpenIDConnectProviderKeys: "iam:CreateOpenIDConnectProvider" on Named => WharfPutOpenIDConnectProviderKeysRequest, wharf_put_open_id_connect_provider_keys;
            }
            unsigned {
            }
            permissions {
                PassRole: "iam:PassRole" on Named;
            }
        }
    };
}
