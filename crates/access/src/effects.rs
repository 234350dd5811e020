//! Which permission opens which operation of the store. An auditor can read this page: an effect with a permit that is
//! not listed here cannot happen, regardless of the handlers' code. Nothing is written without a permit.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::events;
use crate::ids::IdSource;
use crate::op::{ecr, iam, organizations, sts};
use crate::permit::sealed::{Listed, Sealed};
use crate::permit::{Grant, OnDeployment, Opens, ServiceAuthority};

/// An operation of the store that reads what a decision needs first. It never changes anything.
pub trait BeforeDecision: Operation + Sealed {}

macro_rules! before_decision {
    ($($operation:ty,)*) => {$(
        impl Sealed for $operation {}
        impl BeforeDecision for $operation {}
    )*};
}

macro_rules! opens {
    ($($permission:path => $($operation:ty),*;)*) => {$($(
        impl Listed<$operation> for $permission {}
        impl Opens<$operation> for $permission {
            type Runs = $operation;

            fn as_run(_on: &Self::On, _ids: &IdSource, operation: $operation) -> $operation {
                operation
            }
        }
    )*)*};
}

/// Opens operations whose events are written with them (`events`).
macro_rules! opens_recorded {
    ($($permission:path => $($operation:ty),*;)*) => {$($(
        impl Listed<$operation> for $permission {}
        impl Opens<$operation> for $permission {
            type Runs = Recorded<$operation>;

            fn as_run(on: &Self::On, ids: &IdSource, operation: $operation) -> Self::Runs {
                events::recorded(on, ids, operation)
            }
        }
    )*)*};
}

/// What can be done with the bytes of layers.
pub mod bytes {
    /// Reads a layer.
    #[derive(Debug)]
    pub enum Read {}
    /// Appends to an upload.
    #[derive(Debug)]
    pub enum Append {}
    /// Makes the bytes of an upload a readable object.
    #[derive(Debug)]
    pub enum Finish {}
    /// Reads an upload to compute its digest.
    #[derive(Debug)]
    pub enum Hash {}
    /// Deletes an object.
    #[derive(Debug)]
    pub enum Delete {}
    /// Lists and reads everything, and moves files out of the store.
    #[derive(Debug)]
    pub enum Check {}
}

/// A permit for `Self` opens this use of layers' bytes. Implemented in this file and nowhere else.
pub trait OpensBytes<Use>: Grant + Listed<Use> {}

macro_rules! opens_bytes {
    ($($permission:path => $($use:ty),*;)*) => {$($(
        impl Listed<$use> for $permission {}
        impl OpensBytes<$use> for $permission {}
    )*)*};
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident => $($operation:ty),*;)*) => {
        /// The authorities of the services.
        pub mod authority {
            use super::{Grant, OnDeployment, Sealed, ServiceAuthority};

            /// The names of all of them. The authorization matrix has a row for each.
            pub const ALL: &[&str] = &[$(stringify!($name)),*];
            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug)]
                pub struct $name;
                impl Sealed for $name {}
                impl Grant for $name {
                    type On = OnDeployment;
                }
                impl ServiceAuthority for $name {}
            )*
        }

        opens! { $(authority::$name => $($operation),*;)* }
    };
}

// What decisions need first: a path, tags and a boundary are inputs of the decision.
before_decision! {
    FindEntity,
    FindAccessKey,
    FindManagedPolicy,
    FindInstanceProfile,
    FindOidcProvider,
    ListIamTags,
    // The status and the organization of a role's account, before its trust policy decides.
    FindAccount,
    // Only for callers of the management account.
    FindMemberAccount,
    ListAccountTags,
}

