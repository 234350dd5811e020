//! Images as lifecycle policies see them: in pages, from the newest to the oldest, or by ID.

use std::collections::HashMap;

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{image::ImageState, operation, protection::protected_among},
    tx::{chunks, list, push_list},
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The number of the state of an image that is in the archive.
pub(crate) const ARCHIVED: i64 = ImageState::Archived.number();

/// An image with all that a rule can be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleImage {
    pub id: ImageId,
    pub digest: Digest,
    pub is_archived: bool,
    pub pushed_at: Micros,
    /// When it was pushed, or last restored.
    pub activated_at: Micros,
    pub archived_at: Option<Micros>,
    pub pulled_at: Option<Micros>,
    /// When it last got a tag, even if it does not have the tag any more.
    pub tagged_at: Option<Micros>,
    /// When a tag last moved from it to another image.
    pub displaced_at: Option<Micros>,
    /// Its tags, in byte order.
    pub tags: Vec<String>,
    /// The indexes of the repository that list it, and whether each is archived.
    pub parents: Vec<(ImageId, bool)>,
    /// The subject, if it is a referrer.
    pub subject: Option<LifecycleSubject>,
    /// It is protected or in use, or lists an image that is.
    pub is_protected: bool,
}

/// The subject of a referrer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifecycleSubject {
    Present { id: ImageId, is_archived: bool },
    Missing,
}

/// A page ends before its images have more tags than this, but has at least one image.
const MOST_TAGS: u64 = 20_000;

/// The columns of an image that are read; annotations can be as large as manifests.
const COLUMNS: &str = "registry, repository, id, digest, status, subject, tag_count, pushed_at, \
                       last_activated_at, last_archived_at, last_tagged_at, displaced_at";

/// Lists active or archived images, the last activated first. A page can be shorter than its limit; the one after the last
/// image is empty.
#[derive(Clone, Debug)]
pub struct ListLifecycleImages {
    pub repository: RepositoryKey,
    /// The archived ones.
    pub archived: bool,
    /// Only images before this one.
    pub before: Option<(Micros, ImageId)>,
    /// Now: expired reports protect nothing.
    pub at: Micros,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListLifecycleImages: Page -> Vec<LifecycleImage>, Never, |op, tx| {
    let (at, id) = op.before.unwrap_or((Micros(i64::MAX), ImageId(i64::MAX)));
    let status = if op.archived { ARCHIVED } else { ImageState::Active.number() };
    let select = format!("SELECT {COLUMNS} FROM image WHERE registry = ?1 AND repository = ?2 AND status = ?3 \
        AND (last_activated_at, id) < (?4, ?5) ORDER BY last_activated_at DESC, id DESC LIMIT ?6");
    let keys = params![op.repository.registry, op.repository.id, status, at, id, op.limit];
    let mut images = Vec::new();
    let mut tags = 0;
    for (image, tag_count) in read_images(tx, &select, &keys).await? {
        tags += tag_count;
        if tags > MOST_TAGS && !images.is_empty() {
            break;
        }
        images.push(image);
    }
    let limit = images.len();
    let keys = params![op.repository.registry, op.repository.id, status, at, id, limit];
    add_relations(tx, op.repository, (&select, &keys), op.at, &mut images).await?;
    Ok(Ok(images))
});

/// Finds active and archived images by ID. Missing ones, and those that are being restored, are left out.
#[derive(Clone, Debug)]
pub struct FindLifecycleImages {
    pub repository: RepositoryKey,
    pub ids: Vec<ImageId>,
    /// Now: expired reports protect nothing.
    pub at: Micros,
}

operation!(FindLifecycleImages: Page -> Vec<LifecycleImage>, Never, |op, tx| {
    let mut found = Vec::with_capacity(op.ids.len());
    for ids in chunks(&op.ids) {
        let select = format!("SELECT {COLUMNS} FROM image WHERE registry = ?1 AND repository = ?2 \
                              AND status IN (1, 2) AND id IN ({})", list(3, ids.len()));
        let mut values = params![op.repository.registry, op.repository.id].to_vec();
        push_list(&mut values, ids);
        let mut images: Vec<_> =
            read_images(tx, &select, &values).await?.into_iter().map(|(image, _)| image).collect();
        add_relations(tx, op.repository, (&select, &values), op.at, &mut images).await?;
        found.append(&mut images);
    }
    Ok(Ok(found))
});

