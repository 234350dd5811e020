//! Tags: listed in byte order, removed one at a time. (They are set with the image, in `image.rs`.)

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Never, RepositoryKey, StoreError, Tx,
    ops::{
        operation,
        repository::{Hold, hold},
    },
    value::params,
};

/// Lists tags in byte order.
#[derive(Clone, Debug)]
pub struct ListTags {
    pub repository: RepositoryKey,
    /// Only tags after this text, which need not be a tag.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListTags: Page -> Vec<Tag>, Never, |op, tx| {
    let select = "SELECT name FROM tag WHERE registry = ?1 AND repository = ?2 AND name > ?3 ORDER BY name LIMIT ?4";
    let after = op.after.as_deref().unwrap_or_default();
    let values = params![op.repository.registry, op.repository.id, after, op.limit];
    let rows = tx.rows(select, &values).await?;
    let tags: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(tags?))
});

/// Removes only a tag, and returns the digest of its image. The image stays, without a tag if this was its last (OCI
/// distribution specification, "Deleting tags").
#[derive(Clone, Debug)]
pub struct DeleteTag {
    pub repository: RepositoryKey,
    pub tag: Tag,
}

/// The tag does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagGone;

operation!(DeleteTag: Contended [Contents(op.repository)] -> Digest, TagGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(TagGone));
    }
    let Some(image) = remove(tx, op.repository, &op.tag).await? else { return Ok(Err(TagGone)) };
    let RepositoryKey { registry, id } = op.repository;
    let select = "SELECT digest FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    let digest = tx.value(select, &params![registry, id, image]).await?;
    Ok(Ok(digest.ok_or(StoreError::Corrupt("a tag named no image"))?))
});

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
