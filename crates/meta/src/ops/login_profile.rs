//! Passwords of users, as slow hashes.

use crate::{
    Micros, Never, StoreError, Tx,
    ops::{operation, principal::bump},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// The password of a user. It has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginProfile {
    /// The hash of the password, and then of earlier ones, newest first. A hash contains no line break.
    pub hashes: Vec<String>,
    /// Whether the user must choose another password at the next login.
    pub reset_required: bool,
    pub created_at: Micros,
    /// When the password was set.
    pub changed_at: Micros,
}

async fn find(tx: &mut Tx<'_>, owner: &str) -> Result<Option<LoginProfile>, StoreError> {
    let select = "SELECT hashes, reset_required, created_at, changed_at FROM login_profile WHERE owner = ?1";
    let Some(mut row) = tx.row(select, &params![owner]).await? else { return Ok(None) };
    let hashes: String = row.take()?;
    Ok(Some(LoginProfile {
        hashes: hashes.lines().map(str::to_owned).collect(),
        reset_required: row.take()?,
        created_at: row.take()?,
        changed_at: row.take()?,
    }))
}

/// Gives a user a password.
#[derive(Clone)]
pub struct CreateLoginProfile<K = String> {
    /// Unique ID of the user.
    pub owner: K,
    /// The hash, with a random salt.
    pub hash: String,
    /// Whether the user must choose another password at the next login.
    pub reset_required: bool,
    /// Now.
    pub at: Micros,
}

/// Why a user did not get a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateLoginProfileRefusal {
    /// The user does not exist.
    Gone,
    /// The user has a password.
    Exists,
}

operation!(CreateLoginProfile<K: Key>: Durable [Identity] -> (), CreateLoginProfileRefusal, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(CreateLoginProfileRefusal::Gone));
    }
    let insert = "INSERT INTO login_profile (owner, hashes, reset_required, created_at, changed_at) \
        VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (owner) DO NOTHING";
    tx.execute(insert, &params![owner, op.hash, op.reset_required, op.at]).await?;
    // The salt is random: only this operation stores this hash.
    let is_own = find(tx, owner).await?.is_some_and(|found| found.hashes.first() == Some(&op.hash));
    Ok(if is_own { Ok(()) } else { Err(CreateLoginProfileRefusal::Exists) })
});

/// Finds the password of a user.
#[derive(Clone, Debug)]
pub struct FindLoginProfile {
    /// Unique ID of the user.
    pub owner: String,
}

operation!(FindLoginProfile: Point -> Option<LoginProfile>, Never, |op, tx| { Ok(Ok(find(tx, &op.owner).await?)) });

/// Changes what was read of a user's password.
#[derive(Clone)]
pub struct ChangeLoginProfile<K = String> {
    /// Unique ID of the user.
    pub owner: K,
    /// What was read.
    pub old: LoginProfile,
    /// What replaces it. The time of the creation stays.
    pub new: LoginProfile,
}

/// The password was deleted, or changed after it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginProfileChanged;

operation!(ChangeLoginProfile<K: Key>: Durable [] -> (), LoginProfileChanged, |op, tx| {
    let owner = op.owner.as_ref();
    let update = "UPDATE login_profile SET hashes = ?3, reset_required = ?4, changed_at = ?5 \
        WHERE owner = ?1 AND hashes = ?2";
    let (old, new) = (op.old.hashes.join("\n"), op.new.hashes.join("\n"));
    let values = params![owner, old, new, op.new.reset_required, op.new.changed_at];
    if tx.execute(update, &values).await? == 1 {
        return Ok(Ok(()));
    }
    let is_done = find(tx, owner).await?.is_some_and(|found| found.hashes == op.new.hashes);
    Ok(if is_done { Ok(()) } else { Err(LoginProfileChanged) })
});

/// Deletes the password of a user, and what is known of earlier ones.
#[derive(Clone, Debug)]
pub struct DeleteLoginProfile<K = String> {
    /// Unique ID of the user.
    pub owner: K,
}

/// The user has no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLoginProfile;

operation!(DeleteLoginProfile<K: Key>: Durable [] -> (), NoLoginProfile, |op, tx| {
    let owner = op.owner.as_ref();
    let is_done = tx.execute("DELETE FROM login_profile WHERE owner = ?1", &params![owner]).await? == 1;
    Ok(if is_done { Ok(()) } else { Err(NoLoginProfile) })
});
