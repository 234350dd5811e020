//! Secrets of Secrets Manager: their names, policies and deletion. Their values are in `secret_value`.

use aws::ids::{AccountId, Region};

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{
        account::lock_account_where, event_rule::EventPage, iam_tag::put_tag, operation,
        secret_value::put_value,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

/// A secret without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub arn: String,
    pub name: String,
    pub description: Option<String>,
    /// The resource policy.
    pub policy: Option<String>,
    pub created_at: Micros,
    pub changed_at: Micros,
    /// When it is removed; none if it was not deleted.
    pub delete_at: Option<Micros>,
}

const SELECT: &str = "SELECT arn, name, description, policy, created_at, changed_at, delete_at FROM secret";

impl Secret {
    fn read(mut row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            name: row.take()?,
            description: row.take()?,
            policy: row.take()?,
            created_at: row.take()?,
            changed_at: row.take()?,
            delete_at: row.take()?,
        })
    }
}

/// A value that a request gives a secret. It has no Debug.
#[derive(Clone)]
pub struct NewSecretValue {
    /// The ID of the version.
    pub id: String,
    pub sealed: Vec<u8>,
}

/// Creates a secret.
#[derive(Clone)]
pub struct CreateSecret {
    pub arn: String,
    pub account_id: AccountId,
    pub region: Region,
    pub name: String,
    pub description: Option<String>,
    pub value: Option<NewSecretValue>,
    pub tags: Vec<(String, String)>,
    /// How many secrets an account may have in a Region.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a secret was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateSecretRefusal {
    /// There is one with this name.
    Exists,
    /// There is one with this name, which was deleted and can be restored.
    Deleted,
    /// The account has as many as it may have.
    Limit,
}

operation!(CreateSecret: Durable [Identity] -> (), CreateSecretRefusal, |op, tx| {
    lock_account_where(tx, "account_id = ?1", &params![op.account_id]).await?;
    let find = format!("{SELECT} WHERE account_id = ?1 AND region = ?2 AND name = ?3");
    if let Some(row) = tx.row(&find, &params![op.account_id, op.region, op.name]).await? {
        let found = Secret::read(row)?;
        match found.delete_at {
            // Its ARN is random: finding it means that this operation created the row.
            None if found.arn == op.arn => return Ok(Ok(())),
            None => return Ok(Err(CreateSecretRefusal::Exists)),
            Some(at) if at > op.at => return Ok(Err(CreateSecretRefusal::Deleted)),
            Some(_) => remove(tx, &found.arn).await?,
        }
    }
    let count = "SELECT COUNT(*) FROM secret WHERE account_id = ?1 AND region = ?2";
    let count: Option<i64> = tx.value(count, &params![op.account_id, op.region]).await?;
    if count.unwrap_or_default() >= op.limit {
        return Ok(Err(CreateSecretRefusal::Limit));
    }
    let insert = "INSERT INTO secret (arn, account_id, region, name, description, created_at, changed_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
    let values = params![op.arn, op.account_id, op.region, op.name, op.description, op.at];
    tx.execute(insert, &values).await?;
    if let Some(value) = &op.value {
        put_value(tx, &op.arn, value, op.at).await?;
    }
    for (key, value) in &op.tags {
        put_tag(tx, &op.arn, key, value).await?;
    }
    Ok(Ok(()))
});

async fn remove(tx: &mut Tx<'_>, arn: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM secret_value WHERE arn = ?1", &params![arn]).await?;
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![arn]).await?;
    tx.execute("DELETE FROM secret WHERE arn = ?1", &params![arn]).await.map(|_| ())
}

/// Finds the secret of an account with a name. One that was deleted and whose time is over is not found.
#[derive(Clone, Debug)]
pub struct FindSecret {
    pub account_id: AccountId,
    pub region: Region,
    pub name: String,
    /// Now.
    pub at: Micros,
}

operation!(FindSecret: Point -> Option<Secret>, Never, |op, tx| {
    let select = format!("{SELECT} WHERE account_id = ?1 AND region = ?2 AND name = ?3 \
        AND (delete_at IS NULL OR delete_at > ?4)");
    let row = tx.row(&select, &params![op.account_id, op.region, op.name, op.at]).await?;
    Ok(Ok(row.map(Secret::read).transpose()?))
});

/// Lists secrets by name, with those that were deleted and can be restored.
#[derive(Clone, Debug)]
pub struct ListSecrets(pub EventPage);

operation!(ListSecrets: Point -> Vec<Secret>, Never, |op, tx| {
    let rows = op.0.rows(tx, SELECT).await?;
    Ok(Ok(rows.into_iter().map(Secret::read).collect::<Result<_, _>>()?))
});

/// Changes the description of a secret, its policy or when it is removed.
#[derive(Clone, Debug)]
pub struct ChangeSecret<K = String> {
    pub arn: K,
    pub change: SecretChange,
    /// Now.
    pub at: Micros,
}

/// What changes of a secret.
#[derive(Clone, Debug)]
pub enum SecretChange {
    Description(String),
    /// The resource policy; none removes it.
    Policy(Option<String>),
    /// When the secret is removed; none restores it.
    DeleteAt(Option<Micros>),
}

/// The secret was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSecret;

operation!(ChangeSecret<K: Key>: Durable [] -> (), NoSecret, |op, tx| {
    let arn = op.arn.as_ref();
    let changed = match &op.change {
        SecretChange::Description(text) => {
            let update = "UPDATE secret SET description = ?2, changed_at = ?3 WHERE arn = ?1";
            tx.execute(update, &params![arn, text, op.at]).await?
        }
        SecretChange::Policy(text) => {
            tx.execute("UPDATE secret SET policy = ?2 WHERE arn = ?1", &params![arn, text]).await?
        }
        SecretChange::DeleteAt(at) => {
            tx.execute("UPDATE secret SET delete_at = ?2 WHERE arn = ?1", &params![arn, at]).await?
        }
    };
    Ok(if changed == 1 { Ok(()) } else { Err(NoSecret) })
});

/// Removes a secret at once, with its values and tags.
#[derive(Clone, Debug)]
pub struct RemoveSecret<K = String> {
    pub arn: K,
}

operation!(RemoveSecret<K: Key>: Durable [Identity] -> (), Never, |op, tx| {
    remove(tx, op.arn.as_ref()).await?;
    Ok(Ok(()))
});

/// Removes secrets that were deleted and whose time is over; returns how many.
#[derive(Clone, Debug)]
pub struct RemoveDeletedSecrets {
    /// Now.
    pub at: Micros,
    /// The maximum number.
    pub limit: usize,
}

operation!(RemoveDeletedSecrets: Durable [Identity] -> usize, Never, |op, tx| {
    let rows = tx.rows("SELECT arn FROM secret WHERE delete_at <= ?1 LIMIT ?2", &params![op.at, op.limit]).await?;
    let arns = rows.into_iter().map(|mut row| row.take()).collect::<Result<Vec<String>, _>>()?;
    for arn in &arns {
        remove(tx, arn).await?;
    }
    Ok(Ok(arns.len()))
});
