//! How many bytes repositories hold: counted in the transactions that change them, and compared with the rows from time
//! to time.

use crate::{
    Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::operation,
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A change of the usage of a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Of the layers that the repository links.
    pub layer_bytes: i64,
    /// Of its manifests.
    pub manifest_bytes: i64,
    /// Of the layers that no other repository of the registry links.
    pub unique_bytes: i64,
    /// Of objects that were stored or collected.
    pub object_bytes: i64,
    /// Of uploads in progress.
    pub upload_bytes: i64,
}

impl Change {
    pub(crate) fn manifest(bytes: i64) -> Self {
        Self { manifest_bytes: bytes, ..Self::default() }
    }

    pub(crate) fn upload(bytes: i64) -> Self {
        Self { upload_bytes: bytes, ..Self::default() }
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// A size as a change.
pub(crate) fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The row for what remains of repositories and objects that are gone.
const REMAINS: i64 = 0;

/// Adds a change. Runs inside an operation, after its other statements: on PostgreSQL it holds the row until the commit.
pub(crate) async fn add(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    change: Change,
) -> Result<(), StoreError> {
    if change.is_nothing() {
        return Ok(());
    }
    let upsert = "INSERT INTO repository_usage \
            (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes, upload_bytes) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (registry, repository) DO UPDATE \
        SET layer_bytes = repository_usage.layer_bytes + excluded.layer_bytes, \
            manifest_bytes = repository_usage.manifest_bytes + excluded.manifest_bytes, \
            unique_bytes = repository_usage.unique_bytes + excluded.unique_bytes, \
            object_bytes = repository_usage.object_bytes + excluded.object_bytes, \
            upload_bytes = repository_usage.upload_bytes + excluded.upload_bytes";
    let Change { layer_bytes, manifest_bytes, unique_bytes, object_bytes, upload_bytes } = change;
    let RepositoryKey { registry, id } = repository;
    let values = params![registry, id, layer_bytes, manifest_bytes, unique_bytes, object_bytes, upload_bytes];
    tx.execute(upsert, &values).await?;
    Ok(())
}

/// Whether another repository of the registry links the object.
async fn is_shared(tx: &mut Tx<'_>, repository: RepositoryKey, object: i64) -> Result<bool, StoreError> {
    let select =
        "SELECT registry FROM blob_link WHERE object = ?1 AND registry = ?2 AND repository <> ?3 LIMIT 1";
    let RepositoryKey { registry, id } = repository;
    Ok(tx.value::<i64>(select, &params![object, registry, id]).await?.is_some())
}

/// Counts a new link.
pub(crate) async fn linked(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    object: i64,
    size: u64,
    is_new_object: bool,
) -> Result<(), StoreError> {
    let size = signed(size);
    let is_shared = !is_new_object && is_shared(tx, repository, object).await?;
    let unique_bytes = if is_shared { 0 } else { size };
    let object_bytes = if is_new_object { size } else { 0 };
    add(tx, repository, Change { layer_bytes: size, unique_bytes, object_bytes, ..Change::default() }).await
}

/// Counts a link that has ended. The object is held.
pub(crate) async fn unlinked(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    object: i64,
    size: u64,
) -> Result<(), StoreError> {
    let size = signed(size);
    let unique_bytes = if is_shared(tx, repository, object).await? { 0 } else { -size };
    add(tx, repository, Change { layer_bytes: -size, unique_bytes, ..Change::default() }).await
}

/// Counts an object that was collected.
pub(crate) async fn collected(tx: &mut Tx<'_>, size: u64) -> Result<(), StoreError> {
    let deployment = RepositoryKey { registry: RegistryKey(0), id: REMAINS };
    add(tx, deployment, Change { object_bytes: -signed(size), ..Change::default() }).await
}

/// Ends the row of a repository that is removed. What its layers count for the registry and the deployment remains.
pub(crate) async fn retire(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<(), StoreError> {
    let delete = "DELETE FROM repository_usage WHERE registry = ?1 AND repository = ?2 \
        RETURNING unique_bytes, object_bytes";
    let RepositoryKey { registry, id } = repository;
    let Some(mut row) = tx.row(delete, &params![registry, id]).await? else { return Ok(()) };
    let remains = Change { unique_bytes: row.take()?, object_bytes: row.take()?, ..Change::default() };
    add(tx, RepositoryKey { registry, id: REMAINS }, remains).await
}

/// The bytes of a repository's layers that no other repository of a registry links.
async fn bytes_alone(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    registry: RegistryKey,
) -> Result<i64, StoreError> {
    let select = "SELECT CAST(COALESCE(SUM(o.size), 0) AS BIGINT) FROM blob_link l JOIN object o ON o.id = l.object \
        WHERE l.registry = ?1 AND l.repository = ?2 AND NOT EXISTS (SELECT 1 FROM blob_link x \
        WHERE x.object = l.object AND x.registry = ?3 AND NOT (x.registry = ?1 AND x.repository = ?2))";
    let bytes = tx.value(select, &params![repository.registry, repository.id, registry]).await?;
    Ok(bytes.unwrap_or_default())
}

/// Moves the counters of a repository with its rows, which are still at their old place. What its layers count for the
/// deployment remains with the registry that it leaves.
pub(crate) async fn moved(tx: &mut Tx<'_>, from: RepositoryKey, to: RepositoryKey) -> Result<(), StoreError> {
    let select =
        "SELECT layer_bytes, manifest_bytes FROM repository_usage WHERE registry = ?1 AND repository = ?2";
    let Some(mut row) = tx.row(select, &params![from.registry, from.id]).await? else { return Ok(()) };
    let (layer_bytes, manifest_bytes) = (row.take()?, row.take()?);
    let leaves = bytes_alone(tx, from, from.registry).await?;
    let unique_bytes = bytes_alone(tx, from, to.registry).await?;
    retire(tx, from).await?;
    let remains = RepositoryKey { registry: from.registry, id: REMAINS };
    add(tx, remains, Change { unique_bytes: -leaves, ..Change::default() }).await?;
    add(tx, to, Change { layer_bytes, manifest_bytes, unique_bytes, ..Change::default() }).await
}

/// Reads how many bytes a repository holds: its layers and manifests.
#[derive(Clone, Copy, Debug)]
pub struct FindStoredBytes {
    pub repository: RepositoryKey,
}

operation!(FindStoredBytes: Point -> u64, Never, |op, tx| {
    let select = "SELECT layer_bytes + manifest_bytes FROM repository_usage WHERE registry = ?1 AND repository = ?2";
    let bytes = tx.value::<i64>(select, &params![op.repository.registry, op.repository.id]).await?;
    Ok(Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default()))
});

/// What differs between the counters and the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    pub repository: RepositoryKey,
    /// What must be added.
    pub change: Change,
    /// How often the row had been corrected when it was measured. A drift is added once: two measurements at the same
    /// time find the same one.
    pub corrections: i64,
}

/// Whether there is anything to compare: a counter, an object or an image.
#[derive(Clone, Copy, Debug)]
pub struct HasUsage;

operation!(HasUsage: Point -> bool, Never, |_op, tx| {
    let select = "SELECT registry FROM repository_usage UNION ALL SELECT id FROM object \
        UNION ALL SELECT id FROM image LIMIT 1";
    Ok(Ok(tx.value::<i64>(select, &[]).await?.is_some()))
});

/// Compares all counters with the rows, in one snapshot. The drift stays true while requests change both.
#[derive(Clone, Copy, Debug)]
pub struct MeasureUsage;

operation!(MeasureUsage: Page -> Vec<Drift>, Never, |_op, tx| {
    let mut drifts = repositories(tx).await?;
    // The rows of repositories and the remainder together are what the registry stores.
    let of_registries = "SELECT g.key, CAST(COALESCE((SELECT SUM(o.size) FROM object o WHERE EXISTS \
            (SELECT 1 FROM blob_link l WHERE l.object = o.id AND l.registry = g.key)), 0) AS BIGINT) \
        - CAST(COALESCE((SELECT SUM(u.unique_bytes) FROM repository_usage u WHERE u.registry = g.key), 0) AS BIGINT), \
        COALESCE((SELECT u.corrections FROM repository_usage u WHERE u.registry = g.key AND u.repository = 0), 0) \
        FROM registry g";
    for mut row in tx.rows(of_registries, &[]).await? {
        let repository = RepositoryKey { registry: row.take()?, id: REMAINS };
        let change = Change { unique_bytes: row.take()?, ..Change::default() };
        drifts.push(Drift { repository, change, corrections: row.take()? });
    }
    let of_deployment = "SELECT CAST(COALESCE((SELECT SUM(size) FROM object), 0) AS BIGINT) \
        - CAST(COALESCE((SELECT SUM(object_bytes) FROM repository_usage), 0) AS BIGINT), \
        COALESCE((SELECT corrections FROM repository_usage WHERE registry = 0 AND repository = 0), 0)";
    if let Some(mut row) = tx.row(of_deployment, &[]).await? {
        let repository = RepositoryKey { registry: RegistryKey(0), id: REMAINS };
        let change = Change { object_bytes: row.take()?, ..Change::default() };
        drifts.push(Drift { repository, change, corrections: row.take()? });
    }
    drifts.retain(|drift| !drift.change.is_nothing());
    // In one order, so that two corrections never wait for each other's rows.
    drifts.sort_unstable_by_key(|drift| drift.repository);
    Ok(Ok(drifts))
});

async fn repositories(tx: &mut Tx<'_>) -> Result<Vec<Drift>, StoreError> {
    let select = "SELECT r.registry, r.id, \
            CAST(COALESCE((SELECT SUM(o.size) FROM blob_link l JOIN object o ON o.id = l.object \
                WHERE l.registry = r.registry AND l.repository = r.id), 0) AS BIGINT) - COALESCE(u.layer_bytes, 0), \
            CAST(COALESCE((SELECT SUM(i.manifest_size) FROM image i \
                WHERE i.registry = r.registry AND i.repository = r.id), 0) AS BIGINT) - COALESCE(u.manifest_bytes, 0), \
            CAST(COALESCE((SELECT SUM(p.received) FROM upload p \
                WHERE p.registry = r.registry AND p.repository = r.id), 0) AS BIGINT) - COALESCE(u.upload_bytes, 0), \
            COALESCE(u.corrections, 0) \
        FROM repository r LEFT JOIN repository_usage u ON u.registry = r.registry AND u.repository = r.id \
        WHERE r.deleted_at IS NULL";
    let read = |mut row: Row| {
        let repository = RepositoryKey { registry: row.take()?, id: row.take()? };
        let (layer_bytes, manifest_bytes, upload_bytes) = (row.take()?, row.take()?, row.take()?);
        let change = Change { layer_bytes, manifest_bytes, upload_bytes, ..Change::default() };
        Ok(Drift { repository, change, corrections: row.take()? })
    };
    tx.rows(select, &[]).await?.into_iter().map(read).collect()
}

/// Adds drifts to the counters of repositories that still exist, unless another measurement was added since.
#[derive(Clone, Debug)]
pub struct CorrectUsage {
    pub drifts: Vec<Drift>,
}

operation!(CorrectUsage: Relaxed [] -> (), Never, |op, tx| {
    for Drift { repository, change, corrections } in &op.drifts {
        let RepositoryKey { registry, id } = *repository;
        let lives = "SELECT id FROM repository WHERE registry = ?1 AND id = ?2 AND deleted_at IS NULL";
        if id != REMAINS && tx.value::<i64>(lives, &params![registry, id]).await?.is_none() {
            continue;
        }
        // The row may not exist yet.
        let insert = "INSERT INTO repository_usage \
                (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes) \
            VALUES (?1, ?2, 0, 0, 0, 0) ON CONFLICT (registry, repository) DO NOTHING";
        tx.execute(insert, &params![registry, id]).await?;
        let count = "UPDATE repository_usage SET corrections = corrections + 1 \
            WHERE registry = ?1 AND repository = ?2 AND corrections = ?3";
        if tx.execute(count, &params![registry, id, corrections]).await? == 1 {
            add(tx, *repository, *change).await?;
        }
    }
    Ok(Ok(()))
});
