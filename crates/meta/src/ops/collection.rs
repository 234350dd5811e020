//! Collection of garbage: links that no manifest needs and objects that no link needs wait in queues, are reviewed when
//! their grace is over, and end. Every review looks at the rows again in the transaction that removes them.

use std::collections::HashSet;

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        blob::{hold_objects, unlink},
        operation,
        repository::{Hold, hold},
        usage,
        work::{Bytes, doom},
    },
    tx::{chunks, list, push_list},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Each time that a row is queued its time changes, so that a review cannot remove what was queued after it looked.
macro_rules! requeue {
    ($table:literal, $key:literal) => {
        concat!(
            " ON CONFLICT (",
            $key,
            ") DO UPDATE SET queued_at = CASE WHEN excluded.queued_at > ",
            $table,
            ".queued_at THEN excluded.queued_at ELSE ",
            $table,
            ".queued_at + 1 END"
        )
    };
}

/// Queues a link for review. Runs inside an operation.
pub(crate) async fn queue_link(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    at: Micros,
) -> Result<(), StoreError> {
    let insert = concat!(
        "INSERT INTO link_review (registry, repository, digest, queued_at) VALUES (?1, ?2, ?3, ?4)",
        requeue!("link_review", "registry, repository, digest")
    );
    tx.execute(insert, &params![repository.registry, repository.id, digest, at]).await?;
    Ok(())
}

/// Queues the links that only this image needs. The repository is held.
pub(crate) async fn queue_links_of(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let select = "SELECT b.digest FROM image_blob b WHERE b.registry = ?1 AND b.repository = ?2 AND b.image = ?3 \
        AND NOT EXISTS (SELECT 1 FROM image_blob o WHERE o.registry = ?1 AND o.repository = ?2 \
            AND o.digest = b.digest AND o.image <> ?3) ORDER BY b.digest";
    for mut row in tx.rows(select, &params![repository.registry, repository.id, image]).await? {
        queue_link(tx, repository, &row.take()?, at).await?;
    }
    Ok(())
}

/// Queues an object for review. Runs inside an operation.
pub(crate) async fn queue_object(tx: &mut Tx<'_>, object: i64, at: Micros) -> Result<(), StoreError> {
    let insert = concat!(
        "INSERT INTO object_review (object, queued_at) VALUES (?1, ?2)",
        requeue!("object_review", "object")
    );
    tx.execute(insert, &params![object, at]).await?;
    Ok(())
}

/// A link that waits for its review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReview {
    pub repository: RepositoryKey,
    pub digest: Digest,
    /// When the link was created, or lost its last reference.
    pub queued_at: Micros,
    /// Whether an image of the repository needs it.
    pub is_needed: bool,
}

/// Reads links whose grace is over, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct DueLinkReviews {
    /// Now, less the grace.
    pub cutoff: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(DueLinkReviews: Point -> Vec<LinkReview>, Never, |op, tx| {
    let select = "SELECT v.registry, v.repository, v.digest, v.queued_at, \
            (SELECT b.image FROM image_blob b WHERE b.registry = v.registry AND b.repository = v.repository \
                AND b.digest = v.digest LIMIT 1) \
        FROM link_review v WHERE v.queued_at <= ?1 ORDER BY v.queued_at LIMIT ?2";
    let rows = tx.rows(select, &params![op.cutoff, op.limit]).await?;
    let reviews: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(LinkReview {
        repository: RepositoryKey { registry: row.take()?, id: row.take()? },
        digest: row.take()?,
        queued_at: row.take()?,
        is_needed: row.take::<Option<ImageId>>()?.is_some(),
    })).collect();
    Ok(Ok(reviews?))
});

async fn forget(tx: &mut Tx<'_>, review: &LinkReview) -> Result<(), StoreError> {
    let delete =
        "DELETE FROM link_review WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND queued_at = ?4";
    let RepositoryKey { registry, id } = review.repository;
    tx.execute(delete, &params![registry, id, review.digest, review.queued_at]).await?;
    Ok(())
}

/// Ends the reviews of links that images need. When the last such image goes, the link is queued again. After a power cut
/// a review may come back, which does no harm.
#[derive(Clone, Debug)]
pub struct KeepNeededLinks {
    pub reviews: Vec<LinkReview>,
}

operation!(KeepNeededLinks: Relaxed [] -> (), Never, |op, tx| {
    for review in &op.reviews {
        forget(tx, review).await?;
    }
    Ok(Ok(()))
});

/// Ends links of one repository that no image needs and that nobody was told of since the cutoff.
#[derive(Clone, Debug)]
pub struct CollectLinks {
    pub repository: RepositoryKey,
    /// Of this repository.
    pub reviews: Vec<LinkReview>,
    /// Now, less the grace.
    pub cutoff: Micros,
}