// Repositories and images. An operation that names several permissions, such as a push of a whole blob, needs a permit
// for each.
opens! {
    ecr::CreateRepository => FindAccount, EnsureRegistry;
    ecr::ListRepositories => DescribeRepositories;
    ecr::PutImageTagMutability => PutImageTagMutability;
    ecr::PutImageScanningConfiguration => PutImageScanning;
    ecr::TagResource => TagResource;
    ecr::UntagResource => UntagResource;
    ecr::ListTagsForResource => ListTagsForResource;
    ecr::SetRepositoryPolicy => FindNamedPrincipals;
    ecr::GetRepositoryPolicy => FindNamedPrincipals, LoadRepositoryPolicy;
    ecr::DeleteRepositoryPolicy => FindNamedPrincipals;

    ecr::BatchGetImage => FindImages, LoadManifest;
    ecr::BatchDeleteImage => UnlinkBlob;
    ecr::ListImages => ListImages, ListTags;
    ecr::DescribeImages => FindImages, DescribeImages;
    ecr::ListImageReferrers => MeasureReferrers, ListReferrers;
    ecr::DescribeImageScanFindings => FindImages;
    ecr::GetLifecyclePolicy => GetLifecyclePolicy;
    ecr::StartLifecyclePolicyPreview => GetLifecyclePolicy, GetAccountSetting, StartLifecyclePreview;
    ecr::PutLifecyclePolicy => GetAccountSetting;
    ecr::GetLifecyclePolicyPreview => GetLifecyclePreview, ListPreviewResults;
    ecr::WharfRunLifecyclePolicy => RequestLifecycleRun, GetLifecyclePolicy;
    ecr::WharfListLifecycleActions => ListLifecycleRecords;

    // A check that finds a blob renews its grace.
    ecr::BatchCheckLayerAvailability => FindBlobs, RenewBlobs;
    ecr::GetDownloadUrlForLayer => RenewBlobs;
    ecr::InitiateLayerUpload => CreateUpload;
    ecr::UploadLayerPart => TakeUpload, AdvanceUpload, CancelUpload;
    // A mount is an upload that is complete immediately.
    ecr::CompleteLayerUpload => FindBlobs, CompleteUpload, CancelUpload, FindLinks, LinkBlob, RenewBlobs;
}

// Effects with events. Uploads, pull times and settings have none, so they cost nothing more.
opens_recorded! {
    ecr::CreateRepository => CreateRepository;
    ecr::DeleteRepository => DeleteRepository;
    ecr::SetRepositoryPolicy => SetRepositoryPolicy;
    ecr::DeleteRepositoryPolicy => SetRepositoryPolicy;
    ecr::PutRegistryPolicy => SetRegistryPolicy;
    ecr::DeleteRegistryPolicy => SetRegistryPolicy;
    ecr::PutLifecyclePolicy => PutLifecyclePolicy;
    ecr::DeleteLifecyclePolicy => DeleteLifecyclePolicy;
    ecr::PutImage => PutImage;
    ecr::UpdateImageStorageClass => UpdateImageStorageClass;
    ecr::BatchDeleteImage => BatchDeleteImage, DeleteTag;
}

// Registries.
opens! {
    ecr::PutRegistryPolicy => FindAccount, EnsureRegistry, FindNamedPrincipals, GetAccountSetting;
    ecr::GetRegistryPolicy => FindNamedPrincipals, LoadRegistryPolicy;
    ecr::DeleteRegistryPolicy => FindNamedPrincipals;
    ecr::GetAccountSetting => GetAccountSetting;
    ecr::RegisterPullTimeUpdateExclusion => FindAccount, EnsureRegistry, RegisterPullTimeExclusion;
    ecr::DeregisterPullTimeUpdateExclusion => DeregisterPullTimeExclusion;
    ecr::ListPullTimeUpdateExclusions => ListPullTimeExclusions;
    ecr::PutAccountSetting => FindAccount, EnsureRegistry, PutAccountSetting;
}

// The bytes of layers.
opens_bytes! {
    ecr::GetDownloadUrlForLayer => bytes::Read;
    ecr::UploadLayerPart => bytes::Append;
    // Bytes are read again for a digest whose algorithm was given only when the upload is completed.
    ecr::CompleteLayerUpload => bytes::Finish, bytes::Hash;
    authority::SweepDoomed => bytes::Delete;
    authority::CheckStore => bytes::Check;
    authority::ScrubObjects => bytes::Check;
}

