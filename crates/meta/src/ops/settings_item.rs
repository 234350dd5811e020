//! The settings of repositories on their way: what is due, what they are now, and how it ended.

use oci::name::RepositoryName;

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        replication_item::FAILED,
        repository::{Hold, hold},
        repository_policy::{account_setting, is_enabled},
        setting_change::SettingKind,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The settings of a repository that go to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsItem {
    pub source: RepositoryKey,
    pub destination: i64,
    /// New each time they are queued: what ends earlier ones does not end later ones.
    pub version: i64,
    /// How often it failed.
    pub attempts: i64,
    pub queued_at: Micros,
}

/// Lists the repositories whose settings are due for a destination, the longest due first.
#[derive(Clone, Debug)]
pub struct ListDueSettings {
    pub destination: i64,
    /// Now.
    pub now: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListDueSettings: Point -> Vec<SettingsItem>, Never, |op, tx| {
    let select = "SELECT registry, repository, destination, version, attempts, queued_at FROM settings_replication \
        WHERE destination = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3";
    let rows = tx.rows(select, &params![op.destination, op.now, op.limit]).await?;
    let read = |mut row: Row| {
        Ok(SettingsItem {
            source: RepositoryKey { registry: row.take()?, id: row.take()? },
            destination: row.take()?,
            version: row.take()?,
            attempts: row.take()?,
            queued_at: row.take()?,
        })
    };
    let items: Result<_, StoreError> = rows.into_iter().map(read).collect();
    Ok(Ok(items?))
});

/// A setting with the time of its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub kind: SettingKind,
    pub changed_at: Micros,
    /// A policy as its document, and everything else as JSON. None: there is no such policy.
    pub value: Option<String>,
}

/// The settings of a repository that its registry replicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySettings {
    pub name: RepositoryName,
    pub settings: Vec<Setting>,
}

/// Reads the settings of a repository that its registry replicates. None: there is no such repository.
#[derive(Clone, Copy, Debug)]
pub struct FindRepositorySettings {
    pub repository: RepositoryKey,
}

operation!(FindRepositorySettings: Page -> Option<RepositorySettings>, Never, |op, tx| {
    let Some(held) = living(tx, op.repository).await? else { return Ok(Ok(None)) };
    let mut settings = Vec::new();
    for kind in SettingKind::ALL {
        let is_asked = is_enabled(account_setting(tx, op.repository.registry, kind.option()).await?);
        if is_asked && let Some(setting) = op.setting(tx, kind, &held).await? {
            settings.push(setting);
        }
    }
    let name = held.name.parse().map_err(|_| StoreError::Corrupt("name"))?;
    Ok(Ok(Some(RepositorySettings { name, settings })))
});

/// What the row of a repository has.
struct Living {
    name: String,
    created_at: Micros,
    mutability: String,
    filters: String,
    scan_on_push: bool,
}

async fn living(tx: &mut Tx<'_>, key: RepositoryKey) -> Result<Option<Living>, StoreError> {
    let select = "SELECT name, created_at, mutability, exclusion_filters, scan_on_push FROM repository \
        WHERE registry = ?1 AND id = ?2 AND deleted_at IS NULL";
    let row = tx.row(select, &params![key.registry, key.id]).await?;
    let read = |mut row: Row| {
        Ok(Living {
            name: row.take()?,
            created_at: row.take()?,
            mutability: row.take()?,
            filters: row.take()?,
            scan_on_push: row.take()?,
        })
    };
    row.map(read).transpose()
}

impl FindRepositorySettings {
    /// A setting. None: it was never changed and has its default.
    async fn setting(
        &self,
        tx: &mut Tx<'_>,
        kind: SettingKind,
        row: &Living,
    ) -> Result<Option<Setting>, StoreError> {
        let value = current(tx, self.repository, kind, row).await?;
        let changed_at = changed_at(tx, self.repository, kind).await?;
        let since = changed_at.or((!value.is_default).then_some(row.created_at));
        Ok(since.map(|changed_at| Setting { kind, changed_at, value: value.text }))
    }
}

