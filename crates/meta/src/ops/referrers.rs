//! Referrers: the images of a repository that name a subject, whether that is there or not.

use oci::digest::Digest;

use crate::{
    ImageId, Never, RepositoryKey, StoreError,
    ops::operation,
    tx::{list, push_list},
    value::{Param, params},
};

/// Lists referrers in the order of their push.
#[derive(Clone, Debug)]
pub struct ListReferrers {
    pub repository: RepositoryKey,
    /// The subject's digest.
    pub subject: Digest,
    /// Only these artifact types; all if empty.
    pub artifact_types: Vec<String>,
    /// Only images after this one.
    pub after: Option<ImageId>,
    /// The maximum number of results.
    pub limit: usize,
}

/// How many referrers fit on a page, asked before they are read: their annotations may be as large as manifests.
#[derive(Clone, Debug)]
pub struct MeasureReferrers {
    /// The list; its limit is the most entries of the page.
    pub list: ListReferrers,
    /// Bytes of annotations at which the page ends. Its first entry is on it whatever its size.
    pub bytes: u64,
}

/// A page of referrers before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferrersMeasure {
    /// How many entries it has.
    pub count: usize,
    /// Bytes of their annotations.
    pub bytes: u64,
    /// Whether there are more entries behind it.
    pub more: bool,
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

const FIRST: ImageId = ImageId(i64::MIN);

impl ListReferrers {
    /// The rows of the list, as a query for some of their columns.
    fn query<'a>(&'a self, columns: &str, limit: &'a usize) -> (String, Vec<Param<'a>>) {
        let types = match self.artifact_types.len() {
            0 => String::new(),
            count => format!("AND artifact_type IN ({})", list(6, count)),
        };
        let sql = format!(
            "SELECT {columns} FROM image \
            WHERE registry = ?1 AND repository = ?2 AND subject = ?3 AND id > ?4 AND status = 1 {types} \
            ORDER BY id LIMIT ?5"
        );
        let after = self.after.as_ref().unwrap_or(&FIRST);
        let mut values =
            params![self.repository.registry, self.repository.id, self.subject, *after, *limit].to_vec();
        push_list(&mut values, &self.artifact_types);
        (sql, values)
    }
}

operation!(MeasureReferrers: Page -> ReferrersMeasure, Never, |op, tx| {
    let limit = op.list.limit + 1;
    let (sql, values) = op.list.query("CAST(COALESCE(length(annotations), 0) AS BIGINT)", &limit);
    let mut measure = ReferrersMeasure { count: 0, bytes: 0, more: false };
    for mut row in tx.rows(&sql, &values).await? {
        let bytes: u64 = row.take()?;
        let is_full = measure.count == op.list.limit || measure.count > 0 && measure.bytes + bytes > op.bytes;
        if is_full {
            measure.more = true;
            break;
        }
        measure.count += 1;
        measure.bytes += bytes;
    }
    Ok(Ok(measure))
});

operation!(ListReferrers: Page -> Vec<Referrer>, Never, |op, tx| {
    let (sql, values) =
        op.query("id, digest, media_type, manifest_size, artifact_type, annotations", &op.limit);
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
