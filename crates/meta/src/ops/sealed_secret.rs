//! The sealed secrets of all access keys: counted, and sealed again when sealing keys change. The second byte of a
//! sealed value is the ID of its sealing key.

use aws::ids::AccessKeyId;

use crate::{Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// How many secrets each sealing key seals.
#[derive(Clone, Copy, Debug)]
pub struct CountSealedSecrets;

operation!(CountSealedSecrets: Page -> Vec<(u8, u64)>, Never, |_op, tx| {
    let select = "SELECT substr(sealed_secret, 2, 1) AS sealing_key, COUNT(*) FROM access_key GROUP BY sealing_key";
    let rows = tx.rows(select, &params![]).await?;
    let counts: Result<Vec<_>, StoreError> = rows.into_iter().map(|mut row| {
        let (key, count): (Vec<u8>, i64) = (row.take()?, row.take()?);
        Ok((key.first().copied().unwrap_or_default(), u64::try_from(count).unwrap_or_default()))
    }).collect();
    Ok(Ok(counts?))
});

/// Lists secrets that other keys than this one seal, by access key.
#[derive(Clone, Debug)]
pub struct ListSecretsNotUnder {
    /// The sealing key's id.
    pub sealing_key: u8,
    /// Begins after this access key.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

/// A sealed secret. It has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The access key.
    pub id: AccessKeyId,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
}

operation!(ListSecretsNotUnder: Page -> Vec<SealedSecret>, Never, |op, tx| {
    let select = "SELECT id, sealed_secret FROM access_key \
        WHERE substr(sealed_secret, 2, 1) <> ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let rows = tx.rows(select, &params![vec![op.sealing_key], op.after, op.limit]).await?;
    let secrets: Result<Vec<_>, StoreError> = rows.into_iter().map(|mut row| {
        Ok(SealedSecret { id: row.take()?, sealed: row.take()? })
    }).collect();
    Ok(Ok(secrets?))
});

/// Replaces the secret that was read by the one that was sealed again; false if it no longer exists.
#[derive(Clone)]
pub struct ResealSecret {
    /// What was read.
    pub old: SealedSecret,
    /// The same secret under another key.
    pub sealed: Vec<u8>,
}

operation!(ResealSecret: Durable [Identity] -> bool, Never, |op, tx| {
    let update = "UPDATE access_key SET sealed_secret = ?3 WHERE id = ?1 AND sealed_secret = ?2";
    Ok(Ok(tx.execute(update, &params![op.old.id, op.old.sealed, op.sealed]).await? == 1))
});
