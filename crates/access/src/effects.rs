//! Which permission opens which operation of the store. An auditor can read this page: an effect with a permit that is
//! not listed here cannot happen, regardless of the handlers' code. Nothing is written without a permit.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::events;
use crate::ids::IdSource;
use crate::op::{ecr, iam, organizations, sts};
use crate::permit::sealed::{Listed, Sealed};
use crate::permit::{Grant, Of, OnDeployment, Opens, PermittedAccount, PermittedKey, ServiceAuthority};

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
            const HAS_EVENTS: bool = false;

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
            const HAS_EVENTS: bool = true;

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
    /// Copies an object to another place.
    #[derive(Debug)]
    pub enum Move {}
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
    // Whether a push creates its repository, before CreateRepository is decided on.
    FindCreation,
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
    ecr::StartImageScan => FindImages, GetScanningConfiguration, StartImageScan;
    ecr::DescribeImageScanFindings => FindImages, FindImageScan;
    ecr::BatchGetRepositoryScanningConfiguration => GetScanningConfiguration;
    ecr::GetLifecyclePolicy => GetLifecyclePolicy;
    ecr::StartLifecyclePolicyPreview => GetLifecyclePolicy, GetAccountSetting, StartLifecyclePreview;
    ecr::PutLifecyclePolicy => GetAccountSetting;
    ecr::GetLifecyclePolicyPreview => GetLifecyclePreview, ListPreviewResults;
    ecr::WharfRunLifecyclePolicy => RequestLifecycleRun, GetLifecyclePolicy;
    ecr::WharfListLifecycleActions => ListLifecycleRecords;
    ecr::WharfProtectImage => GetAccountSetting, SetProtection;
    ecr::WharfUnprotectImage => SetProtection;
    ecr::WharfListProtectedImages => ListProtected;
    ecr::WharfListTagHistory => ListTagMoves;

    // A check that finds a blob renews its grace.
    ecr::BatchCheckLayerAvailability => FindBlobs, RenewBlobs, FindLayerImages, LoadManifest;
    ecr::GetDownloadUrlForLayer => RenewBlobs;
    ecr::InitiateLayerUpload => CreateUpload;
    ecr::UploadLayerPart => TakeUpload, AdvanceUpload, CancelUpload;
    // A mount is an upload that is complete immediately.
    ecr::CompleteLayerUpload => GetAccountSetting, FindBlobs, CompleteUpload, CancelUpload, FindLinks, LinkBlob, RenewBlobs;
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
    ecr::WharfPutInUseReport => FindAccount, EnsureRegistry, GetAccountSetting, PutInUseReport;
    ecr::WharfListInUseReports => ListInUseReports;
    ecr::WharfDeleteInUseReport => DeleteInUseReport;
    ecr::GetRegistryScanningConfiguration => GetScanningConfiguration;
    ecr::PutRegistryScanningConfiguration => FindAccount, EnsureRegistry, PutScanningConfiguration;
    ecr::CreateRepositoryCreationTemplate => FindAccount, EnsureRegistry, FindNamedPrincipals, GetAccountSetting,
        CreateCreationTemplate;
    ecr::UpdateRepositoryCreationTemplate => FindNamedPrincipals, GetAccountSetting, GetCreationTemplate,
        ReplaceCreationTemplate;
    ecr::DescribeRepositoryCreationTemplates => FindNamedPrincipals, GetCreationTemplate, ListCreationTemplates;
    ecr::DeleteRepositoryCreationTemplate => FindNamedPrincipals, DeleteCreationTemplate;
}

