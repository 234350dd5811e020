//! Images deleted: by tag, by digest, in batches.

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, RepositoryKey, StoreError, Tx,
    ops::{
        archive::leave_to_the_archive,
        collection::queue_links_of,
        operation,
        protection::{Protected, ProtectedBy, before_reports, protection_of},
        referrers_delete,
        replication_queue::{forget_image, queue_deletion, queue_untag},
        repository::{Hold, RepositoryGone, hold},
        tag::{count_repository, remove},
        usage::{self, Change},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// One thing to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteItem {
    ByTag(Tag),
    /// The image with all its tags.
    ByDigest(Digest),
    /// The tag, if it names this image.
    Both(Digest, Tag),
}

/// Deletes tags and images of a repository, item by item.
#[derive(Clone, Debug)]
pub struct BatchDeleteImage {
    pub repository: RepositoryKey,
    /// What to delete, 100 items in ECR.
    pub items: Vec<DeleteItem>,
    /// Now.
    pub at: Micros,
    /// Whether an image goes with its last tag, as in ECR.
    pub tag_delete_removes_untagged_image: bool,
    /// Whether the child of an index must stay, as in ECR.
    pub refuse_if_referenced: bool,
}

/// What was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// A pair for each tag, or only the digest of an untagged image.
    pub pairs: Vec<(Digest, Option<Tag>)>,
    /// Whether the image has a subject.
    pub is_referrer: bool,
}

impl Removed {
    /// The tags.
    pub fn tags(&self) -> Vec<Tag> {
        self.pairs.iter().filter_map(|(_, tag)| tag.clone()).collect()
    }
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// It was deleted.
    Removed(Removed),
    /// It does not exist.
    NotFound,
    /// The tag names another image.
    TagDigestMismatch,
    /// These indexes of the repository list it.
    ReferencedByList(Vec<Digest>),
    /// The image or the tag is protected.
    Protected(Protected),
}

operation!(BatchDeleteImage: Contended [Contents(op.repository)] -> Vec<DeleteOutcome>, RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    before_reports(tx, op.repository).await?;
    let mut outcomes = Vec::with_capacity(op.items.len());
    for item in &op.items {
        outcomes.push(match item {
            DeleteItem::ByTag(tag) => op.delete_tag(tx, tag, None).await?,
            DeleteItem::Both(digest, tag) => op.delete_tag(tx, tag, Some(digest)).await?,
            DeleteItem::ByDigest(digest) => {
                delete_digest(tx, op.repository, digest, op.refuse_if_referenced, op.at).await?
            }
        });
    }
    Ok(Ok(outcomes))
});

impl BatchDeleteImage {
    async fn delete_tag(
        &self,
        tx: &mut Tx<'_>,
        tag: &Tag,
        expected: Option<&Digest>,
    ) -> Result<DeleteOutcome, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let select = "SELECT i.id, i.digest, i.tag_count, t.protected_at, i.subject FROM tag t \
            JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
            WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3";
        let Some(mut row) = tx.row(select, &params![registry, id, tag]).await? else {
            return Ok(DeleteOutcome::NotFound);
        };
        let (image, digest, tags): (ImageId, Digest, u64) = (row.take()?, row.take()?, row.take()?);
        let (tag_protected_at, subject): (Option<Micros>, Option<Digest>) = (row.take()?, row.take()?);
        let is_referrer = subject.is_some();
        if expected.is_some_and(|expected| *expected != digest) {
            return Ok(DeleteOutcome::TagDigestMismatch);
        }
        if tag_protected_at.is_some() {
            return Ok(DeleteOutcome::Protected(Protected { digest, by: ProtectedBy::Tag(tag.clone()) }));
        }
        let image_goes = tags == 1 && self.tag_delete_removes_untagged_image;
        if image_goes && self.refuse_if_referenced {
            let lists = lists_of(tx, self.repository, &digest, image).await?;
            if !lists.is_empty() {
                return Ok(DeleteOutcome::ReferencedByList(lists));
            }
        }
        if image_goes && let Some(protected) = protection_of(tx, self.repository, image, self.at).await? {
            return Ok(DeleteOutcome::Protected(protected));
        }
        remove(tx, self.repository, tag).await?;
        if image_goes {
            erase(tx, self.repository, image, self.at).await?;
            count_repository(tx, self.repository, -1, 0).await?;
            queue_deletion(tx, self.repository, (&digest, std::slice::from_ref(tag)), self.at).await?;
        } else {
            queue_untag(tx, self.repository, (&digest, tag), self.at).await?;
        }
        Ok(DeleteOutcome::Removed(Removed { pairs: vec![(digest, Some(tag.clone()))], is_referrer }))
    }
}

