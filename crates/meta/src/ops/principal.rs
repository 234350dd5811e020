//! IAM principals, their access keys and identity policies. Every change that could alter a decision bumps the
//! principal's version in the same transaction, so that a cache serves only what is still true.

use aws::ids::{AccessKeyId, AccountId};

use crate::{
    AccountKey, Micros, Never, StoreError, Tx,
    ops::operation,
    value::{Row, params},
};

/// A principal: for now, an IAM user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its account.
    pub account_key: AccountKey,
    /// The account's digits.
    pub account_id: AccountId,
    /// AWS's unique id (`AIDA…`), never given to another.
    pub unique_id: String,
    /// `user`.
    pub kind: String,
    /// IAM path, `/` at least.
    pub path: String,
    /// Name within the account.
    pub name: String,
    /// Bumped by every change that could alter a decision.
    pub version: i64,
}

impl Principal {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            account_key: row.take()?,
            account_id: row.take()?,
            unique_id: row.take()?,
            kind: row.take()?,
            path: row.take()?,
            name: row.take()?,
            version: row.take()?,
        })
    }
}

macro_rules! principal_columns {
    () => {
        "p.account, a.account_id, p.unique_id, p.kind, p.path, p.name, p.version"
    };
}

/// The principal is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalGone;

/// Bumps the version; false if there is no such principal.
async fn bump(tx: &mut Tx<'_>, unique_id: &str) -> Result<bool, StoreError> {
    let update = "UPDATE principal SET version = version + 1 WHERE unique_id = ?1";
    Ok(tx.execute(update, &params![unique_id]).await? == 1)
}

/// Makes a user.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// Its account.
    pub account: AccountKey,
    /// AWS's unique id, chosen by the caller at random.
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    /// Name; unique within the account whatever its case.
    pub name: String,
    /// Now.
    pub at: Micros,
}

/// The account has a user of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserExists;

operation!(CreateUser: Durable -> Principal, UserExists, |op, tx| {
    let insert = "INSERT INTO principal \
                    (unique_id, account, kind, path, name, name_folded, version, created_at) \
                  VALUES (?1, ?2, 'user', ?3, ?4, ?5, 1, ?6) \
                  ON CONFLICT (account, kind, name_folded) DO NOTHING";
    let folded = op.name.to_ascii_lowercase();
    tx.execute(insert, &params![op.unique_id, op.account, op.path, op.name, folded, op.at]).await?;
    let select = concat!("SELECT ", principal_columns!(), " FROM principal p JOIN account a ON a.key = p.account \
                          WHERE p.account = ?1 AND p.kind = 'user' AND p.name_folded = ?2");
    let mut row = tx.row(select, &params![op.account, folded]).await?.ok_or(StoreError::Conflict)?;
    let principal = Principal::read(&mut row)?;
    Ok(if principal.unique_id == op.unique_id { Ok(principal) } else { Err(UserExists) })
});

/// Removes a user with its keys and policies.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// The user's unique id.
    pub owner: String,
}

operation!(DeleteUser: Durable -> (), PrincipalGone, |op, tx| {
    tx.execute("DELETE FROM access_key WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM identity_policy_inline WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM identity_policy_managed WHERE owner = ?1", &params![op.owner]).await?;
    let gone = tx.execute("DELETE FROM principal WHERE unique_id = ?1", &params![op.owner]).await?;
    Ok(if gone == 1 { Ok(()) } else { Err(PrincipalGone) })
});

/// Attaches a managed policy; attaching it twice is success.
#[derive(Clone, Debug)]
pub struct AttachManagedPolicy {
    /// The principal's unique id.
    pub owner: String,
    /// The policy's ARN.
    pub arn: String,
}

operation!(AttachManagedPolicy: Durable -> (), PrincipalGone, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let insert = "INSERT INTO identity_policy_managed (owner, arn) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.execute(insert, &params![op.owner, op.arn]).await?;
    Ok(Ok(()))
});

/// Detaches a managed policy. Gives whether it was attached.
#[derive(Clone, Debug)]
pub struct DetachManagedPolicy {
    /// The principal's unique id.
    pub owner: String,
    /// The policy's ARN.
    pub arn: String,
}

operation!(DetachManagedPolicy: Durable -> bool, PrincipalGone, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let delete = "DELETE FROM identity_policy_managed WHERE owner = ?1 AND arn = ?2";
    Ok(Ok(tx.execute(delete, &params![op.owner, op.arn]).await? == 1))
});

/// Writes an inline policy, over the one of the same name.
#[derive(Clone, Debug)]
pub struct PutInlinePolicy {
    /// The principal's unique id.
    pub owner: String,
    /// The policy's name.
    pub name: String,
    /// Its JSON text.
    pub document: String,
}

operation!(PutInlinePolicy: Durable -> (), PrincipalGone, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let upsert = "INSERT INTO identity_policy_inline (owner, name, document) VALUES (?1, ?2, ?3) \
                  ON CONFLICT (owner, name) DO UPDATE SET document = excluded.document";
    tx.execute(upsert, &params![op.owner, op.name, op.document]).await?;
    Ok(Ok(()))
});