// The bytes of layers.
opens_bytes! {
    ecr::GetDownloadUrlForLayer => bytes::Read;
    ecr::UploadLayerPart => bytes::Append;
    // Bytes are read again for a digest whose algorithm was given only when the upload is completed.
    ecr::CompleteLayerUpload => bytes::Finish, bytes::Hash;
    authority::SweepDoomed => bytes::Delete;
    authority::MoveObjects => bytes::Move;
    authority::CheckStore => bytes::Check;
    authority::ScrubObjects => bytes::Check;
}

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
    /// Starts and shows the check of the store beside requests, and records its slices.
    KeepStoreCheck => StartStoreCheck, GetStoreCheck, RecordCheckSlice, ListCheckFindings;
    /// Compares what is stored with the storage quotas of the settings.
    CheckStorageQuotas => SumStoredBytes;
    /// Reads all bytes over time.
    ScrubObjects => GetScrub, SetScrub, ListObjects, FindObject;
    /// Shows how many bytes repositories, registries and the deployment hold.
    DescribeUsage => ListUsage;
    /// Shows how much of its quotas an account uses.
    DescribeQuotas => CountAccount;
    /// Evaluates lifecycle policies. What they delete and archive is below.
    ExecuteLifecyclePolicies => ClaimWork, RenewWork, FinishWork, PostponeWork, FindLifecycleRepository,
        ListLifecycleImages, FindLifecycleImages, RecordLifecycleEvaluation;
    /// Deletes the referrers of images that were deleted. The deletion is below.
    DeleteReferrers => ClaimWork, FinishWork, PostponeWork, FindLifecycleRepository;
    /// Ends the restoring of images from the archive.
    RestoreImages => ClaimWork, FinishWork, PostponeWork, FinishRestore;
    /// Moves objects to the archive and back.
    MoveObjects => ClaimWork, FinishWork, PostponeWork, BeginMove, EndMove;
    /// Works out previews of lifecycle policies.
    PreviewLifecyclePolicies => ClaimWork, RenewWork, FinishWork, PostponeWork, GetLifecyclePreview,
        ListLifecycleImages, FindLifecycleImages, WritePreviewResults, EndLifecyclePreview;
    /// Deletes the bytes of objects whose rows are gone.
    SweepDoomed => ClaimDoomed, ForgetDoomed;
    /// Records when images were last pulled, after the answers to the pulls.
    RecordPulls => RecordPulls;
    /// Creates the management account and its administrator when the deployment is new.
    CreateAdministrator => FindAccount, CreateAccount, EnsureRegistry, FindAccessKey, CreateFirstUser;
    /// Lets pushes create repositories in the registries of `wharf dev`, unless the setting was changed.
    EnableCreateOnPush => FindAccount, EnsureRegistry, PutAccountSettingOnce;
    /// Stores the sealed context of a session that is too large for a sealed value.
    StoreSessions => PutSessionContext;
    /// Removes large sessions that expired.
    ForgetSessions => ForgetSessionContexts;
    /// Removes reports of digests in use that expired.
    ForgetReports => ForgetInUseReports;
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
    TrimEvents => TrimEvents, OldestNewEvent;
    /// Removes history of tags that is older than the deployment keeps it.
    TrimTagHistory => TrimTagHistory;
    /// Routes events to their targets and delivers them.
    DeliverEvents => ListNewEvents, RouteEvents, ListDueTargets, ListDeliveries, EndDeliveries, FailDelivery,
        ForgetTarget;
    /// Shows the state of targets to the operator, and delivers dead letters again.
    ManageDeliveries => ListDeliveryTargets, ListDeadLetters, ReplayDeadLetters;
    /// Runs the reconcilers: which node runs which, and when.
    RunReconcilers => ListReconcilers, CountBacklogs, ClaimReconciler, RenewReconciler, FinishReconciler,
        RequestReconciler;
}

// A lifecycle policy deletes and archives images, with the same events as a request.
impl Listed<ExecuteLifecyclePolicy> for authority::ExecuteLifecyclePolicies {}
impl Opens<ExecuteLifecyclePolicy> for authority::ExecuteLifecyclePolicies {
    type Runs = Recorded<ExecuteLifecyclePolicy>;
    const HAS_EVENTS: bool = true;

    fn as_run(_on: &Self::On, ids: &IdSource, operation: ExecuteLifecyclePolicy) -> Self::Runs {
        events::of_lifecycle(ids, operation)
    }
}

// The referrers of deleted images go with the same events as on a request.
impl Listed<DeleteReferrers> for authority::DeleteReferrers {}
impl Opens<DeleteReferrers> for authority::DeleteReferrers {
    type Runs = Recorded<DeleteReferrers>;
    const HAS_EVENTS: bool = true;

    fn as_run(_on: &Self::On, ids: &IdSource, operation: DeleteReferrers) -> Self::Runs {
        events::of_referrers(ids, operation)
    }
}
