//! Referrers: the images of a repository that name a subject, whether that is there or not.

use oci::digest::Digest;

use crate::{
    ImageId, Never, RepositoryKey, StoreError,
    ops::operation,
    tx::{list, push_list},
    value::params,
};

/// Lists referrers in the order of their push.
#[derive(Clone, Debug)]
pub struct ListReferrers {
    /// The repository.
    pub repository: RepositoryKey,
    /// The subject's digest.
    pub subject: Digest,
    /// Only these artifact types; all if empty.
    pub artifact_types: Vec<String>,
    /// Only images after this one.
    pub after: Option<ImageId>,
    /// How many at most.
    pub limit: usize,
}

/// What a referrers list says of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The image, for the next page.
    pub id: ImageId,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Media type of its manifest.
    pub media_type: String,
    /// Size of its manifest.
    pub size: u64,
    /// Its effective artifact type.
    pub artifact_type: Option<String>,
    /// Annotations of its manifest, as JSON.
    pub annotations_json: Option<Vec<u8>>,
}

operation!(ListReferrers: Page -> Vec<Referrer>, Never, |op, tx| {
    let types = match op.artifact_types.len() {
        0 => String::new(),
        count => format!("AND artifact_type IN ({})", list(6, count)),
    };
    let sql = format!("SELECT id, digest, media_type, manifest_size, artifact_type, annotations FROM image \
        WHERE registry = ?1 AND repository = ?2 AND subject = ?3 AND id > ?4 AND status = 1 {types} \
        ORDER BY id LIMIT ?5");
    let after = op.after.unwrap_or(ImageId(i64::MIN));
    let mut values =
        params![op.repository.registry, op.repository.id, op.subject, after, op.limit].to_vec();
    push_list(&mut values, &op.artifact_types);
    let rows = tx.rows(&sql, &values).await?;
    let referrers: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(Referrer {
        id: row.take()?,
        digest: row.take()?,
        media_type: row.take()?,
        size: row.take()?,
        artifact_type: row.take()?,
        annotations_json: row.take()?,
    })).collect();
    Ok(Ok(referrers?))
});
