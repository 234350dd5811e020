//! Finds and lists images, in pages whose cost does not depend on the number of images.

use std::collections::HashMap;

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Never, RepositoryKey, StoreError, Tx,
    ops::{
        image::{ImageRow, ImageState, image_columns, pull_join},
        operation,
    },
    tx::{chunks, list, push_list},
    value::{Row, params},
};

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
    /// The condition on `image i`. With a state, it is a range of an index.
    fn condition(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Tagged => "AND i.tagged = 1",
            Self::Untagged => "AND i.tagged = 0",
        }
    }
}

/// An image named by tag, digest or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRef {
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// An image with its tags in byte order.
pub type TaggedImage = (ImageRow, Vec<Tag>);

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
        for (image, names) in op.find(tx, &condition, chunk).await? {
            by_digest.insert(image.digest, (image, names));
        }
    }
    for chunk in chunks(&tags) {
        let condition = format!("i.id IN (SELECT image FROM tag WHERE registry = ?1 AND repository = ?2 \
                                 AND name IN ({}))", list(3, chunk.len()));
        for (image, names) in op.find(tx, &condition, chunk).await? {
            for name in names.iter().filter(|name| chunk.contains(name)) {
                by_tag.insert(name.clone(), (image.clone(), names.clone()));
            }
        }
    }
    let found = op.ids.iter().map(|id| match (&id.digest, &id.tag) {
        (Some(digest), None) => FoundImage::of(by_digest.get(digest)),
        (digest, Some(tag)) => match by_tag.get(tag) {
            Some((image, _)) if digest.is_some_and(|digest| digest != image.digest) => FoundImage::TagOfAnother,
            image => FoundImage::of(image),
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
                ", t.name FROM image i",
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
        let tag: Option<Tag> = row.take()?;
        match images.last_mut() {
            Some((last, tags)) if last.id == image.id => tags.extend(tag),
            _ => images.push((image, tag.into_iter().collect())),
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

operation!(DescribeImages: Page -> Vec<TaggedImage>, Never, |op, tx| {
    let sql = format!(concat!("SELECT ", image_columns!(), ", t.name FROM (SELECT * FROM image i \
            WHERE i.registry = ?1 AND i.repository = ?2 AND i.id > ?3 {} {} ORDER BY i.id LIMIT ?4) i", pull_join!(),
        "LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
         ORDER BY i.id, t.name"), ImageState::condition(op.state), op.tag_status.condition());
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

operation!(ListImages: Page -> ImageIdPage, Never, |op, tx| {
    let sql = format!("SELECT i.id, i.digest, t.name FROM image i \
        LEFT JOIN tag t ON t.registry = i.registry AND t.repository = i.repository AND t.image = i.id \
        WHERE i.registry = ?1 AND i.repository = ?2 AND i.id >= ?3 AND (i.id > ?3 OR t.name > ?4) {} {} \
        ORDER BY i.id, t.name LIMIT ?5", ImageState::condition(op.state), op.tag_status.condition());
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
