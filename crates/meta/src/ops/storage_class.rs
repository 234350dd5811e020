//! Moves images to the archive and back. An archived image keeps its row, its tags and its bytes, and cannot be pulled.

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        archive::{activate, archive, archived_members},
        image::ImageState,
        image_list::ImageRef,
        lifecycle_policy::evaluate_soon,
        object_move::{objects_in_archive, queue_moves},
        operation,
        protection::{Protected, before_reports, protection_of},
        replication_queue::queue_restored,
        repository::{Hold, hold},
        tag::count_departures,
        work::enqueue_anew,
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that ends the restoring of an image.
pub const RESTORE_IMAGE: &str = "restore-image";

/// Moves an image to the archive, or restores it.
#[derive(Clone, Debug)]
pub struct UpdateImageStorageClass {
    pub repository: RepositoryKey,
    pub image: ImageRef,
    /// To the archive; else from it.
    pub to_archive: bool,
    /// When an image that is restored can be pulled.
    pub restored_at: Micros,
    /// Now.
    pub at: Micros,
}

/// The image after the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClassUpdate {
    pub digest: Digest,
    pub state: ImageState,
    /// Whether this changed it.
    pub is_changed: bool,
}

/// Why an image was not moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageClassRefusal {
    /// The repository does not exist.
    RepositoryGone,
    /// The image does not exist.
    NotFound,
    /// An active index lists it, or it is being restored.
    NotSupported,
    /// It is protected, so it is not archived.
    Protected(Protected),
}

operation!(
    UpdateImageStorageClass: Durable [Contents(op.repository)] -> StorageClassUpdate, StorageClassRefusal,
    |op, tx| {
        if hold(tx, op.repository, Hold::Change).await?.is_none() {
            return Ok(Err(StorageClassRefusal::RepositoryGone));
        }
        let Some((id, digest, state)) = op.find(tx).await? else { return Ok(Err(StorageClassRefusal::NotFound)) };
        let unchanged = StorageClassUpdate { digest, state, is_changed: false };
        let state = match (op.to_archive, state) {
            (true, ImageState::Archived) | (false, ImageState::Active | ImageState::Activating) => {
                return Ok(Ok(unchanged));
            }
            (true, ImageState::Activating) => return Ok(Err(StorageClassRefusal::NotSupported)),
            (true, ImageState::Active) => {
                if op.is_listed(tx, id, &digest).await? {
                    return Ok(Err(StorageClassRefusal::NotSupported));
                }
                before_reports(tx, op.repository).await?;
                if let Some(protected) = protection_of(tx, op.repository, id, op.at).await? {
                    return Ok(Err(StorageClassRefusal::Protected(protected)));
                }
                archive(tx, op.repository, id, op.at).await?;
                count_departures(tx, op.repository, 1).await?;
                ImageState::Archived
            }
            (false, ImageState::Archived) if op.restored_at <= op.at && is_back(tx, op.repository, id).await? => {
                activate_family(tx, op.repository, id, op.at).await?;
                evaluate_soon(tx, op.repository, op.at).await?;
                ImageState::Active
            }
            (false, ImageState::Archived) => {
                for member in archived_members(tx, op.repository, id).await? {
                    op.restore(tx, member).await?;
                }
                op.restore(tx, id).await?;
                ImageState::Activating
            }
        };
        Ok(Ok(StorageClassUpdate { digest, state, is_changed: true }))
    }
);

impl UpdateImageStorageClass {
    async fn find(&self, tx: &mut Tx<'_>) -> Result<Option<(ImageId, Digest, ImageState)>, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let row = match (&self.image.tag, &self.image.digest) {
            (Some(tag), _) => {
                let select = "SELECT i.id, i.digest, i.status FROM tag t JOIN image i \
                    ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
                    WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3";
                tx.row(select, &params![registry, id, tag]).await?
            }
            (None, Some(digest)) => {
                let select = "SELECT id, digest, status FROM image \
                              WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
                tx.row(select, &params![registry, id, digest]).await?
            }
            (None, None) => None,
        };
        let Some(mut row) = row else { return Ok(None) };
        let found = (row.take()?, row.take()?, ImageState::read(row.take()?)?);
        Ok(Some(found).filter(|(_, digest, _)| self.image.digest.is_none_or(|asked| asked == *digest)))
    }

    /// Begins to restore an image.
    async fn restore(&self, tx: &mut Tx<'_>, image: ImageId) -> Result<(), StoreError> {
        let update = "UPDATE image SET status = ?4, restored_at = ?5 \
                      WHERE registry = ?1 AND repository = ?2 AND id = ?3";
        let number = ImageState::Activating.number();
        let values = params![self.repository.registry, self.repository.id, image, number, self.restored_at];
        tx.execute(update, &values).await?;
        let objects = objects_in_archive(tx, self.repository, image).await?;
        queue_moves(tx, &objects, self.at).await?;
        let key = restore_key(self.repository, image);
        // A push can have ended an earlier restore, whose work may still wait or be claimed.
        enqueue_anew(tx, RESTORE_IMAGE, &key, self.restored_at).await
    }

    /// Whether an index that is not archived lists the image.
    async fn is_listed(&self, tx: &mut Tx<'_>, image: ImageId, digest: &Digest) -> Result<bool, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT 1 FROM image_child c \
            JOIN image p ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image \
            WHERE c.registry = ?1 AND c.repository = ?2 AND c.digest = ?3 AND p.id <> ?4 AND p.status <> 2 LIMIT 1";
        let found: Option<i64> = tx.value(select, &params![registry, id, *digest, image]).await?;
        Ok(found.is_some())
    }
}

fn restore_key(repository: RepositoryKey, image: ImageId) -> String {
    format!("{}/{}", repository.to_text(), image.0)
}

/// Whether all layers of an image, and of those that it lists, are in standard storage.
async fn is_back(tx: &mut Tx<'_>, repository: RepositoryKey, image: ImageId) -> Result<bool, StoreError> {
    let mut images = archived_members(tx, repository, image).await?;
    images.push(image);
    for image in images {
        if !objects_in_archive(tx, repository, image).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes an image active again, with the images that it lists: an active index has active images. Each is replicated with
/// its tags.
async fn activate_family(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let mut restored = archived_members(tx, repository, image).await?;
    restored.push(image);
    for image in &restored {
        activate(tx, repository, *image, at).await?;
    }
    queue_restored(tx, repository, &restored, at).await
}

/// Ends the restoring of an image, if its time has come and its layers are back. False: they are not back yet.
#[derive(Clone, Debug)]
pub struct FinishRestore {
    pub repository: RepositoryKey,
    pub image: ImageId,
    /// Now.
    pub at: Micros,
}

impl FinishRestore {
    /// The operation for the key of queued work.
    pub fn of_key(key: &str, at: Micros) -> Option<Self> {
        let (repository, image) = key.rsplit_once('/')?;
        let repository = RepositoryKey::from_text(repository)?;
        Some(Self { repository, image: ImageId(image.parse().ok()?), at })
    }
}

operation!(FinishRestore: Durable [Contents(op.repository)] -> bool, Never, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Ok(true));
    }
    let RepositoryKey { registry, id } = op.repository;
    let select = "SELECT 1 FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3 AND status = 3 \
                  AND restored_at <= ?4";
    if tx.value::<i64>(select, &params![registry, id, op.image, op.at]).await?.is_some() {
        if !is_back(tx, op.repository, op.image).await? {
            return Ok(Ok(false));
        }
        activate_family(tx, op.repository, op.image, op.at).await?;
        evaluate_soon(tx, op.repository, op.at).await?;
    }
    Ok(Ok(true))
});
