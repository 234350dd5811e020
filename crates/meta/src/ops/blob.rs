//! Blobs of a repository: links from a digest to the object that holds its bytes.

use std::borrow::Cow;

use oci::digest::Digest;

use crate::{
    Dialect, Micros, Never, OperationId, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        collection::{queue_link, queue_object},
        object_move::{is_in_archive, queue_moves},
        operation,
        repository::{Hold, hold},
        usage,
    },
    tx::{chunks, list, push_list},
    value::{Row, ToParam, params},
};

/// A blob that a repository links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRow {
    /// Where the bytes are.
    pub object_key: String,
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// When the link was created, or its grace was last renewed ([`RenewBlobs`]).
    pub renewed_at: Micros,
    /// Only archived images need it: it cannot be downloaded.
    pub is_archived: bool,
}

/// The columns that [`BlobRow::read`] reads, of `object o` and `blob_link l`.
macro_rules! blob_columns {
    () => {
        "o.object_key, l.digest, o.size, l.renewed_at, l.archived"
    };
}
pub(crate) use blob_columns;

const DATABASE: crate::Database = crate::Database::Registries;

impl BlobRow {
    pub(crate) const COLUMNS: usize = 5;

    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            object_key: row.take()?,
            digest: row.take()?,
            size: row.take()?,
            renewed_at: row.take()?,
            is_archived: row.take()?,
        })
    }
}

/// A link to create, or to renew if it exists.
pub(crate) struct Link<'a> {
    pub(crate) digest: &'a Digest,
    pub(crate) object: i64,
    /// How many bytes the object has.
    pub(crate) size: u64,
    /// Whether the object was stored with this link.
    pub(crate) is_new_object: bool,
    /// What created it: `upload`, `mount`, `replication`, or a peer ([`origin_of`]).
    pub(crate) origin: &'a str,
    pub(crate) at: Micros,
    pub(crate) op: Option<&'a OperationId>,
}

/// The origin of a link whose bytes a registry of a peer sent, or of one that is created in another way.
pub(crate) fn origin_of<'a>(peer: Option<&str>, otherwise: &'a str) -> Cow<'a, str> {
    peer.map_or(Cow::Borrowed(otherwise), |peer| Cow::Owned(format!("peer {peer}")))
}

/// How often a link that ends at the same moment is created again.
const ATTEMPTS: usize = 3;

impl Link<'_> {
    /// Writes the link. A new one counts for the usage of the repository and is reviewed after its grace, because no
    /// manifest needs it yet. An existing one comes back from the archive: the client has the bytes, or may read them.
    pub(crate) async fn create(&self, tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = repository;
        let insert = "INSERT INTO blob_link \
                (registry, repository, digest, object, origin, linked_at, renewed_at, operation) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT (registry, repository, digest) DO NOTHING";
        let renew = "UPDATE blob_link SET renewed_at = ?4, operation = ?5, archived = 0 \
            WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
        let op = self.op.map(|op| &*op.0);
        for _ in 0..ATTEMPTS {
            let values = params![registry, id, self.digest, self.object, self.origin, self.at, op];
            if tx.execute(insert, &values).await? == 1 {
                usage::linked(tx, repository, self.object, self.size, self.is_new_object).await?;
                self.bring_back(tx).await?;
                return queue_link(tx, repository, self.digest, self.at).await;
            }
            if tx.execute(renew, &params![registry, id, self.digest, self.at, op]).await? == 1 {
                self.bring_back(tx).await?;
                return Ok(());
            }
        }
        Err(StoreError::Conflict)
    }

    /// Queues an object in the archive: now something else than archived images may need it.
    async fn bring_back(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        if self.is_new_object || !is_in_archive(tx, self.object).await? {
            return Ok(());
        }
        queue_moves(tx, &[self.object], self.at).await
    }
}