// IAM. Making something needs the store's key of the account (FindAccount). Trust policies are stored with unique ids, and
// shown with ARNs (FindNamedPrincipals). What GetUser and the lists of tags show was read before the decision.
opens! {
    iam::CreateUser => FindAccount, CreateEntity;
    iam::ListUsers => ListEntities;
    iam::UpdateUser => RenameEntity;
    iam::DeleteUser => DeleteEntity;
    iam::PutUserPermissionsBoundary => SetBoundary;
    iam::DeleteUserPermissionsBoundary => SetBoundary;
    iam::ListGroupsForUser => ListGroupLinks, FindEntityById;
    iam::TagUser => PutIamTags;
    iam::UntagUser => RemoveIamTags;

    // A key is changed only if it is in its owner's list.
    iam::CreateAccessKey => CreateAccessKeyWithin;
    iam::ListAccessKeys => ListAccessKeys;
    iam::GetAccessKeyLastUsed => ListAccessKeys;
    iam::UpdateAccessKey => ListAccessKeys, SetAccessKeyStatus;
    iam::DeleteAccessKey => ListAccessKeys, DeleteAccessKey;

    iam::CreateGroup => FindAccount, CreateEntity;
    iam::GetGroup => ListGroupLinks, FindEntityById;
    iam::ListGroups => ListEntities;
    iam::UpdateGroup => RenameEntity;
    iam::DeleteGroup => DeleteEntity;
    // The decision is on the group; the user is looked up after it.
    iam::AddUserToGroup => FindEntity, AddToGroup;
    iam::RemoveUserFromGroup => FindEntity, RemoveFromGroup;

    iam::CreateRole => FindAccount, FindNamedPrincipals, CreateEntity;
    iam::GetRole => FindNamedPrincipals;
    iam::ListRoles => ListEntities, FindNamedPrincipals;
    iam::UpdateRole => UpdateRole;
    iam::UpdateRoleDescription => UpdateRole, FindNamedPrincipals;
    iam::UpdateAssumeRolePolicy => FindNamedPrincipals, UpdateRole;
    iam::DeleteRole => DeleteEntity;
    iam::PutRolePermissionsBoundary => SetBoundary;
    iam::DeleteRolePermissionsBoundary => SetBoundary;
    iam::TagRole => PutIamTags;
    iam::UntagRole => RemoveIamTags;
    // The role of a service comes and goes with the policy of that service.
    iam::CreateServiceLinkedRole => FindAccount, CreateEntity, AttachPolicy, FindNamedPrincipals;
    iam::DeleteServiceLinkedRole => DetachManagedPolicy, DeleteEntity;

    iam::PutUserPolicy => PutInlinePolicyWithin;
    iam::GetUserPolicy => ListInlinePolicies;
    iam::ListUserPolicies => ListInlinePolicies;
    iam::DeleteUserPolicy => DeleteInlinePolicy;
    iam::PutGroupPolicy => PutInlinePolicyWithin;
    iam::GetGroupPolicy => ListInlinePolicies;
    iam::ListGroupPolicies => ListInlinePolicies;
    iam::DeleteGroupPolicy => DeleteInlinePolicy;
    iam::PutRolePolicy => PutInlinePolicyWithin;
    iam::GetRolePolicy => ListInlinePolicies;
    iam::ListRolePolicies => ListInlinePolicies;
    iam::DeleteRolePolicy => DeleteInlinePolicy;

    iam::AttachUserPolicy => AttachPolicy;
    iam::DetachUserPolicy => DetachManagedPolicy;
    iam::ListAttachedUserPolicies => ListAttachedPolicies;
    iam::AttachGroupPolicy => AttachPolicy;
    iam::DetachGroupPolicy => DetachManagedPolicy;
    iam::ListAttachedGroupPolicies => ListAttachedPolicies;
    iam::AttachRolePolicy => AttachPolicy;
    iam::DetachRolePolicy => DetachManagedPolicy;
    iam::ListAttachedRolePolicies => ListAttachedPolicies;

    iam::CreatePolicy => FindAccount, CreateManagedPolicy;
    // AWS's policies are not in the store; how often the account uses them is.
    iam::GetPolicy => CountPolicyUses;
    iam::ListPolicies => ListManagedPolicies, CountPolicyUses;
    iam::DeletePolicy => DeleteManagedPolicy;
    iam::ListEntitiesForPolicy => ListPolicyUses;
    iam::TagPolicy => PutIamTags;
    iam::UntagPolicy => RemoveIamTags;
    iam::CreatePolicyVersion => CreateManagedPolicyVersion;
    iam::GetPolicyVersion => ListManagedPolicyVersions;
    iam::ListPolicyVersions => ListManagedPolicyVersions;
    iam::SetDefaultPolicyVersion => SetDefaultManagedPolicyVersion;
    iam::DeletePolicyVersion => DeleteManagedPolicyVersion;

    iam::CreateInstanceProfile => FindAccount, CreateInstanceProfile;
    iam::GetInstanceProfile => FindEntityById, FindNamedPrincipals;
    iam::ListInstanceProfiles => ListInstanceProfiles, FindEntityById, FindNamedPrincipals;
    iam::ListInstanceProfilesForRole => ListInstanceProfiles, FindNamedPrincipals;
    iam::DeleteInstanceProfile => DeleteInstanceProfile;
    iam::AddRoleToInstanceProfile => SetInstanceProfileRole;
    iam::RemoveRoleFromInstanceProfile => FindEntity, SetInstanceProfileRole;
    iam::TagInstanceProfile => PutIamTags;
    iam::UntagInstanceProfile => RemoveIamTags;

    iam::CreateOpenIDConnectProvider => FindAccount, CreateOidcProvider;
    iam::ListOpenIDConnectProviders => ListOidcProviders;
    iam::DeleteOpenIDConnectProvider => DeleteOidcProvider;
    iam::AddClientIDToOpenIDConnectProvider => ChangeOidcAudience;
    iam::RemoveClientIDFromOpenIDConnectProvider => ChangeOidcAudience;
    iam::UpdateOpenIDConnectProviderThumbprint => UpdateOidcProvider;
    iam::WharfPutOpenIDConnectProviderKeys => UpdateOidcProvider;
    iam::TagOpenIDConnectProvider => PutIamTags;
    iam::UntagOpenIDConnectProvider => RemoveIamTags;

    iam::GetAccountSummary => CountAccount;
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
    organizations::ListAccountsForParent => ListMemberAccounts;
    organizations::ListChildren => ListMemberAccounts;
    organizations::CreateAccount => CreateMemberAccount;
    organizations::DescribeCreateAccountStatus => ListAccountCreations;
    organizations::ListCreateAccountStatus => ListAccountCreations;
    organizations::CloseAccount => ChangeMemberAccount;
    organizations::RemoveAccountFromOrganization => ChangeMemberAccount;
    organizations::WharfRenameAccount => ChangeMemberAccount;
    organizations::TagResource => TagAccount;
    organizations::UntagResource => TagAccount;
}

