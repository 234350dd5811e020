//! Which permission of IAM, STS and Organizations opens which store operation.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::ids::IdSource;
use crate::op::{iam, organizations, sts, tagging};
use crate::permit::sealed::Listed;
use crate::permit::{Of, Opens, PermittedAccount, PermittedKey};

// IAM. `Of` is a permit on one resource: what it changes takes the resource's key from the permit. What is created takes
// the account's key (FindAccount) from the permit. Trust policies are stored with unique ids, and
// shown with ARNs (FindNamedPrincipals). What GetUser and the lists of tags show was read before the decision.
opens! {
    iam::CreateUser => FindAccount, CreateEntity<PermittedAccount>;
    iam::ListUsers => ListEntities;
    Of<iam::UpdateUser> => RenameEntity<PermittedKey>;
    Of<iam::DeleteUser> => DeleteEntity<PermittedKey>;
    Of<iam::PutUserPermissionsBoundary> => SetBoundary<PermittedKey>;
    Of<iam::DeleteUserPermissionsBoundary> => SetBoundary<PermittedKey>;
    Of<iam::ListGroupsForUser> => ListGroupLinks, FindEntityById;
    Of<iam::TagUser> => PutIamTags<PermittedKey>;
    Of<iam::UntagUser> => RemoveIamTags<PermittedKey>;

    // A key is changed only if it is in its owner's list.
    Of<iam::CreateAccessKey> => CreateAccessKeyWithin<PermittedKey>;
    Of<iam::ListAccessKeys> => ListAccessKeys;
    iam::GetAccessKeyLastUsed => ListAccessKeys;
    Of<iam::UpdateAccessKey> => ListAccessKeys, SetAccessKeyStatus<PermittedKey>;
    Of<iam::DeleteAccessKey> => ListAccessKeys, DeleteAccessKey<PermittedKey>;

    Of<iam::CreateLoginProfile> => GetPasswordPolicy, FindMemberAccount, CreateLoginProfile<PermittedKey>;
    Of<iam::UpdateLoginProfile> => GetPasswordPolicy, FindMemberAccount, FindLoginProfile,
        ChangeLoginProfile<PermittedKey>;
    Of<iam::ChangePassword> => GetPasswordPolicy, FindMemberAccount, FindLoginProfile, ChangeLoginProfile<PermittedKey>;
    Of<iam::GetLoginProfile> => FindLoginProfile;
    Of<iam::DeleteLoginProfile> => DeleteLoginProfile<PermittedKey>;

    iam::CreateVirtualMFADevice => FindAccount, CreateMfaDevice<PermittedAccount>;
    Of<iam::EnableMFADevice> => FindMfaDevice, EnableMfaDevice<PermittedKey>;
    Of<iam::ResyncMFADevice> => FindMfaDevice, SynchronizeMfaDevice<PermittedKey>;
    Of<iam::DeactivateMFADevice> => DeactivateMfaDevice<PermittedKey>;
    iam::DeleteVirtualMFADevice => DeleteMfaDevice;
    Of<iam::ListMFADevices> => ListMfaDevices;
    iam::ListVirtualMFADevices => ListMfaDevices, FindEntityById;

    iam::CreateGroup => FindAccount, CreateEntity<PermittedAccount>;
    Of<iam::GetGroup> => ListGroupLinks, FindEntityById;
    iam::ListGroups => ListEntities;
    Of<iam::UpdateGroup> => RenameEntity<PermittedKey>;
    Of<iam::DeleteGroup> => DeleteEntity<PermittedKey>;
    // The decision is on the group; the user is looked up after it.
    Of<iam::AddUserToGroup> => FindEntity, AddToGroup<PermittedKey>;
    Of<iam::RemoveUserFromGroup> => FindEntity, RemoveFromGroup<PermittedKey>;

    iam::CreateRole => FindAccount, FindNamedPrincipals, CreateEntity<PermittedAccount>;
    Of<iam::GetRole> => FindNamedPrincipals;
    iam::ListRoles => ListEntities, FindNamedPrincipals;
    Of<iam::UpdateRole> => UpdateRole<PermittedKey>;
    Of<iam::UpdateRoleDescription> => UpdateRole<PermittedKey>, FindNamedPrincipals;
    Of<iam::UpdateAssumeRolePolicy> => FindNamedPrincipals, UpdateRole<PermittedKey>;
    Of<iam::DeleteRole> => DeleteEntity<PermittedKey>;
    Of<iam::PutRolePermissionsBoundary> => SetBoundary<PermittedKey>;
    Of<iam::DeleteRolePermissionsBoundary> => SetBoundary<PermittedKey>;
    Of<iam::TagRole> => PutIamTags<PermittedKey>;
    Of<iam::UntagRole> => RemoveIamTags<PermittedKey>;
    // The role of a service comes and goes with the policy of that service. The role is created with this permit, so no
    // decision was about its ID.
    iam::CreateServiceLinkedRole => FindAccount, CreateEntity<PermittedAccount>, AttachPolicy, FindNamedPrincipals;
    Of<iam::DeleteServiceLinkedRole> => DetachManagedPolicy<PermittedKey>, DeleteEntity<PermittedKey>;

    Of<iam::PutUserPolicy> => PutInlinePolicyWithin<PermittedKey>;
    Of<iam::GetUserPolicy> => ListInlinePolicies;
    Of<iam::ListUserPolicies> => ListInlinePolicies;
    Of<iam::DeleteUserPolicy> => DeleteInlinePolicy<PermittedKey>;
    Of<iam::PutGroupPolicy> => PutInlinePolicyWithin<PermittedKey>;
    Of<iam::GetGroupPolicy> => ListInlinePolicies;
    Of<iam::ListGroupPolicies> => ListInlinePolicies;
    Of<iam::DeleteGroupPolicy> => DeleteInlinePolicy<PermittedKey>;
    Of<iam::PutRolePolicy> => PutInlinePolicyWithin<PermittedKey>;
    Of<iam::GetRolePolicy> => ListInlinePolicies;
    Of<iam::ListRolePolicies> => ListInlinePolicies;
    Of<iam::DeleteRolePolicy> => DeleteInlinePolicy<PermittedKey>;

    Of<iam::AttachUserPolicy> => AttachPolicy<PermittedKey>;
    Of<iam::DetachUserPolicy> => DetachManagedPolicy<PermittedKey>;
    Of<iam::ListAttachedUserPolicies> => ListAttachedPolicies;
    Of<iam::AttachGroupPolicy> => AttachPolicy<PermittedKey>;
    Of<iam::DetachGroupPolicy> => DetachManagedPolicy<PermittedKey>;
    Of<iam::ListAttachedGroupPolicies> => ListAttachedPolicies;
    Of<iam::AttachRolePolicy> => AttachPolicy<PermittedKey>;
    Of<iam::DetachRolePolicy> => DetachManagedPolicy<PermittedKey>;
    Of<iam::ListAttachedRolePolicies> => ListAttachedPolicies;

    iam::CreatePolicy => FindAccount, CreateManagedPolicy<PermittedAccount>;
    // AWS's policies are not in the store; how often the account uses them is.
    Of<iam::GetPolicy> => CountPolicyUses;
    iam::ListPolicies => ListManagedPolicies, CountPolicyUses;
    Of<iam::DeletePolicy> => DeleteManagedPolicy<PermittedKey>;
    Of<iam::ListEntitiesForPolicy> => ListPolicyUses;
    Of<iam::TagPolicy> => PutIamTags<PermittedKey>;
    Of<iam::UntagPolicy> => RemoveIamTags<PermittedKey>;
    Of<iam::CreatePolicyVersion> => CreateManagedPolicyVersion<PermittedKey>;
    Of<iam::GetPolicyVersion> => ListManagedPolicyVersions;
    Of<iam::ListPolicyVersions> => ListManagedPolicyVersions;
    Of<iam::SetDefaultPolicyVersion> => SetDefaultManagedPolicyVersion<PermittedKey>;
    Of<iam::DeletePolicyVersion> => DeleteManagedPolicyVersion<PermittedKey>;

    iam::CreateInstanceProfile => FindAccount, CreateInstanceProfile<PermittedAccount>;
    Of<iam::GetInstanceProfile> => FindEntityById, FindNamedPrincipals;
    iam::ListInstanceProfiles => ListInstanceProfiles, FindEntityById, FindNamedPrincipals;
    Of<iam::ListInstanceProfilesForRole> => ListInstanceProfiles, FindNamedPrincipals;
    Of<iam::DeleteInstanceProfile> => DeleteInstanceProfile<PermittedKey>;
    Of<iam::AddRoleToInstanceProfile> => SetInstanceProfileRole<PermittedKey>;
    Of<iam::RemoveRoleFromInstanceProfile> => FindEntity, SetInstanceProfileRole<PermittedKey>;
    Of<iam::TagInstanceProfile> => PutIamTags<PermittedKey>;
    Of<iam::UntagInstanceProfile> => RemoveIamTags<PermittedKey>;

    iam::CreateOpenIDConnectProvider => FindAccount, CreateOidcProvider<PermittedAccount>;
    iam::ListOpenIDConnectProviders => ListOidcProviders;
    Of<iam::DeleteOpenIDConnectProvider> => DeleteOidcProvider<PermittedKey>;
    Of<iam::AddClientIDToOpenIDConnectProvider> => ChangeOidcAudience<PermittedKey>;
    Of<iam::RemoveClientIDFromOpenIDConnectProvider> => ChangeOidcAudience<PermittedKey>;
    Of<iam::UpdateOpenIDConnectProviderThumbprint> => UpdateOidcProvider<PermittedKey>;
    Of<iam::WharfPutOpenIDConnectProviderKeys> => UpdateOidcProvider<PermittedKey>;
    Of<iam::TagOpenIDConnectProvider> => PutIamTags<PermittedKey>;
    Of<iam::UntagOpenIDConnectProvider> => RemoveIamTags<PermittedKey>;

    iam::CreateAccountAlias => FindAccount, SetAccountAlias<PermittedAccount>;
    iam::DeleteAccountAlias => FindAccount, DeleteAccountAlias<PermittedAccount>;
    iam::ListAccountAliases => GetAccountAlias;
    iam::UpdateAccountPasswordPolicy => FindAccount, SetPasswordPolicy<PermittedAccount>;
    iam::GetAccountPasswordPolicy => GetPasswordPolicy;
    iam::DeleteAccountPasswordPolicy => FindAccount, DeletePasswordPolicy<PermittedAccount>;
    iam::GetAccountSummary => CountAccount;
    iam::GenerateCredentialReport => FindAccount, GetAccountCreation, GetPasswordPolicy, CountAccount, ListAccessKeys,
        ListUserCredentials, StartCredentialReport<PermittedAccount>, StoreCredentialReport<PermittedAccount>;
    iam::GetCredentialReport => FindCredentialReport, LoadCredentialReport;
    iam::GetAccountAuthorizationDetails => ListEntities, ListIamTags, ListInlinePolicies, ListAttachedPolicies,
        ListGroupLinks, FindEntityById, FindNamedPrincipals, ListInstanceProfiles, ListManagedPolicies,
        ListManagedPolicyVersions, CountPolicyUses;
    iam::SimulatePrincipalPolicy => FindEntity, LoadIdentityPolicies;
    iam::GetContextKeysForPrincipalPolicy => FindEntity, LoadIdentityPolicies;
    // Whether the account that is asked about is in the organization; then who the principal is.
    iam::WharfExplainAccess => FindMemberAccount, FindEntity, FindAccount;
}

