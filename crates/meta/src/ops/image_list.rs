//! Finds and lists images, in pages whose cost does not depend on the number of images.

use std::collections::HashMap;

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image::{ImageRow, ImageState, image_columns},
        image_put::IMPORTED,
        operation,
    },
    tx::{chunks, list, push_list},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Which images to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagStatus {
    /// All.
    #[default]
    Any,
    /// Those with a tag.
    Tagged,
    /// Those without.
    Untagged,
}

impl TagStatus {
    /// The values of `tagged` that it admits.
    const fn tagged(self) -> &'static [i64] {
        match self {
            Self::Any => &[0, 1],
            Self::Tagged => &[1],
            Self::Untagged => &[0],
        }
    }
}

/// A page of the images of a repository, by id. With a filter it merges the ids of ranges of an index, one for each state
/// and each tag status, and then reads the images. SQLite must be told which index, because it prefers the primary key and
/// would read all other images too.
fn page_of(
    tx: &Tx<'_>,
    (state, tag_status): (Option<ImageState>, TagStatus),
    after: &str,
    limit: &str,
) -> String {
    let all = [ImageState::Active, ImageState::Archived, ImageState::Activating];
    let range = format!("WHERE i.registry = ?1 AND i.repository = ?2 AND {after}");
    let end = format!("LIMIT {limit}");
    if state.is_none() && tag_status == TagStatus::Any {
        return format!("SELECT i.* FROM image i {range} ORDER BY i.id {end}");
    }
    let indexed = tx.fork("INDEXED BY image_tagged", "");
    let states = all.into_iter().filter(|one| state.is_none_or(|state| state == *one));
    let ranges: Vec<String> = states
        .flat_map(|state| tag_status.tagged().iter().map(move |tagged| (state.number(), tagged)))
        .map(|(status, tagged)| {
            format!("FROM image i {indexed} {range} AND i.status = {status} AND i.tagged = {tagged}")
        })
        .collect();
    if let [one] = ranges.as_slice() {
        return format!("SELECT i.* {one} ORDER BY i.id {end}");
    }
    // SQLite merges ranges in order and stops at the limit. PostgreSQL plans each range alone, and needs its order and
    // limit to choose the index.
    let alone = format!("ORDER BY i.id {end})");
    let (begin, stop) = (tx.fork("", "("), tx.fork("", &alone));
    let ids: Vec<String> = ranges.iter().map(|range| format!("{begin}SELECT i.id {range} {stop}")).collect();
    // SQLite reads the first table of a CROSS JOIN first.
    let join = tx.fork("CROSS JOIN", "JOIN");
    format!(
        "SELECT i.* FROM ({} ORDER BY 1 {end}) page {join} image i \
         ON i.registry = ?1 AND i.repository = ?2 AND i.id = page.id",
        ids.join(" UNION ALL ")
    )
}

/// An image named by tag, digest or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// An image as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedImage {
    pub image: ImageRow,
    /// Its tags, in byte order.
    pub tags: Vec<Tag>,
    /// When it was last pulled, as recorded by [`RecordPulls`](crate::RecordPulls).
    pub last_pulled_at: Option<Micros>,
}

/// The join that gives `image_pull q`.
macro_rules! pull_join {
    () => {
        " LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id "
    };
}

/// What was found for one [`ImageRef`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundImage {
    /// The image.
    Found(Box<TaggedImage>),
    /// The tag names an image of another digest.
    TagOfAnother,
    /// There is no such image, or no such tag.
    NotFound,
}

impl FoundImage {
    fn of(image: Option<&TaggedImage>) -> Self {
        image.map_or(Self::NotFound, |image| Self::Found(Box::new(image.clone())))
    }
}

/// Finds images, in the order of the request. A tag with a digest finds the image of the tag, if it has that digest.
#[derive(Clone, Debug)]
pub struct FindImages {
    pub repository: RepositoryKey,
    /// The images, 100 in ECR.
    pub ids: Vec<ImageRef>,
}

