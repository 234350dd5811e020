//! Details of images: of named images, or of a page of all.

use access::error::Result;
use access::op::ecr;
use access::permit::{OnRepository, Opens, Permit};
use access::store::{
    DescribeImages, FindImages, FoundImage, ImageId, ImageRef, ImageState, TagStatus, TaggedImage,
};

/// Images that are read at once for one page.
const AT_ONCE: usize = 50;
/// A page ends after this many tags.
const MOST_TAGS: usize = 10_000;

/// A page of images with their tags.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) images: Vec<TaggedImage>,
    /// The last image of this page, if there is a next one.
    pub(crate) next: Option<ImageId>,
}

/// The named images, in their order.
pub(crate) async fn named<G>(permit: &Permit<G>, ids: Vec<ImageRef>) -> Result<Vec<FoundImage>>
where
    G: Opens<FindImages, On = OnRepository>,
{
    permit.read(|repository| FindImages { repository, ids }).await
}

/// A page of all images. An image can have a thousand tags: a page ends early if there are many tags.
pub(crate) async fn page(
    permit: &Permit<ecr::DescribeImages>,
    mut after: Option<ImageId>,
    limit: usize,
    (tag_status, state): (TagStatus, Option<ImageState>),
) -> Result<Page> {
    let mut page = Page::default();
    let mut tags_listed = 0;
    while page.images.len() < limit && tags_listed < MOST_TAGS {
        let part = (limit - page.images.len()).min(AT_ONCE);
        let read = |repository| DescribeImages { repository, after, limit: part + 1, tag_status, state };
        let mut rows = permit.read(read).await?;
        let fitting = images_that_fit(&mut tags_listed, rows.iter().take(part).map(|row| row.tags.len()));
        let more = rows.len() > fitting;
        rows.truncate(fitting);
        page.next = rows.last().map(|last| last.image.id).filter(|_| more);
        page.images.extend(rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(page)
}

/// How many of the next images fit on a page, given the number of tags of each: it ends with the image that reaches the
/// limit.
fn images_that_fit(tags_listed: &mut usize, tags: impl Iterator<Item = usize>) -> usize {
    tags.take_while(|tags| {
        let fits = *tags_listed < MOST_TAGS;
        *tags_listed += tags;
        fits
    })
    .count()
}

#[cfg(test)]
mod tests {
    use super::{MOST_TAGS, images_that_fit};

    #[test]
    fn a_page_ends_with_the_image_that_reaches_the_tag_limit() {
        let mut listed = 0;
        assert_eq!(images_that_fit(&mut listed, [1_000; 9].into_iter()), 9);
        assert_eq!(images_that_fit(&mut listed, [999, 1, 7, 0].into_iter()), 2);
        assert!(listed >= MOST_TAGS);
        assert_eq!(images_that_fit(&mut listed, [0].into_iter()), 0);
    }

    #[test]
    fn an_image_with_more_tags_than_the_limit_is_listed() {
        assert_eq!(images_that_fit(&mut 0, [MOST_TAGS + 1, 1].into_iter()), 1);
    }
}
