//! What the collector has removed, what waits for it, and what keeps a digest.

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        collection::{LinkReview, ObjectReview},
        operation,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Rows of a queue are counted up to this number.
pub const COUNTED: usize = 100_000;

/// A queue of the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// How many rows, at most [`COUNTED`].
    pub count: u64,
    /// Their bytes, as far as the rows were counted.
    pub bytes: u64,
    /// When the oldest was queued.
    pub oldest: Option<Micros>,
}

/// The state of the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionState {
    /// What was removed since the deployment began.
    pub freed_objects: u64,
    pub freed_bytes: u64,
    /// Links that wait for their review.
    pub links: Queue,
    /// Objects that wait for their review.
    pub objects: Queue,
    /// Bytes whose rows are gone, and that wait for the second delay.
    pub doomed: Queue,
}

/// Reads the state of the collector.
#[derive(Clone, Copy, Debug)]
pub struct GetCollectionState;

operation!(GetCollectionState: Page -> CollectionState, Never, |_op, tx| {
    let freed = "SELECT freed_objects, freed_bytes FROM collection";
    let mut row = tx.row(freed, &[]).await?.ok_or(StoreError::Corrupt("collection"))?;
    let (freed_objects, freed_bytes) = (row.take()?, row.take()?);
    let links = "SELECT v.queued_at AS at, COALESCE(o.size, 0) AS size FROM link_review v \
        LEFT JOIN blob_link l ON l.registry = v.registry AND l.repository = v.repository AND l.digest = v.digest \
        LEFT JOIN object o ON o.id = l.object ORDER BY v.queued_at LIMIT ?1";
    let objects = "SELECT v.queued_at AS at, COALESCE(o.size, 0) AS size FROM object_review v LEFT JOIN object o ON o.id = v.object \
        ORDER BY v.queued_at LIMIT ?1";
    Ok(Ok(CollectionState {
        freed_objects,
        freed_bytes,
        links: queue(tx, links).await?,
        objects: queue(tx, objects).await?,
        doomed: queue(tx, "SELECT doomed_at AS at, size FROM doomed ORDER BY due_at LIMIT ?1").await?,
    }))
});

async fn queue(tx: &mut Tx<'_>, rows: &str) -> Result<Queue, StoreError> {
    let select =
        format!("SELECT COUNT(*), CAST(COALESCE(SUM(q.size), 0) AS BIGINT), MIN(q.at) FROM ({rows}) q");
    let Some(mut row) = tx.row(&select, &params![COUNTED]).await? else { return Ok(Queue::default()) };
    Ok(Queue { count: row.take()?, bytes: row.take()?, oldest: row.take()? })
}

/// A link that a pass would end now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectableLink {
    pub review: LinkReview,
    pub account_id: String,
    pub repository_name: String,
    pub size: u64,
}

/// What a pass would end now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionPreview {
    pub links: Vec<CollectableLink>,
    /// Objects that no repository links, with their digest and size.
    pub objects: Vec<(ObjectReview, Digest, u64)>,
}

/// Finds what a pass would end now. Changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct PreviewCollection {
    /// Now, less the grace.
    pub cutoff: Micros,
    /// The maximum number of each.
    pub limit: usize,
}

operation!(PreviewCollection: Page -> CollectionPreview, Never, |op, tx| {
    let links = "SELECT v.registry, v.repository, v.digest, v.queued_at, a.account_id, r.name, o.size FROM link_review v \
        JOIN repository r ON r.registry = v.registry AND r.id = v.repository AND r.deleted_at IS NULL \
        JOIN registry g ON g.key = v.registry JOIN account a ON a.key = g.account \
        JOIN blob_link l ON l.registry = v.registry AND l.repository = v.repository AND l.digest = v.digest \
        JOIN object o ON o.id = l.object \
        WHERE v.queued_at <= ?1 AND l.renewed_at <= ?1 AND NOT EXISTS (SELECT 1 FROM image_blob b \
            WHERE b.registry = v.registry AND b.repository = v.repository AND b.digest = v.digest) \
        ORDER BY v.queued_at LIMIT ?2";
    let link = |mut row: Row| {
        let repository = RepositoryKey { registry: row.take()?, id: row.take()? };
        let (digest, queued_at) = (row.take()?, row.take()?);
        let review = LinkReview { repository, digest, queued_at, is_needed: false };
        Ok(CollectableLink {
            review,
            account_id: row.take()?,
            repository_name: row.take()?,
            size: row.take()?,
        })
    };
    let links: Result<_, StoreError> =
        tx.rows(links, &params![op.cutoff, op.limit]).await?.into_iter().map(link).collect();
    let objects = "SELECT v.object, v.queued_at, o.digest, o.size FROM object_review v JOIN object o ON o.id = v.object \
        WHERE v.queued_at <= ?1 AND NOT EXISTS (SELECT 1 FROM blob_link l WHERE l.object = v.object) \
        ORDER BY v.queued_at LIMIT ?2";
    let object = |mut row: Row| {
        Ok((ObjectReview { object: row.take()?, queued_at: row.take()? }, row.take()?, row.take()?))
    };
    let objects: Result<_, StoreError> =
        tx.rows(objects, &params![op.cutoff, op.limit]).await?.into_iter().map(object).collect();
    Ok(Ok(CollectionPreview { links: links?, objects: objects? }))
});

