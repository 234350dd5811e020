//! When settings of repositories were changed, and what such a change queues for replication. Settings travel only if the
//! registry asks for it, in account settings of Wharf's own; ECR has none.

use crate::{
    Micros, RepositoryKey, StoreError, Tx,
    ops::{replication_queue::destinations, row_version},
    value::params,
};

/// The account settings with which settings of repositories are replicated, too. All are off by default.
pub const REPLICATE_SETTINGS: &str = "WHARF_REPLICATION_SETTINGS";
pub const REPLICATE_POLICIES: &str = "WHARF_REPLICATION_POLICIES";
pub const REPLICATE_LIFECYCLE: &str = "WHARF_REPLICATION_LIFECYCLE";
pub const REPLICATE_TAGS: &str = "WHARF_REPLICATION_TAGS";
/// The account setting with which what refers to an image is replicated with it.
pub const REPLICATE_REFERRERS: &str = "WHARF_REPLICATION_REFERRERS";

/// A setting of a repository that can be replicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingKind {
    TagMutability,
    Scanning,
    Policy,
    LifecyclePolicy,
    Tags,
}

impl SettingKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::TagMutability, Self::Scanning, Self::Policy, Self::LifecyclePolicy, Self::Tags];

    /// Its name in the store and between deployments.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TagMutability => "tagMutability",
            Self::Scanning => "scanning",
            Self::Policy => "policy",
            Self::LifecyclePolicy => "lifecyclePolicy",
            Self::Tags => "tags",
        }
    }

    /// The setting with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The account setting with which it is replicated.
    pub const fn option(self) -> &'static str {
        match self {
            Self::TagMutability | Self::Scanning => REPLICATE_SETTINGS,
            Self::Policy => REPLICATE_POLICIES,
            Self::LifecyclePolicy => REPLICATE_LIFECYCLE,
            Self::Tags => REPLICATE_TAGS,
        }
    }
}

/// Records that a setting was changed here, and queues it if it is replicated. A change here is later than each one that
/// has arrived.
pub(crate) async fn changed(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    kind: SettingKind,
    at: Micros,
) -> Result<(), StoreError> {
    let upsert = "INSERT INTO setting_change (registry, repository, kind, changed_at) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (registry, repository, kind) DO UPDATE SET changed_at = \
        CASE WHEN setting_change.changed_at >= excluded.changed_at THEN setting_change.changed_at + 1 \
        ELSE excluded.changed_at END";
    let RepositoryKey { registry, id } = repository;
    tx.execute(upsert, &params![registry, id, kind.name(), at]).await?;
    queue(tx, repository, &format!("= '{}'", kind.option()), AGAIN, at).await
}

/// Queues the settings of a repository whose images are replicated, unless they were queued before. Those that failed and are
/// not tried any more are queued again: the next image can arrive after what was wrong has been corrected.
pub(crate) async fn queue_with_images(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    at: Micros,
) -> Result<(), StoreError> {
    let given_up = "WHERE settings_replication.status = 3 AND settings_replication.due_at IS NULL";
    queue(tx, repository, ANY_OPTION, &format!("{AGAIN} {given_up}"), at).await
}

/// Queues the settings of a repository again.
pub(crate) async fn queue_again(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    at: Micros,
) -> Result<(), StoreError> {
    queue(tx, repository, ANY_OPTION, AGAIN, at).await
}

const ANY_OPTION: &str = "IN ('WHARF_REPLICATION_SETTINGS', 'WHARF_REPLICATION_POLICIES', \
    'WHARF_REPLICATION_LIFECYCLE', 'WHARF_REPLICATION_TAGS')";

/// The same row from before is done again.
const AGAIN: &str = "DO UPDATE SET status = 1, failure_code = NULL, queued_at = excluded.queued_at, \
    due_at = excluded.due_at, attempts = 0, version = excluded.version";

/// Queues a row for each destination, if an option that the condition allows is enabled.
async fn queue(
    tx: &mut Tx<'_>,
    RepositoryKey { registry, id }: RepositoryKey,
    option: &str,
    if_there: &str,
    at: Micros,
) -> Result<(), StoreError> {
    let insert = format!(
        "INSERT INTO settings_replication \
            (registry, repository, destination, status, queued_at, due_at, attempts, version) \
         SELECT ?1, ?2, d.destination, 1, ?3, ?3, 0, ?4 FROM {} \
         WHERE EXISTS (SELECT 1 FROM account_setting s WHERE s.registry = ?1 AND s.name {option} AND s.value = 'ENABLED') \
         ON CONFLICT (registry, repository, destination) {if_there}",
        destinations!()
    );
    let version = row_version::fresh();
    tx.execute(&insert, &params![registry, id, at, version]).await.map(|_| ())
}
