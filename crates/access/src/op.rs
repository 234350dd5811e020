//! The one list of operations: name, IAM action, what the action is on. Dispatch, metrics, documents and
//! authorisation tests derive from it.

/// What an operation's IAM action is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One repository's ARN.
    Repository,
    /// Every repository of the registry: `…:repository/*`.
    AllRepositories,
    /// `*`: the account itself.
    Account,
    /// What the request names: a user, a role, an account.
    Named,
}

macro_rules! operations {
    ($($name:ident: $action:literal on $resource:ident;)*) => {
        /// An operation of the registry, by the name that AWS gives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are those of AWS's API reference")]
        pub enum Op { $($name,)* }

        impl Op {
            /// Every operation.
            pub const ALL: &'static [Op] = &[$(Op::$name,)*];

            /// The operation's name in the AWS API.
            pub const fn name(self) -> &'static str {
                match self { $(Op::$name => stringify!($name),)* }
            }

            /// The IAM action that permits it (service authorization references of ECR and IAM).
            pub const fn action(self) -> &'static str {
                match self { $(Op::$name => $action,)* }
            }

            /// What the action is decided on.
            pub const fn resource(self) -> Resource {
                match self { $(Op::$name => Resource::$resource,)* }
            }
        }

        /// One type for each operation, so that a permit for one is no permit for another.
        pub mod effect {
            use super::Op;

            /// The operation that a permit was given for.
            pub trait Effect: Send + Sync + 'static {
                /// The operation.
                const OP: Op;
            }

            $(
                /// Marks permits for the operation of this name.
                #[derive(Debug)]
                pub struct $name;
                impl Effect for $name {
                    const OP: Op = Op::$name;
                }
            )*
        }
    };
}

