//! Reads the counters of usage: of repositories in pages, and their sums for registries and the deployment.

use aws::ids::AccountId;

use crate::{
    Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::operation,
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// What a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryUsage {
    pub key: RepositoryKey,
    pub account_id: String,
    pub region: String,
    pub name: String,
    pub images: u64,
    pub tags: u64,
    pub layer_bytes: i64,
    pub manifest_bytes: i64,
}

/// What a registry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryUsage {
    pub account_id: String,
    pub region: String,
    pub repositories: u64,
    pub images: u64,
    pub tags: u64,
    /// The sum over its repositories.
    pub logical_bytes: i64,
    /// The same with each layer counted once.
    pub physical_bytes: i64,
}

/// What the deployment holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Layers and manifests that are stored; each layer counts once.
    pub physical_bytes: i64,
    /// Only with the first page.
    pub registries: Vec<RegistryUsage>,
    /// A page of repositories.
    pub repositories: Vec<RepositoryUsage>,
}

/// Reads usage, with a page of repositories in the order of their keys.
#[derive(Clone, Copy, Debug)]
pub struct ListUsage {
    /// Only repositories after this one; None for the first page.
    pub after: Option<RepositoryKey>,
    /// The maximum number of repositories.
    pub limit: usize,
}

operation!(ListUsage: List -> Usage, Never, |op, tx| {
    let all = "SELECT CAST(COALESCE(SUM(object_bytes + manifest_bytes), 0) AS BIGINT) FROM repository_usage";
    let physical_bytes = tx.value(all, &[]).await?.unwrap_or_default();
    let registries = if op.after.is_none() { registries(tx).await? } else { Vec::new() };
    let after = op.after.unwrap_or(RepositoryKey { registry: RegistryKey(i64::MIN), id: i64::MIN });
    let select = "SELECT r.registry, r.id, a.account_id, g.region, r.name, r.image_count, r.tag_count, \
            COALESCE(u.layer_bytes, 0), COALESCE(u.manifest_bytes, 0) \
        FROM repository r JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account \
        LEFT JOIN repository_usage u ON u.registry = r.registry AND u.repository = r.id \
        WHERE (r.registry, r.id) > (?1, ?2) AND r.deleted_at IS NULL ORDER BY r.registry, r.id LIMIT ?3";
    let read = |mut row: Row| {
        Ok(RepositoryUsage {
            key: RepositoryKey { registry: row.take()?, id: row.take()? },
            account_id: row.take()?,
            region: row.take()?,
            name: row.take()?,
            images: row.take()?,
            tags: row.take()?,
            layer_bytes: row.take()?,
            manifest_bytes: row.take()?,
        })
    };
    let rows = tx.rows(select, &params![after.registry, after.id, op.limit]).await?;
    let repositories: Result<_, StoreError> = rows.into_iter().map(read).collect();
    Ok(Ok(Usage { physical_bytes, registries, repositories: repositories? }))
});

async fn registries(tx: &mut Tx<'_>) -> Result<Vec<RegistryUsage>, StoreError> {
    let select = "SELECT a.account_id, g.region, g.repository_count, \
            CAST(COALESCE((SELECT SUM(r.image_count) FROM repository r \
                WHERE r.registry = g.key AND r.deleted_at IS NULL), 0) AS BIGINT), \
            CAST(COALESCE((SELECT SUM(r.tag_count) FROM repository r \
                WHERE r.registry = g.key AND r.deleted_at IS NULL), 0) AS BIGINT), \
            CAST(COALESCE(SUM(u.layer_bytes + u.manifest_bytes), 0) AS BIGINT), \
            CAST(COALESCE(SUM(u.unique_bytes + u.manifest_bytes), 0) AS BIGINT) \
        FROM registry g JOIN account a ON a.key = g.account LEFT JOIN repository_usage u ON u.registry = g.key \
        GROUP BY g.key, a.account_id, g.region, g.repository_count ORDER BY a.account_id, g.region";
    let read = |mut row: Row| {
        Ok(RegistryUsage {
            account_id: row.take()?,
            region: row.take()?,
            repositories: row.take()?,
            images: row.take()?,
            tags: row.take()?,
            logical_bytes: row.take()?,
            physical_bytes: row.take()?,
        })
    };
    tx.rows(select, &[]).await?.into_iter().map(read).collect()
}

/// Whose bytes are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredBy {
    /// Repositories whose names begin with a prefix, of one account or of all; layers count in each of them.
    Prefix { account_id: Option<AccountId>, prefix: String },
    /// The registries of an account; a layer counts once in each registry.
    Account(AccountId),
    /// Everything; each layer counts once.
    Deployment,
}

/// Adds the counters of usage up, with the bytes of uploads in progress.
#[derive(Clone, Debug)]
pub struct SumStoredBytes {
    pub by: StoredBy,
}

operation!(SumStoredBytes: Point -> u64, Never, |op, tx| {
    macro_rules! by_prefix {
        ($account:literal) => {
            concat!(
                "SELECT CAST(COALESCE(SUM(u.layer_bytes + u.manifest_bytes + u.upload_bytes), 0) AS BIGINT) FROM registry g \
                 JOIN account a ON a.key = g.account JOIN repository r ON r.registry = g.key \
                 JOIN repository_usage u ON u.registry = r.registry AND u.repository = r.id \
                 WHERE r.deleted_at IS NULL AND r.name >= ?1 AND r.name < ?2", $account
            )
        };
    }
    let sum: Option<i64> = match &op.by {
        StoredBy::Prefix { account_id, prefix } => {
            // No character of a name is above it.
            let end = format!("{prefix}\u{7f}");
            match account_id {
                Some(id) => tx.value(by_prefix!(" AND a.account_id = ?3"), &params![prefix, end, id]).await?,
                None => tx.value(by_prefix!(""), &params![prefix, end]).await?,
            }
        }
        StoredBy::Account(account_id) => {
            let select = "SELECT CAST(COALESCE(SUM(u.unique_bytes + u.manifest_bytes + u.upload_bytes), 0) AS BIGINT) \
                FROM account a JOIN registry g ON g.account = a.key JOIN repository_usage u ON u.registry = g.key \
                WHERE a.account_id = ?1";
            tx.value(select, &params![account_id]).await?
        }
        StoredBy::Deployment => {
            let select = "SELECT CAST(COALESCE(SUM(object_bytes + manifest_bytes + upload_bytes), 0) AS BIGINT) \
                FROM repository_usage";
            tx.value(select, &[]).await?
        }
    };
    Ok(Ok(u64::try_from(sum.unwrap_or_default()).unwrap_or_default()))
});
