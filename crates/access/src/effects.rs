//! Which permission opens which operation of the store: the permissions of ECR here, those of the other services and of
//! background work in the modules of this one. An auditor can read these pages: an effect with a permit that is not
//! listed here or there cannot happen, regardless of the handlers' code. Nothing is written without a permit.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::events;
use crate::ids::IdSource;
use crate::op::{ecr, ecr_public};
use crate::permit::sealed::{Listed, Sealed};
use crate::permit::{Grant, Opens};

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

mod event_bridge;
mod identity;
mod secrets_manager;
mod services;

pub use services::authority;

// What decisions need first: a path, tags and a boundary are inputs of the decision.
before_decision! {
    FindEntity,
    FindAccessKey,
    FindManagedPolicy,
    FindInstanceProfile,
    FindOidcProvider,
    ListIamTags,
    // The ARN of a secret that is named without its random characters, and its policy.
    FindSecret,
    // The status and the organization of a role's account, before its trust policy decides.
    FindAccount,
    // Only for callers of the management account.
    FindMemberAccount,
    ListAccountTags,
    FindOrganizationalUnit,
    // Whether a push creates its repository, before CreateRepository is decided on.
    FindCreation,
    // Which rule a missing image could come from, before BatchImportUpstreamImage is decided on.
    FindUpstream,
    // Where a repository went that the request does not find. The new name is decided on before anything is told.
    FindRedirect,
    // Whether the account allows its users to change their passwords.
    GetPasswordPolicy,
}

// Repositories and images. An operation that names several permissions, such as a push of a whole blob, needs a permit
// for each.
opens! {
    ecr::CreateRepository => FindAccount, EnsureRegistry;
    ecr::WharfMoveRepository => ListTagsForResource, LoadRepositoryPolicy, GetLifecyclePolicy, FindStoredBytes;
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
    ecr::BatchImportUpstreamImage => FindImages, FindBlobs;
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
    ecr::DescribeImageReplicationStatus => FindImages, ListImageReplications;
    // What the rules of settings need that are replicated.
    ecr::ReplicateImage => FindNamedPrincipals, GetAccountSetting;
    ecr::WharfRefreshUpstreamTags => ExpireUpstreamTags;

    // A check that finds a blob renews its grace.
    ecr::BatchCheckLayerAvailability => FindBlobs, RenewBlobs, FindLayerImages, LoadManifest;
    ecr::GetDownloadUrlForLayer => RenewBlobs, FindLayerImages, LoadManifest;
    ecr::InitiateLayerUpload => CreateUpload;
    ecr::UploadLayerPart => TakeUpload, AdvanceUpload, CancelUpload;
    // A mount is an upload that is complete immediately.
    ecr::CompleteLayerUpload => GetAccountSetting, FindBlobs, CompleteUpload, CancelUpload, FindLinks, LinkBlob, RenewBlobs;
}

// Effects with events. Uploads, pull times and settings have none, so they cost nothing more.
opens_recorded! {
    ecr::CreateRepository => CreateRepository;
    ecr::DeleteRepository => DeleteRepository;
    ecr::WharfMoveRepository => RenameRepository;
    ecr::SetRepositoryPolicy => SetRepositoryPolicy;
    ecr::DeleteRepositoryPolicy => SetRepositoryPolicy;
    ecr::PutRegistryPolicy => SetRegistryPolicy;
    ecr::DeleteRegistryPolicy => SetRegistryPolicy;
    ecr::PutLifecyclePolicy => PutLifecyclePolicy;
    ecr::DeleteLifecyclePolicy => DeleteLifecyclePolicy;
    ecr::PutImage => PutImage;
    ecr::BatchImportUpstreamImage => PutImage, RecordUpstreamTag;
    ecr::UpdateImageStorageClass => UpdateImageStorageClass;
    ecr::BatchDeleteImage => BatchDeleteImage, DeleteTag;
    ecr::ReplicateImage => ReplicateDeletion, PutReplicatedSettings;
}

// A repository that moves to another account has events in both registries.
impl Listed<MoveRepository> for ecr::WharfMoveRepository {}
impl Opens<MoveRepository> for ecr::WharfMoveRepository {
    type Runs = Recorded<MoveRepository>;
    const HAS_EVENTS: bool = true;

