//! Removes a tag or an image at a destination, because it was removed at its source.

use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, RepositoryKey, StoreError, Tx,
    ops::{
        image_delete::{DeleteOutcome, remove_digest},
        operation,
        protection::{Protected, before_reports},
        replicate_image::{has_image, tag_of},
        replication_item::{ReplicationKey, complete},
        repository::{Hold, hold},
        tag::{is_protected, remove},
    },
    value::params,
};

/// Removes a tag if the item has one, and otherwise the image with all its tags. What the source has again stays.
#[derive(Clone, Debug)]
pub struct ReplicateDeletion {
    /// The repository at the destination.
    pub repository: RepositoryKey,
    pub item: ReplicationKey,
    pub version: i64,
    /// Now.
    pub at: Micros,
}

/// What was removed at the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicatedDeletion {
    /// Nothing: it was not there, or the source has it again.
    Nothing,
    /// The tag. Its image stays.
    Tag(Tag),
    /// The image, with these tags.
    Image(Vec<Tag>),
}

/// Why nothing was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicateDeletionRefusal {
    /// These indexes of the destination list the image.
    Referenced(Vec<Digest>),
    /// The image or the tag is protected at the destination.
    Protected(Protected),
}

operation!(
    ReplicateDeletion: Contended [Contents(op.repository)] -> ReplicatedDeletion, ReplicateDeletionRefusal,
    |op, tx| {
        let ReplicationKey { source, digest, tag, .. } = &op.item;
        let mut removed = ReplicatedDeletion::Nothing;
        let is_there = hold(tx, op.repository, Hold::Change).await?.is_some();
        if let Some(tag) = tag {
            if is_there && let Some(named) = op.outdated(tx, tag).await? {
                if let Some(protected) = is_protected(tx, op.repository, tag, &named).await? {
                    return Ok(Err(ReplicateDeletionRefusal::Protected(protected)));
                }
                remove(tx, op.repository, tag).await?;
                removed = ReplicatedDeletion::Tag(tag.clone());
            }
        } else if is_there && !has_image(tx, *source, digest).await? {
            before_reports(tx, op.repository).await?;
            match remove_digest(tx, op.repository, digest, true, op.at).await? {
                DeleteOutcome::Removed(pairs) => {
                    let tags = pairs.into_iter().filter_map(|(_, tag)| tag).collect();
                    removed = ReplicatedDeletion::Image(tags);
                }
                DeleteOutcome::NotFound | DeleteOutcome::TagDigestMismatch => {}
                DeleteOutcome::ReferencedByList(lists) => {
                    return Ok(Err(ReplicateDeletionRefusal::Referenced(lists)));
                }
                DeleteOutcome::Protected(protected) => {
                    return Ok(Err(ReplicateDeletionRefusal::Protected(protected)));
                }
            }
        }
        complete(tx, &op.item, op.version).await?;
        Ok(Ok(removed))
    }
);

impl ReplicateDeletion {
    /// The image that the tag names at the destination, if the tag is to be removed: it names the image of the item, or
    /// replication has set it before the tag moved to that image.
    async fn outdated(&self, tx: &mut Tx<'_>, tag: &Tag) -> Result<Option<Digest>, StoreError> {
        let ReplicationKey { source, digest, .. } = &self.item;
        // A tag that is there again, or on another image, has an item of its own.
        if tag_of(tx, *source, tag).await?.is_some() {
            return Ok(None);
        }
        let select = "SELECT i.digest FROM tag t \
            JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
            WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3 \
            AND (i.digest = ?4 OR t.origin_at IS NOT NULL)";
        let RepositoryKey { registry, id } = self.repository;
        tx.value(select, &params![registry, id, tag, digest]).await
    }
}
