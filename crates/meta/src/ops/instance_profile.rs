//! Instance profiles: rows with at most one role. Wharf has no instances.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, Never, StoreError, Tx,
    ops::{account::lock_account, operation, principal::bump},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceProfile {
    /// `AIPA…`
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    /// Unique ID of its role.
    pub role: Option<String>,
    /// When it was created.
    pub created_at: Micros,
}

const COLUMNS: &str = "i.unique_id, i.path, i.name, i.role, i.created_at FROM instance_profile i \
     JOIN account a ON a.key = i.account";

impl InstanceProfile {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            unique_id: row.take()?,
            path: row.take()?,
            name: row.take()?,
            role: row.take()?,
            created_at: row.take()?,
        })
    }
}

async fn one(tx: &mut Tx<'_>, unique_id: &str) -> Result<Option<InstanceProfile>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE i.unique_id = ?1");
    tx.row(&select, &params![unique_id]).await?.map(|mut row| InstanceProfile::read(&mut row)).transpose()
}

/// [`one`], held on PostgreSQL until the commit: only one transaction at a time changes its role.
async fn hold(tx: &mut Tx<'_>, unique_id: &str) -> Result<Option<InstanceProfile>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE i.unique_id = ?1{}", tx.fork("", " FOR UPDATE OF i"));
    tx.row(&select, &params![unique_id]).await?.map(|mut row| InstanceProfile::read(&mut row)).transpose()
}

/// Creates an instance profile without a role.
#[derive(Clone, Debug)]
pub struct CreateInstanceProfile<A = AccountKey> {
    pub account: A,
    /// `AIPA…`, chosen by the caller at random.
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    pub tags: Vec<(String, String)>,
    /// The account's quota.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why it was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateInstanceProfileRefusal {
    /// The account has one of that name.
    Exists,
    /// The account has as many as its quota allows.
    Limit,
}

operation!(CreateInstanceProfile<A: InAccount>: Durable [Identity] -> InstanceProfile, CreateInstanceProfileRefusal, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    let folded = op.name.to_ascii_lowercase();
    let count = "SELECT COUNT(*) FROM instance_profile WHERE account = ?1 AND name_folded <> ?2";
    if tx.value::<i64>(count, &params![account, folded]).await?.unwrap_or_default() >= op.limit {
        return Ok(Err(CreateInstanceProfileRefusal::Limit));
    }
    let insert = "INSERT INTO instance_profile (unique_id, account, path, name, name_folded, created_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";
    tx.execute(insert, &params![op.unique_id, account, op.path, op.name, folded, op.at]).await?;
    let Some(made) = one(tx, &op.unique_id).await? else { return Ok(Err(CreateInstanceProfileRefusal::Exists)) };
    for (key, value) in &op.tags {
        super::iam_tag::put_tag(tx, &op.unique_id, key, value).await?;
    }
    Ok(Ok(made))
});

/// Finds an instance profile by name.
#[derive(Clone, Debug)]
pub struct FindInstanceProfile {
    pub account_id: AccountId,
    /// Its name, in any letter case.
    pub name: String,
}

operation!(FindInstanceProfile: Point -> Option<InstanceProfile>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} WHERE a.account_id = ?1 AND i.name_folded = ?2");
    let row = tx.row(&select, &params![op.account_id, op.name.to_ascii_lowercase()]).await?;
    Ok(Ok(row.map(|mut row| InstanceProfile::read(&mut row)).transpose()?))
});

/// Lists instance profiles by name: all, or those of one role.
#[derive(Clone, Debug)]
pub struct ListInstanceProfiles {
    pub account_id: AccountId,
    /// Only those with this role.
    pub role: Option<String>,
    /// Only those whose path begins so.
    pub path_prefix: String,
    /// Folded name after which the page begins.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListInstanceProfiles: Page -> Vec<InstanceProfile>, Never, |op, tx| {
    let any_role = op.role.is_none();
    let select = format!("SELECT {COLUMNS} WHERE a.account_id = ?1 AND i.name_folded > ?2 \
        AND substr(i.path, 1, length(?3)) = ?3 AND (?4 = 1 OR i.role = ?5) ORDER BY i.name_folded LIMIT ?6");
    let values = params![op.account_id, op.after, op.path_prefix, any_role, op.role, op.limit];
    let rows = tx.rows(&select, &values).await?;
    Ok(Ok(rows.into_iter().map(|mut row| InstanceProfile::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Adds a role to an instance profile, or removes it.
#[derive(Clone, Debug)]
pub struct SetInstanceProfileRole<K = String> {
    /// The profile.
    pub unique_id: K,
    /// The role; None takes out what is in it.
    pub role: Option<String>,
}

/// Why the role was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetInstanceProfileRoleRefusal {
    /// The profile does not exist.
    Gone,
    /// The role does not exist.
    RoleGone,
    /// It holds a role already.
    Full,
}

operation!(SetInstanceProfileRole<K: Key>: Durable [Identity] -> (), SetInstanceProfileRoleRefusal, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    let Some(profile) = hold(tx, unique_id).await? else { return Ok(Err(SetInstanceProfileRoleRefusal::Gone)) };
    if let Some(role) = &op.role {
        if profile.role.is_some() {
            return Ok(Err(SetInstanceProfileRoleRefusal::Full));
        }
        if !bump(tx, role).await? {
            return Ok(Err(SetInstanceProfileRoleRefusal::RoleGone));
        }
    }
    let update = "UPDATE instance_profile SET role = ?2 WHERE unique_id = ?1";
    tx.execute(update, &params![unique_id, op.role]).await?;
    Ok(Ok(()))
});

/// Removes an instance profile without a role.
#[derive(Clone, Debug)]
pub struct DeleteInstanceProfile<K = String> {
    /// The profile.
    pub unique_id: K,
}

/// Why it was not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteInstanceProfileRefusal {
    /// It does not exist.
    Gone,
    /// It holds a role.
    HasRole,
}

operation!(DeleteInstanceProfile<K: Key>: Durable [Identity] -> (), DeleteInstanceProfileRefusal, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    match hold(tx, unique_id).await? {
        None => return Ok(Err(DeleteInstanceProfileRefusal::Gone)),
        Some(profile) if profile.role.is_some() => return Ok(Err(DeleteInstanceProfileRefusal::HasRole)),
        Some(_) => {}
    }
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![unique_id]).await?;
    tx.execute("DELETE FROM instance_profile WHERE unique_id = ?1", &params![unique_id]).await?;
    Ok(Ok(()))
});