operation!(CollectLinks: Durable [Contents(op.repository)] -> usize, Never, |op, tx| {
    // Images change only under the same lock, so what is read here is still true at the commit.
    let is_alive = hold(tx, op.repository, Hold::Change).await?.is_some();
    let mut ended = 0;
    let digests: Vec<Digest> = op.reviews.iter().map(|review| review.digest).collect();
    hold_objects(tx, op.repository, &digests).await?;
    for review in &op.reviews {
        if is_alive && !is_needed(tx, review).await? {
            if unlink(tx, review.repository, &review.digest, Some(op.cutoff), review.queued_at).await? {
                ended += 1;
            } else if postpone(tx, review).await? {
                continue;
            }
        }
        forget(tx, review).await?;
    }
    Ok(Ok(ended))
});

async fn is_needed(tx: &mut Tx<'_>, review: &LinkReview) -> Result<bool, StoreError> {
    let select =
        "SELECT image FROM image_blob WHERE registry = ?1 AND repository = ?2 AND digest = ?3 LIMIT 1";
    let RepositoryKey { registry, id } = review.repository;
    Ok(tx.value::<i64>(select, &params![registry, id, review.digest]).await?.is_some())
}

/// A link was renewed: its review waits for the new grace. False: there is no link.
async fn postpone(tx: &mut Tx<'_>, review: &LinkReview) -> Result<bool, StoreError> {
    let RepositoryKey { registry, id } = review.repository;
    let select = "SELECT renewed_at FROM blob_link WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
    let renewed_at = tx.value::<Micros>(select, &params![registry, id, review.digest]).await?;
    let Some(renewed_at) = renewed_at else { return Ok(false) };
    let update = "UPDATE link_review SET queued_at = ?5 \
        WHERE registry = ?1 AND repository = ?2 AND digest = ?3 AND queued_at = ?4";
    tx.execute(update, &params![registry, id, review.digest, review.queued_at, renewed_at]).await?;
    Ok(true)
}

/// An object that waits for its review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectReview {
    pub object: i64,
    /// When it lost a link.
    pub queued_at: Micros,
}

/// Reads objects whose grace is over, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct DueObjectReviews {
    /// Now, less the grace.
    pub cutoff: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(DueObjectReviews: Point -> Vec<ObjectReview>, Never, |op, tx| {
    let select = "SELECT object, queued_at FROM object_review WHERE queued_at <= ?1 ORDER BY queued_at LIMIT ?2";
    let rows = tx.rows(select, &params![op.cutoff, op.limit]).await?;
    let reviews: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(ObjectReview {
        object: row.take()?,
        queued_at: row.take()?,
    })).collect();
    Ok(Ok(reviews?))
});

/// Removes the rows of objects that no repository links, and dooms their bytes.
#[derive(Clone, Debug)]
pub struct CollectObjects {
    pub reviews: Vec<ObjectReview>,
    /// Now.
    pub at: Micros,
}

operation!(CollectObjects: Durable [] -> usize, Never, |op, tx| {
    let objects: Vec<i64> = op.reviews.iter().map(|review| review.object).collect();
    let there = existing(tx, &objects, "").await?;
    // A link that is being created holds its object. Such an object is in use; its review is not over.
    let lock = tx.fork("", " ORDER BY id FOR UPDATE SKIP LOCKED");
    let held = existing(tx, &objects, lock).await?;
    let mut ended = 0;
    for review in &op.reviews {
        if there.contains(&review.object) && !held.contains(&review.object) {
            continue;
        }
        ended += usize::from(collect(tx, review.object, op.at).await?);
        let forget = "DELETE FROM object_review WHERE object = ?1 AND queued_at = ?2";
        tx.execute(forget, &params![review.object, review.queued_at]).await?;
    }
    Ok(Ok(ended))
});

async fn existing(tx: &mut Tx<'_>, objects: &[i64], ending: &str) -> Result<HashSet<i64>, StoreError> {
    let mut found = HashSet::new();
    for objects in chunks(objects) {
        let sql = format!("SELECT id FROM object WHERE id IN ({}){ending}", list(1, objects.len()));
        let mut values = Vec::new();
        push_list(&mut values, objects);
        for mut row in tx.rows(&sql, &values).await? {
            found.insert(row.take()?);
        }
    }
    Ok(found)
}

/// Removes the row of one object if no link needs it. The row is held, so no new link can appear.
async fn collect(tx: &mut Tx<'_>, object: i64, at: Micros) -> Result<bool, StoreError> {
    let delete = "DELETE FROM object WHERE id = ?1 \
        AND NOT EXISTS (SELECT 1 FROM blob_link WHERE object = ?1) RETURNING object_key, digest, size";
    let Some(mut row) = tx.row(delete, &params![object]).await? else { return Ok(false) };
    let (object_key, digest, size): (String, Digest, u64) = (row.take()?, row.take()?, row.take()?);
    doom(tx, &Bytes { object_key: &object_key, digest: Some(&digest), size }, at).await?;
    usage::collected(tx, size).await?;
    Ok(true)
}

