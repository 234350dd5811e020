//! Puts an image of one registry into another registry. Within the deployment bytes are shared: the repository gets links
//! to the same objects. The source is read in the transaction, while the destination is held: of two replications of a
//! tag the later one reads the later image. An image of a peer comes with the time at which its tag was set there.

use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    mutability::is_immutable,
    ops::{
        blob::Link,
        image_put::{PutImage, PutImageOutcome, PutImageRefusal},
        operation,
        peer_order::PeerOrder,
        replication_item::{ReplicationKey, ReplicationPlaces, complete, note_complete},
        repository::{Held, Hold, hold},
        repository_policy::{account_setting, is_enabled},
    },
    tx::{chunks, list, push_list},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The account setting of a destination that keeps a tag which was set later there than at the source. Without it the
/// source wins, as in ECR. A setting of Wharf's own.
pub const LAST_WRITER: &str = "WHARF_REPLICATION_LAST_WRITER";

/// Puts an image with its tag, unless the tag does not name it any more at its source.
#[derive(Clone, Debug)]
pub struct ReplicateImage {
    /// The image at its destination. It has the tag of the item, or none.
    pub put: PutImage,
    pub source: ReplicaSource,
    /// The item that is complete with it, and its version; None for an image that another one needs, and for a peer's.
    pub item: Option<(ReplicationKey, Option<i64>)>,
    /// The two registries, for the events.
    pub places: ReplicationPlaces,
}

/// Where a replicated image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicaSource {
    /// A repository of this deployment.
    Here(RepositoryKey),
    /// Another deployment, where the tag was set at this time; None: the image comes without a tag.
    Peer { tagged_at: Option<Micros>, order: PeerOrder },
}

/// Why an image was not replicated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicateImageRefusal {
    /// The source does not have it any more.
    SourceGone,
    /// A later request of the peer was carried out.
    Overtaken,
    /// The destination refuses it.
    Refused(PutImageRefusal),
}

operation!(ReplicateImage: Contended [Contents(op.put.repository)] -> PutImageOutcome, ReplicateImageRefusal, |op, tx| {
    let Some(held) = hold(tx, op.put.repository, Hold::Change).await? else {
        return Ok(Err(ReplicateImageRefusal::Refused(PutImageRefusal::RepositoryGone)));
    };
    match &op.source {
        ReplicaSource::Here(source) if !hold_image(tx, *source, &op.put.digest).await? => {
            return Ok(Err(ReplicateImageRefusal::SourceGone));
        }
        ReplicaSource::Peer { order, .. } if !order.is_in_order(tx, op.put.repository).await? => {
            return Ok(Err(ReplicateImageRefusal::Overtaken));
        }
        _ => {}
    }
    let mut put = op.put.clone();
    let mut set_at = None;
    if let Some(tag) = put.tags.first().cloned() {
        set_at = op.may_set(tx, &held, &tag).await?;
        put.tags.retain(|_| set_at.is_some());
    }
    op.link_blobs(tx).await?;
    let outcome = match put.put(tx, &held).await? {
        Ok(outcome) => outcome,
        Err(refusal) => return Ok(Err(ReplicateImageRefusal::Refused(refusal))),
    };
    op.note_origin(tx, &outcome, set_at).await?;
    match &op.item {
        Some((key, Some(version))) => complete(tx, key, *version).await?,
        Some((key, None)) => note_complete(tx, key, op.put.at).await?,
        None => {}
    }
    Ok(Ok(outcome))
});

const HAS_IMAGE: &str = "SELECT 1 FROM image i JOIN repository r \
        ON r.registry = i.registry AND r.id = i.repository AND r.deleted_at IS NULL \
    WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3";

/// Whether a living repository has an image, which then stays until the commit: what is recorded about it ends with it.
async fn hold_image(tx: &mut Tx<'_>, repository: RepositoryKey, digest: &Digest) -> Result<bool, StoreError> {
    let select = format!("{HAS_IMAGE}{}", tx.fork("", " FOR KEY SHARE OF i"));
    Ok(tx.value::<i64>(&select, &params![repository.registry, repository.id, digest]).await?.is_some())
}

/// Whether a living repository has an image.
pub(crate) async fn has_image(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
) -> Result<bool, StoreError> {
    Ok(tx.value::<i64>(HAS_IMAGE, &params![repository.registry, repository.id, digest]).await?.is_some())
}

