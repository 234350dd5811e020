//! Deletion of a user, group or role. IAM requires that everything is removed from it first.

use crate::{StoreError, Tx, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// Removes a user, group or role.
#[derive(Clone, Debug)]
pub struct DeleteEntity<K = String> {
    pub unique_id: K,
}

/// Why it was not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteEntityRefusal {
    /// It does not exist.
    Gone,
    /// It has inline policies.
    InlinePolicies,
    /// Managed policies are attached.
    AttachedPolicies,
    /// It has access keys.
    AccessKeys,
    /// The group has users, or the user is in groups.
    Members,
    /// The role is in an instance profile.
    InstanceProfiles,
    /// The user has an MFA device.
    MfaDevices,
    /// The user has a password.
    LoginProfile,
}

/// What must be removed before: a table and a column that may not refer to the principal.
const CONFLICTS: [(&str, &str, DeleteEntityRefusal); 8] = [
    ("identity_policy_managed", "owner", DeleteEntityRefusal::AttachedPolicies),
    ("identity_policy_inline", "owner", DeleteEntityRefusal::InlinePolicies),
    ("access_key", "owner", DeleteEntityRefusal::AccessKeys),
    ("group_member", "group_id", DeleteEntityRefusal::Members),
    ("group_member", "user_id", DeleteEntityRefusal::Members),
    ("instance_profile", "role", DeleteEntityRefusal::InstanceProfiles),
    ("mfa_device", "owner", DeleteEntityRefusal::MfaDevices),
    ("login_profile", "owner", DeleteEntityRefusal::LoginProfile),
];

operation!(DeleteEntity<K: Key>: Durable [Identity] -> (), DeleteEntityRefusal, |op, tx| {
    let unique_id = op.unique_id.as_ref();
    // Attachments increment the row's version and wait for this lock on PostgreSQL.
    let lock = tx.fork(
        "SELECT 1 FROM principal WHERE unique_id = ?1",
        "SELECT 1 FROM principal WHERE unique_id = ?1 FOR UPDATE",
    );
    if tx.value::<i64>(lock, &params![unique_id]).await?.is_none() {
        return Ok(Err(DeleteEntityRefusal::Gone));
    }
    for (table, column, refusal) in CONFLICTS {
        let select = format!("SELECT 1 FROM {table} WHERE {column} = ?1 LIMIT 1");
        if tx.value::<i64>(&select, &params![unique_id]).await?.is_some() {
            return Ok(Err(refusal));
        }
    }
    remove(tx, unique_id).await?;
    Ok(Ok(()))
});

/// Deletes a principal that has only its own rows.
async fn remove(tx: &mut Tx<'_>, unique_id: &str) -> Result<(), StoreError> {
    for (table, column) in [
        ("iam_tag", "owner"),
        ("session_context", "owner"),
        ("role", "unique_id"),
        ("principal", "unique_id"),
    ] {
        tx.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), &params![unique_id]).await?;
    }
    Ok(())
}