    fn as_run(on: &Self::On, ids: &IdSource, operation: MoveRepository) -> Self::Runs {
        events::of_move(on, ids, operation)
    }
}

// A replicated image has events in both registries.
impl Listed<ReplicateImage> for ecr::ReplicateImage {}
impl Opens<ReplicateImage> for ecr::ReplicateImage {
    type Runs = Recorded<ReplicateImage>;
    const HAS_EVENTS: bool = true;

    fn as_run(on: &Self::On, ids: &IdSource, operation: ReplicateImage) -> Self::Runs {
        events::of_replication(on, ids, operation)
    }
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
    ecr::DescribeRegistry => GetReplicationConfiguration;
    ecr::WharfDescribeReplication => ListReplicationLags;
    ecr::StartReplicationBackfill => StartReplicationBackfill;
    ecr::StopReplicationBackfill => StopReplicationBackfill;
    ecr::ListReplicationBackfills => ListReplicationBackfills, ListBackfillFailures;
    ecr::DescribeReplicationBackfillResults => FindReplicationBackfill, ListBackfillFailures, ListBackfillItems;
    ecr::PutReplicationConfiguration => FindAccount, EnsureRegistry, PutReplicationConfiguration;
    ecr::GetRegistryScanningConfiguration => GetScanningConfiguration;
    ecr::PutRegistryScanningConfiguration => FindAccount, EnsureRegistry, PutScanningConfiguration;
    ecr::CreatePullThroughCacheRule => FindAccount, EnsureRegistry, CreatePullThroughCacheRule;
    ecr::DescribePullThroughCacheRules => GetPullThroughCacheRule, ListPullThroughCacheRules;
    ecr::UpdatePullThroughCacheRule => GetPullThroughCacheRule, UpdatePullThroughCacheRule;
    ecr::DeletePullThroughCacheRule => DeletePullThroughCacheRule;
    ecr::ValidatePullThroughCacheRule => GetPullThroughCacheRule;
    ecr::CreateRepositoryCreationTemplate => FindAccount, EnsureRegistry, FindNamedPrincipals, GetAccountSetting,
        CreateCreationTemplate;
    ecr::UpdateRepositoryCreationTemplate => FindNamedPrincipals, GetAccountSetting, GetCreationTemplate,
        ReplaceCreationTemplate;
    ecr::DescribeRepositoryCreationTemplates => FindNamedPrincipals, GetCreationTemplate, ListCreationTemplates;
    ecr::DeleteRepositoryCreationTemplate => FindNamedPrincipals, DeleteCreationTemplate;
}

// Public registries. What private repositories have too is opened by the permits above: at a public registry the gate
// decides ECR Public's operation of the same name. It has no events.
opens! {
    ecr_public::CreateRepository => FindAccount, EnsurePublicRegistry, CreatePublicRepository;
    ecr_public::DescribeRegistries => FindAccount, EnsurePublicRegistry;
    ecr_public::GetRegistryCatalogData => FindPublicRegistry;
    ecr_public::PutRegistryCatalogData => FindAccount, EnsurePublicRegistry, PutRegistryDisplayName;
    ecr_public::GetRepositoryCatalogData => GetCatalogData;
    ecr_public::PutRepositoryCatalogData => PutCatalogData;
    ecr_public::DescribeImageTags => ListTagDetails;
    // Whoever can pull an image can see the logo of its repository.
    ecr::BatchGetImage => GetLogo;
}

// The bytes of layers.
opens_bytes! {
    ecr::GetDownloadUrlForLayer => bytes::Read;
    ecr::UploadLayerPart => bytes::Append;
    // Bytes are read again for a digest whose algorithm was given only when the upload is completed.
    ecr::CompleteLayerUpload => bytes::Finish, bytes::Hash;
    authority::FetchUpstreamLayers => bytes::Append, bytes::Finish;
    authority::ReplicateImages => bytes::Read;
    authority::SweepDoomed => bytes::Delete;
    authority::MoveObjects => bytes::Move;
    authority::CheckStore => bytes::Check;
    authority::ScrubObjects => bytes::Check;
}
