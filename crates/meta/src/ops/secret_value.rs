//! The values of secrets of Secrets Manager, sealed. They are sealed again when sealing keys change.

use std::fmt;

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{
        operation,
        secret::{NewSecretValue, NoSecret},
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// The stage of the value that is used.
pub const CURRENT: &str = "AWSCURRENT";
/// The stage of the value before it.
pub const PREVIOUS: &str = "AWSPREVIOUS";

/// A value. It has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue {
    /// `AWSCURRENT` or `AWSPREVIOUS`.
    pub stage: String,
    /// The ID of the version.
    pub id: String,
    pub sealed: Vec<u8>,
    pub created_at: Micros,
}

impl SecretValue {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self { stage: row.take()?, id: row.take()?, sealed: row.take()?, created_at: row.take()? })
    }
}

/// Makes a value the current one, and the current one the one before.
pub(crate) async fn put_value(
    tx: &mut Tx<'_>,
    arn: &str,
    value: &NewSecretValue,
    at: Micros,
) -> Result<(), StoreError> {
    tx.execute("DELETE FROM secret_value WHERE arn = ?1 AND stage = ?2", &params![arn, PREVIOUS]).await?;
    let update = "UPDATE secret_value SET stage = ?3 WHERE arn = ?1 AND stage = ?2";
    tx.execute(update, &params![arn, CURRENT, PREVIOUS]).await?;
    let insert = "INSERT INTO secret_value (arn, stage, id, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(insert, &params![arn, CURRENT, value.id, value.sealed, at]).await.map(|_| ())
}

/// Gives a secret a new value. If a version with the ID exists, it stays, and false is returned.
#[derive(Clone)]
pub struct PutSecretValue<K = String> {
    pub arn: K,
    pub value: NewSecretValue,
    /// Now.
    pub at: Micros,
}

operation!(PutSecretValue<K: Key>: Durable [] -> bool, NoSecret, |op, tx| {
    let arn = op.arn.as_ref();
    let touch = "UPDATE secret SET changed_at = ?2 WHERE arn = ?1";
    if tx.execute(touch, &params![arn, op.at]).await? == 0 {
        return Ok(Err(NoSecret));
    }
    let find = "SELECT 1 FROM secret_value WHERE arn = ?1 AND id = ?2";
    if tx.row(find, &params![arn, op.value.id]).await?.is_some() {
        return Ok(Ok(false));
    }
    put_value(tx, arn, &op.value, op.at).await?;
    Ok(Ok(true))
});

/// Reads the values of a secret: the current one first.
#[derive(Clone, Debug)]
pub struct ListSecretValues {
    pub arn: String,
}

operation!(ListSecretValues: Point -> Vec<SecretValue>, Never, |op, tx| {
    let select = "SELECT stage, id, sealed, created_at FROM secret_value WHERE arn = ?1 ORDER BY stage";
    let rows = tx.rows(select, &params![op.arn]).await?;
    Ok(Ok(rows.into_iter().map(SecretValue::read).collect::<Result<_, _>>()?))
});

/// Lists the values that other keys than this one seal, by ARN and stage.
#[derive(Clone, Debug)]
pub struct ListSecretValuesNotUnder {
    /// The sealing key's id.
    pub sealing_key: u8,
    /// Begins after this version, written as text; empty for the first.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

/// Which value of which secret. As text, a space is between the two: neither contains one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion {
    pub arn: String,
    pub stage: String,
}

impl fmt::Display for SecretVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.arn, self.stage)
    }
}

/// A sealed value. It has no Debug.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecretValue {
    pub version: SecretVersion,
    pub sealed: Vec<u8>,
}

operation!(ListSecretValuesNotUnder: Page -> Vec<SealedSecretValue>, Never, |op, tx| {
    let select = "SELECT arn, stage, sealed FROM secret_value WHERE substr(sealed, 2, 1) <> ?1 \
        AND (arn > ?2 OR (arn = ?2 AND stage > ?3)) ORDER BY arn, stage LIMIT ?4";
    let (arn, stage) = op.after.split_once(' ').unwrap_or_default();
    let rows = tx.rows(select, &params![vec![op.sealing_key], arn, stage, op.limit]).await?;
    let sealed = |mut row: Row| {
        let version = SecretVersion { arn: row.take()?, stage: row.take()? };
        Ok(SealedSecretValue { version, sealed: row.take()? })
    };
    Ok(Ok(rows.into_iter().map(sealed).collect::<Result<_, StoreError>>()?))
});

/// Replaces a value that was read by the same under another key; false if it has changed.
#[derive(Clone)]
pub struct ResealSecretValue {
    /// What was read.
    pub old: SealedSecretValue,
    pub sealed: Vec<u8>,
}

operation!(ResealSecretValue: Durable [] -> bool, Never, |op, tx| {
    let update = "UPDATE secret_value SET sealed = ?4 WHERE arn = ?1 AND stage = ?2 AND sealed = ?3";
    let SealedSecretValue { version, sealed } = &op.old;
    Ok(Ok(tx.execute(update, &params![version.arn, version.stage, sealed, op.sealed]).await? == 1))
});
