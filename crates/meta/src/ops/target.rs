//! What a request names in a repository: an image, a blob or an upload.

use oci::{digest::Digest, name::Tag};

use crate::{
    Never, RepositoryKey, StoreError,
    ops::{
        blob::{BlobRow, blob_columns},
        image::{ImageRow, image_columns},
        operation,
        upload::{UploadRow, upload_columns},
    },
    value::{Param, Row, ToParam, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// What a request names in the repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Nothing.
    None,
    /// The image that a tag names.
    Tag(Tag),
    /// An image by digest.
    Digest(Digest),
    Blob(Digest),
    Upload(String),
}

/// What the repository has of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Image(ImageRow),
    Blob(BlobRow),
    Upload(UploadRow),
}

impl Target {
    pub(crate) fn param(&self) -> Option<Param<'_>> {
        match self {
            Self::None => None,
            Self::Tag(tag) => Some(tag.to_param()),
            Self::Digest(digest) | Self::Blob(digest) => Some(digest.to_param()),
            Self::Upload(id) => Some(id.to_param()),
        }
    }

    /// Reads the columns of what was named, which come last in the row.
    pub(crate) fn read(&self, row: &mut Row) -> Result<Option<Found>, StoreError> {
        Ok(match self {
            Self::None => None,
            Self::Tag(_) | Self::Digest(_) => {
                row.take_joined(ImageRow::COLUMNS, ImageRow::read)?.map(Found::Image)
            }
            Self::Blob(_) => row.take_joined(BlobRow::COLUMNS, BlobRow::read)?.map(Found::Blob),
            Self::Upload(_) => row.take_joined(UploadRow::COLUMNS, UploadRow::read)?.map(Found::Upload),
        })
    }
}

/// Finds what a request names in a repository whose row is known already.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FindTarget {
    pub repository: RepositoryKey,
    pub target: Target,
}

/// The statement for one kind of target.
macro_rules! find {
    ($columns:expr, $from:literal) => {
        concat!("SELECT ", $columns, " FROM ", $from)
    };
}

operation!(FindTarget: Point -> Option<Found>, Never, |op, tx| {
    let select = match op.target {
        Target::None => return Ok(Ok(None)),
        Target::Tag(_) => find!(image_columns!(),
            "tag t JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
            WHERE t.registry = ?1 AND t.repository = ?2 AND t.name = ?3"),
        Target::Digest(_) => find!(image_columns!(), "image i WHERE i.registry = ?1 AND i.repository = ?2 AND i.digest = ?3"),
        Target::Blob(_) => find!(blob_columns!(), "blob_link l JOIN object o ON o.id = l.object \
            WHERE l.registry = ?1 AND l.repository = ?2 AND l.digest = ?3"),
        Target::Upload(_) => find!(upload_columns!(), "upload u \
            WHERE u.registry = ?1 AND u.repository = ?2 AND u.id = ?3"),
    };
    let mut values = params![op.repository.registry, op.repository.id].to_vec();
    values.extend(op.target.param());
    let Some(mut row) = tx.row(select, &values).await? else { return Ok(Ok(None)) };
    Ok(Ok(op.target.read(&mut row)?))
});