/// A repository that has a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub repository: RepositoryKey,
    pub account_id: String,
    pub region: String,
    pub name: String,
    /// Whether the repository is deleted and its rows are still being removed.
    pub is_deleted: bool,
    /// For a layer: when its grace was last renewed.
    pub renewed_at: Option<Micros>,
    /// For a layer: when it was queued for review.
    pub queued_at: Option<Micros>,
    /// For a layer: images that need it. For an image: indexes that list it.
    pub needed_by: Vec<Digest>,
    /// For an image: its tags.
    pub tags: Vec<Tag>,
}

/// The bytes of a digest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The object, its size, and since when it waits for its review.
    pub object: Option<(String, u64, Option<Micros>)>,
    /// Bytes whose rows are gone: their key, size, and since when.
    pub doomed: Vec<(String, u64, Micros)>,
    /// Repositories that link it as a layer.
    pub layers: Vec<Holder>,
    /// Repositories that have it as an image.
    pub images: Vec<Holder>,
}

/// Finds what keeps a digest.
#[derive(Clone, Copy, Debug)]
pub struct ExplainDigest {
    pub digest: Digest,
    /// The maximum number of repositories, and of images and tags of each.
    pub limit: usize,
}

operation!(ExplainDigest: Page -> Stored, Never, |op, tx| {
    let object = "SELECT o.object_key, o.size, v.queued_at FROM object o \
        LEFT JOIN object_review v ON v.object = o.id WHERE o.digest = ?1";
    let object = match tx.row(object, &params![op.digest]).await? {
        Some(mut row) => Some((row.take()?, row.take()?, row.take()?)),
        None => None,
    };
    let doomed = "SELECT object_key, size, doomed_at FROM doomed WHERE digest = ?1 ORDER BY doomed_at LIMIT ?2";
    let doomed: Result<_, StoreError> = tx.rows(doomed, &params![op.digest, op.limit]).await?.into_iter()
        .map(|mut row| Ok((row.take()?, row.take()?, row.take()?))).collect();
    let layers = op.layers(tx).await?;
    Ok(Ok(Stored { object, doomed: doomed?, layers, images: op.images(tx).await? }))
});

impl ExplainDigest {
    async fn layers(&self, tx: &mut Tx<'_>) -> Result<Vec<Holder>, StoreError> {
        let select = "SELECT r.registry, r.id, a.account_id, g.region, r.name, \
                CASE WHEN r.deleted_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, \
                l.renewed_at, v.queued_at \
            FROM object o JOIN blob_link l ON l.object = o.id \
            JOIN repository r ON r.registry = l.registry AND r.id = l.repository \
            JOIN registry g ON g.key = r.registry JOIN account a ON a.key = g.account \
            LEFT JOIN link_review v ON v.registry = l.registry AND v.repository = l.repository AND v.digest = l.digest \
            WHERE o.digest = ?1 ORDER BY r.registry, r.name LIMIT ?2";
        let mut holders = Vec::new();
        for mut row in tx.rows(select, &params![self.digest, self.limit]).await? {
            let mut holder = Holder::read(&mut row)?;
            (holder.renewed_at, holder.queued_at) = (row.take()?, row.take()?);
            let images = "SELECT i.digest FROM image_blob b \
                JOIN image i ON i.registry = b.registry AND i.repository = b.repository AND i.id = b.image \
                WHERE b.registry = ?1 AND b.repository = ?2 AND b.digest = ?3 ORDER BY i.id LIMIT ?4";
            holder.needed_by = self.digests(tx, images, holder.repository).await?;
            holders.push(holder);
        }
        Ok(holders)
    }

    async fn images(&self, tx: &mut Tx<'_>) -> Result<Vec<Holder>, StoreError> {
        let select = "SELECT r.registry, r.id, a.account_id, g.region, r.name, \
                CASE WHEN r.deleted_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END, i.id \
            FROM registry g JOIN account a ON a.key = g.account JOIN repository r ON r.registry = g.key \
            JOIN image i ON i.registry = r.registry AND i.repository = r.id AND i.digest = ?1 \
            ORDER BY r.registry, r.name LIMIT ?2";
        let mut holders = Vec::new();
        for mut row in tx.rows(select, &params![self.digest, self.limit]).await? {
            let mut holder = Holder::read(&mut row)?;
            let image: ImageId = row.take()?;
            let RepositoryKey { registry, id } = holder.repository;
            let tags = "SELECT name FROM tag WHERE registry = ?1 AND repository = ?2 AND image = ?3 \
                ORDER BY name LIMIT ?4";
            for mut row in tx.rows(tags, &params![registry, id, image, self.limit]).await? {
                holder.tags.push(row.take()?);
            }
            let lists = "SELECT i.digest FROM image_child c \
                JOIN image i ON i.registry = c.registry AND i.repository = c.repository AND i.id = c.image \
                WHERE c.registry = ?1 AND c.repository = ?2 AND c.digest = ?3 ORDER BY i.id LIMIT ?4";
            holder.needed_by = self.digests(tx, lists, holder.repository).await?;
            holders.push(holder);
        }
        Ok(holders)
    }

    async fn digests(
        &self,
        tx: &mut Tx<'_>,
        select: &str,
        repository: RepositoryKey,
    ) -> Result<Vec<Digest>, StoreError> {
        let values = params![repository.registry, repository.id, self.digest, self.limit];
        tx.rows(select, &values).await?.into_iter().map(|mut row| row.take()).collect()
    }
}

impl Holder {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            repository: RepositoryKey { registry: row.take::<RegistryKey>()?, id: row.take()? },
            account_id: row.take()?,
            region: row.take()?,
            name: row.take()?,
            is_deleted: row.take()?,
            renewed_at: None,
            queued_at: None,
            needed_by: Vec::new(),
            tags: Vec::new(),
        })
    }
}