/// Reads the images of a query with their subjects, and how many tags each has.
async fn read_images(
    tx: &mut Tx<'_>,
    query: &str,
    values: &[Param<'_>],
) -> Result<Vec<(LifecycleImage, u64)>, StoreError> {
    let select = format!(
        "SELECT i.id, i.digest, i.status, i.pushed_at, i.last_activated_at, i.last_archived_at, q.last_pulled_at, \
            i.last_tagged_at, i.displaced_at, i.tag_count, CASE WHEN i.subject IS NULL THEN 0 ELSE 1 END, s.id, s.status \
         FROM ({query}) i \
         LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id \
         LEFT JOIN image s ON s.registry = i.registry AND s.repository = i.repository AND s.digest = i.subject \
         ORDER BY i.last_activated_at DESC, i.id DESC"
    );
    let mut images = Vec::new();
    for mut row in tx.rows(&select, values).await? {
        let (id, digest, status) = (row.take()?, row.take()?, row.take::<i64>()?);
        let (pushed_at, activated_at) = (row.take()?, row.take()?);
        let (archived_at, pulled_at, tagged_at) = (row.take()?, row.take()?, row.take()?);
        let displaced_at = row.take()?;
        let tag_count: u64 = row.take()?;
        let is_referrer = row.take::<i64>()? != 0;
        let (subject, subject_status): (Option<ImageId>, Option<i64>) = (row.take()?, row.take()?);
        let subject = is_referrer.then(|| match subject {
            Some(id) => LifecycleSubject::Present { id, is_archived: subject_status == Some(ARCHIVED) },
            None => LifecycleSubject::Missing,
        });
        let image = LifecycleImage {
            id,
            digest,
            is_archived: status == ARCHIVED,
            pushed_at,
            activated_at,
            archived_at,
            pulled_at,
            tagged_at,
            displaced_at,
            tags: Vec::new(),
            parents: Vec::new(),
            subject,
            is_protected: false,
        };
        images.push((image, tag_count));
    }
    Ok(images)
}

/// Adds the tags of the images of a query, the indexes that list them, and whether they are protected.
async fn add_relations(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (query, values): (&str, &[Param<'_>]),
    at: Micros,
    images: &mut [LifecycleImage],
) -> Result<(), StoreError> {
    let places: HashMap<ImageId, usize> =
        images.iter().enumerate().map(|(place, image)| (image.id, place)).collect();
    let select = format!(
        "SELECT t.image, t.name FROM ({query}) i JOIN tag t \
         ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id ORDER BY t.image, t.name"
    );
    for mut row in tx.rows(&select, values).await? {
        let (id, name) = (row.take()?, row.take()?);
        if let Some(image) = places.get(&id).and_then(|place| images.get_mut(*place)) {
            image.tags.push(name);
        }
    }
    let select = format!(
        "SELECT i.id, p.id, p.status FROM ({query}) i JOIN image_child c \
         ON c.registry = i.registry AND c.repository = i.repository AND c.digest = i.digest JOIN image p \
         ON p.registry = c.registry AND p.repository = c.repository AND p.id = c.image WHERE p.id <> i.id"
    );
    for mut row in tx.rows(&select, values).await? {
        let (id, parent, status) = (row.take()?, row.take()?, row.take::<i64>()?);
        if let Some(image) = places.get(&id).and_then(|place| images.get_mut(*place)) {
            image.parents.push((parent, status == ARCHIVED));
        }
    }
    for id in protected_among(tx, repository, (query, values), at).await? {
        if let Some(image) = places.get(&id).and_then(|place| images.get_mut(*place)) {
            image.is_protected = true;
        }
    }
    Ok(())
}
