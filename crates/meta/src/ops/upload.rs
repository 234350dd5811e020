//! Uploads: a row for each session, changed by compare-and-swap. Only the transaction that creates the blob or dooms
//! the bytes deletes it.

use oci::digest::{Algorithm, Digest};

use crate::{
    Micros, OperationId, RepositoryKey, StoreError, Tx,
    ops::{
        blob::{self, BlobRow, Link, origin_of},
        operation,
        repository::{Hold, RepositoryGone, hold},
        usage::{self, Change},
        work::{Bytes, doom},
    },
    value::{Row, params},
};

/// An upload session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id (a UUID), as the client sees it.
    pub id: String,
    /// Unique ID of the principal that started it.
    pub principal: String,
    /// Where the bytes are.
    pub object_key: String,
    /// The hash algorithm while the bytes arrive.
    pub algorithm: Algorithm,
    /// The number of recorded bytes.
    pub offset: u64,
    /// What the blob store needs to continue, in its own form. None until bytes have arrived. The column has the name of
    /// its earlier content, the state of the hash alone.
    pub stage: Option<Vec<u8>>,
    /// Identifies the owner of the turn to write: every change of the row increments it, including [`TakeUpload`]. A change
    /// must name the current value to be accepted.
    pub version: i64,
    /// How many parts were recorded.
    pub part_count: u64,
    /// Size of the newest part.
    pub last_part_size: u64,
    /// Whether a part that is not the last was smaller than ECR's API requires.
    pub has_small_part: bool,
    /// When it started.
    pub created_at: Micros,
    /// When bytes last arrived.
    pub updated_at: Micros,
}

/// The columns that [`UploadRow::read`] reads, of `upload u`.
macro_rules! upload_columns {
    () => {
        "u.id, u.principal, u.object_key, u.algorithm, u.received, u.hash_state, u.version, u.part_count, \
         u.last_part_size, u.has_small_part, u.created_at, u.updated_at"
    };
}
pub(crate) use upload_columns;

const DATABASE: crate::Database = crate::Database::Registries;

/// The same of the row that an UPDATE changed: SQLite knows no alias there.
macro_rules! upload_returning {
    () => {
        "id, principal, object_key, algorithm, received, hash_state, version, part_count, last_part_size, \
         has_small_part, created_at, updated_at"
    };
}

impl UploadRow {
    pub(crate) const COLUMNS: usize = 12;

    /// What is stored of it.
    fn bytes(&self) -> Bytes<'_> {
        Bytes { object_key: &self.object_key, digest: None, size: self.offset }
    }

    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            principal: row.take()?,
            object_key: row.take()?,
            algorithm: u8::try_from(row.take::<i64>()?)
                .ok()
                .and_then(Algorithm::from_code)
                .ok_or(StoreError::Corrupt("upload.algorithm"))?,
            offset: row.take()?,
            stage: row.take()?,
            version: row.take()?,
            part_count: row.take()?,
            last_part_size: row.take()?,
            has_small_part: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        })
    }
}

/// Reads an upload and holds it until the commit.
async fn hold_upload(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    id: &str,
) -> Result<Option<UploadRow>, StoreError> {
    macro_rules! select {
        ($lock:literal) => {
            concat!(
                "SELECT ",
                upload_columns!(),
                " FROM upload u WHERE u.registry = ?1 AND u.repository = ?2 AND u.id = ?3",
                $lock
            )
        };
    }
    let sql = tx.fork(select!(""), select!(" FOR UPDATE"));
    let row = tx.row(sql, &params![repository.registry, repository.id, id]).await?;
    row.map(|mut row| UploadRow::read(&mut row)).transpose()
}

/// Removes the row of an upload that is held. Its bytes no longer count as an upload's.
async fn forget(tx: &mut Tx<'_>, repository: RepositoryKey, upload: &UploadRow) -> Result<(), StoreError> {
    let delete = "DELETE FROM upload WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(delete, &params![repository.registry, repository.id, upload.id]).await?;
    usage::add(tx, repository, Change::upload(-usage::signed(upload.offset))).await
}

/// Starts an upload: the object's key is in a row before its first byte is stored, and a database that is killed afterwards
/// still has the row.
#[derive(Clone, Debug)]
pub struct CreateUpload {
    pub repository: RepositoryKey,
    /// A UUID, chosen by the caller.
    pub id: String,
    /// Unique ID of the principal.
    pub principal: String,
    /// An unused object key.
    pub object_key: String,
    /// The hash algorithm while the bytes arrive.
    pub algorithm: Algorithm,
    /// Random: the ID of a peer's upload comes again, and what began in the earlier one must not go on in this one.
    pub version: i64,
    /// Now.
    pub at: Micros,
}