operations! {
    GetAuthorizationToken: "ecr:GetAuthorizationToken" on Account;
    DescribeRegistry: "ecr:DescribeRegistry" on Account;
    CreateRepository: "ecr:CreateRepository" on Repository;
    DescribeRepositories: "ecr:DescribeRepositories" on Repository;
    ListRepositories: "ecr:DescribeRepositories" on AllRepositories;
    DeleteRepository: "ecr:DeleteRepository" on Repository;
    TagResource: "ecr:TagResource" on Repository;
    UntagResource: "ecr:UntagResource" on Repository;
    ListTagsForResource: "ecr:ListTagsForResource" on Repository;
    PutImageTagMutability: "ecr:PutImageTagMutability" on Repository;
    PutImageScanningConfiguration: "ecr:PutImageScanningConfiguration" on Repository;
    PutImage: "ecr:PutImage" on Repository;
    BatchGetImage: "ecr:BatchGetImage" on Repository;
    ListImages: "ecr:ListImages" on Repository;
    DescribeImages: "ecr:DescribeImages" on Repository;
    BatchDeleteImage: "ecr:BatchDeleteImage" on Repository;
    ListImageReferrers: "ecr:BatchGetImage" on Repository;
    BatchCheckLayerAvailability: "ecr:BatchCheckLayerAvailability" on Repository;
    GetDownloadUrlForLayer: "ecr:GetDownloadUrlForLayer" on Repository;
    InitiateLayerUpload: "ecr:InitiateLayerUpload" on Repository;
    UploadLayerPart: "ecr:UploadLayerPart" on Repository;
    CompleteLayerUpload: "ecr:CompleteLayerUpload" on Repository;
    DeleteRegistryPolicy: "ecr:DeleteRegistryPolicy" on Account;
    DeleteRepositoryPolicy: "ecr:DeleteRepositoryPolicy" on Repository;
    DescribeImageScanFindings: "ecr:DescribeImageScanFindings" on Repository;
    GetAccountSetting: "ecr:GetAccountSetting" on Account;
    GetRegistryPolicy: "ecr:GetRegistryPolicy" on Account;
    GetRepositoryPolicy: "ecr:GetRepositoryPolicy" on Repository;
    PutAccountSetting: "ecr:PutAccountSetting" on Account;
    PutRegistryPolicy: "ecr:PutRegistryPolicy" on Account;
    SetRepositoryPolicy: "ecr:SetRepositoryPolicy" on Repository;

    // STS.
    AssumeRole: "sts:AssumeRole" on Named;
    AssumeRoleWithWebIdentity: "sts:AssumeRoleWithWebIdentity" on Named;
    DecodeAuthorizationMessage: "sts:DecodeAuthorizationMessage" on Named;
    GetAccessKeyInfo: "sts:GetAccessKeyInfo" on Named;
    GetFederationToken: "sts:GetFederationToken" on Named;
    SetSourceIdentity: "sts:SetSourceIdentity" on Named;
    TagSession: "sts:TagSession" on Named;

    // IAM.
    AddClientIDToOpenIDConnectProvider: "iam:AddClientIDToOpenIDConnectProvider" on Named;
    AddRoleToInstanceProfile: "iam:AddRoleToInstanceProfile" on Named;
    AddUserToGroup: "iam:AddUserToGroup" on Named;
    AttachGroupPolicy: "iam:AttachGroupPolicy" on Named;
    AttachRolePolicy: "iam:AttachRolePolicy" on Named;
    AttachUserPolicy: "iam:AttachUserPolicy" on Named;
    CreateAccessKey: "iam:CreateAccessKey" on Named;
    CreateGroup: "iam:CreateGroup" on Named;
    CreateInstanceProfile: "iam:CreateInstanceProfile" on Named;
    CreateOpenIDConnectProvider: "iam:CreateOpenIDConnectProvider" on Named;
    CreatePolicy: "iam:CreatePolicy" on Named;
    CreatePolicyVersion: "iam:CreatePolicyVersion" on Named;
    CreateRole: "iam:CreateRole" on Named;
    CreateServiceLinkedRole: "iam:CreateServiceLinkedRole" on Named;
    CreateUser: "iam:CreateUser" on Named;
    DeleteAccessKey: "iam:DeleteAccessKey" on Named;
    DeleteGroup: "iam:DeleteGroup" on Named;
    DeleteGroupPolicy: "iam:DeleteGroupPolicy" on Named;
    DeleteInstanceProfile: "iam:DeleteInstanceProfile" on Named;
    DeleteLoginProfile: "iam:DeleteLoginProfile" on Named;
    DeleteOpenIDConnectProvider: "iam:DeleteOpenIDConnectProvider" on Named;
    DeletePolicy: "iam:DeletePolicy" on Named;
    DeletePolicyVersion: "iam:DeletePolicyVersion" on Named;
    DeleteRole: "iam:DeleteRole" on Named;
    DeleteRolePermissionsBoundary: "iam:DeleteRolePermissionsBoundary" on Named;
    DeleteRolePolicy: "iam:DeleteRolePolicy" on Named;
    DeleteServiceLinkedRole: "iam:DeleteServiceLinkedRole" on Named;
    DeleteUser: "iam:DeleteUser" on Named;
    DeleteUserPermissionsBoundary: "iam:DeleteUserPermissionsBoundary" on Named;
    DeleteUserPolicy: "iam:DeleteUserPolicy" on Named;
    DetachGroupPolicy: "iam:DetachGroupPolicy" on Named;
    DetachRolePolicy: "iam:DetachRolePolicy" on Named;
    DetachUserPolicy: "iam:DetachUserPolicy" on Named;
    GetAccessKeyLastUsed: "iam:GetAccessKeyLastUsed" on Named;
    GetAccountAuthorizationDetails: "iam:GetAccountAuthorizationDetails" on Named;
    GetAccountSummary: "iam:GetAccountSummary" on Named;
    GetContextKeysForCustomPolicy: "iam:GetContextKeysForCustomPolicy" on Named;
    GetContextKeysForPrincipalPolicy: "iam:GetContextKeysForPrincipalPolicy" on Named;
    GetGroup: "iam:GetGroup" on Named;
    GetGroupPolicy: "iam:GetGroupPolicy" on Named;
    GetInstanceProfile: "iam:GetInstanceProfile" on Named;
    GetLoginProfile: "iam:GetLoginProfile" on Named;
    GetOpenIDConnectProvider: "iam:GetOpenIDConnectProvider" on Named;
    GetPolicy: "iam:GetPolicy" on Named;
    GetPolicyVersion: "iam:GetPolicyVersion" on Named;
    GetRole: "iam:GetRole" on Named;
    GetRolePolicy: "iam:GetRolePolicy" on Named;
    GetServiceLinkedRoleDeletionStatus: "iam:GetServiceLinkedRoleDeletionStatus" on Named;
    GetUser: "iam:GetUser" on Named;
    GetUserPolicy: "iam:GetUserPolicy" on Named;
    ListAccessKeys: "iam:ListAccessKeys" on Named;
    ListAccountAliases: "iam:ListAccountAliases" on Named;
    ListAttachedGroupPolicies: "iam:ListAttachedGroupPolicies" on Named;
    ListAttachedRolePolicies: "iam:ListAttachedRolePolicies" on Named;
    ListAttachedUserPolicies: "iam:ListAttachedUserPolicies" on Named;
    ListEntitiesForPolicy: "iam:ListEntitiesForPolicy" on Named;
    ListGroupPolicies: "iam:ListGroupPolicies" on Named;
    ListGroups: "iam:ListGroups" on Named;
    ListGroupsForUser: "iam:ListGroupsForUser" on Named;
    ListInstanceProfileTags: "iam:ListInstanceProfileTags" on Named;
    ListInstanceProfiles: "iam:ListInstanceProfiles" on Named;
    ListInstanceProfilesForRole: "iam:ListInstanceProfilesForRole" on Named;
    ListMFADevices: "iam:ListMFADevices" on Named;
    ListOpenIDConnectProviderTags: "iam:ListOpenIDConnectProviderTags" on Named;
    ListOpenIDConnectProviders: "iam:ListOpenIDConnectProviders" on Named;
    ListPolicies: "iam:ListPolicies" on Named;
    ListPolicyTags: "iam:ListPolicyTags" on Named;
    ListPolicyVersions: "iam:ListPolicyVersions" on Named;
    ListRolePolicies: "iam:ListRolePolicies" on Named;
    ListRoleTags: "iam:ListRoleTags" on Named;
    ListRoles: "iam:ListRoles" on Named;
    ListSSHPublicKeys: "iam:ListSSHPublicKeys" on Named;
    ListServiceSpecificCredentials: "iam:ListServiceSpecificCredentials" on Named;
    ListSigningCertificates: "iam:ListSigningCertificates" on Named;
    ListUserPolicies: "iam:ListUserPolicies" on Named;
    ListUserTags: "iam:ListUserTags" on Named;
    ListUsers: "iam:ListUsers" on Named;
    ListVirtualMFADevices: "iam:ListVirtualMFADevices" on Named;
    PassRole: "iam:PassRole" on Named;
    PutGroupPolicy: "iam:PutGroupPolicy" on Named;
    PutRolePermissionsBoundary: "iam:PutRolePermissionsBoundary" on Named;
    PutRolePolicy: "iam:PutRolePolicy" on Named;
    PutUserPermissionsBoundary: "iam:PutUserPermissionsBoundary" on Named;
    PutUserPolicy: "iam:PutUserPolicy" on Named;
    RemoveClientIDFromOpenIDConnectProvider: "iam:RemoveClientIDFromOpenIDConnectProvider" on Named;
    RemoveRoleFromInstanceProfile: "iam:RemoveRoleFromInstanceProfile" on Named;
    RemoveUserFromGroup: "iam:RemoveUserFromGroup" on Named;
    SetDefaultPolicyVersion: "iam:SetDefaultPolicyVersion" on Named;
    SimulateCustomPolicy: "iam:SimulateCustomPolicy" on Named;
    SimulatePrincipalPolicy: "iam:SimulatePrincipalPolicy" on Named;
    TagInstanceProfile: "iam:TagInstanceProfile" on Named;
    TagOpenIDConnectProvider: "iam:TagOpenIDConnectProvider" on Named;
    TagPolicy: "iam:TagPolicy" on Named;
    TagRole: "iam:TagRole" on Named;
    TagUser: "iam:TagUser" on Named;
    UntagInstanceProfile: "iam:UntagInstanceProfile" on Named;
    UntagOpenIDConnectProvider: "iam:UntagOpenIDConnectProvider" on Named;
    UntagPolicy: "iam:UntagPolicy" on Named;
    UntagRole: "iam:UntagRole" on Named;
    UntagUser: "iam:UntagUser" on Named;
    UpdateAccessKey: "iam:UpdateAccessKey" on Named;
    UpdateAssumeRolePolicy: "iam:UpdateAssumeRolePolicy" on Named;
    UpdateGroup: "iam:UpdateGroup" on Named;
    UpdateOpenIDConnectProviderThumbprint: "iam:UpdateOpenIDConnectProviderThumbprint" on Named;
    UpdateRole: "iam:UpdateRole" on Named;
    UpdateRoleDescription: "iam:UpdateRoleDescription" on Named;
    UpdateUser: "iam:UpdateUser" on Named;
    WharfExplainAccess: "iam:SimulatePrincipalPolicy" on Named;
    // Who sets the keys of a provider speaks for it, as who makes one does; a thumbprint gives no such power.
    WharfPutOpenIDConnectProviderKeys: "iam:CreateOpenIDConnectProvider" on Named;

    // Organizations.
    CloseAccount: "organizations:CloseAccount" on Named;
    CreateAccount: "organizations:CreateAccount" on Named;
    DescribeAccount: "organizations:DescribeAccount" on Named;
    DescribeCreateAccountStatus: "organizations:DescribeCreateAccountStatus" on Named;
    DescribeOrganization: "organizations:DescribeOrganization" on Named;
    ListAccounts: "organizations:ListAccounts" on Named;
    ListAccountsForParent: "organizations:ListAccountsForParent" on Named;
    ListAWSServiceAccessForOrganization: "organizations:ListAWSServiceAccessForOrganization" on Named;
    ListChildren: "organizations:ListChildren" on Named;
    ListCreateAccountStatus: "organizations:ListCreateAccountStatus" on Named;
    ListDelegatedAdministrators: "organizations:ListDelegatedAdministrators" on Named;
    ListOrganizationalUnitsForParent: "organizations:ListOrganizationalUnitsForParent" on Named;
    ListParents: "organizations:ListParents" on Named;
    ListRoots: "organizations:ListRoots" on Named;
    MoveAccount: "organizations:MoveAccount" on Named;
    RemoveAccountFromOrganization: "organizations:RemoveAccountFromOrganization" on Named;
    ListTagsForAccount: "organizations:ListTagsForResource" on Named;
    WharfListKeys: "organizations:WharfListKeys" on Named;
    WharfRotateKeys: "organizations:WharfRotateKeys" on Named;
    PutAccountName: "account:PutAccountName" on Named;
    TagAccount: "organizations:TagResource" on Named;
    UntagAccount: "organizations:UntagResource" on Named;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_with_an_action_of_its_own_is_named_as_it() {
        for op in Op::ALL {
            match op {
                Op::ListRepositories | Op::ListImageReferrers
                // Their names are ECR's too.
                | Op::ListTagsForAccount | Op::TagAccount | Op::UntagAccount
                // Wharf's own.
                | Op::WharfExplainAccess | Op::WharfPutOpenIDConnectProviderKeys => {}
                op => assert_eq!(op.action().split_once(':').map(|(_, name)| name), Some(op.name())),
            }
        }
    }
}