/// Deletes an image with its tags. The caller holds the repository, and has called [`before_reports`].
pub(crate) async fn delete_digest(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    refuse_if_referenced: bool,
    at: Micros,
) -> Result<DeleteOutcome, StoreError> {
    let outcome = remove_digest(tx, repository, digest, refuse_if_referenced, at).await?;
    if let DeleteOutcome::Removed(removed) = &outcome {
        queue_deletion(tx, repository, (digest, &removed.tags()), at).await?;
    }
    Ok(outcome)
}

/// The same without its replication to other registries.
pub(crate) async fn remove_digest(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    refuse_if_referenced: bool,
    at: Micros,
) -> Result<DeleteOutcome, StoreError> {
    let RepositoryKey { registry, id } = repository;
    let select = "SELECT id, subject FROM image WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
    let Some(mut row) = tx.row(select, &params![registry, id, digest]).await? else {
        return Ok(DeleteOutcome::NotFound);
    };
    let (image, subject): (ImageId, Option<Digest>) = (row.take()?, row.take()?);
    let is_referrer = subject.is_some();
    if refuse_if_referenced {
        let lists = lists_of(tx, repository, digest, image).await?;
        if !lists.is_empty() {
            return Ok(DeleteOutcome::ReferencedByList(lists));
        }
    }
    if let Some(protected) = protection_of(tx, repository, image, at).await? {
        return Ok(DeleteOutcome::Protected(protected));
    }
    let delete = "DELETE FROM tag WHERE registry = ?1 AND repository = ?2 AND image = ?3 RETURNING name";
    let rows = tx.rows(delete, &params![registry, id, image]).await?;
    let tags: Result<Vec<Tag>, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    let mut tags = tags?;
    tags.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    erase(tx, repository, image, at).await?;
    count_repository(tx, repository, -1, -i64::try_from(tags.len()).unwrap_or(i64::MAX)).await?;
    let mut pairs: Vec<_> = tags.into_iter().map(|tag| (*digest, Some(tag))).collect();
    if pairs.is_empty() {
        pairs.push((*digest, None));
    }
    Ok(DeleteOutcome::Removed(Removed { pairs, is_referrer }))
}

/// The indexes of the repository that list this image, except itself.
async fn lists_of(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    image: ImageId,
) -> Result<Vec<Digest>, StoreError> {
    let select = "SELECT i.digest FROM image_child c \
        JOIN image i ON i.registry = c.registry AND i.repository = c.repository AND i.id = c.image \
        WHERE c.registry = ?1 AND c.repository = ?2 AND c.digest = ?3 AND c.image <> ?4 ORDER BY c.image LIMIT 100";
    let rows = tx.rows(select, &params![repository.registry, repository.id, digest, image]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// Removes the rows of an image. Its tags are removed already, and the caller updates the counters. Layers that only this
/// image needed are reviewed when their grace is over.
async fn erase(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let RepositoryKey { registry, id } = repository;
    queue_links_of(tx, repository, image, at).await?;
    leave_to_the_archive(tx, repository, image, at).await?;
    for table in ["image_blob", "image_child", "manifest_body", "image_pull", "image_scan"] {
        let sql = format!("DELETE FROM {table} WHERE registry = ?1 AND repository = ?2 AND image = ?3");
        tx.execute(&sql, &params![registry, id, image]).await?;
    }
    let delete = "DELETE FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3 RETURNING manifest_size, digest";
    let Some(mut row) = tx.row(delete, &params![registry, id, image]).await? else { return Ok(()) };
    let (size, digest): (u64, Digest) = (row.take()?, row.take()?);
    referrers_delete::orphan(tx, repository, &digest, at).await?;
    forget_image(tx, repository, &digest).await?;
    usage::add(tx, repository, Change::manifest(-usage::signed(size))).await
}
