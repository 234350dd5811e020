//! The rows of the services: work that no request asks for. A row lists the kinds of effects that the authority of a
//! service opens. It opens nothing of any other kind: no operation of the store, and no use of layers' bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use access::effects::{OpensBytes, authority, bytes};
use access::permit::{Opens, ServiceAuthority};
use access::store::*;

/// Every operation of the store, by kind of effect.
macro_rules! with_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            ReadIdentities: FindEntity FindEntityById FindNamedPrincipals ListEntities ListGroupLinks ListIamTags
                FindManagedPolicy ListManagedPolicies ListManagedPolicyVersions LoadManagedDocuments CountPolicyUses
                ListPolicyUses ListInlinePolicies ListAttachedPolicies LoadIdentityPolicies FindInstanceProfile
                ListInstanceProfiles FindOidcProvider ListOidcProviders;
            CountAccounts: CountAccount CountRegistries;
            ReadCredentialReports: GetAccountCreation FindCredentialReport LoadCredentialReport ListUserCredentials;
            ChangeCredentialReports: StartCredentialReport StoreCredentialReport;
            ReadTagged: ListTagged FindTagged ListTagTexts;
            ChangeIdentities: CreateEntity RenameEntity DeleteEntity CreateUser DeleteUser UpdateRole SetBoundary
                AddToGroup RemoveFromGroup PutIamTags RemoveIamTags CreateInstanceProfile DeleteInstanceProfile
                SetInstanceProfileRole CreateOidcProvider UpdateOidcProvider DeleteOidcProvider ChangeOidcAudience;
            ChangeIdentityPolicies: PutInlinePolicy PutInlinePolicyWithin DeleteInlinePolicy AttachManagedPolicy
                AttachPolicy DetachManagedPolicy CreateManagedPolicy DeleteManagedPolicy CreateManagedPolicyVersion
                SetDefaultManagedPolicyVersion DeleteManagedPolicyVersion;
            FirstAdministrator: CreateFirstUser;
            ReadAccessKeys: FindAccessKey ListAccessKeys;
            ChangeAccessKeys: CreateAccessKey CreateAccessKeyWithin SetAccessKeyStatus DeleteAccessKey EnsureRoot;
            Secrets: CountSealedSecrets ListSecretsNotUnder;
            ConnectionSecrets: ListConnectionsNotUnder;
            SeedSecrets: ListSeedsNotUnder;
            SecretValues: ListSecretValuesNotUnder;
            ResealSecrets: ResealSecret ResealConnection ResealSeed ResealSecretValue;
            FindLoginProfiles: FindLoginProfile;
            ChangeLoginProfiles: CreateLoginProfile ChangeLoginProfile DeleteLoginProfile;
            FindMfaDevices: FindMfaDevice;
            ListMfaDevices: ListMfaDevices;
            ChangeMfaDevices: CreateMfaDevice EnableMfaDevice SynchronizeMfaDevice DeactivateMfaDevice DeleteMfaDevice;
            UseMfaDevices: CountMfaAttempt UseMfaCode;
            ReadSecrets: FindSecret ListSecrets ListSecretValues;
            ChangeSecrets: CreateSecret ChangeSecret PutSecretValue RemoveSecret;
            DeletedSecrets: RemoveDeletedSecrets;
            Settings: GetSetting PutSettingOnce ReplaceSetting;
            ReadAccounts: FindAccount FirstAccount ListAccounts FindMemberAccount ListMemberAccounts
                ListAccountCreations ListAccountTags FindOrganizationalUnit ListOrganizationalUnits ListAccountsOfUnit;
            CreateAccounts: CreateAccount;
            ChangeMemberAccounts: CreateMemberAccount ChangeMemberAccount TagAccount MoveMemberAccount;
            ChangeOrganization: CreateOrganizationalUnit RenameOrganizationalUnit DeleteOrganizationalUnit
                TagOrganizationNode;
            ReadSignIn: GetAccountAlias GetPasswordPolicy;
            ChangeSignIn: SetAccountAlias DeleteAccountAlias SetPasswordPolicy DeletePasswordPolicy;
            Uses: RecordAccessKeyUse RecordRoleUse;
            ReadSessions: FindSessionContext;
            StoreSessions: PutSessionContext;
            ForgetSessions: ForgetSessionContexts;
            ReadProtection: ListProtected ListInUseReports;
            ChangeProtection: SetProtection PutInUseReport DeleteInUseReport;
            ForgetReports: ForgetInUseReports;
            CreateRegistries: EnsureRegistry EnsurePublicRegistry;
            PublicRegistries: FindPublicRegistry FindRegistryAlias PutRegistryDisplayName CreatePublicRepository
                GetCatalogData PutCatalogData GetLogo ListTagDetails;
            ReadRepositories: DescribeRepositories FindRedirect FindStoredBytes ListTagsForResource GetAccountSetting
                ListPullTimeExclusions FindTarget Resolve FindStanding FindPlacement;
            ReadPlacements: ListPlacements ListPlacedDatabases ListCopiedAccounts;
            PlaceAccounts: CopyAccount PlaceAccount;
            JoinDatabases: JoinDirectory;
            ReadScans: GetScanningConfiguration FindImageScan;
            ChangeScans: PutScanningConfiguration StartImageScan;
            ReadUpstreams: GetPullThroughCacheRule ListPullThroughCacheRules FindUpstream;
            ChangePullThroughCacheRules: CreatePullThroughCacheRule UpdatePullThroughCacheRule
                DeletePullThroughCacheRule;
            ValidateUpstreamTags: RecordUpstreamTag ExpireUpstreamTags;
            ReadCreationTemplates: GetCreationTemplate ListCreationTemplates FindCreation;
            ChangeCreationTemplates: CreateCreationTemplate ReplaceCreationTemplate DeleteCreationTemplate;
            ChangeRepositories: CreateRepository DeleteRepository RenameRepository MoveRepository PutImageTagMutability PutImageScanning TagResource
                UntagResource PutAccountSetting RegisterPullTimeExclusion DeregisterPullTimeExclusion;
            FirstSettings: PutAccountSettingOnce;
            ReadResourcePolicies: LoadRepositoryPolicy LoadRegistryPolicy;
            ChangeResourcePolicies: SetRepositoryPolicy SetRegistryPolicy;
            ReadImages: FindImages LoadManifest DescribeImages ListImages ListTags ListReferrers MeasureReferrers;
            ChangeImages: PutImage BatchDeleteImage DeleteTag BackfillReferences UpdateImageStorageClass;
            ReadTagHistory: ListTagMoves;
            TrimTagHistory: TrimTagHistory;
            ReadReplicationConfiguration: GetReplicationConfiguration;
            ChangeReplicationConfiguration: PutReplicationConfiguration;
            ReadReplications: ListImageReplications ListReplicationLags;
            DueReplications: ListDueDestinations ListDueReplications FindReplicationSource FindReplicationTag FindReplicationRule
                EndReplication
                ForgetReplications ListDueSettings FindRepositorySettings EndSettingsReplication QueueReferrers;
            Replicate: ReplicateImage ReplicateDeletion PutReplicatedSettings;
            PeerOrders: RecordAbsence FindAbsence;
            ChangeBackfills: StartReplicationBackfill StopReplicationBackfill;
            ReadBackfills: FindReplicationBackfill ListReplicationBackfills ListBackfillFailures ListBackfillItems;
            WorkOnBackfills: ListOpenBackfills PrepareBackfill EndBackfillItems FindReplicationDestination
                TrimReplicationBackfills;
            ReadLifecyclePolicies: GetLifecyclePolicy GetLifecyclePreview ListPreviewResults ListLifecycleRecords;
            ChangeLifecyclePolicies: PutLifecyclePolicy DeleteLifecyclePolicy RequestLifecycleRun
                StartLifecyclePreview;
            ReadLifecycleRepositories: FindLifecycleRepository;
            ReadLifecycleImages: ListLifecycleImages FindLifecycleImages;
            ExecuteLifecycle: ExecuteLifecyclePolicy RecordLifecycleEvaluation;
            WritePreviews: WritePreviewResults EndLifecyclePreview;
            DeleteOrphans: DeleteReferrers;
            FinishRestores: FinishRestore;
            MoveObjects: BeginMove EndMove;
            FindArchived: HasArchivedObjects;
            PullTimes: RecordPulls;
            ReadLayers: FindBlobs FindLinks FindLayerImages;
            ChangeLayers: CreateUpload TakeUpload AdvanceUpload CancelUpload CompleteUpload LinkBlob UnlinkBlob
                RenewBlobs;
            ExpiredUploads: ExpireUploads;
            DoomedObjects: ClaimDoomed ForgetDoomed;
            Reviews: DueLinkReviews KeepNeededLinks CollectLinks DueObjectReviews CollectObjects WalkStore;
            ReadCollection: GetCollectionState PreviewCollection ExplainDigest;
            ListUsage: ListUsage;
            SumUsage: SumStoredBytes;
            CompareUsage: HasUsage MeasureUsage;
            CorrectUsage: CorrectUsage;
            ReadObjects: ListObjects FindObject FindObjectKeys ListManifests;
            RemoveLostObjects: RemoveLostObject;
            StoreChecks: StartStoreCheck GetStoreCheck RecordCheckSlice ListCheckFindings;
            BackupHolds: StartBackupHold EndBackupHold;
            ReadOnly: MakeReadOnly MakeWritable;
            ReadReadOnly: GetReadOnly;
            MoveStores: TakeDestination GetUnfinishedMove GetEventSequence EndMoveTo ListTables ReadTable LastTableKey
                WriteTable;
            Clocks: ReadClock;
            Scrub: GetScrub SetScrub;
            DeletedRepositories: PurgeRepositorySlice;
            EnqueueWork: EnqueueWork;
            Work: ClaimWork RenewWork FinishWork PostponeWork;
            ReadEvents: ListEvents ListNewEvents OldestNewEvent;
            RouteEvents: RouteEvents;
            TakeEvents: TakeEvents;
            Deliver: ListDueTargets ListDeliveries EndDeliveries FailDelivery BuryDeliveries ForgetTarget;
            ReadDeliveries: ListDeliveryTargets ListDeadLetters;
            ReplayDeadLetters: ReplayDeadLetters;
            RemoveEvents: TrimEvents DeleteEvent;
            ReadRules: FindEventRule ListEventRules ListEventTargets ListRuleNamesByTarget;
            ChangeRules: PutEventRule SetEventRuleState DeleteEventRule PutEventTargets RemoveEventTargets;
            ReadRoutes: ListEventRoutes FindRoutedTarget ListRemovedEventTargets;
            ReadConnections: FindEventConnection FindApiDestination;
            ListConnections: ListEventConnections ListApiDestinations;
            ChangeConnections: CreateEventConnection ReplaceEventConnection DeleteEventConnection
                CreateApiDestination ReplaceApiDestination DeleteApiDestination;
            Reconcilers: ListReconcilers CountBacklogs ClaimReconciler RenewReconciler FinishReconciler RequestReconciler;
        }
    };
}

