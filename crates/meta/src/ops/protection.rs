//! Images and tags that are protected against deletion, and the check of every operation that deletes or archives.

use oci::{digest::Digest, name::Tag};

use crate::{
    Dialect, ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image_list::ImageRef,
        operation,
        repository::{Hold, hold},
    },
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Why an image must not be deleted or archived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The image itself, or an image that it lists.
    pub digest: Digest,
    pub by: ProtectedBy,
}

/// What protects an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectedBy {
    /// The image is protected.
    Image,
    /// This tag of the image is protected.
    Tag(Tag),
    /// The image is in use, as this source reported.
    Use(String),
}

/// Protects an image or a tag, or ends its protection.
#[derive(Clone, Debug)]
pub struct SetProtection {
    pub repository: RepositoryKey,
    /// By tag: the tag is protected, whichever image it names. By digest: the image is. A digest with a tag must be that of
    /// the image of the tag.
    pub image: ImageRef,
    /// Whether it is protected from now on.
    pub is_protected: bool,
    /// Now. What is protected already keeps its time.
    pub at: Micros,
}

/// Why the protection of an image was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetProtectionRefusal {
    /// The repository does not exist.
    RepositoryGone,
    /// The image or the tag does not exist.
    NotFound,
}

operation!(SetProtection: Durable [Contents(op.repository)] -> Digest, SetProtectionRefusal, |op, tx| {
    if hold(tx, op.repository, Hold::Change).await?.is_none() {
        return Ok(Err(SetProtectionRefusal::RepositoryGone));
    }
    let RepositoryKey { registry, id } = op.repository;
    let digest: Option<Digest> = match (&op.image.tag, &op.image.digest) {
        (Some(tag), _) => {
            let select = "SELECT i.digest FROM tag t JOIN image i ON i.registry = t.registry \
                AND i.repository = t.repository AND i.id = t.image \
                WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3";
            tx.value(select, &params![registry, id, tag]).await?
        }
        (None, Some(digest)) => {
            let select = "SELECT digest FROM image WHERE registry = ?1 AND repository = ?2 AND digest = ?3";
            tx.value(select, &params![registry, id, digest]).await?
        }
        (None, None) => None,
    };
    let found = digest.filter(|found| op.image.digest.is_none_or(|asked| asked == *found));
    let Some(digest) = found else { return Ok(Err(SetProtectionRefusal::NotFound)) };
    let set = if op.is_protected { "COALESCE(protected_at, ?4)" } else { "?4" };
    let at = op.is_protected.then_some(op.at);
    if let Some(tag) = &op.image.tag {
        let update =
            format!("UPDATE tag SET protected_at = {set} WHERE registry = ?1 AND repository = ?2 AND name = ?3");
        tx.execute(&update, &params![registry, id, tag, at]).await?;
    } else {
        let update =
            format!("UPDATE image SET protected_at = {set} WHERE registry = ?1 AND repository = ?2 AND digest = ?3");
        tx.execute(&update, &params![registry, id, digest, at]).await?;
    }
    Ok(Ok(digest))
});

/// A protected image or tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectedItem {
    pub image: ImageId,
    pub digest: Digest,
    /// The protected tag; None if the image is protected.
    pub tag: Option<Tag>,
    pub protected_at: Micros,
}

/// The last item of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtectedCursor {
    Image(ImageId),
    Tag(String),
}

/// Lists what is protected in a repository: images by ID, then tags by name.
#[derive(Clone, Debug)]
pub struct ListProtected {
    pub repository: RepositoryKey,
    /// Only items after this one.
    pub after: Option<ProtectedCursor>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListProtected: Page -> Vec<ProtectedItem>, Never, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let (after_image, after_tag) = match &op.after {
        None => (ImageId(i64::MIN), ""),
        Some(ProtectedCursor::Image(image)) => (*image, ""),
        Some(ProtectedCursor::Tag(name)) => (ImageId(i64::MAX), name.as_str()),
    };
    let images = format!(
        "SELECT id, digest, NULL, protected_at FROM image {} WHERE registry = ?1 AND repository = ?2 AND id > ?3 \
         AND protected_at IS NOT NULL ORDER BY id LIMIT ?4",
        tx.fork("INDEXED BY image_protected", "")
    );
    let mut items = read_items(tx, &images, &params![registry, id, after_image, op.limit]).await?;
    let left = op.limit.saturating_sub(items.len());
    if left > 0 {
        let tags = "SELECT i.id, i.digest, t.name, t.protected_at FROM tag t JOIN image i \
            ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
            WHERE t.registry = ?1 AND t.repository = ?2 AND t.name > ?3 AND t.protected_at IS NOT NULL \
            ORDER BY t.name LIMIT ?4";
        items.extend(read_items(tx, tags, &params![registry, id, after_tag, left]).await?);
    }
    Ok(Ok(items))
});