// STS. A session may be limited by managed policies of the account, which must exist (FindManagedPolicy).
opens! {
    sts::AssumeRole => FindManagedPolicy, RecordRoleUse;
    sts::AssumeRoleWithWebIdentity => FindManagedPolicy, RecordRoleUse;
    sts::GetFederationToken => FindManagedPolicy;
    sts::GetAccessKeyInfo => FindAccessKey;
}

// Organizations.
opens! {
    organizations::DescribeOrganization => FindMemberAccount;
    organizations::ListAccounts => ListMemberAccounts;
    organizations::ListAccountsForParent => ListAccountsOfUnit;
    organizations::ListChildren => ListAccountsOfUnit, ListOrganizationalUnits;
    organizations::ListOrganizationalUnitsForParent => ListOrganizationalUnits;
    organizations::CreateOrganization => FindMemberAccount;
    organizations::DeleteOrganization => ListMemberAccounts, ListOrganizationalUnits;
    organizations::CreateOrganizationalUnit => CreateOrganizationalUnit;
    organizations::UpdateOrganizationalUnit => RenameOrganizationalUnit;
    organizations::DeleteOrganizationalUnit => DeleteOrganizationalUnit;
    organizations::MoveAccount => MoveMemberAccount;
    organizations::CreateAccount => CreateMemberAccount;
    organizations::DescribeCreateAccountStatus => ListAccountCreations;
    organizations::ListCreateAccountStatus => ListAccountCreations;
    organizations::CloseAccount => ChangeMemberAccount;
    organizations::RemoveAccountFromOrganization => ChangeMemberAccount;
    organizations::WharfRenameAccount => ChangeMemberAccount;
    organizations::TagResource => TagAccount, TagOrganizationNode;
    organizations::UntagResource => TagAccount, TagOrganizationNode;
}

// The Resource Groups Tagging API. Tags are changed with the permission of the service that has the resource.
opens! {
    tagging::GetResources => ListTagged, FindTagged;
    tagging::GetTagKeys => ListTagTexts;
    tagging::GetTagValues => ListTagTexts;
}
