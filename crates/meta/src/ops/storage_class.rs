//! Moves images to the archive and back. An archived image keeps its row, its tags and its bytes, and cannot be pulled.

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        archive::{activate, archive, archived_members, resting_members},
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

/// The images that one transaction restores with the index that lists them. Those of a larger index are restored in slices,
/// each image by itself; the index is active when all of them are.
pub(crate) const FAMILY: usize = 100;

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
            (false, ImageState::Archived) => op.restore(tx, id).await?,
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

    /// Restores an image with those that it lists. Returns its state then.
    async fn restore(&self, tx: &mut Tx<'_>, image: ImageId) -> Result<ImageState, StoreError> {
        let restore = Restore { repository: self.repository, restored_at: self.restored_at, at: self.at };
        let mut family = archived_members(tx, (self.repository, image), FAMILY + 1).await?;
        if family.len() > FAMILY {
            restore.begin(tx, image).await?;
            return Ok(ImageState::Activating);
        }
        family.push(image);
        if self.restored_at <= self.at && is_back(tx, self.repository, &family).await? {
            activate_family(tx, self.repository, &family, self.at).await?;
            return Ok(ImageState::Active);
        }
        for image in family {
            restore.begin(tx, image).await?;
        }
        Ok(ImageState::Activating)
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

/// Images that are active at a time.
struct Restore {
    repository: RepositoryKey,
    restored_at: Micros,
    /// Now.
    at: Micros,
}

impl Restore {
    /// Begins to restore an image.
    async fn begin(&self, tx: &mut Tx<'_>, image: ImageId) -> Result<(), StoreError> {
        let update = "UPDATE image SET status = ?4, restored_at = ?5 \
                      WHERE registry = ?1 AND repository = ?2 AND id = ?3";
        let number = ImageState::Activating.number();
        let values = params![self.repository.registry, self.repository.id, image, number, self.restored_at];
        tx.execute(update, &values).await?;
        let objects = objects_in_archive(tx, self.repository, image).await?;
        queue_moves(tx, &objects, self.at).await?;
        let key = restore_key(self.repository, image);
        // A push can have ended an earlier restore, whose work may still wait or be claimed. It is not due earlier: a server of
        // an earlier version ends work whose time has not come.
        enqueue_anew(tx, RESTORE_IMAGE, &key, self.restored_at).await
    }

    /// Begins to restore the next images that an index lists.
    async fn begin_members(&self, tx: &mut Tx<'_>, index: ImageId) -> Result<RestoreProgress, StoreError> {
        let members = resting_members(tx, (self.repository, index), FAMILY).await?;
        for member in &members {
            self.begin(tx, *member).await?;
        }
        Ok(if members.len() == FAMILY { RestoreProgress::GoesOn } else { RestoreProgress::Waits })
    }
}

fn restore_key(repository: RepositoryKey, image: ImageId) -> String {
    format!("{}/{}", repository.to_text(), image.0)
}

/// Whether all layers of these images are in standard storage.
async fn is_back(tx: &mut Tx<'_>, repository: RepositoryKey, images: &[ImageId]) -> Result<bool, StoreError> {
    for image in images {
        if !objects_in_archive(tx, repository, *image).await?.is_empty() {
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
    family: &[ImageId],
    at: Micros,
) -> Result<(), StoreError> {
    for image in family {
        activate(tx, repository, *image, at).await?;
    }
    queue_restored(tx, repository, family, at).await?;
    evaluate_soon(tx, repository, at).await
}

/// How far the restoring of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreProgress {
    /// It is over.
    Done,
    /// More images of the index are to be begun.
    GoesOn,
    /// Its time has not come, its layers are not back yet, or images that it lists are not.
    Waits,
}

/// Ends the restoring of an image, if its time has come and its layers are back, or goes on with the images that it lists.
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

operation!(FinishRestore: Durable [Contents(op.repository)] -> RestoreProgress, Never, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Ok(RestoreProgress::Done));
    }
    let RepositoryKey { registry, id } = op.repository;
    let select = "SELECT restored_at FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3 AND status = 3";
    let Some(restored_at) = tx.value::<Micros>(select, &params![registry, id, op.image]).await? else {
        return Ok(Ok(RestoreProgress::Done));
    };
    let restore = Restore { repository: op.repository, restored_at, at: op.at };
    let mut family = archived_members(tx, (op.repository, op.image), FAMILY + 1).await?;
    let is_large = family.len() > FAMILY;
    family.push(op.image);
    if is_large || restored_at > op.at || !is_back(tx, op.repository, &family).await? {
        return Ok(Ok(restore.begin_members(tx, op.image).await?));
    }
    activate_family(tx, op.repository, &family, op.at).await?;
    Ok(Ok(RestoreProgress::Done))
});
