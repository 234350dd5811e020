//! Referrers: the images of a repository that name a subject, whether or not it exists.

use oci::digest::Digest;

use crate::{
    ImageId, Never, RepositoryKey, StoreError, Tx,
    ops::{image::ImageState, operation},
    tx::push_list,
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Lists referrers in the order of their push.
#[derive(Clone, Debug)]
pub struct ListReferrers {
    pub repository: RepositoryKey,
    /// The subject's digest.
    pub subject: Digest,
    /// Only these artifact types; all if empty.
    pub artifact_types: Vec<String>,
    /// Only images of this state; all if there is none.
    pub state: Option<ImageState>,
    /// Only images after this one.
    pub after: Option<ImageId>,
    /// The maximum number of results.
    pub limit: usize,
}

/// How many referrers fit on a page. This is read before them, because their annotations can be as large as manifests.
#[derive(Clone, Debug)]
pub struct MeasureReferrers {
    /// The list. Its limit is the maximum number of entries on the page.
    pub list: ListReferrers,
    /// Bytes of annotations at which the page ends. The first entry is always on the page.
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
    pub state: ImageState,
}

const FIRST: ImageId = ImageId(i64::MIN);

impl ListReferrers {
    /// The rows of the list, as a query for some of their columns. Each state and each artifact type is a range of an index
    /// of its own. SQLite must be told which index, because it prefers the primary key and would read the whole repository.
    pub(crate) fn query<'a>(
        &'a self,
        tx: &Tx<'_>,
        columns: &str,
        limit: &'a usize,
    ) -> (String, Vec<Param<'a>>) {
        let image = tx.fork("image INDEXED BY image_subject", "image");
        let typed = tx.fork("image INDEXED BY image_subject_type", "image");
        let range = "registry = ?1 AND repository = ?2 AND subject = ?3 AND subject IS NOT NULL AND id > ?4";
        let of = |columns: &str, (state, at): (ImageState, Option<usize>)| {
            let (table, of_type) = match at {
                None => (image, String::new()),
                Some(at) => (typed, format!(" AND artifact_type = ?{at}")),
            };
            let status = state.number();
            format!(
                "SELECT {columns} FROM {table} WHERE {range} AND status = {status}{of_type} ORDER BY id LIMIT ?5"
            )
        };
        let all = [ImageState::Active, ImageState::Archived, ImageState::Activating];
        let states = all.into_iter().filter(|one| self.state.is_none_or(|state| state == *one));
        let types: Vec<Option<usize>> = match self.artifact_types.len() {
            0 => vec![None],
            count => (6..6 + count.next_power_of_two()).map(Some).collect(),
        };
        let ranges: Vec<_> = states.flat_map(|state| types.iter().map(move |at| (state, *at))).collect();
        let sql = match ranges.as_slice() {
            [one] => of(columns, *one),
            several => {
                let ranges: Vec<String> = several
                    .iter()
                    .enumerate()
                    .map(|(part, range)| format!("SELECT id FROM ({}) AS part_{part}", of("id", *range)))
                    .collect();
                format!(
                    "SELECT {columns} FROM image WHERE registry = ?1 AND repository = ?2 AND id IN ({}) \
                     ORDER BY id LIMIT ?5",
                    ranges.join(" UNION ALL ")
                )
            }
        };
        let after = self.after.as_ref().unwrap_or(&FIRST);
        let mut values =
            params![self.repository.registry, self.repository.id, self.subject, *after, *limit].to_vec();
        push_list(&mut values, &self.artifact_types);
        (sql, values)
    }
}

operation!(MeasureReferrers: List -> ReferrersMeasure, Never, |op, tx| {
    let limit = op.list.limit + 1;
    let (sql, values) = op.list.query(tx, "CAST(COALESCE(length(annotations), 0) AS BIGINT)", &limit);
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

operation!(ListReferrers: List -> Vec<Referrer>, Never, |op, tx| {
    let (sql, values) =
        op.query(tx, "id, digest, media_type, manifest_size, artifact_type, annotations, status", &op.limit);
    let rows = tx.rows(&sql, &values).await?;
    let referrers: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(Referrer {
        id: row.take()?,
        digest: row.take()?,
        media_type: row.take()?,
        size: row.take()?,
        artifact_type: row.take()?,
        annotations_json: row.take()?,
        state: ImageState::read(row.take()?)?,
    })).collect();
    Ok(Ok(referrers?))
});
