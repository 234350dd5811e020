//! IAM principals: users, groups, roles, and the root of an account. Every change that can alter a decision increments
//! the version of each affected principal in the same transaction, so a cache uses only current data.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, StoreError, Tx,
    ops::operation,
    value::{Row, params},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub account_key: AccountKey,
    /// The account ID.
    pub account_id: AccountId,
    /// AWS's unique ID (`AIDA…`, `AROA…`, `AGPA…`), never used again; for a root, the account ID.
    pub unique_id: String,
    /// `user`, `group`, `role` or `root`.
    pub kind: String,
    /// IAM path, `/` at least.
    pub path: String,
    /// Name within the account.
    pub name: String,
    /// Bumped by every change that could alter a decision.
    pub version: i64,
}

impl Principal {
    pub(crate) fn read(row: &mut Row) -> Result<Self, StoreError> {
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
pub(crate) use principal_columns;

const DATABASE: crate::Database = crate::Database::Directory;

/// The principal does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrincipalGone;

/// Increments the version of a principal, and of the members of a group; false if the principal does not exist.
pub(crate) async fn bump(tx: &mut Tx<'_>, unique_id: &str) -> Result<bool, StoreError> {
    let update = "UPDATE principal SET version = version + 1 WHERE unique_id = ?1 RETURNING kind";
    let kind: Option<String> = tx.value(update, &params![unique_id]).await?;
    if kind.as_deref() == Some("group") {
        bump_members(tx, unique_id).await?;
    }
    Ok(kind.is_some())
}

/// Bumps the version of each member of a group.
pub(crate) async fn bump_members(tx: &mut Tx<'_>, group_id: &str) -> Result<(), StoreError> {
    let update = "UPDATE principal SET version = version + 1 \
                  WHERE unique_id IN (SELECT user_id FROM group_member WHERE group_id = ?1)";
    tx.execute(update, &params![group_id]).await.map(|_| ())
}

/// Increments the version of every principal that a managed policy affects: by attachment, by a group, or as a
/// boundary. The caller holds the policy's row, so it cannot be attached meanwhile.
///
/// Members have a separate statement. The first statement waits for operations that add a member to one of the groups,
/// and then holds the rows of the groups. On PostgreSQL only a statement that begins after that sees the new member.
pub(crate) async fn bump_policy_users(tx: &mut Tx<'_>, arn: &str) -> Result<(), StoreError> {
    let holders = "UPDATE principal SET version = version + 1 WHERE unique_id IN \
        (SELECT owner FROM identity_policy_managed WHERE arn = ?1 \
         UNION SELECT unique_id FROM principal WHERE boundary = ?1)";
    tx.execute(holders, &params![arn]).await?;
    let members = "UPDATE principal SET version = version + 1 WHERE unique_id IN \
        (SELECT g.user_id FROM identity_policy_managed i JOIN group_member g ON g.group_id = i.owner \
         WHERE i.arn = ?1)";
    tx.execute(members, &params![arn]).await.map(|_| ())
}

#[derive(Clone, Debug)]
pub struct CreateUser {
    pub account: AccountKey,
    /// AWS's unique ID, chosen by the caller at random.
    pub unique_id: String,
    /// IAM path.
    pub path: String,
    /// Name; unique within the account regardless of case.
    pub name: String,
    /// Now.
    pub at: Micros,
}

/// The account has a user of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserExists;

operation!(CreateUser: Durable [Identity] -> Principal, UserExists, |op, tx| {
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
    /// The user's unique ID.
    pub owner: String,
}

operation!(DeleteUser: Durable [Identity] -> (), PrincipalGone, |op, tx| {
    tx.execute("DELETE FROM access_key WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM group_member WHERE user_id = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM iam_tag WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM session_context WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM identity_policy_inline WHERE owner = ?1", &params![op.owner]).await?;
    tx.execute("DELETE FROM identity_policy_managed WHERE owner = ?1", &params![op.owner]).await?;
    let gone = tx.execute("DELETE FROM principal WHERE unique_id = ?1", &params![op.owner]).await?;
    Ok(if gone == 1 { Ok(()) } else { Err(PrincipalGone) })
});