operation!(CreateUpload: BeforeBytes [] -> (), RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    let insert = "INSERT INTO upload (registry, repository, id, principal, object_key, algorithm, received, \
            hash_state, version, part_count, last_part_size, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, NULL, ?7, 0, 0, ?8, ?8) \
        ON CONFLICT (registry, repository, id) DO NOTHING";
    let RepositoryKey { registry, id: repository } = op.repository;
    let algorithm = i64::from(op.algorithm.code());
    let values =
        params![registry, repository, op.id, op.principal, op.object_key, algorithm, op.version, op.at];
    tx.execute(insert, &values).await?;
    Ok(Ok(()))
});

/// Takes the turn to write to an upload, for a request of any node. The previous owner of the turn can no longer record
/// bytes, because its version is outdated. No two requests ever get the same version.
#[derive(Clone, Debug)]
pub struct TakeUpload {
    pub repository: RepositoryKey,
    /// The upload.
    pub id: String,
}

operation!(TakeUpload: Relaxed [] -> UploadRow, UploadGone, |op, tx| {
    let update = concat!("UPDATE upload AS u SET version = u.version + 1 \
        WHERE u.registry = ?1 AND u.repository = ?2 AND u.id = ?3 RETURNING ", upload_returning!());
    let values = params![op.repository.registry, op.repository.id, op.id];
    let row = tx.row(update, &values).await?;
    row.map_or(Ok(Err(UploadGone)), |mut row| Ok(Ok(UploadRow::read(&mut row)?)))
});

/// Records received bytes, unless another request took the turn meanwhile.
#[derive(Clone, Debug)]
pub struct AdvanceUpload {
    pub repository: RepositoryKey,
    /// The upload.
    pub id: String,
    /// The version that the turn was taken with.
    pub expected_version: i64,
    /// The number of bytes now.
    pub offset: u64,
    /// What the blob store needs to continue.
    pub stage: Vec<u8>,
    /// Size of the part that came.
    pub last_part_size: u64,
    /// Whether the part before it was smaller than ECR's API requires.
    pub follows_small_part: bool,
    /// Now.
    pub at: Micros,
}

/// Why an upload was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadRefusal {
    /// The upload does not exist.
    NotFound,
    /// Another request took the turn meanwhile. Of what came in this one nothing is recorded.
    Stale {
        /// How many bytes are recorded.
        offset: u64,
    },
    /// The repository was deleted, and the upload with it.
    RepositoryGone,
}

operation!(AdvanceUpload: Relaxed [] -> UploadRow, UploadRefusal, |op, tx| {
    // A compare-and-swap in one statement. An upload of a deleted repository can no longer change.
    let update = concat!("UPDATE upload AS u SET received = ?5, hash_state = ?6, version = u.version + 1, \
            part_count = u.part_count + 1, last_part_size = ?7, updated_at = ?8, \
            has_small_part = CASE WHEN u.has_small_part = 1 THEN u.has_small_part ELSE ?9 END \
        WHERE u.registry = ?1 AND u.repository = ?2 AND u.id = ?3 AND u.version = ?4 \
            AND EXISTS (SELECT 1 FROM repository r WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL) \
        RETURNING ", upload_returning!());
    let RepositoryKey { registry, id: repository } = op.repository;
    let values = params![registry, repository, op.id, op.expected_version, op.offset, op.stage,
        op.last_part_size, op.at, op.follows_small_part];
    if let Some(mut row) = tx.row(update, &values).await? {
        usage::add(tx, op.repository, Change::upload(usage::signed(op.last_part_size))).await?;
        return Ok(Ok(UploadRow::read(&mut row)?));
    }
    let Some(row) = hold_upload(tx, op.repository, &op.id).await? else {
        return Ok(Err(UploadRefusal::NotFound));
    };
    // If this operation made the change already, and its answer was lost, it succeeds.
    let own = row.version == op.expected_version + 1 && row.offset == op.offset && row.updated_at == op.at;
    Ok(if own {
        Ok(row)
    } else if row.version == op.expected_version {
        Err(UploadRefusal::RepositoryGone)
    } else {
        Err(UploadRefusal::Stale { offset: row.offset })
    })
});