macro_rules! rows {
    ($($service:ident: $($kind:ident)*;)*) => {
        /// The services, and the kinds of effects that their authorities open.
        const ROWS: &[(&str, &[&str])] = &[$((stringify!($service), &[$(stringify!($kind)),*])),*];

        /// What the authority of each service opens: each operation with its kind and whether it is opened.
        fn opened() -> BTreeMap<&'static str, Vec<Cell>> {
            let mut opened = BTreeMap::new();
            $(opened.insert(stringify!($service), with_operations!(cells authority::$service,));)*
            opened
        }
    };
}

rows! {
    ExpireUploads: ExpiredUploads;
    PurgeRepositories: DeletedRepositories Work;
    CollectGarbage: Reviews;
    MeasureUsage: CompareUsage CorrectUsage;
    DescribeCollection: ReadCollection;
    CheckStore: ReadObjects RemoveLostObjects CompareUsage CorrectUsage ReadReadOnly BytesCheck;
    KeepStoreCheck: StoreChecks;
    KeepBackups: BackupHolds;
    MoveStore: ReadOnly ReadReadOnly;
    CheckStorageQuotas: SumUsage;
    ScrubObjects: Scrub ReadObjects BytesCheck;
    DescribeUsage: ListUsage;
    DescribeQuotas: CountAccounts;
    DeleteReferrers: Work ReadLifecycleRepositories DeleteOrphans;
    ExecuteLifecyclePolicies: Work ReadLifecycleRepositories ReadLifecycleImages ExecuteLifecycle;
    RestoreImages: Work FinishRestores;
    ReplicateImages: ReadIdentities Work DueReplications ReadBackfills WorkOnBackfills ReadLayers BytesRead;
    ReceiveFromPeers: PeerOrders;
    DescribeReplication: ReadReplications;
    MoveObjects: Work MoveObjects FindArchived BytesMove;
    PreviewLifecyclePolicies: Work ReadLifecyclePolicies ReadLifecycleImages WritePreviews;
    SweepDoomed: DoomedObjects BytesDelete;
    FetchUpstreamLayers: ReadLayers ChangeLayers BytesAppend BytesFinish;
    ReadUpstreamSecrets: ReadIdentities;
    ServeMirrors: ReadIdentities;
    RecordPulls: PullTimes;
    CreateAdministrator: ReadAccounts CreateAccounts CreateRegistries ReadAccessKeys FirstAdministrator;
    EnableCreateOnPush: ReadAccounts CreateRegistries FirstSettings;
    StoreSessions: StoreSessions;
    ForgetSessions: ForgetSessions;
    ForgetReports: ForgetReports;
    ResealSecrets: Secrets ConnectionSecrets SeedSecrets SecretValues ResealSecrets;
    UseMfaDevices: FindMfaDevices UseMfaDevices;
    RemoveDeletedSecrets: DeletedSecrets;
    ManageAccounts: ReadAccounts ChangeMemberAccounts ChangeAccessKeys;
    ExplainAccess: ReadIdentities ReadAccounts;
    RecordKeyUse: Uses;
    VerifyWebIdentity: ReadIdentities ReadAccounts;
    KeepKeyRing: Settings Secrets ConnectionSecrets SeedSecrets SecretValues;
    RecordOrganization: Settings ReadAccounts;
    TrimEvents: ReadEvents RemoveEvents;
    TrimTagHistory: TrimTagHistory;
    DeliverEvents: ReadEvents RouteEvents Deliver ReadRoutes ReadConnections ReadIdentities;
    ManageDeliveries: ReadDeliveries ReplayDeadLetters;
    ForwardEvents: ReadEvents TakeEvents RouteEvents;
    PlaceRegistries: ReadAccounts ReadPlacements PlaceAccounts;
    RunReconcilers: Reconcilers;
}

