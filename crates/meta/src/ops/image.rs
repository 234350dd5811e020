//! Images: stored with their links, children and tags in one transaction; their manifests and pull times.

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

    /// The condition on `image i` for images of this state; for all if there is none.
    pub(crate) const fn condition(state: Option<Self>) -> &'static str {
        match state {
            None => "",
            Some(Self::Active) => "AND i.status = 1",
            Some(Self::Archived) => "AND i.status = 2",
            Some(Self::Activating) => "AND i.status = 3",
        }
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
    /// When it was last pulled, with the precision of the calls of [`RecordPull`].
    pub last_pulled_at: Option<Micros>,
    /// Whether it can be pulled.
    pub state: ImageState,
    /// When it was last archived.
    pub last_archived_at: Option<Micros>,
    /// When it was last restored; when it was pushed, if it never was.
    pub last_activated_at: Micros,
}

/// The columns that [`ImageRow::read`] reads, of `image i` and, joined outside, `image_pull q`.
macro_rules! image_columns {
    () => {
        "i.id, i.digest, i.media_type, i.artifact_type, i.config_media_type, i.manifest_size, i.image_size, \
         i.subject, i.pushed_at, i.pushed_by, i.last_tagged_at, i.tag_count, q.last_pulled_at, i.status, \
         i.last_archived_at, i.last_activated_at"
    };
}
pub(crate) use image_columns;

/// The join that gives `image_pull q`.
macro_rules! pull_join {
    () => {
        " LEFT JOIN image_pull q ON q.registry = i.registry AND q.repository = i.repository AND q.image = i.id "
    };
}
pub(crate) use pull_join;

impl ImageRow {
    pub(crate) const COLUMNS: usize = 16;

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
            last_pulled_at: row.take()?,
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

/// Records a pull of an image, unless the principal is excluded, and tells which. Call it rarely: `last_pulled_at` of the row shows when it is useful.
#[derive(Clone, Debug)]
pub struct RecordPull {
    pub repository: RepositoryKey,
    /// The image.
    pub id: ImageId,
    /// When.
    pub at: Micros,
    /// The ARN of the user or role that pulled.
    pub principal_arn: String,
}

operation!(RecordPull: Relaxed [Contents(op.repository)] -> bool, Never, |op, tx| {
    let excluded = "SELECT 1 FROM pull_time_exclusion WHERE registry = ?1 AND principal_arn = ?2";
    if tx.row(excluded, &params![op.repository.registry, op.principal_arn]).await?.is_some() {
        return Ok(Ok(false));
    }
    // Nothing is written for an image that was deleted meanwhile. A time never moves back.
    let upsert = "INSERT INTO image_pull (registry, repository, image, last_pulled_at) \
        SELECT registry, repository, id, ?4 FROM image WHERE registry = ?1 AND repository = ?2 AND id = ?3 \
        ON CONFLICT (registry, repository, image) DO UPDATE SET last_pulled_at = excluded.last_pulled_at \
        WHERE image_pull.last_pulled_at < excluded.last_pulled_at";
    tx.execute(upsert, &params![op.repository.registry, op.repository.id, op.id, op.at]).await?;
    Ok(Ok(true))
});