/// Ends an upload without a blob: its row is deleted and its bytes are doomed.
#[derive(Clone, Debug)]
pub struct CancelUpload {
    pub repository: RepositoryKey,
    /// The upload.
    pub id: String,
    /// Now.
    pub at: Micros,
}

/// The upload does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadGone;

operation!(CancelUpload: Durable [] -> (), UploadGone, |op, tx| {
    let Some(upload) = hold_upload(tx, op.repository, &op.id).await? else { return Ok(Err(UploadGone)) };
    doom(tx, &upload.bytes(), op.at).await?;
    forget(tx, op.repository, &upload).await?;
    Ok(Ok(()))
});

/// Turns an upload whose bytes are synced and verified into a blob of the repository.
#[derive(Clone, Debug)]
pub struct CompleteUpload {
    pub repository: RepositoryKey,
    /// The upload.
    pub id: String,
    /// The version that was verified.
    pub expected_version: i64,
    /// The verified digest.
    pub digest: Digest,
    /// The number of bytes.
    pub size: u64,
    /// The registry of a peer that sent it; None: a client did.
    pub peer: Option<String>,
    /// The ID of the object row if it must be created, chosen by the caller at random.
    pub object_id: i64,
    /// Now.
    pub at: Micros,
    /// The request.
    pub op: OperationId,
}

/// A completed upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The blob, now in the repository.
    pub blob: BlobRow,
    /// Whether the deployment had these bytes already, so the uploaded copy is doomed.
    pub was_duplicate: bool,
}

/// Why an upload was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompleteUploadRefusal {
    /// The upload does not exist.
    NotFound,
    /// Another request took the turn meanwhile.
    Stale {
        /// How many bytes are recorded.
        offset: u64,
    },
    /// The repository does not exist.
    RepositoryGone,
}

operation!(CompleteUpload: Durable [Contents(op.repository)] -> Completed, CompleteUploadRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(CompleteUploadRefusal::RepositoryGone));
    }
    let Some(upload) = hold_upload(tx, op.repository, &op.id).await? else {
        return Ok(own_completion(op, tx).await?.ok_or(CompleteUploadRefusal::NotFound));
    };
    if upload.version != op.expected_version {
        return Ok(Err(CompleteUploadRefusal::Stale { offset: upload.offset }));
    }
    // If two uploads of one digest complete, the first row wins. The update renews the grace and holds the row, so the
    // collector cannot delete it before the link exists.
    let upsert = "INSERT INTO object (id, digest, object_key, size, created_at, renewed_at, operation) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) \
        ON CONFLICT (digest) DO UPDATE SET renewed_at = excluded.renewed_at RETURNING id, object_key, size";
    let values = params![op.object_id, op.digest, upload.object_key, op.size, op.at, op.op];
    let mut row = tx.row(upsert, &values).await?.ok_or(StoreError::Conflict)?;
    let (object, object_key, size): (i64, String, u64) = (row.take()?, row.take()?, row.take()?);
    let was_duplicate = object_key != upload.object_key;
    if was_duplicate {
        doom(tx, &upload.bytes(), op.at).await?;
    }
    let is_new_object = !was_duplicate;
    let (digest, at, by) = (&op.digest, op.at, Some(&op.op));
    let origin = &*origin_of(op.peer.as_deref(), "upload");
    Link { digest, object, size, is_new_object, origin, at, op: by }.create(tx, op.repository).await?;
    forget(tx, op.repository, &upload).await?;
    let blob = BlobRow { object_key, digest: op.digest, size, renewed_at: op.at, is_archived: false };
    Ok(Ok(Completed { blob, was_duplicate }))
});

/// The result of this operation if it was committed before and only its answer was lost.
async fn own_completion(op: &CompleteUpload, tx: &mut Tx<'_>) -> Result<Option<Completed>, StoreError> {
    let select = concat!(
        "SELECT ",
        blob::blob_columns!(),
        ", o.operation FROM blob_link l \
        JOIN object o ON o.id = l.object \
        WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest = ?3 AND l.operation = ?4"
    );
    let values = params![op.repository.registry, op.repository.id, op.digest, op.op];
    let Some(mut row) = tx.row(select, &values).await? else { return Ok(None) };
    let blob = BlobRow::read(&mut row)?;
    let was_duplicate = row.take::<OperationId>()? != op.op;
    Ok(Some(Completed { blob, was_duplicate }))
}
