//! Repositories: created, found, listed, marked as deleted. The name of a deleted one is free immediately; its rows are
//! removed in slices.

use crate::{
    Micros, Mutability, Never, OperationId, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        operation, peer_order,
        protection::{Protected, any_protected, before_reports},
        setting_change::{SettingKind, changed},
    },
    value::{Row, params},
};

/// A living repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    pub key: RepositoryKey,
    /// Its name, unique among the living of the registry.
    pub name: String,
    /// When it was created.
    pub created_at: Micros,
    /// Whether tags may move.
    pub mutability: Mutability,
    /// Tag patterns with `*` that are excluded from the mutability.
    pub exclusion_filters: Vec<String>,
    /// Whether images are scanned when pushed.
    pub scan_on_push: bool,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: String,
    /// The KMS key, if one is named.
    pub kms_key: Option<String>,
    /// Bumped by every change of the repository policy.
    pub policy_version: i64,
    /// Bumped by every change of the resource tags.
    pub tags_version: i64,
}

/// The columns that [`RepositoryRow::read`] reads, of `repository r`.
macro_rules! repository_columns {
    () => {
        "r.registry, r.id, r.name, r.created_at, r.mutability, r.exclusion_filters, r.scan_on_push, \
         r.encryption_type, r.kms_key, r.policy_version, r.tags_version"
    };
}
pub(crate) use repository_columns;

const DATABASE: crate::Database = crate::Database::Registries;

impl RepositoryRow {
    pub(crate) const COLUMNS: usize = 11;

    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: RepositoryKey { registry: row.take()?, id: row.take()? },
            name: row.take()?,
            created_at: row.take()?,
            mutability: read_mutability(&row.take::<String>()?)?,
            exclusion_filters: read_filters(&row.take::<String>()?)?,
            scan_on_push: row.take()?,
            encryption_type: row.take()?,
            kms_key: row.take()?,
            policy_version: row.take()?,
            tags_version: row.take()?,
        })
    }

    fn read_all(rows: Vec<Row>) -> Result<Vec<Self>, StoreError> {
        rows.into_iter().map(|mut row| Self::read(&mut row)).collect()
    }
}

fn read_mutability(text: &str) -> Result<Mutability, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt("mutability"))
}

fn read_filters(json: &str) -> Result<Vec<String>, StoreError> {
    if json == "[]" {
        return Ok(Vec::new());
    }
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt("exclusion_filters"))
}

fn write_filters(filters: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(filters).map_err(|_| StoreError::Bug("filters cannot be written as JSON"))
}

/// How an operation holds the repository row on PostgreSQL until it commits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    /// `FOR KEY SHARE`: it must not be deleted. For uploads and links.
    Alive,
    /// `FOR NO KEY UPDATE`: exclusive among operations that change images, tags or settings.
    Change,
    /// `FOR UPDATE`: alone. Deletion.
    Delete,
}

/// A repository that an operation holds.
pub(crate) struct Held {
    pub(crate) row: RepositoryRow,
    /// How many images it has. The row of a request does not have it: each push would change that row, and with it the
    /// permissions that are kept in memory.
    pub(crate) image_count: u64,
}

/// Reads and locks a living repository. SQLite has only one writer, so it needs no lock.
pub(crate) async fn hold(
    tx: &mut Tx<'_>,
    key: RepositoryKey,
    hold: Hold,
) -> Result<Option<Held>, StoreError> {
    macro_rules! living {
        ($lock:literal) => {
            concat!(
                "SELECT ",
                repository_columns!(),
                ", r.image_count FROM repository r WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL",
                $lock
            )
        };
    }
    let sql = match hold {
        Hold::Alive => tx.fork(living!(""), living!(" FOR KEY SHARE")),
        Hold::Change => tx.fork(living!(""), living!(" FOR NO KEY UPDATE")),
        Hold::Delete => tx.fork(living!(""), living!(" FOR UPDATE")),
    };
    let row = tx.row(sql, &params![key.registry, key.id]).await?;
    row.map(|mut row| Ok(Held { row: RepositoryRow::read(&mut row)?, image_count: row.take()? })).transpose()
}