struct Current {
    text: Option<String>,
    is_default: bool,
}

async fn changed_at(
    tx: &mut Tx<'_>,
    key: RepositoryKey,
    kind: SettingKind,
) -> Result<Option<Micros>, StoreError> {
    let select =
        "SELECT changed_at FROM setting_change WHERE registry = ?1 AND repository = ?2 AND kind = ?3";
    tx.value(select, &params![key.registry, key.id, kind.name()]).await
}

async fn current(
    tx: &mut Tx<'_>,
    key: RepositoryKey,
    kind: SettingKind,
    row: &Living,
) -> Result<Current, StoreError> {
    let unreadable = |_| StoreError::Bug("a setting cannot be written as JSON");
    let document =
        |table: &str| format!("SELECT document FROM {table} WHERE registry = ?1 AND repository = ?2");
    let of_table = match kind {
        SettingKind::Policy => "repository_policy",
        SettingKind::LifecyclePolicy => "lifecycle_policy",
        SettingKind::TagMutability => {
            let filters: Vec<String> =
                serde_json::from_str(&row.filters).map_err(|_| StoreError::Corrupt("exclusion_filters"))?;
            let is_default = row.mutability == "MUTABLE" && filters.is_empty();
            let text = serde_json::to_string(&(&row.mutability, &filters)).map_err(unreadable)?;
            return Ok(Current { text: Some(text), is_default });
        }
        SettingKind::Scanning => {
            let text = serde_json::to_string(&row.scan_on_push).map_err(unreadable)?;
            return Ok(Current { text: Some(text), is_default: !row.scan_on_push });
        }
        SettingKind::Tags => {
            let select =
                "SELECT key, value FROM repository_tag WHERE registry = ?1 AND repository = ?2 ORDER BY key";
            let mut tags: Vec<(String, String)> = Vec::new();
            for mut row in tx.rows(select, &params![key.registry, key.id]).await? {
                tags.push((row.take()?, row.take()?));
            }
            let text = serde_json::to_string(&tags).map_err(unreadable)?;
            return Ok(Current { text: Some(text), is_default: tags.is_empty() });
        }
    };
    let text: Option<String> = tx.value(&document(of_table), &params![key.registry, key.id]).await?;
    Ok(Current { is_default: text.is_none(), text })
}

/// Ends the settings of a repository for a destination, unless they were queued again.
#[derive(Clone, Debug)]
pub struct EndSettingsReplication {
    pub item: SettingsItem,
    /// Why they failed, if they did, and when they are tried again.
    pub end: SettingsEnd,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsEnd {
    Complete,
    /// It is tried again, and is not shown as failed.
    Retry(Micros),
    /// It failed, and is tried again if there is a time.
    Failed {
        code: String,
        retry_at: Option<Micros>,
    },
}

operation!(EndSettingsReplication: Durable [] -> (), Never, |op, tx| {
    let (status, code, due_at) = match &op.end {
        SettingsEnd::Complete => (2, None, None),
        SettingsEnd::Retry(at) => (1, None, Some(*at)),
        SettingsEnd::Failed { code, retry_at } => (FAILED, Some(code), *retry_at),
    };
    let update = "UPDATE settings_replication SET status = ?5, failure_code = ?6, due_at = ?7, attempts = attempts + 1 \
        WHERE registry = ?1 AND repository = ?2 AND destination = ?3 AND version = ?4";
    let SettingsItem { source, destination, version, .. } = &op.item;
    let values = params![source.registry, source.id, *destination, *version, status, code, due_at];
    tx.execute(update, &values).await?;
    Ok(Ok(()))
});

/// A setting that has arrived, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrivedSetting {
    pub changed_at: Micros,
    pub value: SettingValue,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// The mutability as its row has it, and the filters.
    TagMutability(crate::Mutability, Vec<String>),
    Scanning(bool),
    /// The policy, with principals by unique ID.
    Policy(Option<String>),
    LifecyclePolicy(Option<String>),
    Tags(Vec<(String, String)>),
}

