//! Resource tags of repositories (not image tags). Each change increments the version under which decisions' inputs are
//! cached.

use crate::{
    Micros, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        repository::{Hold, RepositoryGone, hold},
        setting_change::{SettingKind, changed},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

#[derive(Clone, Debug)]
pub struct TagResource {
    pub repository: RepositoryKey,
    /// Keys and values; an existing key gets the new value.
    pub tags: Vec<(String, String)>,
    /// How many tags the repository may have.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

/// Why tags were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagResourceRefusal {
    /// The repository does not exist.
    NotFound,
    /// There would be more than the limit.
    TooMany,
    /// Two keys would differ only in case. Condition keys of policies ignore case, so one tag could replace the other.
    SameButForCase,
}

/// Writes one tag.
pub(crate) async fn put(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    key: &str,
    value: &str,
) -> Result<(), StoreError> {
    let upsert = "INSERT INTO repository_tag (registry, repository, key, value) VALUES (?1, ?2, ?3, ?4) \
                  ON CONFLICT (registry, repository, key) DO UPDATE SET value = excluded.value";
    tx.execute(upsert, &params![repository.registry, repository.id, key, value]).await?;
    Ok(())
}

/// Counts a change of the tags.
pub(crate) async fn bump(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<(), StoreError> {
    let update = "UPDATE repository SET tags_version = tags_version + 1 WHERE registry = ?1 AND id = ?2";
    tx.execute(update, &params![repository.registry, repository.id]).await?;
    Ok(())
}

operation!(TagResource: Durable [Repository(op.repository)] -> (), TagResourceRefusal, |op, tx| {
    let repository = op.repository;
    if hold(tx, repository, Hold::Change).await?.is_none() {
        return Ok(Err(TagResourceRefusal::NotFound));
    }
    for (key, value) in &op.tags {
        put(tx, repository, key, value).await?;
    }
    let keys = "SELECT key FROM repository_tag WHERE registry = ?1 AND repository = ?2";
    let rows = tx.rows(keys, &params![repository.registry, repository.id]).await?;
    let keys: Result<Vec<String>, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    let keys = keys?;
    if keys.len() > op.limit {
        return Ok(Err(TagResourceRefusal::TooMany));
    }
    if !aws::tag::are_distinct(keys.iter().map(String::as_str)) {
        return Ok(Err(TagResourceRefusal::SameButForCase));
    }
    bump(tx, repository).await?;
    changed(tx, repository, SettingKind::Tags, op.at).await?;
    Ok(Ok(()))
});

/// Removes tags by key. Missing keys are not an error.
#[derive(Clone, Debug)]
pub struct UntagResource {
    pub repository: RepositoryKey,
    pub keys: Vec<String>,
    /// Now.
    pub at: Micros,
}

operation!(UntagResource: Durable [Repository(op.repository)] -> (), RepositoryGone, |op, tx| {
    let repository = op.repository;
    if hold(tx, repository, Hold::Change).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    for key in &op.keys {
        let delete = "DELETE FROM repository_tag WHERE registry = ?1 AND repository = ?2 AND key = ?3";
        tx.execute(delete, &params![repository.registry, repository.id, key]).await?;
    }
    bump(tx, repository).await?;
    changed(tx, repository, SettingKind::Tags, op.at).await?;
    Ok(Ok(()))
});

/// Lists the tags of a repository by key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ListTagsForResource {
    pub repository: RepositoryKey,
}

operation!(ListTagsForResource: Point -> Vec<(String, String)>, crate::Never, |op, tx| {
    let select = "SELECT key, value FROM repository_tag WHERE registry = ?1 AND repository = ?2 ORDER BY key";
    let rows = tx.rows(select, &params![op.repository.registry, op.repository.id]).await?;
    let tags: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect();
    Ok(Ok(tags?))
});
