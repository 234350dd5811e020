//! What the consistency check reads in pages, and the one repair that changes rows.

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RegistryKey, RepositoryKey, StoreError,
    ops::{blob::unlink, operation, usage},
    tx::{chunks, list, push_list},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The row of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    pub id: i64,
    pub digest: Digest,
    pub object_key: String,
    pub size: u64,
}

impl ObjectRow {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.take()?, digest: row.take()?, object_key: row.take()?, size: row.take()? })
    }
}

/// Reads objects in the order of their IDs.
#[derive(Clone, Copy, Debug)]
pub struct ListObjects {
    /// Only objects after this one.
    pub after: Option<i64>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListObjects: Point -> Vec<ObjectRow>, Never, |op, tx| {
    let select = "SELECT id, digest, object_key, size FROM object WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = tx.rows(select, &params![op.after.unwrap_or(i64::MIN), op.limit]).await?;
    let objects: Result<_, StoreError> = rows.into_iter().map(ObjectRow::read).collect();
    Ok(Ok(objects?))
});

/// Reads an object, if it still exists.
#[derive(Clone, Copy, Debug)]
pub struct FindObject {
    pub id: i64,
}

operation!(FindObject: Point -> Option<ObjectRow>, Never, |op, tx| {
    let select = "SELECT id, digest, object_key, size FROM object WHERE id = ?1";
    Ok(Ok(tx.row(select, &params![op.id]).await?.map(ObjectRow::read).transpose()?))
});

/// Finds the keys that a row has: of an object, of an upload, of bytes that wait for their removal, or of a copy
/// that is being made.
#[derive(Clone, Debug)]
pub struct FindObjectKeys {
    pub keys: Vec<String>,
}

operation!(FindObjectKeys: Page -> Vec<String>, Never, |op, tx| {
    let mut known = Vec::new();
    for keys in chunks(&op.keys) {
        for table in ["object", "upload", "doomed", "object_move"] {
            let sql = format!("SELECT object_key FROM {table} WHERE object_key IN ({})", list(1, keys.len()));
            let mut values = Vec::new();
            push_list(&mut values, keys);
            for mut row in tx.rows(&sql, &values).await? {
                known.push(row.take()?);
            }
        }
    }
    Ok(Ok(known))
});

/// A stored manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    pub repository: RepositoryKey,
    pub image: ImageId,
    pub digest: Digest,
    /// None: the image has no body.
    pub body: Option<Vec<u8>>,
}

/// Reads manifests in the order of their keys.
#[derive(Clone, Copy, Debug)]
pub struct ListManifests {
    /// Only manifests after this one.
    pub after: Option<(RepositoryKey, ImageId)>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListManifests: Page -> Vec<StoredManifest>, Never, |op, tx| {
    let least = (RepositoryKey { registry: RegistryKey(i64::MIN), id: i64::MIN }, ImageId(i64::MIN));
    let (RepositoryKey { registry, id }, image) = op.after.unwrap_or(least);
    // The images of a deleted repository are removed row by row.
    let select = "SELECT i.registry, i.repository, i.id, i.digest, m.body FROM image i \
        JOIN repository r ON r.registry = i.registry AND r.id = i.repository AND r.deleted_at IS NULL \
        LEFT JOIN manifest_body m ON m.registry = i.registry AND m.repository = i.repository AND m.image = i.id \
        WHERE (i.registry, i.repository, i.id) > (?1, ?2, ?3) ORDER BY i.registry, i.repository, i.id LIMIT ?4";
    let rows = tx.rows(select, &params![registry, id, image, op.limit]).await?;
    let manifests: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(StoredManifest {
        repository: RepositoryKey { registry: row.take()?, id: row.take()? },
        image: row.take()?,
        digest: row.take()?,
        body: row.take()?,
    })).collect();
    Ok(Ok(manifests?))
});

/// Removes the row of an object whose bytes are lost, with all its links, so that clients push the layer again. What
/// images refer to stays recorded. Returns how many repositories had it.
///
/// The row must be the one that was compared with its bytes: another object of the same digest has other bytes.
#[derive(Clone, Debug)]
pub struct RemoveLostObject {
    pub object: ObjectRow,
    /// Now.
    pub at: Micros,
}

operation!(RemoveLostObject: Durable [Everything] -> usize, Never, |op, tx| {
    let ObjectRow { id, digest, size, .. } = &op.object;
    let lock = tx.fork(
        "SELECT id, digest, object_key, size FROM object WHERE id = ?1",
        "SELECT id, digest, object_key, size FROM object WHERE id = ?1 FOR UPDATE",
    );
    let row = tx.row(lock, &params![id]).await?.map(ObjectRow::read).transpose()?;
    if row.as_ref() != Some(&op.object) {
        return Ok(Ok(0));
    }
    let links = "SELECT registry, repository FROM blob_link WHERE object = ?1 ORDER BY registry, repository";
    let mut count = 0;
    for mut row in tx.rows(links, &params![id]).await? {
        let repository = RepositoryKey { registry: row.take()?, id: row.take()? };
        count += usize::from(unlink(tx, repository, digest, None, op.at).await?);
    }
    tx.execute("DELETE FROM object_review WHERE object = ?1", &params![id]).await?;
    tx.execute("DELETE FROM object WHERE id = ?1", &params![id]).await?;
    usage::collected(tx, *size).await?;
    Ok(Ok(count))
});

/// How far the scrub has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scrub {
    /// The last object that was read. None: the next one is the first.
    pub object: Option<i64>,
    /// When all objects had been read.
    pub ended_at: Option<Micros>,
}

/// Reads how far the scrub has come.
#[derive(Clone, Copy, Debug)]
pub struct GetScrub;

operation!(GetScrub: Point -> Scrub, Never, |_op, tx| {
    let row = tx.row("SELECT scrubbed_object, scrubbed_at FROM collection", &[]).await?;
    let mut row = row.ok_or(StoreError::Corrupt("collection"))?;
    let (object, ended_at) = (row.take()?, row.take::<Micros>()?);
    Ok(Ok(Scrub { object, ended_at: (ended_at.0 > 0).then_some(ended_at) }))
});

/// Records how far the scrub has come, unless another pass has recorded something meanwhile. After a power cut some objects
/// are read again.
#[derive(Clone, Copy, Debug)]
pub struct SetScrub {
    /// What the pass began with.
    pub before: Scrub,
    pub scrub: Scrub,
}

operation!(SetScrub: Relaxed [] -> (), Never, |op, tx| {
    let ended_at = |scrub: Scrub| scrub.ended_at.unwrap_or(Micros(0));
    // No object has this ID: it stands for none.
    let update = "UPDATE collection SET scrubbed_object = ?1, scrubbed_at = ?2 \
        WHERE COALESCE(scrubbed_object, ?5) = COALESCE(?3, ?5) AND scrubbed_at = ?4";
    let (before, none) = (op.before, i64::MIN);
    tx.execute(update, &params![op.scrub.object, ended_at(op.scrub), before.object, ended_at(before), none]).await?;
    Ok(Ok(()))
});
