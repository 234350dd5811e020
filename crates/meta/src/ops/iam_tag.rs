//! Tags of what IAM tags. Keys are unique whatever their case.

use crate::{
    Never, StoreError, Tx,
    ops::{operation, principal::bump},
    value::params,
};

/// Writes one tag over the one with the same key.
pub(crate) async fn put_tag(tx: &mut Tx<'_>, owner: &str, key: &str, value: &str) -> Result<(), StoreError> {
    let upsert = "INSERT INTO iam_tag (owner, key_folded, key, value) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (owner, key_folded) DO UPDATE SET key = excluded.key, value = excluded.value";
    tx.execute(upsert, &params![owner, key.to_lowercase(), key, value]).await.map(|_| ())
}

/// Sets tags.
#[derive(Clone, Debug)]
pub struct PutIamTags {
    /// Unique id of what is tagged, or its ARN.
    pub owner: String,
    /// The tags.
    pub tags: Vec<(String, String)>,
    /// How many it may have.
    pub limit: i64,
}

/// There would be more tags than there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyIamTags;

operation!(PutIamTags: Durable -> (), TooManyIamTags, |op, tx| {
    bump(tx, &op.owner).await?;
    for (key, value) in &op.tags {
        put_tag(tx, &op.owner, key, value).await?;
    }
    let count = "SELECT COUNT(*) FROM iam_tag WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![op.owner]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(TooManyIamTags) } else { Ok(()) })
});

/// Removes tags; those that are not there do not matter.
#[derive(Clone, Debug)]
pub struct RemoveIamTags {
    /// Unique id of what is tagged, or its ARN.
    pub owner: String,
    /// The keys.
    pub keys: Vec<String>,
}

operation!(RemoveIamTags: Durable -> (), Never, |op, tx| {
    bump(tx, &op.owner).await?;
    for key in &op.keys {
        let delete = "DELETE FROM iam_tag WHERE owner = ?1 AND key_folded = ?2";
        tx.execute(delete, &params![op.owner, key.to_lowercase()]).await?;
    }
    Ok(Ok(()))
});

/// Reads tags by key: at most 50.
#[derive(Clone, Debug)]
pub struct ListIamTags {
    /// Unique id of what is tagged, or its ARN.
    pub owner: String,
}

operation!(ListIamTags: Point -> Vec<(String, String)>, Never, |op, tx| {
    let select = "SELECT key, value FROM iam_tag WHERE owner = ?1 ORDER BY key_folded";
    let rows = tx.rows(select, &params![op.owner]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect::<Result<_, StoreError>>()?))
});
