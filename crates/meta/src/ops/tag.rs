//! Tags: listed in byte order, removed one at a time. (They are set with the image, in `image.rs`.)

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        protection::{Protected, ProtectedBy},
        replication_queue::queue_untag,
        repository::{Hold, hold},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Lists tags of images that are not archived, in byte order.
#[derive(Clone, Debug)]
pub struct ListTags {
    pub repository: RepositoryKey,
    /// Only tags after this text, which need not be a tag.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListTags: List -> Vec<Tag>, Never, |op, tx| {
    let select = format!(
        "SELECT name FROM tag {} WHERE registry = ?1 AND repository = ?2 AND name > ?3 AND archived = 0 \
         ORDER BY name LIMIT ?4",
        tx.fork("INDEXED BY tag_listed", "")
    );
    let after = op.after.as_deref().unwrap_or_default();
    let values = params![op.repository.registry, op.repository.id, after, op.limit];
    let rows = tx.rows(&select, &values).await?;
    let tags: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(tags?))
});

/// Removes only a tag, and returns the digest of its image. The image stays, without a tag if this was its last (OCI
/// distribution specification, "Deleting tags").
#[derive(Clone, Debug)]
pub struct DeleteTag {
    pub repository: RepositoryKey,
    pub tag: Tag,
    /// Now.
    pub at: Micros,
}

/// Why a tag was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteTagRefusal {
    /// It does not exist.
    NotFound,
    /// It is protected.
    Protected(Protected),
}

operation!(DeleteTag: Contended [Contents(op.repository)] -> Digest, DeleteTagRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(DeleteTagRefusal::NotFound));
    }
    let RepositoryKey { registry, id } = op.repository;
    let select = "SELECT i.digest, t.protected_at FROM tag t \
        JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
        WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3";
    let Some(mut row) = tx.row(select, &params![registry, id, op.tag]).await? else {
        return Ok(Err(DeleteTagRefusal::NotFound));
    };
    let (digest, protected_at): (Digest, Option<Micros>) = (row.take()?, row.take()?);
    if protected_at.is_some() {
        let by = ProtectedBy::Tag(op.tag.clone());
        return Ok(Err(DeleteTagRefusal::Protected(Protected { digest, by })));
    }
    remove(tx, op.repository, &op.tag).await?;
    queue_untag(tx, op.repository, (&digest, &op.tag), op.at).await?;
    Ok(Ok(digest))
});

/// The protection of a tag, if it has one.
pub(crate) async fn is_protected(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    tag: &Tag,
    digest: &Digest,
) -> Result<Option<Protected>, StoreError> {
    let select = "SELECT 1 FROM tag WHERE registry = ?1 AND repository = ?2 AND name = ?3 AND protected_at IS NOT NULL";
    let found = tx.value::<i64>(select, &params![repository.registry, repository.id, tag]).await?;
    Ok(found.map(|_| Protected { digest: *digest, by: ProtectedBy::Tag(tag.clone()) }))
}

/// Removes a tag and updates the counters; returns the image that it named. The caller holds the repository.
pub(crate) async fn remove(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    tag: &Tag,
) -> Result<Option<ImageId>, StoreError> {
    let RepositoryKey { registry, id } = repository;
    let delete = "DELETE FROM tag WHERE registry = ?1 AND repository = ?2 AND name = ?3 RETURNING image";
    let Some(image) = tx.value::<ImageId>(delete, &params![registry, id, tag]).await? else {
        return Ok(None);
    };
    count_image(tx, repository, image, -1).await?;
    count_repository(tx, repository, 0, -1).await?;
    Ok(Some(image))
}

/// Changes the number of tags of an image, and whether it counts as tagged.
pub(crate) async fn count_image(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    tags: i64,
) -> Result<(), StoreError> {
    let update = "UPDATE image SET tag_count = tag_count + ?4, \
                  tagged = CASE WHEN tag_count + ?4 > 0 THEN 1 ELSE 0 END \
                  WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(update, &params![repository.registry, repository.id, image, tags]).await?;
    Ok(())
}

/// Changes the counters of a repository. What leaves it is also counted as departed.
pub(crate) async fn count_repository(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    images: i64,
    tags: i64,
) -> Result<(), StoreError> {
    let update = "UPDATE repository SET image_count = image_count + ?3, tag_count = tag_count + ?4, \
                  departures = departures + ?5 WHERE registry = ?1 AND id = ?2";
    let departed = images.min(0).saturating_add(tags.min(0)).saturating_neg();
    tx.execute(update, &params![repository.registry, repository.id, images, tags, departed]).await?;
    Ok(())
}

/// Counts tags that moved to another image, and untagged images that got a tag.
pub(crate) async fn count_departures(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    departed: i64,
) -> Result<(), StoreError> {
    let update = "UPDATE repository SET departures = departures + ?3 WHERE registry = ?1 AND id = ?2";
    tx.execute(update, &params![repository.registry, repository.id, departed]).await?;
    Ok(())
}
