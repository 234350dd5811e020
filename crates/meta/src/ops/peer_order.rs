//! The order of the requests of peers. A network can hold a request back, and somebody can send it again: what was sent
//! before a request that was carried out comes too late.

use crate::{
    Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{operation, registry::lock_registry},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A request of a peer: the registry that it replicates, and when it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerOrder {
    pub source: String,
    pub sent_at: Micros,
}

/// The ID of no repository. Its rows of `replication_peer` have the last deletion that found none, and the last request
/// about repositories that were deleted, renamed or moved. One for all of a source is enough: who comes too late sends again.
const NO_REPOSITORY: i64 = i64::MIN;

impl PeerOrder {
    /// Whether no later request about the repository was carried out. The first one about it must also be later than what
    /// was carried out while it did not exist. The caller holds the repository.
    pub(crate) async fn is_in_order(
        &self,
        tx: &mut Tx<'_>,
        repository: RepositoryKey,
    ) -> Result<bool, StoreError> {
        let put = "INSERT INTO replication_peer (registry, repository, source, sent_at) SELECT ?1, ?2, ?3, ?4 \
            WHERE EXISTS (SELECT 1 FROM replication_peer p \
                WHERE p.registry = ?1 AND p.repository = ?2 AND p.source = ?3) \
            OR NOT EXISTS (SELECT 1 FROM replication_peer p \
                WHERE p.registry = ?1 AND p.repository = ?5 AND p.source = ?3 AND p.sent_at >= ?4) \
            ON CONFLICT (registry, repository, source) DO UPDATE SET sent_at = excluded.sent_at \
            WHERE replication_peer.sent_at < excluded.sent_at";
        let RepositoryKey { registry, id } = repository;
        let values = params![registry, id, self.source, self.sent_at, NO_REPOSITORY];
        Ok(tx.execute(put, &values).await? == 1)
    }
}

/// A row of this kind stays at its latest time.
const LATEST: &str = "ON CONFLICT (registry, repository, source) DO UPDATE SET sent_at = \
    CASE WHEN replication_peer.sent_at < excluded.sent_at THEN excluded.sent_at ELSE replication_peer.sent_at END";

/// Remembers the requests about a repository that is deleted or gets another name: a new one with its name gets nothing that
/// was sent before.
pub(crate) async fn outlive(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<(), StoreError> {
    let put = format!(
        "INSERT INTO replication_peer (registry, repository, source, sent_at) \
         SELECT p.registry, ?3, p.source, p.sent_at FROM replication_peer p \
         WHERE p.registry = ?1 AND p.repository = ?2 ORDER BY p.source {LATEST}"
    );
    tx.execute(&put, &params![repository.registry, repository.id, NO_REPOSITORY]).await.map(|_| ())
}

/// Finds out whether a request about a repository that does not exist comes too late.
#[derive(Clone, Debug)]
pub struct FindAbsence {
    pub registry: RegistryKey,
    pub order: PeerOrder,
}

operation!(FindAbsence: Point -> bool, Never, |op, tx| {
    let select = "SELECT 1 FROM replication_peer \
                  WHERE registry = ?1 AND repository = ?2 AND source = ?3 AND sent_at >= ?4";
    let PeerOrder { source, sent_at } = &op.order;
    Ok(Ok(tx.value::<i64>(select, &params![op.registry, NO_REPOSITORY, source, *sent_at]).await?.is_some()))
});

/// Remembers a deletion of a peer in a repository that does not exist: an image that was sent before does not create it.
/// Returns false if it exists by now.
#[derive(Clone, Debug)]
pub struct RecordAbsence {
    pub registry: RegistryKey,
    /// The name of the repository.
    pub name: String,
    pub order: PeerOrder,
}

operation!(RecordAbsence: Durable [] -> bool, Never, |op, tx| {
    // A repository that is created meanwhile comes before this, or after its commit.
    lock_registry(tx, op.registry).await?;
    let select = "SELECT 1 FROM repository WHERE registry = ?1 AND name = ?2 AND deleted_at IS NULL";
    if tx.value::<i64>(select, &params![op.registry, op.name]).await?.is_some() {
        return Ok(Ok(false));
    }
    let put = format!(
        "INSERT INTO replication_peer (registry, repository, source, sent_at) VALUES (?1, ?2, ?3, ?4) {LATEST}"
    );
    let PeerOrder { source, sent_at } = &op.order;
    tx.execute(&put, &params![op.registry, NO_REPOSITORY, source, *sent_at]).await?;
    Ok(Ok(true))
});