operation!(FindImages: Page -> Vec<FoundImage>, Never, |op, tx| {
    let digests: Vec<Digest> = op.ids.iter().filter(|id| id.tag.is_none()).filter_map(|id| id.digest).collect();
    let tags: Vec<Tag> = op.ids.iter().filter_map(|id| id.tag.clone()).collect();
    let mut by_digest = HashMap::new();
    let mut by_tag = HashMap::new();
    for chunk in chunks(&digests) {
        let condition = format!("i.digest IN ({})", list(3, chunk.len()));
        for found in op.find(tx, &condition, chunk).await? {
            by_digest.insert(found.image.digest, found);
        }
    }
    for chunk in chunks(&tags) {
        let condition = format!("i.id IN (SELECT image FROM tag WHERE registry = ?1 AND repository = ?2 \
                                 AND name IN ({}))", list(3, chunk.len()));
        for found in op.find(tx, &condition, chunk).await? {
            for name in found.tags.iter().filter(|name| chunk.contains(name)) {
                by_tag.insert(name.clone(), found.clone());
            }
        }
    }
    let found = op.ids.iter().map(|id| match (&id.digest, &id.tag) {
        (Some(digest), None) => FoundImage::of(by_digest.get(digest)),
        (digest, Some(tag)) => match by_tag.get(tag) {
            Some(found) if digest.is_some_and(|digest| digest != found.image.digest) => FoundImage::TagOfAnother,
            found => FoundImage::of(found),
        },
        (None, None) => FoundImage::NotFound,
    });
    Ok(Ok(found.collect()))
});

impl FindImages {
    async fn find<T: crate::ToParam>(
        &self,
        tx: &mut Tx<'_>,
        condition: &str,
        values: &[T],
    ) -> Result<Vec<TaggedImage>, StoreError> {
        let sql = format!(
            concat!(
                "SELECT ",
                image_columns!(),
                ", q.last_pulled_at, t.name FROM image i",
                pull_join!(),
                "LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
                 WHERE i.registry = ?1 AND i.repository = ?2 AND {} ORDER BY i.id, t.name"
            ),
            condition
        );
        let mut bound = params![self.repository.registry, self.repository.id].to_vec();
        push_list(&mut bound, values);
        group(tx.rows(&sql, &bound).await?)
    }
}

/// Combines rows of (image, tag), ordered by image, into images with tags.
fn group(rows: Vec<Row>) -> Result<Vec<TaggedImage>, StoreError> {
    let mut images: Vec<TaggedImage> = Vec::new();
    for mut row in rows {
        let image = ImageRow::read(&mut row)?;
        let last_pulled_at = row.take()?;
        let tag: Option<Tag> = row.take()?;
        match images.last_mut() {
            Some(last) if last.image.id == image.id => last.tags.extend(tag),
            _ => images.push(TaggedImage { image, tags: tag.into_iter().collect(), last_pulled_at }),
        }
    }
    Ok(images)
}

/// Lists images with their tags, in the order of their push.
#[derive(Clone, Debug)]
pub struct DescribeImages {
    pub repository: RepositoryKey,
    /// Only images after this one.
    pub after: Option<ImageId>,
    /// The maximum number of results.
    pub limit: usize,
    /// Which.
    pub tag_status: TagStatus,
    /// Only images of this state; all if there is none.
    pub state: Option<ImageState>,
}

operation!(DescribeImages: List -> Vec<TaggedImage>, Never, |op, tx| {
    let page = page_of(tx, (op.state, op.tag_status), "i.id > ?3", "?4");
    let sql = format!(concat!("SELECT ", image_columns!(), ", q.last_pulled_at, t.name FROM ({}) i", pull_join!(),
        "LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
         ORDER BY i.id, t.name"), page);
    let after = op.after.unwrap_or(ImageId(i64::MIN));
    let values = params![op.repository.registry, op.repository.id, after, op.limit];
    Ok(Ok(group(tx.rows(&sql, &values).await?)?))
});

/// Where a page of [`ListImages`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageCursor {
    /// The last image.
    pub image: ImageId,
    /// Its last tag; None if it had none.
    pub tag: Option<Tag>,
}

/// Lists images by id: one entry for each tag, one for an untagged image.
#[derive(Clone, Debug)]
pub struct ListImages {
    pub repository: RepositoryKey,
    /// Only entries after this one.
    pub after: Option<ImageCursor>,
    /// The maximum number of results.
    pub limit: usize,
    /// Which.
    pub tag_status: TagStatus,
    /// Only images of this state; all if there is none.
    pub state: Option<ImageState>,
}

/// A page of [`ListImages`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageIdPage {
    /// Digest and tag of each entry.
    pub items: Vec<(Digest, Option<Tag>)>,
    /// Where the next page starts; None after the last.
    pub next: Option<ImageCursor>,
}

