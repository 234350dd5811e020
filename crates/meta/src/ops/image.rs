//! Images: stored with their links, children and tags in one transaction; and their manifests.

use oci::digest::Digest;

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError,
    ops::operation,
    value::{Row, params},
};

pub use crate::ops::image_put::{
    MissingContents, PutImage, PutImageOutcome, PutImageRefusal, SPARSE_IMAGES, SameDigestSameTag,
};

/// Whether an image can be pulled (ECR's `imageStatus`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImageState {
    /// It can be pulled.
    #[default]
    Active,
    /// It is in the archive.
    Archived,
    /// It is being restored from the archive.
    Activating,
}

impl ImageState {
    /// Its number in the database.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Active => 1,
            Self::Archived => 2,
            Self::Activating => 3,
        }
    }

    pub(crate) fn read(number: i64) -> Result<Self, StoreError> {
        let all = [Self::Active, Self::Archived, Self::Activating];
        all.into_iter()
            .find(|state| state.number() == number)
            .ok_or(StoreError::Corrupt("the state of an image"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    /// Its id in the repository; grows with the time of the push.
    pub id: ImageId,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Media type of its manifest.
    pub media_type: String,
    /// Its effective artifact type.
    pub artifact_type: Option<String>,
    pub config_media_type: Option<String>,
    pub manifest_size: u64,
    /// ECR's `imageSizeInBytes`: its layers and its config, or the largest of an index's children.
    pub image_size: u64,
    /// The image that it refers to.
    pub subject: Option<Digest>,
    /// When it was first pushed.
    pub pushed_at: Micros,
    /// Who pushed it (unique ID or ARN, as the caller writes it).
    pub pushed_by: String,
    /// When a tag was last set on it.
    pub last_tagged_at: Option<Micros>,
    /// How many tags it has.
    pub tag_count: u64,
    /// Whether it can be pulled.
    pub state: ImageState,
    /// When it was last archived.
    pub last_archived_at: Option<Micros>,
    /// When it was last restored; when it was pushed, if it never was.
    pub last_activated_at: Micros,
}

/// The columns that [`ImageRow::read`] reads, of `image i`. The time of its last pull is not among them: a pull would end
/// the kept answers of its repository.
macro_rules! image_columns {
    () => {
        "i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, \
         i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, i.status, \
         i.last_archived_at, i.last_activated_at"
    };
}
pub(crate) use image_columns;

const DATABASE: crate::Database = crate::Database::Registries;

impl ImageRow {
    pub(crate) const COLUMNS: usize = 15;

    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            digest: row.take()?,
            media_type: row.take()?,
            artifact_type: row.take()?,
            config_media_type: row.take()?,
            manifest_size: row.take()?,
            image_size: row.take()?,
            subject: row.take()?,
            pushed_at: row.take()?,
            pushed_by: row.take()?,
            last_tagged_at: row.take()?,
            tag_count: row.take()?,
            state: ImageState::read(row.take()?)?,
            last_archived_at: row.take()?,
            last_activated_at: row.take()?,
        })
    }
}

/// Reads the bytes of a manifest.
#[derive(Clone, Debug)]
pub struct LoadManifest {
    pub repository: RepositoryKey,
    /// The image.
    pub id: ImageId,
}

operation!(LoadManifest: Point -> Option<Vec<u8>>, Never, |op, tx| {
    let select = "SELECT body FROM manifest_body WHERE registry = ?1 AND repository = ?2 AND image = ?3";
    Ok(Ok(tx.value(select, &params![op.repository.registry, op.repository.id, op.id]).await?))
});
