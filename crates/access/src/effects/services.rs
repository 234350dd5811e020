//! Which service authority opens which store operation: work that no request asks for.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::events;
use crate::ids::IdSource;
use crate::permit::sealed::{Listed, Sealed};
use crate::permit::{Grant, OnDeployment, Opens, ServiceAuthority};

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
        CorrectUsage, GetReadOnly;
    /// Starts and shows the check of the store beside requests, and records its slices.
    KeepStoreCheck => StartStoreCheck, GetStoreCheck, RecordCheckSlice, ListCheckFindings;
    /// Starts and ends the holds of backups.
    KeepBackups => StartBackupHold, EndBackupHold;
    /// Makes the store read-only while it is moved, compares the move, and makes the store writable again.
    MoveStore => MakeReadOnly, GetReadOnly, MakeWritable;
    /// Compares what is stored with the storage quotas of the settings.
    CheckStorageQuotas => SumStoredBytes;
    /// Reads all bytes over time.
    ScrubObjects => GetScrub, SetScrub, ListObjects, FindObject;
    /// Shows how many bytes repositories, registries and the deployment hold.
    DescribeUsage => ListUsage;
    /// Shows how much of its quotas an account uses.
    DescribeQuotas => CountAccount, CountRegistries;
    /// Evaluates lifecycle policies. What they delete and archive is below.
    ExecuteLifecyclePolicies => ClaimWork, RenewWork, FinishWork, PostponeWork, FindLifecycleRepository,
        ListLifecycleImages, FindLifecycleImages, RecordLifecycleEvaluation;
    /// Deletes the referrers of images that were deleted. The deletion is below.
    DeleteReferrers => ClaimWork, RenewWork, FinishWork, PostponeWork, FindLifecycleRepository;
    /// Ends the restoring of images from the archive.
    RestoreImages => ClaimWork, FinishWork, PostponeWork, FinishRestore;
    /// Moves objects to the archive and back.
    MoveObjects => ClaimWork, RenewWork, FinishWork, PostponeWork, BeginMove, EndMove, HasArchivedObjects;
    /// Works out previews of lifecycle policies.
    PreviewLifecyclePolicies => ClaimWork, RenewWork, FinishWork, PostponeWork, GetLifecyclePreview,
        ListLifecycleImages, FindLifecycleImages, WritePreviewResults, EndLifecyclePreview;
    /// Replicates images to other registries. What it writes there has a permit of the gate; failures are below. Layers
    /// are read for peers.
    ReplicateImages => FindEntity, ListDueDestinations, ListDueReplications, FindReplicationSource,
        FindReplicationTag, FindReplicationRule, FindBlobs, ForgetReplications, ListDueSettings, FindRepositorySettings,
        FindNamedPrincipals, EndSettingsReplication, ClaimWork, FinishWork, PostponeWork, QueueReferrers,
        ListOpenBackfills, PrepareBackfill, ListBackfillItems, EndBackfillItems, FindReplicationDestination,
        TrimReplicationBackfills;
    /// Remembers deletions of peers that found no repository. The gate decides about the deletion before.
    ReceiveFromPeers => RecordAbsence, FindAbsence;
    /// Shows how far the destinations of replication are behind.
    DescribeReplication => ListReplicationLags;
    /// Deletes the bytes of objects whose rows are gone.
    SweepDoomed => ClaimDoomed, ForgetDoomed;
    /// Receives layers from upstream registries that images of the repository need.
    FetchUpstreamLayers => FindBlobs, CreateUpload, AdvanceUpload, CancelUpload, CompleteUpload;
    /// Finds the service-linked role that reads the credentials of upstream registries. The gate decides on the secret.
    ReadUpstreamSecrets => FindEntity;
    /// Finds the role of a mirror, for requests without credentials. The gate decides what it may pull.
    ServeMirrors => FindEntity;
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
    /// Seals with the newest key: secrets of access keys and connections, seeds of MFA devices, and values of secrets.
    ResealSecrets => ListSecretsNotUnder, ResealSecret, ListConnectionsNotUnder, ResealConnection, ListSeedsNotUnder,
        ResealSeed, ListSecretValuesNotUnder, ResealSecretValue;
    /// Uses the codes of MFA devices, each once, and counts attempts.
    UseMfaDevices => FindMfaDevice, CountMfaAttempt, UseMfaCode;
    /// Removes secrets that were deleted and whose time is over.
    RemoveDeletedSecrets => RemoveDeletedSecrets;
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
    KeepKeyRing => GetSetting, PutSettingOnce, ReplaceSetting, CountSealedSecrets, ListSecretsNotUnder,
        ListConnectionsNotUnder, ListSeedsNotUnder, ListSecretValuesNotUnder;
    /// Records the IDs of the organization and its management account, once.
    RecordOrganization => GetSetting, PutSettingOnce, FirstAccount;
    /// Removes events that are older than the deployment keeps them.
    TrimEvents => TrimEvents, OldestNewEvent;
    /// Removes history of tags that is older than the deployment keeps it.
    TrimTagHistory => TrimTagHistory;
    /// Routes events to their targets and delivers them. A target of a rule is called with the permission of its role.
    DeliverEvents => ListNewEvents, ListEventRoutes, RouteEvents, ListDueTargets, ListDeliveries, EndDeliveries,
        FailDelivery, BuryDeliveries, ForgetTarget, ListRemovedEventTargets, FindRoutedTarget, FindApiDestination,
        FindEventConnection, FindEntity;
    /// Shows the state of targets to the operator, and delivers dead letters again.
    ManageDeliveries => ListDeliveryTargets, ListDeadLetters, ReplayDeadLetters;
    /// Brings the events of a database of placed registries to the directory, where they are delivered.
    ForwardEvents => ListNewEvents, TakeEvents, RouteEvents;
    /// Places the registries of accounts in another database: `wharf registry place`.
    PlaceRegistries => FindAccount, CopyAccount, PlaceAccount, ListPlacements, ListPlacedDatabases,
        ListCopiedAccounts;
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

// A replication that fails, or that a peer carries out, has an event in the registry that is replicated.
impl Listed<EndReplication> for authority::ReplicateImages {}
impl Opens<EndReplication> for authority::ReplicateImages {
    type Runs = Recorded<EndReplication>;
    const HAS_EVENTS: bool = true;

    fn as_run(_on: &Self::On, ids: &IdSource, operation: EndReplication) -> Self::Runs {
        events::of_ended_replication(ids, operation)
    }
}
