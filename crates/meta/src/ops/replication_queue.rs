//! What an effect queues for replication, in its own transaction: a row for each destination that a rule of the registry
//! gives the repository. What replication itself writes is not queued: there is no chaining (ECR User Guide, "Private
//! image replication").

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, RepositoryKey, StoreError, Tx,
    ops::{referrers_queue::queue_referrers_later, row_version, setting_change::queue_with_images},
    value::params,
};

/// What is done at the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicationAction {
    /// The image is put, with the tag if there is one.
    Push,
    /// The tag is removed.
    Untag,
    /// The image is deleted with its tags.
    Delete,
}

impl ReplicationAction {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Push => 1,
            Self::Untag => 2,
            Self::Delete => 3,
        }
    }

    pub(crate) fn read(number: i64) -> Result<Self, StoreError> {
        let all = [Self::Push, Self::Untag, Self::Delete];
        all.into_iter()
            .find(|action| action.number() == number)
            .ok_or(StoreError::Corrupt("the action of a replication"))
    }
}

/// The destinations of a repository.
macro_rules! destinations {
    ($($condition:literal)?) => {
        concat!(
            "(SELECT DISTINCT u.destination AS destination FROM repository r JOIN replication_rule u \
                ON u.registry = r.registry AND substr(r.name, 1, length(u.prefix)) = u.prefix \
                WHERE r.registry = ?1 AND r.id = ?2", $($condition,)? ") d"
        )
    };
}

pub(crate) use destinations;

/// The same row from before is done again.
macro_rules! again {
    () => {
        " ON CONFLICT (registry, repository, digest, tag, destination) DO UPDATE SET action = excluded.action, \
            status = 1, failure_code = NULL, queued_at = excluded.queued_at, due_at = excluded.due_at, attempts = 0, \
            version = excluded.version"
    };
}

const COLUMNS: &str = "INSERT INTO replication \
    (registry, repository, digest, tag, destination, action, status, queued_at, due_at, attempts, version) ";

/// Queues one row for each destination; returns how many.
async fn queue(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (digest, tag): (&Digest, Option<&Tag>),
    action: ReplicationAction,
    at: Micros,
) -> Result<u64, StoreError> {
    macro_rules! rows {
        ($($condition:literal)?) => {
            concat!(
                "SELECT ?1, ?2, ?3, ?4, d.destination, ?5, 1, ?6, ?6, 0, ?7 FROM ", destinations!($($condition)?),
                " WHERE TRUE", again!()
            )
        };
    }
    let rows = match action {
        ReplicationAction::Push => rows!(),
        ReplicationAction::Untag | ReplicationAction::Delete => rows!(" AND u.deletes = 1"),
    };
    let (tag, action) = (tag.map_or("", Tag::as_str), action.number());
    let version = row_version::fresh();
    let values = params![repository.registry, repository.id, digest, tag, action, at, version];
    tx.execute(&format!("{COLUMNS}{rows}"), &values).await
}

/// Queues an image that was pushed, with the tags that point to it since then.
pub(crate) async fn queue_push(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    tags: &[Tag],
    at: Micros,
) -> Result<(), StoreError> {
    let mut queued = 0;
    if tags.is_empty() {
        queued = queue(tx, repository, (digest, None), ReplicationAction::Push, at).await?;
    }
    for tag in tags {
        queued = queue(tx, repository, (digest, Some(tag)), ReplicationAction::Push, at).await?;
        if queued == 0 {
            break;
        }
    }
    if queued > 0 {
        queue_referrers_later(tx, repository, digest, at).await?;
        queue_with_images(tx, repository, at).await?;
    }
    Ok(())
}

/// Queues an image that refers to another one with one of its tags, unless it was queued before.
pub(crate) async fn queue_once(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (digest, tag): (&Digest, Option<&Tag>),
    at: Micros,
) -> Result<(), StoreError> {
    let insert = format!(
        "{COLUMNS}SELECT ?1, ?2, ?3, ?4, d.destination, 1, 1, ?5, ?5, 0, ?6 FROM {} WHERE TRUE \
         ON CONFLICT (registry, repository, digest, tag, destination) DO NOTHING",
        destinations!()
    );
    let tag = tag.map_or("", Tag::as_str);
    let version = row_version::fresh();
    let values = params![repository.registry, repository.id, digest, tag, at, version];
    tx.execute(&insert, &values).await.map(|_| ())
}

/// Queues images that were restored from the archive, each with all its tags, as if they were pushed with them.
pub(crate) async fn queue_restored(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    images: &[ImageId],
    at: Micros,
) -> Result<(), StoreError> {
    let mut queued = 0;
    for image in images {
        queued += queue_restored_image(tx, repository, *image, at).await?;
    }
    if queued > 0 {
        queue_with_images(tx, repository, at).await?;
    }
    Ok(())
}

/// Queues one row for each destination and tag of the image; returns how many.
async fn queue_restored_image(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<u64, StoreError> {
    let rows = concat!(
        "SELECT i.registry, i.repository, i.digest, COALESCE(t.name, ''), d.destination, 1, 1, ?4, ?4, 0, ?5 FROM ",
        destinations!(),
        " CROSS JOIN image i LEFT JOIN tag t \
            ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
          WHERE i.registry = ?1 AND i.repository = ?2 AND i.id = ?3",
        again!()
    );
    let RepositoryKey { registry, id } = repository;
    let version = row_version::fresh();
    let queued = tx.execute(&format!("{COLUMNS}{rows}"), &params![registry, id, image, at, version]).await?;
    let select = "SELECT digest FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    if queued > 0
        && let Some(digest) = tx.value::<Digest>(select, &params![registry, id, image]).await?
    {
        queue_referrers_later(tx, repository, &digest, at).await?;
    }
    Ok(queued)
}

/// Queues the removal of a tag whose image stays.
pub(crate) async fn queue_untag(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (digest, tag): (&Digest, &Tag),
    at: Micros,
) -> Result<(), StoreError> {
    queue(tx, repository, (digest, Some(tag)), ReplicationAction::Untag, at).await?;
    Ok(())
}

/// Queues the deletion of an image, and of its tags: the destination may have them on the images that they named before.
pub(crate) async fn queue_deletion(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (digest, tags): (&Digest, &[Tag]),
    at: Micros,
) -> Result<(), StoreError> {
    if queue(tx, repository, (digest, None), ReplicationAction::Delete, at).await? == 0 {
        return Ok(());
    }
    for tag in tags {
        queue_untag(tx, repository, (digest, tag), at).await?;
    }
    Ok(())
}

/// Removes what is queued to be pushed, or was pushed, of an image that is deleted.
pub(crate) async fn forget_image(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
) -> Result<(), StoreError> {
    let delete =
        "DELETE FROM replication WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND action = 1";
    tx.execute(delete, &params![repository.registry, repository.id, digest]).await?;
    Ok(())
}