/// An operation of the store, its kind, and whether an authority opens it.
struct Cell {
    operation: &'static str,
    kind: &'static str,
    opens: bool,
}

/// Whether an authority opens an operation. The constant of the type itself is used where it exists, and otherwise that
/// of the trait.
struct Probe<A, O>(PhantomData<(A, O)>);

trait Closed {
    const OPENS: bool = false;
}

impl<A, O> Closed for Probe<A, O> {}

impl<A: Opens<O> + ServiceAuthority, O: Operation> Probe<A, O> {
    const OPENS: bool = true;
}

/// The same for the bytes of layers.
struct ProbeBytes<A, Use>(PhantomData<(A, Use)>);

impl<A, Use> Closed for ProbeBytes<A, Use> {}

impl<A: OpensBytes<Use> + ServiceAuthority, Use> ProbeBytes<A, Use> {
    const OPENS: bool = true;
}

macro_rules! cells {
    ($service:ty, $($kind:ident: $($operation:ident)*;)*) => {
        vec![
            $($(Cell {
                operation: stringify!($operation),
                kind: stringify!($kind),
                opens: Probe::<$service, $operation>::OPENS,
            },)*)*
            cells!(@bytes $service, Read BytesRead),
            cells!(@bytes $service, Append BytesAppend),
            cells!(@bytes $service, Finish BytesFinish),
            cells!(@bytes $service, Hash BytesHash),
            cells!(@bytes $service, Delete BytesDelete),
            cells!(@bytes $service, Move BytesMove),
            cells!(@bytes $service, Check BytesCheck),
        ]
    };
    (@bytes $service:ty, $use:ident $kind:ident) => {
        Cell {
            operation: stringify!($use),
            kind: stringify!($kind),
            opens: ProbeBytes::<$service, bytes::$use>::OPENS,
        }
    };
}
use cells;

