//! Referrers of a deleted image: they are deleted some time after their subject, unless it was pushed again.

use std::str::FromStr as _;

use aws::ids::{AccountId, Region};
use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image_delete::{DeleteOutcome, delete_digest},
        operation,
        repository::{Hold, hold},
        work::enqueue,
    },
    value::params,
};

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
    let select = "SELECT 1 FROM image WHERE registry = ?1 AND repository = ?2 AND subject = ?3 LIMIT 1";
    if tx.value::<i64>(select, &params![repository.registry, repository.id, subject]).await?.is_none() {
        return Ok(());
    }
    let key = format!("{} {} {subject}", repository.to_text(), at.0);
    enqueue(tx, ORPHANED_REFERRERS, &key, Micros(at.0.saturating_add(DELAY.0))).await
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
    /// Reads the key of the work.
    pub fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.splitn(3, ' ');
        Some(Self {
            repository: RepositoryKey::from_text(parts.next()?)?,
            at: Micros(parts.next()?.parse().ok()?),
            digest: Digest::from_str(parts.next()?).ok()?,
        })
    }
}

/// Deletes referrers of a deleted image. Those of a subject that was pushed again stay, and those in an index.
#[derive(Clone, Debug)]
pub struct DeleteReferrers {
    pub subject: DeletedSubject,
    /// The maximum number of images.
    pub limit: usize,
    /// The account of the repository, for the events.
    pub account_id: AccountId,
    pub region: Region,
    pub repository_name: String,
    /// Now.
    pub at: Micros,
}

/// What was deleted, and whether more may be left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeletedReferrers {
    pub images: Vec<(Digest, Vec<Tag>)>,
    pub has_more: bool,
}

operation!(DeleteReferrers: Durable [Contents(op.subject.repository)] -> DeletedReferrers, Never, |op, tx| {
    let DeletedSubject { repository, digest, at } = &op.subject;
    let RepositoryKey { registry, id } = *repository;
    let mut deleted = DeletedReferrers::default();
    let there = "SELECT 1 FROM image WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
    if hold(tx, *repository, Hold::Change).await?.is_none()
        || tx.value::<i64>(there, &params![registry, id, digest]).await?.is_some()
    {
        return Ok(Ok(deleted));
    }
    let select = "SELECT i.digest FROM image i WHERE i.registry = ?1 AND i.repository = ?2 AND i.subject = ?3 \
        AND i.pushed_at <= ?4 AND NOT EXISTS (SELECT 1 FROM image_child c WHERE c.registry = i.registry \
        AND c.repository = i.repository AND c.digest = i.digest) ORDER BY i.id LIMIT ?5";
    let rows = tx.rows(select, &params![registry, id, digest, at, op.limit]).await?;
    deleted.has_more = rows.len() == op.limit;
    for mut row in rows {
        let referrer: Digest = row.take()?;
        if let DeleteOutcome::Removed(pairs) = delete_digest(tx, *repository, &referrer, true, op.at).await? {
            deleted.images.push((referrer, pairs.into_iter().filter_map(|(_, tag)| tag).collect()));
        }
    }
    Ok(Ok(deleted))
});
