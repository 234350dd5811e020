//! The history of tags: which image each named, since when, and who moved it.

use oci::{digest::Digest, name::Tag};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::operation,
    value::{Row, ToParam, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A tag that was set on an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// Grows with each move in the repository.
    pub id: i64,
    pub tag: Tag,
    /// The image that it names since then.
    pub digest: Digest,
    /// The image that it named before.
    pub previous: Option<Digest>,
    /// The ARN of the caller.
    pub moved_by: String,
    pub moved_at: Micros,
}

impl TagMove {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.take()?,
            tag: row.take()?,
            digest: row.take()?,
            previous: row.take()?,
            moved_by: row.take()?,
            moved_at: row.take()?,
        })
    }
}

/// Writes a move, in the transaction that moves the tag. The caller holds the repository.
pub(crate) async fn record(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    (tag, digest, previous): (&Tag, &Digest, Option<&Digest>),
    (moved_by, moved_at): (&str, Micros),
) -> Result<(), StoreError> {
    let insert = "INSERT INTO tag_history (registry, repository, id, tag, digest, previous, moved_by, moved_at) \
        SELECT ?1, ?2, COALESCE(MAX(id), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM tag_history \
        WHERE registry = ?1 AND repository = ?2";
    let RepositoryKey { registry, id } = repository;
    tx.execute(insert, &params![registry, id, tag, digest, previous.copied(), moved_by, moved_at]).await?;
    Ok(())
}

/// Takes a tag away from an image that loses it to another one.
pub(crate) async fn displace(
    tx: &mut Tx<'_>,
    repository: RepositoryKey,
    image: ImageId,
    at: Micros,
) -> Result<(), StoreError> {
    let update = "UPDATE image SET tag_count = tag_count - 1, displaced_at = ?4, \
        tagged = CASE WHEN tag_count > 1 THEN 1 ELSE 0 END WHERE registry = ?1 AND repository = ?2 AND id = ?3";
    tx.execute(update, &params![repository.registry, repository.id, image, at]).await?;
    Ok(())
}

/// Lists the moves of a repository's tags, the newest first.
#[derive(Clone, Debug)]
pub struct ListTagMoves {
    pub repository: RepositoryKey,
    /// Only moves of this tag.
    pub tag: Option<Tag>,
    /// Only moves before this one.
    pub before: Option<i64>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListTagMoves: Point -> Vec<TagMove>, Never, |op, tx| {
    const COLUMNS: &str = "SELECT id, tag, digest, previous, moved_by, moved_at FROM tag_history \
        WHERE registry = ?1 AND repository = ?2 AND id < ?3";
    let before = op.before.unwrap_or(i64::MAX);
    let RepositoryKey { registry, id } = op.repository;
    let of_tag = if op.tag.is_some() { " AND tag = ?5" } else { "" };
    let select = format!("{COLUMNS}{of_tag} ORDER BY id DESC LIMIT ?4");
    let mut values = params![registry, id, before, op.limit].to_vec();
    values.extend(op.tag.as_ref().map(ToParam::to_param));
    let rows = tx.rows(&select, &values).await?;
    let moves: Result<_, StoreError> = rows.into_iter().map(|mut row| TagMove::read(&mut row)).collect();
    Ok(Ok(moves?))
});

/// Removes the moves that are older than the deployment keeps them; returns how many.
#[derive(Clone, Debug)]
pub struct TrimTagHistory {
    pub before: Micros,
    /// The maximum number of rows.
    pub limit: usize,
}

operation!(TrimTagHistory: Relaxed [] -> usize, Never, |op, tx| {
    let delete = "DELETE FROM tag_history WHERE (registry, repository, id) IN \
        (SELECT registry, repository, id FROM tag_history WHERE moved_at < ?1 ORDER BY moved_at LIMIT ?2)";
    let removed = tx.execute(delete, &params![op.before, op.limit]).await?;
    Ok(Ok(usize::try_from(removed).unwrap_or(usize::MAX)))
});