// Work that no request asks for.
services! {
    /// Ends uploads that expired.
    ExpireUploads => ExpireUploads;
    /// Empties repositories that were deleted.
    PurgeRepositories => ClaimWork, PurgeRepositorySlice, FinishWork, PostponeWork;
    /// Ends links that no image needs and objects that no repository links.
    CollectGarbage => DueLinkReviews, KeepNeededLinks, CollectLinks, DueObjectReviews, CollectObjects, WalkStore;
    /// Compares the counters of usage with the rows, and corrects them.
    MeasureUsage => HasUsage, MeasureUsage, CorrectUsage;
    /// Shows what the collector did and would do, and what keeps a digest.
    DescribeCollection => GetCollectionState, PreviewCollection, ExplainDigest;
    /// Checks that rows and bytes agree.
    CheckStore => ListObjects, FindObject, FindObjectKeys, ListManifests, RemoveLostObject, MeasureUsage,
        CorrectUsage;
    /// Compares what is stored with the storage quotas of the settings.
    CheckStorageQuotas => SumStoredBytes;
    /// Reads all bytes over time.
    ScrubObjects => GetScrub, SetScrub, ListObjects, FindObject;
    /// Shows how many bytes repositories, registries and the deployment hold.
    DescribeUsage => ListUsage;
    /// Evaluates lifecycle policies. What they delete and archive is below.
    ExecuteLifecyclePolicies => ClaimWork, FinishWork, PostponeWork, FindLifecycleRepository, ListLifecycleImages,
        FindLifecycleImages, RecordLifecycleEvaluation;
    /// Ends the restoring of images from the archive.
    RestoreImages => ClaimWork, FinishWork, FinishRestore;
    /// Works out previews of lifecycle policies.
    PreviewLifecyclePolicies => ClaimWork, FinishWork, PostponeWork, GetLifecyclePreview, ListLifecycleImages,
        FindLifecycleImages, WritePreviewResults, EndLifecyclePreview;
    /// Deletes the bytes of objects whose rows are gone.
    SweepDoomed => ClaimDoomed, ForgetDoomed;
    /// Records when images were last pulled, after the answers to the pulls.
    RecordPulls => RecordPulls;
    /// Creates the management account and its administrator when the deployment is new.
    CreateAdministrator => FindAccount, CreateAccount, EnsureRegistry, FindAccessKey, CreateFirstUser;
    /// Stores the sealed context of a session that is too large for a sealed value.
    StoreSessions => PutSessionContext;
    /// Removes large sessions that expired.
    ForgetSessions => ForgetSessionContexts;
    /// Seals the secrets of access keys with the newest key.
    ResealSecrets => ListSecretsNotUnder, ResealSecret;
    /// Creates and changes accounts for the operator of the store: `wharf account`, and the accounts of the configuration.
    ManageAccounts => ListAccounts, FindMemberAccount, CreateMemberAccount, ChangeMemberAccount, EnsureRoot,
        CreateAccessKeyWithin;
    /// Explains decisions to the operator of the store: `wharf policy explain`.
    ExplainAccess => FindEntity, FindAccount;
    /// Records when an access key was used.
    RecordKeyUse => RecordAccessKeyUse;
    /// Finds the provider of a web identity token, and the role that it asks for. There is no caller before the token is
    /// verified.
    VerifyWebIdentity => FindOidcProvider, FindEntity, FindAccount, ListIamTags;
    /// Creates, reads and replaces the ring of sealing keys, and counts what each key seals.
    KeepKeyRing => GetSetting, PutSettingOnce, ReplaceSetting, CountSealedSecrets, ListSecretsNotUnder;
    /// Records the IDs of the organization and its management account, once.
    RecordOrganization => GetSetting, PutSettingOnce, FirstAccount;
    /// Removes events that are older than the deployment keeps them.
    TrimEvents => TrimEvents;
    /// Runs the reconcilers: which node runs which, and when.
    RunReconcilers => ListReconcilers, CountBacklogs, ClaimReconciler, RenewReconciler, FinishReconciler,
        RequestReconciler;
}

// A lifecycle policy deletes and archives images, with the same events as a request.
impl Listed<ExecuteLifecyclePolicy> for authority::ExecuteLifecyclePolicies {}
impl Opens<ExecuteLifecyclePolicy> for authority::ExecuteLifecyclePolicies {
    type Runs = Recorded<ExecuteLifecyclePolicy>;

    fn as_run(_on: &Self::On, ids: &IdSource, operation: ExecuteLifecyclePolicy) -> Self::Runs {
        events::of_lifecycle(ids, operation)
    }
}
