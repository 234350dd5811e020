//! New names of repositories, and what their old names lead to. A name is only in the repository's row and in redirects,
//! so images, tags, policies and history stay where they are.

use aws::ids::{AccountId, Region};

use crate::{
    Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        decided_versions::DecidedVersions,
        operation, peer_order,
        repository::{Hold, RepositoryRow, hold},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Gives a repository another name in its registry.
#[derive(Clone, Debug)]
pub struct RenameRepository {
    pub repository: RepositoryKey,
    /// The new name.
    pub name: String,
    /// Until when the old name leads to the repository.
    pub redirect_until: Micros,
    /// What was decided on.
    pub decided: DecidedVersions,
    /// Now.
    pub at: Micros,
}

/// Why a repository was not renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenameRepositoryRefusal {
    /// It does not exist.
    NotFound,
    /// Its tags or policies are others than those that were decided on.
    SettingsChanged,
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
    if !op.decided.are_those_of(tx, &row).await? {
        return Ok(Err(RenameRepositoryRefusal::SettingsChanged));
    }
    let taken = "SELECT 1 FROM repository WHERE registry = ?1 AND name = ?2 AND deleted_at IS NULL";
    if tx.value::<i64>(taken, &params![registry, op.name]).await?.is_some() {
        return Ok(Err(RenameRepositoryRefusal::NameTaken));
    }
    // What was imported came from the upstream registry of the old name.
    let rename = "UPDATE repository SET name = ?3, imports_after = last_image_id WHERE registry = ?1 AND id = ?2";
    tx.execute(rename, &params![registry, id, op.name]).await?;
    peer_order::outlive(tx, op.repository).await?;
    end_redirects(tx, registry, &op.name, op.at).await?;
    let redirect = Redirect { registry, name: &row.name, to: op.repository, until: op.redirect_until };
    redirect.begin(tx, op.at).await?;
    row.name.clone_from(&op.name);
    Ok(Ok(row))
});

/// Ends the redirects of a registry that expired, and the one of a name that a repository gets.
pub(crate) async fn end_redirects(
    tx: &mut Tx<'_>,
    registry: RegistryKey,
    name: &str,
    at: Micros,
) -> Result<(), StoreError> {
    let delete = "DELETE FROM repository_redirect WHERE registry = ?1 AND (expires_at <= ?2 OR name = ?3)";
    tx.execute(delete, &params![registry, at, name]).await.map(|_| ())
}

/// An old name that leads to a repository for a time.
pub(crate) struct Redirect<'a> {
    /// The registry that had the name.
    pub(crate) registry: RegistryKey,
    pub(crate) name: &'a str,
    pub(crate) to: RepositoryKey,
    pub(crate) until: Micros,
}

impl Redirect<'_> {
    /// Begins it, unless its time is over already.
    pub(crate) async fn begin(&self, tx: &mut Tx<'_>, at: Micros) -> Result<(), StoreError> {
        if self.until <= at {
            return Ok(());
        }
        // Without a target the repository is in the registry of the name: an older binary follows these.
        let target = Some(self.to.registry).filter(|target| *target != self.registry);
        let insert = "INSERT INTO repository_redirect (registry, name, repository, expires_at, target) \
            VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (registry, name) DO UPDATE SET \
            repository = excluded.repository, expires_at = excluded.expires_at, target = excluded.target";
        let values = params![self.registry, self.name, self.to.id, self.until, target];
        tx.execute(insert, &values).await.map(|_| ())
    }
}

/// Where a repository is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirected {
    pub account_id: AccountId,
    pub region: Region,
    pub name: String,
}

/// Finds where a repository is now by the name that it had.
#[derive(Clone, Debug)]
pub struct FindRedirect {
    /// The registry that had the name.
    pub registry: RegistryKey,
    /// The old name.
    pub name: String,
    /// Now.
    pub at: Micros,
}

operation!(FindRedirect: Point -> Option<Redirected>, Never, |op, tx| {
    let select = "SELECT a.account_id, g.region, r.name FROM repository_redirect d \
        JOIN repository r ON r.registry = COALESCE(d.target, d.registry) AND r.id = d.repository AND r.deleted_at IS NULL \
        JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account \
        WHERE d.registry = ?1 AND d.name = ?2 AND d.expires_at > ?3";
    let row = tx.row(select, &params![op.registry, op.name, op.at]).await?;
    let read = |mut row: Row| {
        Ok::<_, StoreError>(Redirected { account_id: row.take()?, region: row.take()?, name: row.take()? })
    };
    Ok(Ok(row.map(read).transpose()?))
});