/// Ends a link that no image needs, unless it was renewed after `cutoff`. Its object is reviewed later. False: there is
/// no such link.
pub(crate) async fn unlink(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    cutoff: Option<Micros>,
    queued_at: Micros,
) -> Result<bool, StoreError> {
    let RepositoryKey { registry, id } = repository;
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT o.id, o.size FROM blob_link l JOIN object o ON o.id = l.object \
                 WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest = ?3",
                $lock
            )
        };
    }
    // The object is held until the commit: a link of it that is created or ends at the same moment, in another
    // repository, sees this one's end. It is held before its link, as a push does.
    let sql = tx.fork(select!(""), select!(" FOR UPDATE OF o"));
    let Some(mut row) = tx.row(sql, &params![registry, id, digest]).await? else { return Ok(false) };
    let (object, size): (i64, u64) = (row.take()?, row.take()?);
    // The collector compares again in this statement: a request that renews the link at the same moment wins.
    let delete =
        "DELETE FROM blob_link WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND renewed_at <= ?4";
    let cutoff = cutoff.unwrap_or(Micros(i64::MAX));
    if tx.execute(delete, &params![registry, id, digest, cutoff]).await? == 0 {
        return Ok(false);
    }
    queue_object(tx, object, queued_at).await?;
    usage::unlinked(tx, repository, object, size).await?;
    Ok(true)
}

/// Holds the objects of several links of a repository in one order, before the rows that all changes of the repository
/// need. SQLite's transactions are one after another.
pub(crate) async fn hold_objects(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digests: &[Digest],
) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for digests in chunks(digests) {
        let sql = format!(
            "SELECT o.id FROM object o WHERE o.id IN (SELECT l.object FROM blob_link l \
             WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest IN ({})) ORDER BY o.digest FOR UPDATE",
            list(3, digests.len())
        );
        let mut values = params![repository.registry, repository.id].to_vec();
        push_list(&mut values, digests);
        tx.rows(&sql, &values).await?;
    }
    Ok(())
}

/// Mounts a blob of one repository into another.
#[derive(Clone, Debug)]
pub struct LinkBlob {
    /// The repository that gets it.
    pub repository: RepositoryKey,
    /// The repository that has it.
    pub from: RepositoryKey,
    /// The blob.
    pub digest: Digest,
    /// The registry of a peer that asks: it must have sent the blob to the other repository.
    pub peer: Option<String>,
    /// Now.
    pub at: Micros,
}

/// Why a blob was not mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkBlobRefusal {
    /// The source does not link it, or only for archived images.
    SourceMissing,
    /// The repository does not exist.
    RepositoryGone,
}

operation!(LinkBlob: Durable [Contents(op.repository)] -> BlobRow, LinkBlobRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(LinkBlobRefusal::RepositoryGone));
    }
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT ", blob_columns!(), ", o.id FROM repository r \
                 JOIN blob_link l ON l.registry = r.registry AND l.repository = r.id JOIN object o ON o.id = l.object \
                 WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL AND l.digest = ?3 AND l.archived = 0", $lock
            )
        };
    }
    let (origin, from) = (origin_of(op.peer.as_deref(), "mount"), op.from);
    let found = if op.peer.is_some() {
        let sql = tx.fork(select!(" AND l.origin = ?4"), select!(" AND l.origin = ?4 FOR KEY SHARE OF o, l"));
        tx.row(sql, &params![from.registry, from.id, op.digest, &*origin]).await?
    } else {
        let sql = tx.fork(select!(""), select!(" FOR KEY SHARE OF o, l"));
        tx.row(sql, &params![from.registry, from.id, op.digest]).await?
    };
    let Some(mut row) = found else { return Ok(Err(LinkBlobRefusal::SourceMissing)) };
    let (blob, object) = (BlobRow::read(&mut row)?, row.take()?);
    let (size, at) = (blob.size, op.at);
    let origin = &*origin;
    let link = Link { digest: &op.digest, object, size, is_new_object: false, origin, at, op: None };
    link.create(tx, op.repository).await?;
    Ok(Ok(BlobRow { renewed_at: op.at, is_archived: false, ..blob }))
});

/// Finds the blobs of a repository among these digests, in their order. If the answer is that they exist,
/// [`RenewBlobs`] must follow when the grace of the links is old.
#[derive(Clone, Debug)]
pub struct FindBlobs {
    pub repository: RepositoryKey,
    pub digests: Vec<Digest>,
}

