//! Listing images: an entry for each tag, and one for each image without a tag.

use access::error::Result;
use access::op::ecr;
use access::permit::Permit;
use access::store::{ImageCursor, ImageIdPage, ImageState, ListImages, TagStatus};

/// A page of entries.
pub(crate) async fn entries(
    permit: &Permit<ecr::ListImages>,
    after: Option<ImageCursor>,
    limit: usize,
    (tag_status, state): (TagStatus, Option<ImageState>),
) -> Result<ImageIdPage> {
    permit.read(|repository| ListImages { repository, after, limit, tag_status, state }).await
}
