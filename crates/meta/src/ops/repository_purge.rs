//! Removes the rows of a deleted repository in slices, so no transaction grows with their number.

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{blob::unlink, operation, usage, work::doom_uploads},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Removes some rows of a deleted repository. Returns true when none is left and the repository's own row is gone.
#[derive(Clone, Debug)]
pub struct PurgeRepositorySlice {
    /// The repository, which must be marked deleted.
    pub repository: RepositoryKey,
    /// The maximum number of rows.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

/// Tables in an order that every foreign key allows, with the columns of their primary key below the repository.
const TABLES: [(&str, &str); 23] = [
    ("tag", "name"),
    ("tag_history", "id"),
    ("upstream_tag", "name"),
    ("image_blob", "image, digest"),
    ("image_child", "image, digest"),
    ("image_pull", "image"),
    ("image_scan", "image"),
    ("manifest_body", "image"),
    ("image", "id"),
    ("blob_link", "digest"),
    ("link_review", "digest"),
    ("repository_tag", "key"),
    ("repository_policy", "repository"),
    ("repository_redirect", "name"),
    ("repository_catalog_data", "repository"),
    ("lifecycle_policy", "repository"),
    ("lifecycle_action", "id"),
    ("lifecycle_preview_result", "position"),
    ("lifecycle_preview", "repository"),
    ("replication", "digest, tag, destination"),
    ("replication_peer", "source"),
    ("setting_change", "kind"),
    ("settings_replication", "destination"),
];

// Relaxed: rows that come back after a power cut are removed again, and bytes are removed only after a durable write.
operation!(PurgeRepositorySlice: Relaxed [Repository(op.repository), Contents(op.repository)] -> bool, Never, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let deleted = "SELECT 1 FROM repository WHERE registry = ?1 AND id = ?2 AND deleted_at IS NOT NULL";
    if tx.value::<i64>(deleted, &params![registry, id]).await?.is_none() {
        // Gone already, or alive and none of our business.
        return Ok(Ok(true));
    }
    let mut left = op.limit as u64;
    left = left.saturating_sub(op.doom_uploads(tx, left).await?);
    for (table, columns) in TABLES {
        if left == 0 {
            return Ok(Ok(false));
        }
        if table == "blob_link" {
            left = left.saturating_sub(op.unlink(tx, left).await?);
            continue;
        }
        let sql = format!("DELETE FROM {table} WHERE registry = ?1 AND repository = ?2 AND ({columns}) IN \
            (SELECT {columns} FROM {table} WHERE registry = ?1 AND repository = ?2 ORDER BY {columns} LIMIT ?3)");
        left = left.saturating_sub(tx.execute(&sql, &params![registry, id, left]).await?);
    }
    if left == 0 {
        return Ok(Ok(false));
    }
    // The old names in other registries.
    let names = "DELETE FROM repository_redirect WHERE target = ?1 AND repository = ?2";
    tx.execute(names, &params![registry, id]).await?;
    usage::retire(tx, op.repository).await?;
    tx.execute("DELETE FROM repository WHERE registry = ?1 AND id = ?2", &params![registry, id]).await?;
    Ok(Ok(true))
});

impl PurgeRepositorySlice {
    /// Uploads in progress: their bytes are doomed.
    async fn doom_uploads(&self, tx: &mut Tx<'_>, limit: u64) -> Result<u64, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let delete = "DELETE FROM upload WHERE registry = ?1 AND repository = ?2 AND id IN \
            (SELECT id FROM upload WHERE registry = ?1 AND repository = ?2 ORDER BY id LIMIT ?3) \
            RETURNING registry, repository, object_key, received";
        let rows = tx.rows(delete, &params![registry, id, limit]).await?;
        Ok(doom_uploads(tx, rows, self.at).await? as u64)
    }

    /// Links end: their objects are reviewed when the grace is over.
    async fn unlink(&self, tx: &mut Tx<'_>, limit: u64) -> Result<u64, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select =
            "SELECT digest FROM blob_link WHERE registry = ?1 AND repository = ?2 ORDER BY digest LIMIT ?3";
        let rows = tx.rows(select, &params![registry, id, limit]).await?;
        let count = rows.len() as u64;
        for mut row in rows {
            unlink(tx, self.repository, &row.take()?, None, self.at).await?;
        }
        Ok(count)
    }
}