#[derive(Clone, Debug)]
pub struct CreateRepository {
    pub registry: RegistryKey,
    /// Its id, chosen by the caller at random.
    pub id: i64,
    pub name: String,
    /// Now.
    pub at: Micros,
    /// The request.
    pub op: OperationId,
    /// Whether tags may move.
    pub mutability: Mutability,
    /// Tag patterns excluded from the mutability.
    pub filters: Vec<String>,
    /// Whether images are scanned when pushed.
    pub scan_on_push: bool,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: String,
    /// The KMS key, if one is named.
    pub kms_key: Option<String>,
    /// Resource tags.
    pub tags: Vec<(String, String)>,
    /// The repository policy, with principals by unique ID.
    pub policy: Option<String>,
    pub lifecycle_policy: Option<String>,
    /// How many repositories the registry may have.
    pub limit: i64,
}

/// Why a repository was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateRepositoryRefusal {
    /// The registry has a living repository of that name.
    Exists,
    /// The registry has as many repositories as its quota allows.
    Limit,
}

impl CreateRepository {
    fn key(&self) -> RepositoryKey {
        RepositoryKey { registry: self.registry, id: self.id }
    }
}

operation!(CreateRepository: Durable [Repository(op.key())] -> RepositoryRow, CreateRepositoryRefusal, |op, tx| {
    let insert = "INSERT INTO repository (registry, id, name, created_at, operation, mutability, exclusion_filters, \
            scan_on_push, encryption_type, kms_key, policy_version, tags_version, last_image_id, image_count, tag_count) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, 0, 0) \
        ON CONFLICT (registry, name) WHERE deleted_at IS NULL DO NOTHING";
    let filters = write_filters(&op.filters)?;
    let made = tx.execute(insert, &params![op.registry, op.id, op.name, op.at, op.op, op.mutability.as_str(), filters,
        op.scan_on_push, op.encryption_type, op.kms_key, i64::from(op.policy.is_some())]).await? == 1;
    let select = concat!("SELECT ", repository_columns!(), ", r.operation FROM repository r \
                          WHERE r.registry = ?1 AND r.name = ?2 AND r.deleted_at IS NULL");
    let mut row = tx.row(select, &params![op.registry, op.name]).await?.ok_or(StoreError::Conflict)?;
    let repository = RepositoryRow::read(&mut row)?;
    if !made {
        let own = row.take::<OperationId>()? == op.op;
        return Ok(if own { Ok(repository) } else { Err(CreateRepositoryRefusal::Exists) });
    }
    let taken = "DELETE FROM repository_redirect WHERE registry = ?1 AND name = ?2";
    tx.execute(taken, &params![op.registry, op.name]).await?;
    for (key, value) in &op.tags {
        super::resource_tag::put(tx, repository.key, key, value).await?;
    }
    if let Some(document) = &op.policy {
        super::repository_policy::insert(tx, repository.key, document).await?;
    }
    if let Some(document) = &op.lifecycle_policy {
        super::lifecycle_policy::write(tx, repository.key, document, op.at).await?;
    }
    let count = "UPDATE registry SET repository_count = repository_count + 1 WHERE key = ?1 AND repository_count < ?2";
    let counted = tx.execute(count, &params![op.registry, op.limit]).await? == 1;
    Ok(if counted { Ok(repository) } else { Err(CreateRepositoryRefusal::Limit) })
});

/// Lists repositories in the byte order of their names.
#[derive(Clone, Debug)]
pub struct DescribeRepositories {
    pub registry: RegistryKey,
    /// Only names after this one.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(DescribeRepositories: List -> Vec<RepositoryRow>, Never, |op, tx| {
    let select = concat!("SELECT ", repository_columns!(), " FROM repository r \
        WHERE r.registry = ?1 AND r.deleted_at IS NULL AND r.name > ?2 ORDER BY r.name LIMIT ?3");
    let after = op.after.as_deref().unwrap_or_default();
    Ok(Ok(RepositoryRow::read_all(tx.rows(select, &params![op.registry, after, op.limit]).await?)?))
});

/// Marks a repository deleted and queues its removal.
#[derive(Clone, Debug)]
pub struct DeleteRepository {
    pub repository: RepositoryKey,
    /// Delete it even if it holds images.
    pub force: bool,
    /// Now. The row stores it: a repeated run of the same deletion finds it and succeeds again.
    pub at: Micros,
}