async fn read_items(
    tx: &mut Tx<'_>,
    select: &str,
    values: &[Param<'_>],
) -> Result<Vec<ProtectedItem>, StoreError> {
    let rows = tx.rows(select, values).await?;
    let items = rows.into_iter().map(|mut row| {
        Ok(ProtectedItem {
            image: row.take()?,
            digest: row.take()?,
            tag: row.take()?,
            protected_at: row.take()?,
        })
    });
    items.collect()
}

/// The images of a query with the images that they list, and so on. `root` is the image of the query.
fn family(query: &str) -> String {
    format!(
        "WITH RECURSIVE family (root, digest, id) AS (SELECT i.id, i.digest, i.id FROM ({query}) i UNION \
         SELECT f.root, c.digest, m.id FROM family f \
         JOIN image_child c ON c.registry = ?1 AND c.repository = ?2 AND c.image = f.id \
         LEFT JOIN image m ON m.registry = ?1 AND m.repository = ?2 AND m.digest = c.digest)"
    )
}

/// Of each family what protects it; `at` is the number of the parameter with the time.
fn protections(query: &str, at: usize) -> String {
    format!(
        "{} SELECT f.root, f.digest, i.protected_at, t.name, u.source FROM family f \
         LEFT JOIN image i ON i.registry = ?1 AND i.repository = ?2 AND i.id = f.id \
         LEFT JOIN tag t ON t.registry = ?1 AND t.repository = ?2 AND t.image = f.id AND t.protected_at IS NOT NULL \
         LEFT JOIN in_use_digest u ON u.registry = ?1 AND u.digest = f.digest AND u.expires_at > ?{at} \
         WHERE i.protected_at IS NOT NULL OR t.name IS NOT NULL OR u.source IS NOT NULL",
        family(query)
    )
}

/// Makes reports of digests in use wait for this transaction, or this transaction for them: what is deleted was in no
/// report that was accepted before. Reports lock the row alone.
pub(crate) async fn before_reports(tx: &mut Tx<'_>, repository: RepositoryKey) -> Result<(), StoreError> {
    if tx.dialect() == Dialect::Postgres {
        let lock = "SELECT key FROM registry WHERE key = ?1 FOR KEY SHARE";
        tx.row(lock, &params![repository.registry]).await?;
    }
    Ok(())
}

/// What protects an image, if anything does. An index is protected if an image that it lists is: nodes run images of
/// their own platform. The caller holds the repository, and has called [`before_reports`].
pub(crate) async fn protection_of(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<Option<Protected>, StoreError> {
    let query = "SELECT id, digest FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    let select = protections(query, 4) + " LIMIT 1";
    let values = params![repository.registry, repository.id, image, at];
    let Some(mut row) = tx.row(&select, &values).await? else { return Ok(None) };
    let (_root, digest): (ImageId, Digest) = (row.take()?, row.take()?);
    let (protected_at, tag): (Option<Micros>, Option<Tag>) = (row.take()?, row.take()?);
    let source: Option<String> = row.take()?;
    let by = match (protected_at, tag, source) {
        (Some(_), ..) => ProtectedBy::Image,
        (None, Some(tag), _) => ProtectedBy::Tag(tag),
        (None, None, source) => ProtectedBy::Use(source.unwrap_or_default()),
    };
    Ok(Some(Protected { digest, by }))
}

/// Which images of a query (columns `id` and `digest`) are protected.
pub(crate) async fn protected_among(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (query, values): (&str, &[Param<'_>]),
    at: Micros,
) -> Result<Vec<ImageId>, StoreError> {
    if !has_protection(tx, repository, at).await? {
        return Ok(Vec::new());
    }
    let select = format!("SELECT DISTINCT root FROM ({}) found", protections(query, values.len() + 1));
    let mut bound = values.to_vec();
    bound.extend(params![at]);
    tx.rows(&select, &bound).await?.into_iter().map(|mut row| row.take()).collect()
}

/// Whether anything can be protected in a repository. Most repositories have nothing, and cost only this.
async fn has_protection(tx: &mut Tx<'_>, repository: RepositoryKey, at: Micros) -> Result<bool, StoreError> {
    let select = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM image {} WHERE registry = ?1 AND repository = ?2 \
            AND protected_at IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM tag {} WHERE registry = ?1 AND repository = ?2 AND protected_at IS NOT NULL) \
         OR EXISTS (SELECT 1 FROM in_use_report WHERE registry = ?1 AND expires_at > ?3) THEN 1 ELSE 0 END",
        tx.fork("INDEXED BY image_protected", ""),
        tx.fork("INDEXED BY tag_protected", "")
    );
    let found: Option<bool> = tx.value(&select, &params![repository.registry, repository.id, at]).await?;
    Ok(found.unwrap_or_default())
}

/// Something of a repository that is protected, if anything is.
pub(crate) async fn any_protected(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    at: Micros,
) -> Result<Option<Protected>, StoreError> {
    if !has_protection(tx, repository, at).await? {
        return Ok(None);
    }
    let in_use = "SELECT i.id FROM in_use_digest u JOIN image i \
        ON i.registry = u.registry AND i.repository = ?2 AND i.digest = u.digest \
        WHERE u.registry = ?1 AND u.expires_at > ?3 LIMIT 1";
    let listed = "SELECT c.image FROM in_use_digest u JOIN image_child c \
        ON c.registry = u.registry AND c.repository = ?2 AND c.digest = u.digest \
        WHERE u.registry = ?1 AND u.expires_at > ?3 LIMIT 1";
    let images =
        "SELECT id FROM image WHERE registry = ?1 AND repository = ?2 AND protected_at IS NOT NULL LIMIT 1";
    let tags =
        "SELECT image FROM tag WHERE registry = ?1 AND repository = ?2 AND protected_at IS NOT NULL LIMIT 1";
    let values = params![repository.registry, repository.id, at];
    for (select, values) in
        [(images, &values[..2]), (tags, &values[..2]), (in_use, &values[..]), (listed, &values[..])]
    {
        if let Some(image) = tx.value::<ImageId>(select, values).await? {
            return protection_of(tx, repository, image, at).await;
        }
    }
    Ok(None)
}
