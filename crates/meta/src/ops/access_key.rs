//! Access keys of users and roots. The secret is sealed before it comes here.

use aws::ids::AccessKeyId;

use crate::{
    Micros, Never,
    ops::{
        operation,
        principal::{Principal, bump, principal_columns},
    },
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone)]
pub struct CreateAccessKey<K = String> {
    /// The key's id.
    pub id: AccessKeyId,
    /// The principal's unique ID.
    pub owner: K,
    /// The secret, sealed by the caller.
    pub sealed_secret: Vec<u8>,
    /// Now.
    pub at: Micros,
}

/// Why an access key was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAccessKeyRefusal {
    /// The principal does not exist.
    PrincipalGone,
    /// The id is taken.
    Exists,
}

operation!(CreateAccessKey<K: Key>: Durable [Identity] -> (), CreateAccessKeyRefusal, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(CreateAccessKeyRefusal::PrincipalGone));
    }
    let insert = "INSERT INTO access_key (id, owner, active, sealed_secret, created_at) VALUES (?1, ?2, 1, ?3, ?4) \
                  ON CONFLICT (id) DO NOTHING";
    if tx.execute(insert, &params![op.id, owner, op.sealed_secret, op.at]).await? == 1 {
        return Ok(Ok(()));
    }
    // A repeated run of this operation finds its own row, with its own sealed secret.
    let own = "SELECT 1 FROM access_key WHERE id = ?1 AND owner = ?2 AND sealed_secret = ?3";
    let own: Option<i64> = tx.value(own, &params![op.id, owner, op.sealed_secret]).await?;
    Ok(own.map(|_| ()).ok_or(CreateAccessKeyRefusal::Exists))
});

/// Switches an access key on or off.
#[derive(Clone, Debug)]
pub struct SetAccessKeyStatus<K = String> {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whose it must be.
    pub owner: K,
    /// Whether it may be used.
    pub active: bool,
}

/// The access key does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessKeyGone;

operation!(SetAccessKeyStatus<K: Key>: Durable [Identity] -> (), AccessKeyGone, |op, tx| {
    let owner = op.owner.as_ref();
    let update = "UPDATE access_key SET active = ?2 WHERE id = ?1 AND owner = ?3";
    if tx.execute(update, &params![op.id, op.active, owner]).await? == 0 {
        return Ok(Err(AccessKeyGone));
    }
    bump(tx, owner).await?;
    Ok(Ok(()))
});

/// Finds an access key with its principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FindAccessKey {
    /// The key's id.
    pub id: AccessKeyId,
}

/// An access key with its principal. No `Debug`: it contains a sealed secret.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub active: bool,
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

/// Creates an access key, if the principal has fewer than its quota.
#[derive(Clone)]
pub struct CreateAccessKeyWithin<K = String> {
    pub key: CreateAccessKey<K>,
    /// The principal's quota.
    pub limit: i64,
}

/// Why an access key was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateAccessKeyWithinRefusal {
    /// The key itself was refused.
    Key(CreateAccessKeyRefusal),
    /// The principal has as many as its quota allows.
    Limit,
}

operation!(CreateAccessKeyWithin<K: Key>: Durable [Identity] -> (), CreateAccessKeyWithinRefusal, |op, tx| {
    if let Err(refusal) = op.key.run(tx).await? {
        return Ok(Err(CreateAccessKeyWithinRefusal::Key(refusal)));
    }
    let count = "SELECT COUNT(*) FROM access_key WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![op.key.owner.as_ref()]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(CreateAccessKeyWithinRefusal::Limit) } else { Ok(()) })
});

/// An access key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyInfo {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub active: bool,
    /// When it was created.
    pub created_at: Micros,
    /// When, in which region and for which service it was last used.
    pub last_used: Option<(Micros, String, String)>,
}

/// The access keys of a principal, oldest first.
#[derive(Clone, Debug)]
pub struct ListAccessKeys {
    /// The principal's unique ID.
    pub owner: String,
}

operation!(ListAccessKeys: Point -> Vec<AccessKeyInfo>, Never, |op, tx| {
    let select = "SELECT id, active, created_at, last_used_at, last_used_region, last_used_service \
        FROM access_key WHERE owner = ?1 ORDER BY created_at, id";
    let mut keys = Vec::new();
    for mut row in tx.rows(select, &params![op.owner]).await? {
        let (id, active, created_at) = (row.take()?, row.take()?, row.take()?);
        let (at, region): (Option<Micros>, Option<String>) = (row.take()?, row.take()?);
        let service: Option<String> = row.take()?;
        let last_used = at.map(|at| (at, region.unwrap_or_default(), service.unwrap_or_default()));
        keys.push(AccessKeyInfo { id, active, created_at, last_used });
    }
    Ok(Ok(keys))
});

/// Removes an access key.
#[derive(Clone, Debug)]
pub struct DeleteAccessKey<K = String> {
    /// The key's id.
    pub id: AccessKeyId,
    /// Whose it must be.
    pub owner: K,
}

operation!(DeleteAccessKey<K: Key>: Durable [Identity] -> (), AccessKeyGone, |op, tx| {
    let owner = op.owner.as_ref();
    let delete = "DELETE FROM access_key WHERE id = ?1 AND owner = ?2";
    if tx.execute(delete, &params![op.id, owner]).await? == 0 {
        return Ok(Err(AccessKeyGone));
    }
    bump(tx, owner).await?;
    Ok(Ok(()))
});

/// Records the use of an access key. Records can arrive late and from several nodes: the newest is kept.
#[derive(Clone, Debug)]
pub struct RecordAccessKeyUse {
    /// The key's id.
    pub id: AccessKeyId,
    /// In which region.
    pub region: String,
    /// For which service.
    pub service: String,
    /// Now.
    pub at: Micros,
}

operation!(RecordAccessKeyUse: Relaxed [] -> (), Never, |op, tx| {
    let update = "UPDATE access_key SET last_used_at = ?2, last_used_region = ?3, last_used_service = ?4 \
        WHERE id = ?1 AND COALESCE(last_used_at, ?2) <= ?2";
    tx.execute(update, &params![op.id, op.at, op.region, op.service]).await?;
    Ok(Ok(()))
});
