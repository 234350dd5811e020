//! Manifests that were stored before references had rows are read once more when the store is opened: in slices, so no
//! transaction grows with their number, and a restart continues after the last slice.

use oci::{digest::Digest, manifest::Manifest};

use crate::{
    ImageId, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        image_members::{insert_members, largest_child},
        operation,
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Manifests of one slice.
const SLICE: usize = 500;
/// Their bytes; a larger one is a slice of its own.
const SLICE_BYTES: u64 = 4 << 20;

/// Writes the references of some manifests. Returns true when none is left.
#[derive(Clone, Copy, Debug)]
pub struct BackfillReferences {
    /// How many manifests at most.
    pub limit: usize,
}

impl Default for BackfillReferences {
    fn default() -> Self {
        Self { limit: SLICE }
    }
}

/// A stored manifest.
struct Stored {
    repository: RepositoryKey,
    image: ImageId,
    media_type: String,
    digest: Digest,
    size: u64,
}

operation!(BackfillReferences: Durable [Everything] -> bool, Never, |op, tx| {
    // Nodes that start together take turns by the row.
    let sql = tx.fork(
        "SELECT registry, repository, image FROM reference_backfill",
        "SELECT registry, repository, image FROM reference_backfill FOR UPDATE",
    );
    let Some(mut row) = tx.row(sql, &[]).await? else { return Ok(Ok(true)) };
    let after = (row.take()?, row.take()?, row.take()?);
    let manifests = op.next(tx, after).await?;
    let Some(last) = manifests.last() else {
        tx.execute("DELETE FROM reference_backfill", &[]).await?;
        return Ok(Ok(true));
    };
    let (repository, image) = (last.repository, last.image);
    for manifest in &manifests {
        manifest.write_references(tx).await?;
    }
    let update = "UPDATE reference_backfill SET registry = ?1, repository = ?2, image = ?3";
    tx.execute(update, &params![repository.registry, repository.id, image]).await?;
    Ok(Ok(false))
});

impl BackfillReferences {
    /// The next manifests, as many as a slice has.
    async fn next(
        &self,
        tx: &mut Tx<'_>,
        (registry, repository, image): (RegistryKey, i64, ImageId),
    ) -> Result<Vec<Stored>, StoreError> {
        let select = "SELECT registry, repository, id, media_type, digest, manifest_size FROM image \
            WHERE (registry, repository, id) > (?1, ?2, ?3) \
            ORDER BY registry, repository, id LIMIT ?4";
        let mut room = SLICE_BYTES;
        let mut manifests = Vec::new();
        for mut row in tx.rows(select, &params![registry, repository, image, self.limit]).await? {
            let manifest = Stored {
                repository: RepositoryKey { registry: row.take()?, id: row.take()? },
                image: row.take()?,
                media_type: row.take()?,
                digest: row.take()?,
                size: row.take()?,
            };
            if manifest.size > room && !manifests.is_empty() {
                break;
            }
            room = room.saturating_sub(manifest.size);
            manifests.push(manifest);
        }
        Ok(manifests)
    }
}

impl Stored {
    /// Writes a row for each reference, and the size in its current definition.
    async fn write_references(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let key = params![self.repository.registry, self.repository.id, self.image];
        let select = "SELECT body FROM manifest_body WHERE registry = ?1 AND repository = ?2 AND image = ?3";
        let Some(body) = tx.value::<Vec<u8>>(select, &key).await? else { return Ok(()) };
        let manifest = match Manifest::parse(&body, Some(&self.media_type)) {
            Ok(manifest) => manifest,
            Err(error) => {
                // The references that it has stay.
                tracing::warn!(digest = %self.digest, %error, "a stored manifest cannot be read");
                return Ok(());
            }
        };
        let children = manifest.child_digests();
        insert_members(tx, self.repository, self.image, &manifest.blob_digests(), &children).await?;
        let size = manifest.total_size().max(largest_child(tx, self.repository, &children).await?);
        let update = "UPDATE image SET image_size = ?4 WHERE registry = ?1 AND repository = ?2 AND id = ?3";
        let values = params![self.repository.registry, self.repository.id, self.image, size];
        tx.execute(update, &values).await?;
        Ok(())
    }
}
