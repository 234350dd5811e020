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
