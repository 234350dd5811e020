//! Tags with their times and images, listed in byte order.

use oci::name::Tag;

use crate::{
    Micros, Never, RepositoryKey, StoreError,
    ops::{
        image::{ImageRow, image_columns},
        operation,
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A tag, when it was last set, and its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagDetail {
    pub tag: Tag,
    pub tagged_at: Micros,
    pub image: ImageRow,
}

/// Lists tags in byte order, with their images.
#[derive(Clone, Debug)]
pub struct ListTagDetails {
    pub repository: RepositoryKey,
    /// Only tags after this one.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListTagDetails: List -> Vec<TagDetail>, Never, |op, tx| {
    let select = concat!("SELECT t.name, t.tagged_at, ", image_columns!(), " FROM tag t \
        JOIN image i ON i.registry = t.registry AND i.repository = t.repository AND i.id = t.image \
        WHERE t.registry = ?1 AND t.repository = ?2 AND t.name > ?3 ORDER BY t.name LIMIT ?4");
    let after = op.after.as_deref().unwrap_or_default();
    let rows = tx.rows(select, &params![op.repository.registry, op.repository.id, after, op.limit]).await?;
    let details: Result<_, StoreError> = rows
        .into_iter()
        .map(|mut row| Ok(TagDetail { tag: row.take()?, tagged_at: row.take()?, image: ImageRow::read(&mut row)? }))
        .collect();
    Ok(Ok(details?))
});
