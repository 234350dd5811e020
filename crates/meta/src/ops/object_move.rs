//! Moves of objects between standard storage and the archive. An object whose every layer is archived belongs into the
//! archive; all others belong into standard storage. The key of an object says where it is.

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        work::{Bytes, doom, enqueue_sooner},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that moves an object to its place. Its key is the object's ID.
pub const MOVE_OBJECT: &str = "move-object";

/// The condition that `object o` is in the archive: its key begins with `archive-`.
macro_rules! in_archive {
    () => {
        "substr(o.object_key, 1, 8) = 'archive-'"
    };
}

/// Queues objects for a look at their place. Work that is being done is done again.
pub(crate) async fn queue_moves(tx: &mut Tx<'_>, objects: &[i64], at: Micros) -> Result<(), StoreError> {
    for object in objects {
        enqueue_sooner(tx, MOVE_OBJECT, &object.to_string(), at).await?;
    }
    Ok(())
}

/// Whether an object is in the archive.
pub(crate) async fn is_in_archive(tx: &mut Tx<'_>, object: i64) -> Result<bool, StoreError> {
    let select = concat!("SELECT 1 FROM object o WHERE o.id = ?1 AND ", in_archive!());
    Ok(tx.value::<i64>(select, &params![object]).await?.is_some())
}

/// The objects of an image that are in the archive.
pub(crate) async fn objects_in_archive(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
) -> Result<Vec<i64>, StoreError> {
    let select = concat!(
        "SELECT o.id FROM image_blob b JOIN blob_link l \
            ON l.registry = b.registry AND l.repository = b.repository AND l.digest = b.digest \
         JOIN object o ON o.id = l.object \
         WHERE b.registry = ?1 AND b.repository = ?2 AND b.image = ?3 AND ",
        in_archive!()
    );
    let rows = tx.rows(select, &params![repository.registry, repository.id, image]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// Where an object is and belongs. The caller has locked it.
struct Where {
    key: String,
    digest: Digest,
    size: u64,
    is_in_archive: bool,
    /// None: no repository has it.
    belongs_into_archive: Option<bool>,
}

async fn locate(tx: &mut Tx<'_>, object: i64) -> Result<Option<Where>, StoreError> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT o.object_key, o.digest, o.size, CASE WHEN ",
                in_archive!(),
                " THEN 1 ELSE 0 END FROM object o WHERE o.id = ?1",
                $lock
            )
        };
    }
    let sql = tx.fork(select!(""), select!(" FOR UPDATE"));
    let Some(mut row) = tx.row(sql, &params![object]).await? else { return Ok(None) };
    let (key, digest, size, is_in_archive) = (row.take()?, row.take()?, row.take()?, row.take()?);
    // Of an image that is being restored the layers come back before it is active.
    let needed = "SELECT MAX(CASE WHEN l.archived = 0 OR EXISTS (SELECT 1 FROM image_blob b JOIN image i \
            ON i.registry = b.registry AND i.repository = b.repository AND i.id = b.image \
            WHERE b.registry = l.registry AND b.repository = l.repository AND b.digest = l.digest AND i.status = 3) \
        THEN 1 ELSE 0 END) FROM blob_link l WHERE l.object = ?1";
    let needed: Option<bool> = tx.value::<Option<bool>>(needed, &params![object]).await?.flatten();
    let belongs_into_archive = needed.map(|needed| !needed);
    Ok(Some(Where { key, digest, size, is_in_archive, belongs_into_archive }))
}

/// Begins to move an object, if it is not in its place: records the key of the copy. Dooms copies that were begun before.
#[derive(Clone, Debug)]
pub struct BeginMove {
    pub object: i64,
    /// A new key in standard storage.
    pub standard: String,
    /// A new key in the archive.
    pub archive: String,
    /// Now.
    pub at: Micros,
}

/// A move that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMove {
    pub object: i64,
    pub from: String,
    pub to: String,
    pub digest: Digest,
    pub size: u64,
    /// The repositories that have it: what is kept of them in memory has its key.
    pub repositories: Vec<RepositoryKey>,
}

