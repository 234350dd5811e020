//! What refers to an image that is replicated, queued in slices: what one transaction reads and writes does not depend on
//! how many referrers there are.

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image_list::ImageCursor,
        operation,
        replication_queue::queue_once,
        repository::{Hold, hold},
        repository_policy::{account_setting, is_enabled},
        setting_change::REPLICATE_REFERRERS,
        work::{end_between, enqueue, enqueue_sooner},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that queues what refers to an image that is replicated.
pub const REPLICATED_SUBJECT: &str = "replicated-subject";

/// An image whose referrers are replicated with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicatedSubject {
    pub repository: RepositoryKey,
    pub digest: Digest,
    /// The last referrer, with its last tag, that is queued.
    pub after: Option<ImageCursor>,
}

impl ReplicatedSubject {
    fn new(repository: RepositoryKey, digest: Digest) -> Self {
        Self { repository, digest, after: None }
    }

    /// What the keys of the work of this image begin with.
    fn prefix(&self) -> String {
        format!("{} {}", self.repository.to_text(), self.digest)
    }

    /// The key of the work.
    fn key(&self) -> String {
        match &self.after {
            None => self.prefix(),
            Some(ImageCursor { image, tag }) => {
                format!("{} {} {}", self.prefix(), image.0, tag.as_ref().map_or("", Tag::as_str))
            }
        }
    }

    /// Reads the key of the work.
    pub fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.splitn(4, ' ');
        let repository = RepositoryKey::from_text(parts.next()?)?;
        let digest = parts.next()?.parse().ok()?;
        let Some(image) = parts.next() else { return Some(Self::new(repository, digest)) };
        let image = ImageId(image.parse().ok()?);
        let tag = match parts.next()? {
            "" => None,
            tag => Some(tag.parse().ok()?),
        };
        Some(Self { repository, digest, after: Some(ImageCursor { image, tag }) })
    }
}

/// A condition: an image refers to this digest, or this image lists others. SQLite must be told which index, because it
/// prefers the primary key and would read the whole repository.
fn leads_on(tx: &Tx<'_>, digest: &str) -> String {
    let referrer = tx.fork("image s INDEXED BY image_subject", "image s");
    format!(
        "(EXISTS (SELECT 1 FROM {referrer} WHERE s.registry = ?1 AND s.repository = ?2 AND s.subject = {digest} \
            AND s.subject IS NOT NULL AND s.status = 1) \
         OR EXISTS (SELECT 1 FROM image x JOIN image_child y \
            ON y.registry = x.registry AND y.repository = x.repository AND y.image = x.id \
            WHERE x.registry = ?1 AND x.repository = ?2 AND x.digest = {digest}))"
    )
}

/// Has the referrers of an image that was queued be queued too, if there are any and the registry asks for it. Runs inside
/// an operation.
pub(crate) async fn queue_referrers_later(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    digest: &Digest,
    at: Micros,
) -> Result<(), StoreError> {
    if !is_enabled(account_setting(tx, repository.registry, REPLICATE_REFERRERS).await?) {
        return Ok(());
    }
    let select = format!("SELECT 1 WHERE {}", leads_on(tx, "?3"));
    let leads = tx.value::<i64>(&select, &params![repository.registry, repository.id, digest]).await?;
    if leads.is_some() {
        let key = ReplicatedSubject::new(repository, *digest).key();
        enqueue_sooner(tx, REPLICATED_SUBJECT, &key, at).await?;
    }
    Ok(())
}

/// Queues a slice of the referrers of an image. The next slice is work of its own, and so is each referrer or image of an
/// index that leads to more.
#[derive(Clone, Debug)]
pub struct QueueReferrers {
    pub subject: ReplicatedSubject,
    /// The maximum number of referrers, each counted once for each of its tags.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

/// A referrer with one of its tags.
struct Referrer {
    image: ImageId,
    digest: Digest,
    tag: Option<Tag>,
    leads_on: bool,
}

operation!(QueueReferrers: Durable [] -> usize, Never, |op, tx| {
    let ReplicatedSubject { repository, after, .. } = &op.subject;
    let is_there = hold(tx, *repository, Hold::Change).await?.is_some();
    if !is_there || !is_enabled(account_setting(tx, repository.registry, REPLICATE_REFERRERS).await?) {
        return Ok(Ok(0));
    }
    if after.is_none() {
        op.begin(tx).await?;
    }
    let referrers = op.slice(tx).await?;
    for referrer in &referrers {
        queue_once(tx, *repository, (&referrer.digest, referrer.tag.as_ref()), op.at).await?;
        if referrer.leads_on {
            op.lead_on(tx, referrer.digest).await?;
        }
    }
    if let Some(Referrer { image, tag, .. }) = referrers.last().filter(|_| referrers.len() == op.limit) {
        let after = Some(ImageCursor { image: *image, tag: tag.clone() });
        let next = ReplicatedSubject { after, ..op.subject.clone() };
        enqueue(tx, REPLICATED_SUBJECT, &next.key(), op.at).await?;
    }
    Ok(Ok(referrers.len()))
});

impl QueueReferrers {
    /// Ends what an earlier beginning left, so that one slice of the image waits at a time. The images of an index follow.
    async fn begin(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let prefix = self.subject.prefix();
        end_between(tx, REPLICATED_SUBJECT, (&format!("{prefix} "), &format!("{prefix}!"))).await?;
        let RepositoryKey { registry, id } = self.subject.repository;
        let children = format!(
            "SELECT DISTINCT c.digest FROM image p JOIN image_child c \
                ON c.registry = p.registry AND c.repository = p.repository AND c.image = p.id \
             WHERE p.registry = ?1 AND p.repository = ?2 AND p.digest = ?3 AND {}",
            leads_on(tx, "c.digest")
        );
        for mut row in tx.rows(&children, &params![registry, id, self.subject.digest]).await? {
            self.lead_on(tx, row.take()?).await?;
        }
        Ok(())
    }

    async fn lead_on(&self, tx: &mut Tx<'_>, digest: Digest) -> Result<(), StoreError> {
        let key = ReplicatedSubject::new(self.subject.repository, digest).key();
        enqueue_sooner(tx, REPLICATED_SUBJECT, &key, self.at).await
    }

    async fn slice(&self, tx: &mut Tx<'_>) -> Result<Vec<Referrer>, StoreError> {
        let ReplicatedSubject { repository, digest, after } = &self.subject;
        let (image, name) = match after {
            // No tag is empty: what has no tag comes once.
            Some(ImageCursor { image, tag }) => (*image, tag.as_ref().map_or("", Tag::as_str)),
            None => (ImageId(i64::MIN), ""),
        };
        let select = format!(
            "SELECT i.id, i.digest, t.name, CASE WHEN {} THEN 1 ELSE 0 END FROM {} LEFT JOIN tag t \
                ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
             WHERE i.registry = ?1 AND i.repository = ?2 AND i.subject = ?3 AND i.subject IS NOT NULL AND i.status = 1 \
                AND i.id >= ?4 AND (i.id > ?4 OR t.name > ?5) ORDER BY i.id, t.name LIMIT ?6",
            leads_on(tx, "i.digest"),
            tx.fork("image i INDEXED BY image_subject", "image i")
        );
        let values = params![repository.registry, repository.id, digest, image, name, self.limit];
        let rows = tx.rows(&select, &values).await?;
        let read = |mut row: crate::value::Row| {
            let (image, digest, tag) = (row.take()?, row.take()?, row.take()?);
            Ok::<_, StoreError>(Referrer { image, digest, tag, leads_on: row.take()? })
        };
        rows.into_iter().map(read).collect()
    }
}