/// Removes an inline policy. Gives whether it was there.
#[derive(Clone, Debug)]
pub struct DeleteInlinePolicy {
    /// The principal's unique id.
    pub owner: String,
    /// The policy's name.
    pub name: String,
}

operation!(DeleteInlinePolicy: Durable -> bool, PrincipalGone, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let delete = "DELETE FROM identity_policy_inline WHERE owner = ?1 AND name = ?2";
    Ok(Ok(tx.execute(delete, &params![op.owner, op.name]).await? == 1))
});

/// Makes an access key.
#[derive(Clone)]
pub struct CreateAccessKey {
    /// The key's id.
    pub id: AccessKeyId,
    /// The principal's unique id.
    pub owner: String,
    /// The secret, sealed by the caller.
    pub sealed_secret: Vec<u8>,
    /// Now.
    pub at: Micros,
}

/// Why an access key was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAccessKeyRefusal {
    /// The principal is not there.
    PrincipalGone,
    /// The id is taken.
    Exists,
}

operation!(CreateAccessKey: Durable -> (), CreateAccessKeyRefusal, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(CreateAccessKeyRefusal::PrincipalGone));
    }
    let insert = "INSERT INTO access_key (id, owner, active, sealed_secret, created_at) VALUES (?1, ?2, 1, ?3, ?4) \
                  ON CONFLICT (id) DO NOTHING";
    if tx.execute(insert, &params![op.id, op.owner, op.sealed_secret, op.at]).await? == 1 {
        return Ok(Ok(()));
    }
    // A repeat of this very operation finds its own row, with its own sealed secret.
    let own = "SELECT 1 FROM access_key WHERE id = ?1 AND owner = ?2 AND sealed_secret = ?3";
    let own: Option<i64> = tx.value(own, &params![op.id, op.owner, op.sealed_secret]).await?;
    Ok(own.map(|_| ()).ok_or(CreateAccessKeyRefusal::Exists))
});

/// Switches an access key on or off.
#[derive(Clone, Debug)]
pub struct SetAccessKeyStatus {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub active: bool,
}

/// The access key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessKeyGone;

operation!(SetAccessKeyStatus: Durable -> (), AccessKeyGone, |op, tx| {
    let update = "UPDATE access_key SET active = ?2 WHERE id = ?1 RETURNING owner";
    let owner: Option<String> = tx.value(update, &params![op.id, op.active]).await?;
    let Some(owner) = owner else { return Ok(Err(AccessKeyGone)) };
    bump(tx, &owner).await?;
    Ok(Ok(()))
});

/// Finds an access key with its principal.
#[derive(Clone, Debug)]
pub struct FindAccessKey {
    /// The key's id.
    pub id: AccessKeyId,
}

/// An access key with its principal. Holds a sealed secret and has therefore no Debug.
#[derive(Clone)]
pub struct AccessKey {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub active: bool,
    /// The secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// Whose it is.
    pub principal: Principal,
}

operation!(FindAccessKey: Point -> Option<AccessKey>, Never, |op, tx| {
    let select = concat!("SELECT k.id, k.active, k.sealed_secret, ", principal_columns!(), " FROM access_key k \
                          JOIN principal p ON p.unique_id = k.owner JOIN account a ON a.key = p.account \
                          WHERE k.id = ?1");
    let Some(mut row) = tx.row(select, &params![op.id]).await? else { return Ok(Ok(None)) };
    Ok(Ok(Some(AccessKey {
        id: row.take()?,
        active: row.take()?,
        sealed_secret: row.take()?,
        principal: Principal::read(&mut row)?,
    })))
});

/// Reads the policies of a principal, with the version they belong to.
#[derive(Clone, Debug)]
pub struct LoadIdentityPolicies {
    /// The principal's unique id.
    pub owner: String,
}

/// The policies of a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityPolicies {
    /// The principal's version that these policies are of; 0 if it is gone.
    pub version: i64,
    /// Inline policies: name and JSON text, by name.
    pub inline: Vec<(String, String)>,
    /// ARNs of managed policies, in order.
    pub managed: Vec<String>,
}

operation!(LoadIdentityPolicies: Point -> IdentityPolicies, Never, |op, tx| {
    // One statement, so that version and policies are of one moment.
    let select = "SELECT 0 AS part, '' AS name, '' AS body, version FROM principal WHERE unique_id = ?1 \
        UNION ALL SELECT 1, name, document, 0 FROM identity_policy_inline WHERE owner = ?1 \
        UNION ALL SELECT 2, arn, '', 0 FROM identity_policy_managed WHERE owner = ?1 ORDER BY 1, 2";
    let mut policies = IdentityPolicies::default();
    for mut row in tx.rows(select, &params![op.owner]).await? {
        let (part, name, body): (i64, String, String) = (row.take()?, row.take()?, row.take()?);
        match part {
            0 => policies.version = row.take()?,
            1 => policies.inline.push((name, body)),
            _ => policies.managed.push(name),
        }
    }
    Ok(Ok(policies))
});
