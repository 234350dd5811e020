//! Tags of IAM's resources, of EventBridge's rules and of secrets. Keys are unique regardless of case.

use aws::tag::folded;

use crate::{
    Never, StoreError, Tx,
    ops::{operation, principal::bump},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Writes one tag over the one with the same key.
pub(crate) async fn put_tag(tx: &mut Tx<'_>, owner: &str, key: &str, value: &str) -> Result<(), StoreError> {
    let upsert = "INSERT INTO iam_tag (owner, key_folded, key, value) VALUES (?1, ?2, ?3, ?4) \
        ON CONFLICT (owner, key_folded) DO UPDATE SET key = excluded.key, value = excluded.value";
    tx.execute(upsert, &params![owner, folded(key), key, value]).await.map(|_| ())
}

#[derive(Clone, Debug)]
pub struct PutIamTags<K = String> {
    /// Unique ID of what is tagged, or its ARN.
    pub owner: K,
    pub tags: Vec<(String, String)>,
    /// Its quota.
    pub limit: i64,
}

/// Why tags were not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutIamTagsRefusal {
    /// What they are for does not exist.
    Gone,
    /// The quota would be exceeded.
    TooMany,
}

/// The resources with tags other than principals, with their key column.
const OWNERS: [(&str, &str); 5] = [
    ("managed_policy", "policy_id"),
    ("instance_profile", "unique_id"),
    ("oidc_provider", "arn"),
    ("event_rule", "arn"),
    ("secret", "arn"),
];

/// Holds the tagged resource until the commit, and increments its version if it is a principal; false if it does not
/// exist.
async fn hold_owner(tx: &mut Tx<'_>, owner: &str) -> Result<bool, StoreError> {
    if bump(tx, owner).await? {
        return Ok(true);
    }
    for (table, column) in OWNERS {
        let lock = tx.fork("", " FOR NO KEY UPDATE");
        let select = format!("SELECT 1 FROM {table} WHERE {column} = ?1{lock}");
        if tx.value::<i64>(&select, &params![owner]).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

operation!(PutIamTags<K: Key>: Durable [Identity] -> (), PutIamTagsRefusal, |op, tx| {
    let owner = op.owner.as_ref();
    if !hold_owner(tx, owner).await? {
        return Ok(Err(PutIamTagsRefusal::Gone));
    }
    for (key, value) in &op.tags {
        put_tag(tx, owner, key, value).await?;
    }
    let count = "SELECT COUNT(*) FROM iam_tag WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![owner]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(PutIamTagsRefusal::TooMany) } else { Ok(()) })
});

/// Removes tags. Missing ones are not an error.
#[derive(Clone, Debug)]
pub struct RemoveIamTags<K = String> {
    /// Unique ID of what is tagged, or its ARN.
    pub owner: K,
    pub keys: Vec<String>,
}

operation!(RemoveIamTags<K: Key>: Durable [Identity] -> (), Never, |op, tx| {
    let owner = op.owner.as_ref();
    bump(tx, owner).await?;
    for key in &op.keys {
        let delete = "DELETE FROM iam_tag WHERE owner = ?1 AND key_folded = ?2";
        tx.execute(delete, &params![owner, folded(key)]).await?;
    }
    Ok(Ok(()))
});

/// Reads tags by key: at most 50.
#[derive(Clone, Debug)]
pub struct ListIamTags {
    /// Unique ID of what is tagged, or its ARN.
    pub owner: String,
}

operation!(ListIamTags: Point -> Vec<(String, String)>, Never, |op, tx| {
    let select = "SELECT key, value FROM iam_tag WHERE owner = ?1 ORDER BY key_folded";
    let rows = tx.rows(select, &params![op.owner]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect::<Result<_, StoreError>>()?))
});
