//! What an image takes with it to the archive and back: its tags, and the layers that no active image needs. All run in the
//! transaction that changes the image, which holds the repository.

use crate::{
    ImageId, Micros, RepositoryKey, StoreError, Tx,
    ops::{image::ImageState, object_move::queue_moves},
    value::{Param, params},
};

/// The condition that no active image but `?3` needs the layer of `image_blob b`. The newest image that needs it is looked
/// at first: old images are archived before new ones, and a thousand of them can share a layer.
macro_rules! no_active_image_needs_it {
    () => {
        "COALESCE((SELECT i.status FROM image_blob o JOIN image i \
            ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image \
            WHERE o.registry = ?1 AND o.repository = ?2 AND o.digest = b.digest AND o.image <> ?3 \
            ORDER BY o.image DESC LIMIT 1), 0) <> 1 \
         AND NOT EXISTS (SELECT 1 FROM image_blob o JOIN image i \
            ON i.registry = o.registry AND i.repository = o.repository AND i.id = o.image \
            WHERE o.registry = ?1 AND o.repository = ?2 AND o.digest = b.digest AND o.image <> ?3 AND i.status = 1)"
    };
}

/// Moves an active image to the archive.
pub(crate) async fn archive(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let RepositoryKey { registry, id } = repository;
    let update = "UPDATE image SET status = ?4, last_archived_at = ?5 \
                  WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(update, &params![registry, id, image, ImageState::Archived.number(), at]).await?;
    let tags = "UPDATE tag SET archived = 1 WHERE registry = ?1 AND repository = ?2 AND image = ?3";
    tx.execute(tags, &params![registry, id, image]).await?;
    let layers = concat!(
        "UPDATE blob_link SET archived = 1 WHERE registry = ?1 AND repository = ?2 AND archived = 0 AND digest IN \
            (SELECT b.digest FROM image_blob b WHERE b.registry = ?1 AND b.repository = ?2 AND b.image = ?3 AND ",
        no_active_image_needs_it!(),
        ")"
    );
    move_layers(tx, (layers, &params![registry, id, image]), at).await
}

/// Changes layers, and queues their objects for a look at their place.
async fn move_layers(
    tx: &mut Tx<'_>,
    (update, values): (&str, &[Param<'_>]),
    at: Micros,
) -> Result<(), StoreError> {
    let rows = tx.rows(&format!("{update} RETURNING object"), values).await?;
    let objects: Vec<i64> = rows.into_iter().map(|mut row| row.take()).collect::<Result<_, StoreError>>()?;
    queue_moves(tx, &objects, at).await
}

/// Archives the layers that only archived images need once this active image is gone. Runs before its rows are removed.
pub(crate) async fn leave_to_the_archive(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let layers = concat!(
        "UPDATE blob_link SET archived = 1 WHERE registry = ?1 AND repository = ?2 AND archived = 0 \
            AND EXISTS (SELECT 1 FROM image a WHERE a.registry = ?1 AND a.repository = ?2 AND a.status IN (2, 3)) \
            AND digest IN (SELECT b.digest FROM image_blob b \
                WHERE b.registry = ?1 AND b.repository = ?2 AND b.image = ?3 \
                AND EXISTS (SELECT 1 FROM image_blob o WHERE o.registry = ?1 AND o.repository = ?2 \
                    AND o.digest = b.digest AND o.image <> ?3) AND ",
        no_active_image_needs_it!(),
        ")"
    );
    move_layers(tx, (layers, &params![repository.registry, repository.id, image]), at).await
}

/// Makes an image active again. It counts as newly pushed in the rules of lifecycle policies.
pub(crate) async fn activate(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let RepositoryKey { registry, id } = repository;
    let update = "UPDATE image SET status = ?4, last_activated_at = ?5, restored_at = NULL \
                  WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(update, &params![registry, id, image, ImageState::Active.number(), at]).await?;
    let tags = "UPDATE tag SET archived = 0 WHERE registry = ?1 AND repository = ?2 AND image = ?3";
    tx.execute(tags, &params![registry, id, image]).await?;
    bring_back_layers(tx, repository, image, at).await
}

/// Makes the layers of an active image readable.
pub(crate) async fn bring_back_layers(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let layers = "UPDATE blob_link SET archived = 0 WHERE registry = ?1 AND repository = ?2 AND archived = 1 \
        AND digest IN (SELECT digest FROM image_blob WHERE registry = ?1 AND repository = ?2 AND image = ?3)";
    move_layers(tx, (layers, &params![repository.registry, repository.id, image]), at).await
}

/// The images that are not active among those that an index lists, at any depth, and at most so many. An active index has
/// active images, so they were archived after it and are restored with it.
pub(crate) async fn archived_members(
    tx: &mut Tx<'_>,
    (repository, index): (RepositoryKey, ImageId),
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    members(tx, (repository, index), "i.status <> 1", limit).await
}

/// The same, without those that are being restored.
pub(crate) async fn resting_members(
    tx: &mut Tx<'_>,
    (repository, index): (RepositoryKey, ImageId),
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    members(tx, (repository, index), "i.status = 2", limit).await
}

async fn members(
    tx: &mut Tx<'_>,
    (repository, index): (RepositoryKey, ImageId),
    condition: &str,
    limit: usize,
) -> Result<Vec<ImageId>, StoreError> {
    let select = format!(
        "WITH RECURSIVE listed (id) AS ( \
            SELECT id FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3 UNION \
            SELECT m.id FROM listed l \
            JOIN image_child c ON c.registry = ?1 AND c.repository = ?2 AND c.image = l.id \
            JOIN image m ON m.registry = ?1 AND m.repository = ?2 AND m.digest = c.digest) \
         SELECT i.id FROM listed l JOIN image i ON i.registry = ?1 AND i.repository = ?2 AND i.id = l.id \
         WHERE i.id <> ?3 AND {condition} LIMIT ?4"
    );
    let rows = tx.rows(&select, &params![repository.registry, repository.id, index, limit]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}