macro_rules! names {
    ($($kind:ident: $($operation:ident)*;)*) => {
        vec![$($(stringify!($operation),)*)*]
    };
}

/// A service opens effects of the kinds in its row, and nothing of any other kind.
#[test]
fn a_service_opens_only_the_effects_of_its_row() {
    let opened = opened();
    for (service, kinds) in ROWS {
        let cells = &opened[service];
        let wrong: Vec<_> = cells
            .iter()
            .filter(|cell| cell.opens && !kinds.contains(&cell.kind))
            .map(|cell| format!("{} ({})", cell.operation, cell.kind))
            .collect();
        assert!(wrong.is_empty(), "{service} may not: {wrong:?}");
        for kind in *kinds {
            let is_used = cells.iter().any(|cell| cell.kind == *kind && cell.opens);
            assert!(is_used, "{service} opens nothing of {kind}, which is in its row");
        }
    }
}

#[test]
fn every_service_has_a_row() {
    let rows: BTreeSet<_> = ROWS.iter().map(|(service, _)| *service).collect();
    assert_eq!(rows, authority::ALL.iter().copied().collect());
    assert_eq!(rows.len(), ROWS.len());
}

/// An operation that the table does not have could be opened without a row that says so.
#[test]
fn the_table_has_every_operation_of_the_store() {
    let ops = concat!(env!("CARGO_MANIFEST_DIR"), "/../meta/src/ops");
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(ops).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for declared in text.split("operation!(").skip(1) {
            // Some operations are generic over the key of what they change.
            let name = declared.trim_start().split([':', '<']).next().unwrap();
            if name.chars().all(char::is_alphanumeric) {
                written.insert(name.to_owned());
            }
        }
        for declared in text.split("impl Operation for ").skip(1) {
            written.insert(declared.split_whitespace().next().unwrap().to_owned());
        }
    }
    let listed: BTreeSet<String> = with_operations!(names).into_iter().map(str::to_owned).collect();
    assert_eq!(listed, written);
}
