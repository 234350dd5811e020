//! Lifecycle policies of repositories: written, read, removed. A change queues an evaluation.

use aws::ids::{AccountId, Region};

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        repository::{Hold, RepositoryGone, hold},
        repository_policy::{account_setting, is_enabled},
        setting_change::{SettingKind, changed},
        work::{enqueue_sooner, repeat_by},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that evaluates the policy of a repository and carries it out.
pub const LIFECYCLE_POLICY: &str = "lifecycle-policy";

/// The account setting without which policies with extensions of Wharf are refused and not carried out.
pub const LIFECYCLE_EXTENSIONS: &str = "WHARF_LIFECYCLE_EXTENSIONS";

/// How long after a push the policy of the repository is evaluated: several pushes cost one evaluation.
const PUSH_DELAY: Micros = Micros(20_000_000);

/// A policy as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicyRow {
    pub document: String,
    /// Grows with each change.
    pub version: i64,
    /// When it was last evaluated; until the first evaluation, when it was written.
    pub last_evaluated_at: Micros,
}

impl LifecyclePolicyRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self { document: row.take()?, version: row.take()?, last_evaluated_at: row.take()? })
    }
}

/// Writes the policy of a repository.
#[derive(Clone, Debug)]
pub struct PutLifecyclePolicy {
    pub repository: RepositoryKey,
    pub document: String,
    /// Now.
    pub at: Micros,
}

operation!(PutLifecyclePolicy: Durable [] -> (), RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    write(tx, op.repository, &op.document, op.at).await?;
    changed(tx, op.repository, SettingKind::LifecyclePolicy, op.at).await?;
    Ok(Ok(()))
});

/// Writes the policy of a repository that the operation holds, and queues an evaluation.
pub(crate) async fn write(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    document: &str,
    at: Micros,
) -> Result<(), StoreError> {
    // The version is the time, so that a policy written after a removal has a new one.
    let upsert = "INSERT INTO lifecycle_policy (registry, repository, document, version, last_evaluated_at) \
        VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (registry, repository) DO UPDATE SET document = excluded.document, \
        version = CASE WHEN lifecycle_policy.version >= excluded.version THEN lifecycle_policy.version + 1 \
        ELSE excluded.version END";
    tx.execute(upsert, &params![repository.registry, repository.id, document, at]).await?;
    enqueue_sooner(tx, LIFECYCLE_POLICY, &repository.to_text(), at).await
}

/// Reads the policy of a repository.
#[derive(Clone, Debug)]
pub struct GetLifecyclePolicy {
    pub repository: RepositoryKey,
}

operation!(GetLifecyclePolicy: Point -> Option<LifecyclePolicyRow>, Never, |op, tx| {
    let select = "SELECT document, version, last_evaluated_at FROM lifecycle_policy \
                  WHERE registry = ?1 AND repository = ?2";
    let row = tx.row(select, &params![op.repository.registry, op.repository.id]).await?;
    Ok(Ok(row.map(|mut row| LifecyclePolicyRow::read(&mut row)).transpose()?))
});

/// Removes the policy of a repository; returns what it was. Its work ends when it is claimed.
#[derive(Clone, Debug)]
pub struct DeleteLifecyclePolicy {
    pub repository: RepositoryKey,
    /// Now.
    pub at: Micros,
}

operation!(DeleteLifecyclePolicy: Durable [] -> Option<LifecyclePolicyRow>, RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    let delete = "DELETE FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2 \
                  RETURNING document, version, last_evaluated_at";
    let row = tx.row(delete, &params![op.repository.registry, op.repository.id]).await?;
    changed(tx, op.repository, SettingKind::LifecyclePolicy, op.at).await?;
    Ok(Ok(row.map(|mut row| LifecyclePolicyRow::read(&mut row)).transpose()?))
});

/// Queues an evaluation of a repository's policy. Returns whether there is one.
#[derive(Clone, Debug)]
pub struct RequestLifecycleRun {
    pub repository: RepositoryKey,
    /// Now.
    pub at: Micros,
}

operation!(RequestLifecycleRun: Durable [] -> bool, Never, |op, tx| {
    let select = "SELECT 1 FROM lifecycle_policy WHERE registry = ?1 AND repository = ?2";
    let RepositoryKey { registry, id } = op.repository;
    if tx.value::<i64>(select, &params![registry, id]).await?.is_none() {
        return Ok(Ok(false));
    }
    enqueue_sooner(tx, LIFECYCLE_POLICY, &op.repository.to_text(), op.at).await?;
    Ok(Ok(true))
});

/// What background work needs to know of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleRepository {
    pub account_id: AccountId,
    pub region: Region,
    pub name: String,
    /// Whether the registry allows extensions ([`LIFECYCLE_EXTENSIONS`]).
    pub allows_extensions: bool,
    /// How much has left the repository so far.
    pub departures: i64,
    /// Its policy, if it has one.
    pub policy: Option<LifecyclePolicyRow>,
}

/// Reads a living repository with its policy.
#[derive(Clone, Debug)]
pub struct FindLifecycleRepository {
    pub repository: RepositoryKey,
}

operation!(FindLifecycleRepository: Point -> Option<LifecycleRepository>, Never, |op, tx| {
    let select = "SELECT a.account_id, g.region, r.name, r.departures, s.value, p.document, p.version, p.last_evaluated_at \
        FROM repository r JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account \
        LEFT JOIN lifecycle_policy p ON p.registry = r.registry AND p.repository = r.id \
        LEFT JOIN account_setting s ON s.registry = r.registry AND s.name = ?3 \
        WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL";
    let RepositoryKey { registry, id } = op.repository;
    let row = tx.row(select, &params![registry, id, LIFECYCLE_EXTENSIONS]).await?;
    let Some(mut row) = row else { return Ok(Ok(None)) };
    let repository = LifecycleRepository {
        account_id: row.take()?,
        region: row.take()?,
        name: row.take()?,
        departures: row.take()?,
        allows_extensions: is_enabled(row.take()?),
        policy: row.take_joined(3, LifecyclePolicyRow::read)?,
    };
    Ok(Ok(Some(repository)))
});

pub(crate) async fn allows_extensions(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
) -> Result<bool, StoreError> {
    Ok(is_enabled(account_setting(tx, repository.registry, LIFECYCLE_EXTENSIONS).await?))
}

/// Has the policy of a repository evaluated soon after a push. Runs inside the push.
pub(crate) async fn evaluate_soon(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    at: Micros,
) -> Result<(), StoreError> {
    let due_at = Micros(at.0.saturating_add(PUSH_DELAY.0));
    repeat_by(tx, LIFECYCLE_POLICY, &repository.to_text(), due_at).await
}