impl SettingValue {
    /// Which setting it is.
    pub const fn kind(&self) -> SettingKind {
        match self {
            Self::TagMutability(..) => SettingKind::TagMutability,
            Self::Scanning(_) => SettingKind::Scanning,
            Self::Policy(_) => SettingKind::Policy,
            Self::LifecyclePolicy(_) => SettingKind::LifecyclePolicy,
            Self::Tags(_) => SettingKind::Tags,
        }
    }
}

/// Writes settings that were replicated, each unless it was changed later here. They are not replicated on.
#[derive(Clone, Debug)]
pub struct PutReplicatedSettings {
    /// The repository at the destination.
    pub repository: RepositoryKey,
    pub settings: Vec<ArrivedSetting>,
    /// Now.
    pub at: Micros,
}

/// The repository does not exist any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingsRepositoryGone;

operation!(
    PutReplicatedSettings: Durable [Repository(op.repository)] -> Vec<SettingKind>, SettingsRepositoryGone,
    |op, tx| {
        if hold(tx, op.repository, Hold::Change).await?.is_none() {
            return Ok(Err(SettingsRepositoryGone));
        }
        let mut written = Vec::new();
        for setting in &op.settings {
            if op.is_later(tx, setting).await? {
                op.write(tx, setting).await?;
                written.push(setting.value.kind());
            }
        }
        Ok(Ok(written))
    }
);

impl PutReplicatedSettings {
    /// Whether the setting was not changed later here. What a template gave the repository counts as changed when it was
    /// created.
    async fn is_later(&self, tx: &mut Tx<'_>, setting: &ArrivedSetting) -> Result<bool, StoreError> {
        let kind = setting.value.kind();
        if let Some(here) = changed_at(tx, self.repository, kind).await? {
            return Ok(setting.changed_at > here);
        }
        let Some(row) = living(tx, self.repository).await? else { return Ok(false) };
        let current = current(tx, self.repository, kind, &row).await?;
        Ok(current.is_default || setting.changed_at > row.created_at)
    }

    async fn write(&self, tx: &mut Tx<'_>, setting: &ArrivedSetting) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        match &setting.value {
            SettingValue::TagMutability(mutability, filters) => {
                super::repository::write_mutability(tx, self.repository, *mutability, filters).await?;
            }
            SettingValue::Scanning(scans) => {
                let update = "UPDATE repository SET scan_on_push = ?3 WHERE registry = ?1 AND id = ?2";
                tx.execute(update, &params![registry, id, *scans]).await?;
            }
            SettingValue::Policy(document) => {
                super::repository_policy::replace(tx, self.repository, document.as_deref()).await?;
            }
            SettingValue::LifecyclePolicy(Some(document)) => {
                super::lifecycle_policy::write(tx, self.repository, document, self.at).await?;
            }
            SettingValue::LifecyclePolicy(None) => {
                let delete = "DELETE FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2";
                tx.execute(delete, &params![registry, id]).await?;
            }
            SettingValue::Tags(tags) => {
                let delete = "DELETE FROM repository_tag WHERE registry = ?1 AND repository = ?2";
                tx.execute(delete, &params![registry, id]).await?;
                for (key, value) in tags {
                    super::resource_tag::put(tx, self.repository, key, value).await?;
                }
                super::resource_tag::bump(tx, self.repository).await?;
            }
        }
        let upsert = "INSERT INTO setting_change (registry, repository, kind, changed_at) VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT (registry, repository, kind) DO UPDATE SET changed_at = excluded.changed_at";
        tx.execute(upsert, &params![registry, id, setting.value.kind().name(), setting.changed_at]).await?;
        Ok(())
    }
}