operation!(ListImages: List -> ImageIdPage, Never, |op, tx| {
    // Each image has an entry, except the one at which the page before ended.
    let page = page_of(tx, (op.state, op.tag_status), "i.id >= ?3", "?5 + 1");
    let sql = format!("SELECT i.id, i.digest, t.name FROM ({page}) i \
        LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
        WHERE i.id > ?3 OR t.name > ?4 ORDER BY i.id, t.name LIMIT ?5");
    // After an untagged image as the last entry the cursor's tag is empty, so the image is not listed again.
    let (image, tag) = match &op.after {
        Some(after) => (after.image, after.tag.as_ref().map_or("", |tag| tag.as_str())),
        None => (ImageId(i64::MIN), ""),
    };
    let limit = op.limit.saturating_add(1);
    let values = params![op.repository.registry, op.repository.id, image, tag, limit];
    let mut page = ImageIdPage::default();
    let mut last = None;
    for mut row in tx.rows(&sql, &values).await? {
        let (image, digest, tag): (ImageId, Digest, Option<Tag>) = (row.take()?, row.take()?, row.take()?);
        if page.items.len() == op.limit {
            page.next = last;
            break;
        }
        last = Some(ImageCursor { image, tag: tag.clone() });
        page.items.push((digest, tag));
    }
    Ok(Ok(page))
});

/// Finds an image for each layer or config: the newest that refers to it.
#[derive(Clone, Debug)]
pub struct FindLayerImages {
    pub repository: RepositoryKey,
    /// The layers, 100 in ECR.
    pub digests: Vec<Digest>,
    /// What an image must come from to count as imported.
    pub upstream: Option<ImportedFrom>,
}

/// What images of a repository are imported from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFrom {
    /// The name of the repository, which says where the layers are upstream.
    pub name: String,
    /// When the rule was created that says from which registry they are.
    pub since: Micros,
}

/// An image that refers to a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerImage {
    pub layer: Digest,
    pub image: ImageId,
    /// The digest of its manifest.
    pub manifest: Digest,
    pub manifest_size: u64,
    /// Whether it came from the upstream registry that was asked about.
    pub is_imported: bool,
}

operation!(FindLayerImages: Page -> Vec<LayerImage>, Never, |op, tx| {
    let mut found = Vec::new();
    // No repository has no name.
    let (name, since) = op.upstream.as_ref().map_or(("", Micros(0)), |from| (from.name.as_str(), from.since));
    for chunk in chunks(&op.digests) {
        let select = format!(
            "SELECT n.digest, i.id, i.digest, i.manifest_size, CASE WHEN n.imported IS NULL THEN 0 ELSE 1 END FROM \
                (SELECT b.digest AS digest, MAX(b.image) AS newest, MAX(CASE WHEN j.origin = '{IMPORTED}' \
                    AND j.id > r.imports_after AND j.pushed_at >= ?4 AND r.name = ?3 THEN j.id END) AS imported \
                 FROM image_blob b \
                 JOIN image j ON j.registry = b.registry AND j.repository = b.repository AND j.id = b.image \
                 JOIN repository r ON r.registry = b.registry AND r.id = b.repository \
                 WHERE b.registry = ?1 AND b.repository = ?2 AND b.digest IN ({}) GROUP BY b.digest) n \
             JOIN image i ON i.registry = ?1 AND i.repository = ?2 AND i.id = COALESCE(n.imported, n.newest)",
            list(5, chunk.len())
        );
        let mut values = params![op.repository.registry, op.repository.id, name, since].to_vec();
        push_list(&mut values, chunk);
        for mut row in tx.rows(&select, &values).await? {
            let (layer, image, manifest) = (row.take()?, row.take()?, row.take()?);
            let (manifest_size, is_imported) = (row.take()?, row.take()?);
            found.push(LayerImage { layer, image, manifest, manifest_size, is_imported });
        }
    }
    Ok(Ok(found))
});