/// The image that a tag names, and when it was set where it comes from.
pub(crate) async fn tag_of(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    tag: &Tag,
) -> Result<Option<(Digest, Micros)>, StoreError> {
    let select = "SELECT i.digest, COALESCE(t.origin_at, t.tagged_at) FROM tag t \
        JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
        WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3";
    let row = tx.row(select, &params![repository.registry, repository.id, tag]).await?;
    row.map(|mut row| Ok((row.take()?, row.take()?))).transpose()
}

impl ReplicateImage {
    /// When the tag was set at the source. None: the image arrives without it, because the tag names another image at the
    /// source, or names one at the destination and must not move.
    async fn may_set(&self, tx: &mut Tx<'_>, held: &Held, tag: &Tag) -> Result<Option<Micros>, StoreError> {
        let set_at = match self.source {
            ReplicaSource::Here(source) => {
                let at_source = tag_of(tx, source, tag).await?;
                at_source.filter(|(digest, _)| *digest == self.put.digest).map(|(_, set_at)| set_at)
            }
            ReplicaSource::Peer { tagged_at, .. } => tagged_at,
        };
        let Some(set_at) = set_at else { return Ok(None) };
        let there = tag_of(tx, self.put.repository, tag).await?;
        let Some(there) = there.filter(|(digest, _)| *digest != self.put.digest) else {
            return Ok(Some(set_at));
        };
        if is_immutable(&held.row, tag) {
            return Ok(None);
        }
        // Both registries compare the same times and digests, so both keep the same image.
        let is_later = (set_at, self.put.digest.to_stored()) > (there.1, there.0.to_stored());
        let registry = self.put.repository.registry;
        let stays = !is_later && is_enabled(account_setting(tx, registry, LAST_WRITER).await?);
        Ok((!stays).then_some(set_at))
    }

    /// Links the layers that the destination does not have.
    async fn link_blobs(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        // The bytes of a peer's image have arrived before.
        let ReplicaSource::Here(source) = self.source else { return Ok(()) };
        let destination = self.put.repository;
        for digests in chunks(&self.put.blobs) {
            let select = format!(
                "SELECT l.digest, o.id, o.size FROM blob_link l JOIN object o ON o.id = l.object \
                 WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest IN ({}) AND NOT EXISTS \
                 (SELECT 1 FROM blob_link d WHERE d.registry = ?3 AND d.repository = ?4 AND d.digest = l.digest) \
                 ORDER BY o.id{}",
                list(5, digests.len()),
                tx.fork("", " FOR KEY SHARE OF o, l")
            );
            let mut values =
                params![source.registry, source.id, destination.registry, destination.id].to_vec();
            push_list(&mut values, digests);
            for mut row in tx.rows(&select, &values).await? {
                let (digest, object, size) = (row.take()?, row.take()?, row.take()?);
                let (origin, at) = ("replication", self.put.at);
                let link = Link { digest: &digest, object, size, is_new_object: false, origin, at, op: None };
                link.create(tx, destination).await?;
            }
        }
        Ok(())
    }

    /// Notes that the image was replicated, and when its tag was set at the source.
    async fn note_origin(
        &self,
        tx: &mut Tx<'_>,
        outcome: &PutImageOutcome,
        set_at: Option<Micros>,
    ) -> Result<(), StoreError> {
        let RepositoryKey { registry, id } = self.put.repository;
        if outcome.created {
            let update = "UPDATE image SET origin = 'replication' \
                          WHERE registry = ?1 AND repository = ?2 AND id = ?3";
            tx.execute(update, &params![registry, id, outcome.image.id]).await?;
        }
        if let (Some(set_at), Some(tag)) = (set_at, outcome.tags_moved.first()) {
            let update =
                "UPDATE tag SET origin_at = ?4 WHERE registry = ?1 AND repository = ?2 AND name = ?3";
            tx.execute(update, &params![registry, id, tag, set_at]).await?;
        }
        Ok(())
    }
}

/// Reads which image a tag names in a repository that is replicated, and when it was set.
#[derive(Clone, Debug)]
pub struct FindReplicationTag {
    pub repository: RepositoryKey,
    pub tag: Tag,
}

operation!(FindReplicationTag: Point -> Option<(Digest, Micros)>, Never, |op, tx| {
    Ok(Ok(tag_of(tx, op.repository, &op.tag).await?))
});
