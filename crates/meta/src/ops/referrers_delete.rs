//! Referrers of a deleted image: they are deleted some time after their subject, unless it was pushed again.

use std::str::FromStr as _;

use aws::ids::{AccountId, Region};
use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image_delete::{DeleteOutcome, delete_digest},
        operation,
        protection::before_reports,
        referrers::ListReferrers,
        repository::{Hold, hold},
        work::enqueue,
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The kind of work that deletes the referrers of an image that was deleted.
pub const ORPHANED_REFERRERS: &str = "orphaned-referrers";

/// How long after their subject they are deleted: a subject that is pushed again keeps them (ECR: within 24 hours).
const DELAY: Micros = Micros(60 * 60 * 1_000_000);

/// Queues the deletion of the referrers of an image that is being deleted, if it has any.
pub(crate) async fn orphan(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    subject: &Digest,
    at: Micros,
) -> Result<(), StoreError> {
    let select = format!(
        "SELECT 1 FROM {} WHERE registry = ?1 AND repository = ?2 AND subject = ?3 AND subject IS NOT NULL LIMIT 1",
        tx.fork("image INDEXED BY image_subject", "image")
    );
    if tx.value::<i64>(&select, &params![repository.registry, repository.id, subject]).await?.is_none() {
        return Ok(());
    }
    let deleted = DeletedSubject { repository, digest: *subject, at };
    enqueue(tx, ORPHANED_REFERRERS, &deleted.key(), Micros(at.0.saturating_add(DELAY.0))).await
}

/// A deleted image whose referrers are deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedSubject {
    pub repository: RepositoryKey,
    pub digest: Digest,
    /// When it was deleted. What was pushed later stays.
    pub at: Micros,
}

impl DeletedSubject {
    /// What the keys of the work of all deletions of this image begin with.
    fn prefix(&self) -> String {
        format!("{} {}", self.repository.to_text(), self.digest)
    }

    /// The key of the work. The keys of one image are in the order of its deletions.
    fn key(&self) -> String {
        format!("{} {:020}", self.prefix(), self.at.0)
    }

    /// Reads the key of the work.
    pub fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.splitn(3, ' ');
        Some(Self {
            repository: RepositoryKey::from_text(parts.next()?)?,
            digest: Digest::from_str(parts.next()?).ok()?,
            at: Micros(parts.next()?.parse().ok()?),
        })
    }

    /// Whether the image was pushed again, and perhaps deleted again: then that deletion has work of its own.
    async fn was_pushed_again(&self, tx: &mut Tx<'_>) -> Result<bool, StoreError> {
        let RepositoryKey { registry, id } = self.repository;
        let there = "SELECT 1 FROM image WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
        if tx.value::<i64>(there, &params![registry, id, self.digest]).await?.is_some() {
            return Ok(true);
        }
        let later = "SELECT 1 FROM work WHERE kind = ?1 AND key > ?2 AND key < ?3 LIMIT 1";
        let (own, end) = (self.key(), self.prefix() + "!");
        Ok(tx.value::<i64>(later, &params![ORPHANED_REFERRERS, own, end]).await?.is_some())
    }
}

/// Deletes referrers of a deleted image. Those of a subject that was pushed again stay, those in an index, and those that
/// are protected.
#[derive(Clone, Debug)]
pub struct DeleteReferrers {
    pub subject: DeletedSubject,
    /// Only images after this one.
    pub after: Option<ImageId>,
    /// The maximum number of images that are looked at.
    pub limit: usize,
    /// The account of the repository, for the events.
    pub account_id: AccountId,
    pub region: Region,
    pub repository_name: String,
    /// Now.
    pub at: Micros,
}

/// What was deleted, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletedReferrers {
    pub images: Vec<(Digest, Vec<Tag>)>,
    /// The last image that was looked at, if there may be more.
    pub last: Option<ImageId>,
}

operation!(DeleteReferrers: Durable [Contents(op.subject.repository)] -> DeletedReferrers, Never, |op, tx| {
    let DeletedSubject { repository, digest, at } = &op.subject;
    let mut deleted = DeletedReferrers::default();
    if hold(tx, *repository, Hold::Change).await?.is_none() || op.subject.was_pushed_again(tx).await? {
        return Ok(Ok(deleted));
    }
    before_reports(tx, *repository).await?;
    let list = ListReferrers {
        repository: *repository,
        subject: *digest,
        artifact_types: Vec::new(),
        state: None,
        after: op.after,
        limit: op.limit,
    };
    let (select, values) = list.query(tx, "id, digest, pushed_at", &op.limit);
    let rows = tx.rows(&select, &values).await?;
    let is_full = rows.len() == op.limit;
    for mut row in rows {
        let (image, referrer, pushed_at): (ImageId, Digest, Micros) = (row.take()?, row.take()?, row.take()?);
        deleted.last = is_full.then_some(image);
        if pushed_at > *at {
            continue;
        }
        if let DeleteOutcome::Removed(removed) = delete_digest(tx, *repository, &referrer, true, op.at).await? {
            deleted.images.push((referrer, removed.tags()));
        }
    }
    Ok(Ok(deleted))
});