operation!(FindBlobs: Page -> Vec<(Digest, Option<BlobRow>)>, Never, |op, tx| {
    let mut found = std::collections::HashMap::new();
    for digests in chunks(&op.digests) {
        let sql = format!(concat!("SELECT ", blob_columns!(), " FROM blob_link l JOIN object o ON o.id = l.object \
            WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest IN ({})"), list(3, digests.len()));
        let mut values = params![op.repository.registry, op.repository.id].to_vec();
        push_list(&mut values, digests);
        for mut row in tx.rows(&sql, &values).await? {
            let blob = BlobRow::read(&mut row)?;
            found.insert(blob.digest, blob);
        }
    }
    Ok(Ok(op.digests.iter().map(|digest| (*digest, found.get(digest).cloned())).collect()))
});

/// Finds living repositories of a registry that link a blob: the sources that a mount without `from` may try. Which
/// of them the caller may read is for the gate.
#[derive(Clone, Debug)]
pub struct FindLinks {
    pub registry: RegistryKey,
    /// The blob.
    pub digest: Digest,
    /// Only links whose bytes this registry of a peer sent.
    pub peer: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(FindLinks: Point -> Vec<String>, Never, |op, tx| {
    let of_peer = if op.peer.is_some() { " AND l.origin = ?4" } else { "" };
    let select = format!("SELECT r.name FROM object o JOIN blob_link l ON l.object = o.id AND l.registry = ?1 AND l.archived = 0 \
        JOIN repository r ON r.registry = l.registry AND r.id = l.repository AND r.deleted_at IS NULL \
        WHERE o.digest = ?2{of_peer} ORDER BY l.repository LIMIT ?3");
    let origin = op.peer.as_deref().map(|peer| origin_of(Some(peer), ""));
    let mut values = params![op.registry, op.digest, op.limit].to_vec();
    values.extend(origin.as_deref().map(ToParam::to_param));
    let rows = tx.rows(&select, &values).await?;
    let names: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(names?))
});

/// Renews the grace of links: a client is told that the blobs exist, and may soon push a manifest with them. Returns
/// those that still exist: the collector may have ended a link since it was read.
#[derive(Clone, Debug)]
pub struct RenewBlobs {
    pub repository: RepositoryKey,
    pub digests: Vec<Digest>,
    /// Now.
    pub at: Micros,
}

operation!(RenewBlobs: Relaxed [Contents(op.repository)] -> Vec<Digest>, Never, |op, tx| {
    let mut there = Vec::with_capacity(op.digests.len());
    for digests in chunks(&op.digests) {
        let sql = format!("UPDATE blob_link SET renewed_at = CASE WHEN renewed_at < ?3 THEN ?3 ELSE renewed_at END \
            WHERE registry = ?1 AND repository = ?2 AND digest IN ({}) RETURNING digest", list(4, digests.len()));
        let mut values = params![op.repository.registry, op.repository.id, op.at].to_vec();
        push_list(&mut values, digests);
        for mut row in tx.rows(&sql, &values).await? {
            there.push(row.take()?);
        }
    }
    Ok(Ok(there))
});

/// Removes a blob from a repository. The collector reviews the object.
#[derive(Clone, Debug)]
pub struct UnlinkBlob {
    pub repository: RepositoryKey,
    /// The blob.
    pub digest: Digest,
    /// Now.
    pub at: Micros,
}

/// Why a blob was not taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlinkBlobRefusal {
    /// The repository does not link it.
    NotFound,
    /// An image of the repository needs it.
    InUse,
}

operation!(UnlinkBlob: Contended [Contents(op.repository)] -> (), UnlinkBlobRefusal, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(UnlinkBlobRefusal::NotFound));
    }
    // Images change only under the same lock, so the check is still true at the commit.
    let used = "SELECT 1 FROM image_blob WHERE registry = ?1 AND repository = ?2 AND digest = ?3 LIMIT 1";
    if tx.value::<i64>(used, &params![registry, id, op.digest]).await?.is_some() {
        return Ok(Err(UnlinkBlobRefusal::InUse));
    }
    let gone = unlink(tx, op.repository, &op.digest, None, op.at).await?;
    Ok(if gone { Ok(()) } else { Err(UnlinkBlobRefusal::NotFound) })
});
