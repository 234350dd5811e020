//! Uploads: a row for each session, moved by compare-and-swap, gone only in the transaction that makes the blob
//! or dooms the bytes.

use oci::digest::{Algorithm, Digest};

use crate::{
    Micros, OperationId, RepositoryKey, StoreError, Tx,
    ops::{
        blob::{self, BlobRow},
        operation,
        repository::{Hold, RepositoryGone, hold},
        work::doom,
    },
    value::{Row, params},
};

/// An upload session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    /// Its id (a UUID), as the client sees it.
    pub id: String,
    /// Unique ID of the principal that began it.
    pub principal: String,
    /// Where the bytes are.
    pub object_key: String,
    /// What the bytes are hashed with while they come.
    pub algorithm: Algorithm,
    /// How many bytes are recorded.
    pub offset: u64,
    /// The hash of those bytes so far, serialised.
    pub hash_state: Option<Vec<u8>>,
    /// Counts the changes of the row; what a change must name to be accepted.
    pub version: i64,
    /// How many parts were recorded.
    pub part_count: u64,
    /// Size of the newest part.
    pub last_part_size: u64,
    /// Whether a part that another followed was smaller than ECR's API wants.
    pub has_small_part: bool,
    /// When it began.
    pub created_at: Micros,
    /// When bytes last came.
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

impl UploadRow {
    pub(crate) const COLUMNS: usize = 12;

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
            hash_state: row.take()?,
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

async fn forget(tx: &mut Tx<'_>, repository: RepositoryKey, id: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM upload WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(delete, &params![repository.registry, repository.id, id]).await?;
    Ok(())
}

/// Begins an upload: the object's key is in a row before its first byte is sent.
#[derive(Clone, Debug)]
pub struct CreateUpload {
    pub repository: RepositoryKey,
    /// A UUID, chosen by the caller.
    pub id: String,
    /// Unique ID of the principal.
    pub principal: String,
    /// A fresh object key.
    pub object_key: String,
    /// What the bytes are hashed with while they come.
    pub algorithm: Algorithm,
    /// Now.
    pub at: Micros,
}

operation!(CreateUpload: Relaxed -> (), RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    let insert = "INSERT INTO upload (registry, repository, id, principal, object_key, algorithm, received, \
            hash_state, version, part_count, last_part_size, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, NULL, 0, 0, 0, ?7, ?7) \
        ON CONFLICT (registry, repository, id) DO NOTHING";
    let RepositoryKey { registry, id: repository } = op.repository;
    let algorithm = i64::from(op.algorithm.code());
    tx.execute(insert, &params![registry, repository, op.id, op.principal, op.object_key, algorithm, op.at]).await?;
    Ok(Ok(()))
});

/// Records that bytes were received, if nobody else did meanwhile.
#[derive(Clone, Debug)]
pub struct AdvanceUpload {
    pub repository: RepositoryKey,
    /// The upload.
    pub id: String,
    /// The version that the bytes were appended to.
    pub expected_version: i64,
    /// How many bytes there are now.
    pub offset: u64,
    /// Their hash so far, serialised; None if it cannot be and the bytes must be read again.
    pub hash_state: Option<Vec<u8>>,
    /// Size of the part that came.
    pub last_part_size: u64,
    /// Whether the part before it was smaller than ECR's API wants.
    pub follows_small_part: bool,
    /// Now.
    pub at: Micros,
}

/// Why an upload was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadRefusal {
    /// The upload does not exist.
    NotFound,
    /// Another request changed it meanwhile.
    Stale,
}

operation!(AdvanceUpload: Relaxed -> UploadRow, UploadRefusal, |op, tx| {
    // A compare-and-swap in one statement; a deleted repository's upload can no longer move.
    let update = concat!("UPDATE upload AS u SET received = ?5, hash_state = ?6, version = u.version + 1, \
            part_count = u.part_count + 1, last_part_size = ?7, updated_at = ?8, \
            has_small_part = CASE WHEN u.has_small_part = 1 THEN u.has_small_part ELSE ?9 END \
        WHERE u.registry = ?1 AND u.repository = ?2 AND u.id = ?3 AND u.version = ?4 \
            AND EXISTS (SELECT 1 FROM repository r WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL) \
        RETURNING ", "id, principal, object_key, algorithm, received, hash_state, version, part_count, \
                      last_part_size, has_small_part, created_at, updated_at");
    let RepositoryKey { registry, id: repository } = op.repository;
    let values = params![registry, repository, op.id, op.expected_version, op.offset, op.hash_state,
        op.last_part_size, op.at, op.follows_small_part];
    if let Some(mut row) = tx.row(update, &values).await? {
        return Ok(Ok(UploadRow::read(&mut row)?));
    }
    let Some(row) = hold_upload(tx, op.repository, &op.id).await? else {
        return Ok(Err(UploadRefusal::NotFound));
    };
    // The change of this very operation, whose answer was lost, is success.
    let own = row.version == op.expected_version + 1 && row.offset == op.offset && row.updated_at == op.at;
    Ok(if own { Ok(row) } else { Err(UploadRefusal::Stale) })
});

/// Ends an upload without a blob: its row goes and its bytes are doomed.
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

operation!(CancelUpload: Durable -> (), UploadGone, |op, tx| {
    let Some(upload) = hold_upload(tx, op.repository, &op.id).await? else { return Ok(Err(UploadGone)) };
    doom(tx, &upload.object_key, op.at).await?;
    forget(tx, op.repository, &op.id).await?;
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
    /// How many bytes.
    pub size: u64,
    /// Id of the object row if it has to be made, chosen by the caller at random.
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
    /// Whether the deployment had these bytes already, so that the uploaded copy is doomed.
    pub was_duplicate: bool,
}

/// Why an upload was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompleteUploadRefusal {
    /// The upload does not exist.
    NotFound,
    /// Another request changed it meanwhile.
    Stale,
    /// The repository does not exist.
    RepositoryGone,
}

operation!(CompleteUpload: Durable -> Completed, CompleteUploadRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(CompleteUploadRefusal::RepositoryGone));
    }
    let Some(upload) = hold_upload(tx, op.repository, &op.id).await? else {
        return Ok(own_completion(op, tx).await?.ok_or(CompleteUploadRefusal::NotFound));
    };
    if upload.version != op.expected_version {
        return Ok(Err(CompleteUploadRefusal::Stale));
    }
    // Of two completions of one digest the first row wins; the update renews the grace and holds the row, so that
    // the collector cannot take it before the link is there.
    let upsert = "INSERT INTO object (id, digest, object_key, size, created_at, renewed_at, operation) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) \
        ON CONFLICT (digest) DO UPDATE SET renewed_at = excluded.renewed_at RETURNING id, object_key, size";
    let values = params![op.object_id, op.digest, upload.object_key, op.size, op.at, op.op];
    let mut row = tx.row(upsert, &values).await?.ok_or(StoreError::Conflict)?;
    let (object, object_key, size): (i64, String, u64) = (row.take()?, row.take()?, row.take()?);
    blob::link(tx, op.repository, &op.digest, object, "upload", op.at, Some(&op.op)).await?;
    let was_duplicate = object_key != upload.object_key;
    if was_duplicate {
        doom(tx, &upload.object_key, op.at).await?;
    }
    forget(tx, op.repository, &op.id).await?;
    let blob = BlobRow { object_key, digest: op.digest, size, renewed_at: op.at };
    Ok(Ok(Completed { blob, was_duplicate }))
});

/// The result of this very operation if it was committed before and only its answer was lost.
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
