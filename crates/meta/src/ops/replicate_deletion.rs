//! Removes a tag or an image at a destination, because it was removed at its source.

use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, RepositoryKey, StoreError, Tx,
    ops::{
        image_delete::{DeleteOutcome, Removed, remove_digest},
        operation,
        peer_order::PeerOrder,
        protection::{Protected, before_reports},
        replicate_image::{has_image, tag_of},
        replication_item::{ReplicationKey, complete},
        repository::{Hold, hold},
        tag::{is_protected, remove},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Removes a tag if the item has one, and otherwise the image with all its tags. What the source has again stays. In the
/// registry of another account, only what replication has put is removed: that account has allowed images to arrive, and
/// what it pushed or tagged itself is its own.
#[derive(Clone, Debug)]
pub struct ReplicateDeletion {
    /// The repository at the destination.
    pub repository: RepositoryKey,
    pub digest: Digest,
    pub tag: Option<Tag>,
    pub source: DeletionSource,
    /// Now.
    pub at: Micros,
}

/// Where it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeletionSource {
    /// In a registry of this deployment: an item, and its version.
    Here(ReplicationKey, i64),
    /// In another deployment, which does not have it.
    Peer { is_of_another_account: bool, order: PeerOrder },
}

/// What was removed at the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicatedDeletion {
    /// Nothing: it was not there, or the source has it again.
    Nothing,
    /// The tag. Its image stays.
    Tag(Tag),
    /// The image, with its tags.
    Image(Removed),
}

/// Why nothing was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicateDeletionRefusal {
    /// These indexes of the destination list the image.
    Referenced(Vec<Digest>),
    /// The image or the tag is protected at the destination.
    Protected(Protected),
    /// A later request of the peer was carried out.
    Overtaken,
}

operation!(
    ReplicateDeletion: Contended [Contents(op.repository)] -> ReplicatedDeletion, ReplicateDeletionRefusal,
    |op, tx| {
        let (digest, tag) = (&op.digest, &op.tag);
        let mut removed = ReplicatedDeletion::Nothing;
        let is_there = hold(tx, op.repository, Hold::Change).await?.is_some();
        if is_there
            && let DeletionSource::Peer { order, .. } = &op.source
            && !order.is_in_order(tx, op.repository).await?
        {
            return Ok(Err(ReplicateDeletionRefusal::Overtaken));
        }
        if let Some(tag) = tag {
            if is_there && let Some(named) = op.outdated(tx, tag).await? {
                if let Some(protected) = is_protected(tx, op.repository, tag, &named).await? {
                    return Ok(Err(ReplicateDeletionRefusal::Protected(protected)));
                }
                remove(tx, op.repository, tag).await?;
                removed = ReplicatedDeletion::Tag(tag.clone());
            }
        } else if is_there && !op.is_there_again(tx).await? && op.may_remove(tx).await? {
            before_reports(tx, op.repository).await?;
            match remove_digest(tx, op.repository, digest, true, op.at).await? {
                DeleteOutcome::Removed(image) => removed = ReplicatedDeletion::Image(image),
                DeleteOutcome::NotFound | DeleteOutcome::TagDigestMismatch => {}
                DeleteOutcome::ReferencedByList(lists) => {
                    return Ok(Err(ReplicateDeletionRefusal::Referenced(lists)));
                }
                DeleteOutcome::Protected(protected) => {
                    return Ok(Err(ReplicateDeletionRefusal::Protected(protected)));
                }
            }
        }
        if let DeletionSource::Here(item, version) = &op.source {
            complete(tx, item, *version).await?;
        }
        Ok(Ok(removed))
    }
);

impl ReplicateDeletion {
    /// Whether the source has the image again, or the tag. A peer has looked before it asked.
    async fn is_there_again(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        match (&self.source, &self.tag) {
            (DeletionSource::Here(item, _), None) => has_image(tx, item.source, &self.digest).await,
            (DeletionSource::Here(item, _), Some(tag)) => Ok(tag_of(tx, item.source, tag).await?.is_some()),
            (DeletionSource::Peer { .. }, _) => Ok(false),
        }
    }

    /// Whether the registries belong to two accounts.
    async fn is_of_another_account(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let item = match &self.source {
            DeletionSource::Here(item, _) => item,
            DeletionSource::Peer { is_of_another_account, .. } => return Ok(*is_of_another_account),
        };
        let count = "SELECT COUNT(DISTINCT account) FROM registry WHERE key IN (?1, ?2)";
        let values = params![self.repository.registry, item.source.registry];
        Ok(tx.value::<i64>(count, &values).await? != Some(1))
    }

    /// Whether the image may be removed with all its tags.
    async fn may_remove(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        if !self.is_of_another_account(tx).await? {
            return Ok(true);
        }
        let select = "SELECT 1 FROM image i WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3 \
            AND i.origin = 'replication' AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.registry = i.registry \
            AND t.repository = i.repository AND t.image = i.id AND t.origin_at IS NULL)";
        let RepositoryKey { registry, id } = self.repository;
        Ok(tx.value::<i64>(select, &params![registry, id, self.digest]).await?.is_some())
    }

    /// The image that the tag names at the destination, if the tag is to be removed: it names the image of the item, or
    /// replication has set it before the tag moved to that image.
    async fn outdated(&self, tx: &mut Tx<'_>, tag: &Tag) -> Result<Option<Digest>, StoreError> {
        // A tag that is there again, or on another image, has an item of its own.
        if self.is_there_again(tx).await? {
            return Ok(None);
        }
        let select = "SELECT i.digest FROM tag t \
            JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
            WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3 \
            AND ((i.digest = ?4 AND ?5 = 0) OR t.origin_at IS NOT NULL)";
        let is_of_another = i64::from(self.is_of_another_account(tx).await?);
        let RepositoryKey { registry, id } = self.repository;
        tx.value(select, &params![registry, id, tag, self.digest, is_of_another]).await
    }
}
