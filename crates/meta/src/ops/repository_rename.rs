//! New names of repositories, and what their old names lead to. A name is only in the repository's row and in redirects,
//! so images, tags, policies and history stay where they are.

use crate::{
    Micros, Never, RegistryKey, RepositoryKey,
    ops::{
        operation,
        repository::{Hold, RepositoryRow, hold},
    },
    value::params,
};

/// Gives a repository another name in its registry.
#[derive(Clone, Debug)]
pub struct RenameRepository {
    pub repository: RepositoryKey,
    /// The new name.
    pub name: String,
    /// Until when the old name leads to the repository.
    pub redirect_until: Micros,
    /// Now.
    pub at: Micros,
}

/// Why a repository was not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameRepositoryRefusal {
    /// It does not exist.
    NotFound,
    /// The registry has a repository with the new name.
    NameTaken,
}

operation!(RenameRepository: Durable [Repository(op.repository)] -> RepositoryRow, RenameRepositoryRefusal, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let Some(held) = hold(tx, op.repository, Hold::Delete).await? else {
        return Ok(Err(RenameRepositoryRefusal::NotFound));
    };
    let mut row = held.row;
    if row.name == op.name {
        // This operation ran before, or changes nothing.
        return Ok(Ok(row));
    }
    let taken = "SELECT 1 FROM repository WHERE registry = ?1 AND name = ?2 AND deleted_at IS NULL";
    if tx.value::<i64>(taken, &params![registry, op.name]).await?.is_some() {
        return Ok(Err(RenameRepositoryRefusal::NameTaken));
    }
    let rename = "UPDATE repository SET name = ?3 WHERE registry = ?1 AND id = ?2";
    tx.execute(rename, &params![registry, id, op.name]).await?;
    let expired = "DELETE FROM repository_redirect WHERE registry = ?1 AND (expires_at <= ?2 OR name = ?3)";
    tx.execute(expired, &params![registry, op.at, op.name]).await?;
    if op.redirect_until > op.at {
        let insert = "INSERT INTO repository_redirect (registry, name, repository, expires_at) VALUES (?1, ?2, ?3, ?4) \
            ON CONFLICT (registry, name) DO UPDATE SET repository = excluded.repository, expires_at = excluded.expires_at";
        tx.execute(insert, &params![registry, row.name, id, op.redirect_until]).await?;
    }
    row.name.clone_from(&op.name);
    Ok(Ok(row))
});

/// Finds the name that a repository has now by the name that it had.
#[derive(Clone, Debug)]
pub struct FindRedirect {
    pub registry: RegistryKey,
    /// The old name.
    pub name: String,
    /// Now.
    pub at: Micros,
}

operation!(FindRedirect: Point -> Option<String>, Never, |op, tx| {
    let select = "SELECT r.name FROM repository_redirect d \
        JOIN repository r ON r.registry = d.registry AND r.id = d.repository AND r.deleted_at IS NULL \
        WHERE d.registry = ?1 AND d.name = ?2 AND d.expires_at > ?3";
    Ok(Ok(tx.value::<String>(select, &params![op.registry, op.name, op.at]).await?))
});