/// Looks at the next links and objects of a slow walk, and queues those that nothing needs. It finds what an earlier
/// version left, and is not needed for anything else.
#[derive(Clone, Copy, Debug)]
pub struct WalkStore {
    /// How many rows to look at.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

/// What a slice of the walk found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// How many rows were queued.
    pub queued: usize,
    /// Whether the walk has come to its end. The next slice begins again.
    pub is_over: bool,
}

operation!(WalkStore: Relaxed [] -> Walked, Never, |op, tx| {
    let sql = tx.fork(
        "SELECT walked_registry, walked_repository, walked_digest, walked_object FROM collection",
        "SELECT walked_registry, walked_repository, walked_digest, walked_object FROM collection FOR UPDATE",
    );
    let mut row = tx.row(sql, &[]).await?.ok_or(StoreError::Corrupt("collection"))?;
    let (registry, repository): (i64, i64) = (row.take()?, row.take()?);
    let (digest, object): (Option<Vec<u8>>, Option<i64>) = (row.take()?, row.take()?);
    let links = op.links(tx, registry, repository, &digest.unwrap_or_default()).await?;
    if links.is_some() {
        return Ok(Ok(Walked { queued: links.unwrap_or_default(), is_over: false }));
    }
    let objects = op.objects(tx, object.unwrap_or(i64::MIN)).await?;
    if objects.is_none() {
        let again = "UPDATE collection SET walked_registry = 0, walked_repository = 0, walked_digest = NULL, \
            walked_object = NULL, walks = walks + 1";
        tx.execute(again, &[]).await?;
    }
    Ok(Ok(Walked { queued: objects.unwrap_or_default(), is_over: objects.is_none() }))
});

impl WalkStore {
    /// None: there are no more links.
    async fn links(
        &self,
        tx: &mut Tx<'_>,
        registry: i64,
        repository: i64,
        digest: &[u8],
    ) -> Result<Option<usize>, StoreError> {
        let select = "SELECT l.registry, l.repository, l.digest, \
                (SELECT b.image FROM image_blob b WHERE b.registry = l.registry AND b.repository = l.repository \
                    AND b.digest = l.digest LIMIT 1) \
            FROM blob_link l WHERE (l.registry, l.repository, l.digest) > (?1, ?2, ?3) \
            ORDER BY l.registry, l.repository, l.digest LIMIT ?4";
        let (mut last, mut queued) = (None, 0);
        for mut row in tx.rows(select, &params![registry, repository, digest, self.limit]).await? {
            let key = RepositoryKey { registry: row.take()?, id: row.take()? };
            let digest: Digest = row.take()?;
            if row.take::<Option<ImageId>>()?.is_none() {
                let insert = "INSERT INTO link_review (registry, repository, digest, queued_at) \
                    VALUES (?1, ?2, ?3, ?4) ON CONFLICT (registry, repository, digest) DO NOTHING";
                let new = tx.execute(insert, &params![key.registry, key.id, digest, self.at]).await?;
                queued += usize::from(new == 1);
            }
            last = Some((key, digest));
        }
        let Some((key, digest)) = last else { return Ok(None) };
        let update = "UPDATE collection SET walked_registry = ?1, walked_repository = ?2, walked_digest = ?3";
        tx.execute(update, &params![key.registry, key.id, digest]).await?;
        Ok(Some(queued))
    }

    /// None: there are no more objects.
    async fn objects(&self, tx: &mut Tx<'_>, after: i64) -> Result<Option<usize>, StoreError> {
        let select = "SELECT o.id, (SELECT l.registry FROM blob_link l WHERE l.object = o.id LIMIT 1) \
            FROM object o WHERE o.id > ?1 ORDER BY o.id LIMIT ?2";
        let (mut last, mut queued) = (None, 0);
        for mut row in tx.rows(select, &params![after, self.limit]).await? {
            let object: i64 = row.take()?;
            if row.take::<Option<i64>>()?.is_none() {
                let insert = "INSERT INTO object_review (object, queued_at) VALUES (?1, ?2) \
                    ON CONFLICT (object) DO NOTHING";
                queued += usize::from(tx.execute(insert, &params![object, self.at]).await? == 1);
            }
            last = Some(object);
        }
        let Some(last) = last else { return Ok(None) };
        tx.execute("UPDATE collection SET walked_object = ?1", &params![last]).await?;
        Ok(Some(queued))
    }
}