/// Why a repository was not deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteRepositoryRefusal {
    /// It does not exist.
    NotFound,
    /// It holds images and `force` was not given.
    NotEmpty,
    /// It holds this image, which is protected. `force` does not change that.
    Protected(Protected),
}

/// The kind of work that removes a deleted repository's rows.
pub const PURGE_REPOSITORY: &str = "purge-repository";

operation!(DeleteRepository: Durable [Repository(op.repository)] -> RepositoryRow, DeleteRepositoryRefusal, |op, tx| {
    let Some(held) = hold(tx, op.repository, Hold::Delete).await? else {
        let select = concat!("SELECT ", repository_columns!(), " FROM repository r \
                              WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at = ?3");
        let row = tx.row(select, &params![op.repository.registry, op.repository.id, op.at]).await?;
        let own = row.map(|mut row| RepositoryRow::read(&mut row)).transpose()?;
        return Ok(own.ok_or(DeleteRepositoryRefusal::NotFound));
    };
    if held.image_count > 0 && !op.force {
        return Ok(Err(DeleteRepositoryRefusal::NotEmpty));
    }
    if held.image_count > 0 {
        before_reports(tx, op.repository).await?;
        if let Some(protected) = any_protected(tx, op.repository, op.at).await? {
            return Ok(Err(DeleteRepositoryRefusal::Protected(protected)));
        }
    }
    let mark = "UPDATE repository SET deleted_at = ?3 WHERE registry = ?1 AND id = ?2";
    tx.execute(mark, &params![op.repository.registry, op.repository.id, op.at]).await?;
    let count = "UPDATE registry SET repository_count = repository_count - 1 WHERE key = ?1";
    tx.execute(count, &params![op.repository.registry]).await?;
    peer_order::outlive(tx, op.repository).await?;
    super::work::enqueue(tx, PURGE_REPOSITORY, &op.repository.to_text(), op.at).await?;
    Ok(Ok(held.row))
});

/// Sets tag mutability and its exclusions.
#[derive(Clone, Debug)]
pub struct PutImageTagMutability {
    pub repository: RepositoryKey,
    /// Whether tags may move from now on.
    pub mutability: Mutability,
    /// Tag patterns excluded from it.
    pub filters: Vec<String>,
    /// Now.
    pub at: Micros,
}

/// The repository does not exist (any more).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryGone;

operation!(PutImageTagMutability: Durable [Repository(op.repository)] -> RepositoryRow, RepositoryGone, |op, tx| {
    let Some(Held { row: mut repository, .. }) = hold(tx, op.repository, Hold::Change).await? else {
        return Ok(Err(RepositoryGone));
    };
    write_mutability(tx, op.repository, op.mutability, &op.filters).await?;
    changed(tx, op.repository, SettingKind::TagMutability, op.at).await?;
    repository.mutability = op.mutability;
    repository.exclusion_filters.clone_from(&op.filters);
    Ok(Ok(repository))
});

/// Writes the mutability of a repository that the operation holds.
pub(crate) async fn write_mutability(
    tx: &mut Tx<'_>,
    key: RepositoryKey,
    mutability: Mutability,
    filters: &[String],
) -> Result<(), StoreError> {
    let update =
        "UPDATE repository SET mutability = ?3, exclusion_filters = ?4 WHERE registry = ?1 AND id = ?2";
    let filters = write_filters(filters)?;
    tx.execute(update, &params![key.registry, key.id, mutability.as_str(), filters]).await.map(|_| ())
}

/// Sets whether images are scanned when they are pushed.
#[derive(Clone, Debug)]
pub struct PutImageScanning {
    pub repository: RepositoryKey,
    pub scan_on_push: bool,
    /// Now.
    pub at: Micros,
}

operation!(PutImageScanning: Durable [Repository(op.repository)] -> RepositoryRow, RepositoryGone, |op, tx| {
    let Some(Held { row: mut repository, .. }) = hold(tx, op.repository, Hold::Change).await? else {
        return Ok(Err(RepositoryGone));
    };
    let update = "UPDATE repository SET scan_on_push = ?3 WHERE registry = ?1 AND id = ?2";
    tx.execute(update, &params![op.repository.registry, op.repository.id, op.scan_on_push]).await?;
    changed(tx, op.repository, SettingKind::Scanning, op.at).await?;
    repository.scan_on_push = op.scan_on_push;
    Ok(Ok(repository))
});