operation!(BeginMove: Durable [] -> Option<ObjectMove>, Never, |op, tx| {
    let found = locate(tx, op.object).await?;
    // The keys of this operation stay: when the answer of a commit was lost, it runs again and finds what it wrote.
    let left = "DELETE FROM object_move WHERE object = ?1 AND object_key NOT IN (?2, ?3) RETURNING object_key";
    let size = found.as_ref().map_or(0, |found| found.size);
    for mut row in tx.rows(left, &params![op.object, op.standard, op.archive]).await? {
        let object_key: String = row.take()?;
        doom(tx, &Bytes { object_key: &object_key, digest: None, size }, op.at).await?;
    }
    let Some(Where { key, digest, size, is_in_archive, belongs_into_archive }) = found else { return Ok(Ok(None)) };
    let to = match belongs_into_archive {
        Some(true) if !is_in_archive => op.archive.clone(),
        Some(false) if is_in_archive => op.standard.clone(),
        _ => return Ok(Ok(None)),
    };
    let insert = "INSERT INTO object_move (object_key, object) VALUES (?1, ?2) ON CONFLICT (object_key) DO NOTHING";
    tx.execute(insert, &params![to, op.object]).await?;
    let repositories = repositories_of(tx, op.object).await?;
    Ok(Ok(Some(ObjectMove { object: op.object, from: key, to, digest, size, repositories })))
});

async fn repositories_of(tx: &mut Tx<'_>, object: i64) -> Result<Vec<RepositoryKey>, StoreError> {
    let select = "SELECT registry, repository FROM blob_link WHERE object = ?1 ORDER BY registry, repository";
    let rows = tx.rows(select, &params![object]).await?;
    rows.into_iter().map(|mut row| Ok(RepositoryKey { registry: row.take()?, id: row.take()? })).collect()
}

/// Ends a move whose copy is durable: the row of the object names the copy, and the old bytes are doomed. False: the object
/// or what needs it has changed, and the copy is doomed.
#[derive(Clone, Debug)]
pub struct EndMove {
    pub of: ObjectMove,
    /// Now.
    pub at: Micros,
}

operation!(EndMove: Durable [..op.of.repositories.iter().copied().map(Contents).collect()] -> bool, Never, |op, tx| {
    let ObjectMove { object, from, to, digest, size, repositories } = &op.of;
    let found = locate(tx, *object).await?;
    let delete = "DELETE FROM object_move WHERE object_key = ?1 AND object = ?2";
    if tx.execute(delete, &params![to, *object]).await? == 0 {
        // Another move began, which has doomed this copy; or this operation runs again after its commit.
        return Ok(Ok(found.is_some_and(|found| found.key == *to)));
    }
    // A link that comes now holds the object first, so the repositories are all.
    let stands = match found {
        Some(found) if found.key == *from => {
            found.belongs_into_archive == Some(!found.is_in_archive)
                && repositories_of(tx, *object).await? == *repositories
        }
        _ => false,
    };
    if !stands {
        doom(tx, &Bytes { object_key: to, digest: None, size: *size }, op.at).await?;
        return Ok(Ok(false));
    }
    let update = "UPDATE object SET object_key = ?2 WHERE id = ?1";
    tx.execute(update, &params![*object, to]).await?;
    doom(tx, &Bytes { object_key: from, digest: Some(digest), size: *size }, op.at).await?;
    Ok(Ok(true))
});

/// Whether an object is in the archive.
#[derive(Clone, Copy, Debug)]
pub struct HasArchivedObjects;

operation!(HasArchivedObjects: Point -> bool, Never, |_op, tx| {
    let select = "SELECT 1 FROM object WHERE object_key >= 'archive-' AND object_key < 'archive.' LIMIT 1";
    Ok(Ok(tx.value::<i64>(select, &[]).await?.is_some()))
});
