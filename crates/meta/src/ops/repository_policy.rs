//! Sets and removes the policies of repositories and registries, and an account's settings. Each change increments the
//! row's `policy_version`, by which the gate detects an outdated compiled policy.

use crate::{
    Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        repository::{Hold, hold},
        setting_change::{SettingKind, changed},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRepositoryGone;

/// Writes or removes a repository's policy. Returns the previous one.
#[derive(Clone, Debug)]
pub struct SetRepositoryPolicy {
    pub repository: RepositoryKey,
    /// The document, with principals by unique ID; None removes the policy.
    pub document: Option<String>,
    /// Now.
    pub at: Micros,
}

operation!(SetRepositoryPolicy: Durable [Repository(op.repository)] -> Option<String>, PolicyRepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(PolicyRepositoryGone));
    }
    let old = replace(tx, op.repository, op.document.as_deref()).await?;
    changed(tx, op.repository, SettingKind::Policy, op.at).await?;
    Ok(Ok(old))
});

/// Writes or removes the policy of a repository that the operation holds. Returns the previous one.
pub(crate) async fn replace(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    document: Option<&str>,
) -> Result<Option<String>, StoreError> {
    let RepositoryKey { registry, id } = repository;
    let select = "SELECT document FROM repository_policy WHERE registry = ?1 AND repository = ?2";
    let old: Option<String> = tx.value(select, &params![registry, id]).await?;
    if let Some(document) = document {
        insert(tx, repository, document).await?;
    } else {
        let delete = "DELETE FROM repository_policy WHERE registry = ?1 AND repository = ?2";
        tx.execute(delete, &params![registry, id]).await?;
    }
    let bump = "UPDATE repository SET policy_version = policy_version + 1 WHERE registry = ?1 AND id = ?2";
    tx.execute(bump, &params![registry, id]).await?;
    Ok(old)
}

/// Writes the policy of a repository that the operation holds. The caller counts its version.
pub(crate) async fn insert(
    tx: &mut Tx<'_>,
    RepositoryKey { registry, id }: RepositoryKey,
    document: &str,
) -> Result<(), StoreError> {
    let upsert = "INSERT INTO repository_policy (registry, repository, document) VALUES (?1, ?2, ?3) \
        ON CONFLICT (registry, repository) DO UPDATE SET document = excluded.document";
    tx.execute(upsert, &params![registry, id, document]).await.map(|_| ())
}

async fn bump_registry(tx: &mut Tx<'_>, registry: RegistryKey) -> Result<(), StoreError> {
    let bump = "UPDATE registry SET policy_version = policy_version + 1 WHERE key = ?1";
    tx.execute(bump, &params![registry]).await.map(|_| ())
}

/// Writes or removes a registry's policy. Returns the previous one.
#[derive(Clone, Debug)]
pub struct SetRegistryPolicy {
    pub registry: RegistryKey,
    /// The document, with principals by unique ID; None removes the policy.
    pub document: Option<String>,
}

operation!(SetRegistryPolicy: Durable [Registry(op.registry)] -> Option<String>, Never, |op, tx| {
    // The row is locked first, so old document and version belong together.
    bump_registry(tx, op.registry).await?;
    let select = "SELECT document FROM registry_policy WHERE registry = ?1";
    let old: Option<String> = tx.value(select, &params![op.registry]).await?;
    match &op.document {
        Some(document) => {
            let upsert = "INSERT INTO registry_policy (registry, document) VALUES (?1, ?2) \
                ON CONFLICT (registry) DO UPDATE SET document = excluded.document";
            tx.execute(upsert, &params![op.registry, document]).await?;
        }
        None => {
            tx.execute("DELETE FROM registry_policy WHERE registry = ?1", &params![op.registry]).await?;
        }
    }
    Ok(Ok(old))
});

/// Writes a setting of an account in a region.
#[derive(Clone, Debug)]
pub struct PutAccountSetting {
    pub registry: RegistryKey,
    pub name: String,
    pub value: String,
}

operation!(PutAccountSetting: Durable [Registry(op.registry)] -> (), Never, |op, tx| {
    bump_registry(tx, op.registry).await?;
    let upsert = "INSERT INTO account_setting (registry, name, value) VALUES (?1, ?2, ?3) \
        ON CONFLICT (registry, name) DO UPDATE SET value = excluded.value";
    tx.execute(upsert, &params![op.registry, op.name, op.value]).await?;
    if op.name.starts_with(OF_REPLICATION) {
        // With the next push, all settings of the repository go to the destinations again.
        let forget = "DELETE FROM settings_replication WHERE registry = ?1 AND status = 2";
        tx.execute(forget, &params![op.registry]).await?;
    }
    Ok(Ok(()))
});

/// The names of settings about replication begin with it.
const OF_REPLICATION: &str = "WHARF_REPLICATION_";

/// Writes a setting of an account in a Region if it was never set.
#[derive(Clone, Debug)]
pub struct PutAccountSettingOnce {
    pub registry: RegistryKey,
    pub name: String,
    pub value: String,
}

operation!(PutAccountSettingOnce: Durable [Registry(op.registry)] -> (), Never, |op, tx| {
    let insert = "INSERT INTO account_setting (registry, name, value) VALUES (?1, ?2, ?3) \
        ON CONFLICT (registry, name) DO NOTHING";
    if tx.execute(insert, &params![op.registry, op.name, op.value]).await? == 1 {
        bump_registry(tx, op.registry).await?;
    }
    Ok(Ok(()))
});

/// Reads a setting of an account in a region.
#[derive(Clone, Debug)]
pub struct GetAccountSetting {
    pub registry: RegistryKey,
    pub name: String,
}

operation!(GetAccountSetting: Point -> Option<String>, Never, |op, tx| {
    Ok(Ok(account_setting(tx, op.registry, &op.name).await?))
});

/// The value of a setting. None: it was never set.
pub(crate) async fn account_setting(
    tx: &mut Tx<'_>,
    registry: RegistryKey,
    name: &str,
) -> Result<Option<String>, StoreError> {
    let select = "SELECT value FROM account_setting WHERE registry = ?1 AND name = ?2";
    tx.value(select, &params![registry, name]).await
}

/// Whether the value switches something on that is off by default.
pub(crate) fn is_enabled(value: Option<String>) -> bool {
    value.is_some_and(|value| value == "ENABLED")
}
