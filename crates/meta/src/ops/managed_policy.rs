//! Managed policies of an account and their versions. The default version is the one that decides.

use aws::ids::AccountId;

use crate::{
    AccountKey, Micros, Never, StoreError, Tx,
    ops::{account::lock_account, operation, principal::bump_policy_users},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Directory;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    pub arn: String,
    /// `ANPA…`
    pub policy_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// The version that decides.
    pub default_version: i64,
    /// When it was created.
    pub created_at: Micros,
    /// When its default last changed.
    pub updated_at: Micros,
    /// How many principals it is attached to.
    pub attachment_count: i64,
    /// How many principals it bounds.
    pub boundary_count: i64,
}

const COLUMNS: &str = "m.arn, m.policy_id, m.path, m.name, m.description, m.default_version, m.created_at, \
     m.updated_at, (SELECT COUNT(*) FROM identity_policy_managed i WHERE i.arn = m.arn), \
     (SELECT COUNT(*) FROM principal b WHERE b.boundary = m.arn) FROM managed_policy m";

impl ManagedPolicy {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        Ok(Self {
            arn: row.take()?,
            policy_id: row.take()?,
            path: row.take()?,
            name: row.take()?,
            description: row.take()?,
            default_version: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
            attachment_count: row.take()?,
            boundary_count: row.take()?,
        })
    }
}

async fn one(tx: &mut Tx<'_>, arn: &str) -> Result<Option<ManagedPolicy>, StoreError> {
    let select = format!("SELECT {COLUMNS} WHERE m.arn = ?1");
    tx.row(&select, &params![arn]).await?.map(|mut row| ManagedPolicy::read(&mut row)).transpose()
}

/// Locks a policy's row; false if it is gone.
async fn lock(tx: &mut Tx<'_>, arn: &str) -> Result<bool, StoreError> {
    let select = tx.fork(
        "SELECT 1 FROM managed_policy WHERE arn = ?1",
        "SELECT 1 FROM managed_policy WHERE arn = ?1 FOR UPDATE",
    );
    Ok(tx.value::<i64>(select, &params![arn]).await?.is_some())
}

/// Creates a managed policy with its first version.
#[derive(Clone, Debug)]
pub struct CreateManagedPolicy<A = AccountKey> {
    pub account: A,
    pub arn: String,
    /// `ANPA…`, chosen by the caller at random.
    pub policy_id: String,
    /// IAM path.
    pub path: String,
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// Its JSON text.
    pub document: String,
    pub tags: Vec<(String, String)>,
    /// The account's quota.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why it was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateManagedPolicyRefusal {
    /// The account has one of that name.
    Exists,
    /// The account has as many as its quota allows.
    Limit,
}

operation!(CreateManagedPolicy<A: InAccount>: Durable [Identity] -> ManagedPolicy, CreateManagedPolicyRefusal, |op, tx| {
    let account: AccountKey = op.account.into();
    lock_account(tx, account).await?;
    let folded = op.name.to_ascii_lowercase();
    let count = "SELECT COUNT(*) FROM managed_policy WHERE account = ?1 AND name_folded <> ?2";
    if tx.value::<i64>(count, &params![account, folded]).await?.unwrap_or_default() >= op.limit {
        return Ok(Err(CreateManagedPolicyRefusal::Limit));
    }
    let insert = "INSERT INTO managed_policy (arn, policy_id, account, path, name, name_folded, description, \
            default_version, last_version, created_at, updated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 1, ?8, ?8) ON CONFLICT DO NOTHING";
    let values = params![op.arn, op.policy_id, account, op.path, op.name, folded, op.description, op.at];
    if tx.execute(insert, &values).await? == 0 {
        let own = one(tx, &op.arn).await?.filter(|policy| policy.policy_id == op.policy_id);
        return Ok(own.ok_or(CreateManagedPolicyRefusal::Exists));
    }
    insert_version(tx, &op.policy_id, 1, &op.document, op.at).await?;
    for (key, value) in &op.tags {
        super::iam_tag::put_tag(tx, &op.policy_id, key, value).await?;
    }
    Ok(Ok(one(tx, &op.arn).await?.ok_or(StoreError::Conflict)?))
});

async fn insert_version(
    tx: &mut Tx<'_>,
    policy_id: &str,
    version: i64,
    document: &str,
    at: Micros,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO managed_policy_version (policy_id, version, document, created_at) \
        VALUES (?1, ?2, ?3, ?4)";
    tx.execute(insert, &params![policy_id, version, document, at]).await.map(|_| ())
}

#[derive(Clone, Debug)]
pub struct FindManagedPolicy {
    pub arn: String,
}

operation!(FindManagedPolicy: Point -> Option<ManagedPolicy>, Never, |op, tx| {
    Ok(Ok(one(tx, &op.arn).await?))
});

/// Lists an account's managed policies by name.
#[derive(Clone, Debug)]
pub struct ListManagedPolicies {
    pub account_id: AccountId,
    /// Only those whose path begins so.
    pub path_prefix: String,
    /// Folded name after which the page begins.
    pub after: String,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListManagedPolicies: Page -> Vec<ManagedPolicy>, Never, |op, tx| {
    let select = format!("SELECT {COLUMNS} JOIN account a ON a.key = m.account WHERE a.account_id = ?1 \
        AND m.name_folded > ?2 AND substr(m.path, 1, length(?3)) = ?3 ORDER BY m.name_folded LIMIT ?4");
    let rows = tx.rows(&select, &params![op.account_id, op.after, op.path_prefix, op.limit]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| ManagedPolicy::read(&mut row)).collect::<Result<_, _>>()?))
});

/// Deletes a managed policy that is not in use and has one version left.
#[derive(Clone, Debug)]
pub struct DeleteManagedPolicy<K = String> {
    pub arn: K,
}

/// Why it was not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteManagedPolicyRefusal {
    /// It does not exist.
    Gone,
    /// It is attached, or somebody's boundary.
    InUse,
    /// It has versions beside the default one.
    HasVersions,
}

operation!(DeleteManagedPolicy<K: Key>: Durable [Identity] -> (), DeleteManagedPolicyRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    if !lock(tx, arn).await? {
        return Ok(Err(DeleteManagedPolicyRefusal::Gone));
    }
    let Some(policy) = one(tx, arn).await? else { return Ok(Err(DeleteManagedPolicyRefusal::Gone)) };
    if policy.attachment_count + policy.boundary_count > 0 {
        return Ok(Err(DeleteManagedPolicyRefusal::InUse));
    }
    let others = "SELECT COUNT(*) FROM managed_policy_version WHERE policy_id = ?1";
    if tx.value::<i64>(others, &params![policy.policy_id]).await?.unwrap_or_default() > 1 {
        return Ok(Err(DeleteManagedPolicyRefusal::HasVersions));
    }
    for delete in [
        "DELETE FROM managed_policy_version WHERE policy_id = ?1",
        "DELETE FROM iam_tag WHERE owner = ?1",
        "DELETE FROM managed_policy WHERE policy_id = ?1",
    ] {
        tx.execute(delete, &params![policy.policy_id]).await?;
    }
    Ok(Ok(()))
});

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// Its number.
    pub version: i64,
    /// Its JSON text.
    pub document: String,
    /// Whether it is the one that decides.
    pub is_default: bool,
    /// When it was created.
    pub created_at: Micros,
}

/// The versions of a managed policy, newest first: at most five.
#[derive(Clone, Debug)]
pub struct ListManagedPolicyVersions {
    /// The policy's ARN.
    pub arn: String,
}

operation!(ListManagedPolicyVersions: Point -> Vec<PolicyVersion>, Never, |op, tx| {
    let select = "SELECT v.version, v.document, m.default_version, v.created_at FROM managed_policy m \
        JOIN managed_policy_version v ON v.policy_id = m.policy_id WHERE m.arn = ?1 ORDER BY v.version DESC";
    let mut versions = Vec::new();
    for mut row in tx.rows(select, &params![op.arn]).await? {
        let (version, document, default): (i64, String, i64) = (row.take()?, row.take()?, row.take()?);
        let created_at = row.take()?;
        versions.push(PolicyVersion { version, document, is_default: version == default, created_at });
    }
    Ok(Ok(versions))
});

/// Adds a version.
#[derive(Clone, Debug)]
pub struct CreateManagedPolicyVersion<K = String> {
    /// The policy's ARN.
    pub arn: K,
    /// The JSON text.
    pub document: String,
    /// Whether it decides from now on.
    pub set_as_default: bool,
    /// The quota of versions.
    pub limit: i64,
    /// Now. The version stores it: a repeated run finds the same text with the same time and succeeds again.
    pub at: Micros,
}

/// Why a version was not added or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyVersionRefusal {
    /// The policy does not exist.
    PolicyGone,
    /// The version does not exist.
    VersionGone,
    /// There are as many as the quota allows.
    Limit,
    /// The default version stays.
    IsDefault,
}

operation!(CreateManagedPolicyVersion<K: Key>: Durable [Identity] -> PolicyVersion, PolicyVersionRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    if !lock(tx, arn).await? {
        return Ok(Err(PolicyVersionRefusal::PolicyGone));
    }
    let (document, is_default) = (op.document.clone(), op.set_as_default);
    let own = "SELECT v.version FROM managed_policy_version v JOIN managed_policy m ON m.policy_id = v.policy_id \
        WHERE m.arn = ?1 AND v.created_at = ?2 AND v.document = ?3";
    if let Some(version) = tx.value(own, &params![arn, op.at, document]).await? {
        return Ok(Ok(PolicyVersion { version, document, is_default, created_at: op.at }));
    }
    let count = "SELECT COUNT(*) FROM managed_policy_version v \
        JOIN managed_policy m ON m.policy_id = v.policy_id WHERE m.arn = ?1";
    if tx.value::<i64>(count, &params![arn]).await?.unwrap_or_default() >= op.limit {
        return Ok(Err(PolicyVersionRefusal::Limit));
    }
    let next = "UPDATE managed_policy SET last_version = last_version + 1 WHERE arn = ?1 \
        RETURNING policy_id, last_version";
    let mut row = tx.row(next, &params![arn]).await?.ok_or(StoreError::Conflict)?;
    let (policy_id, version): (String, i64) = (row.take()?, row.take()?);
    insert_version(tx, &policy_id, version, &op.document, op.at).await?;
    if op.set_as_default {
        set_default(tx, arn, version, op.at).await?;
    }
    Ok(Ok(PolicyVersion { version, document, is_default, created_at: op.at }))
});

/// From now on this version decides for every principal that the policy applies to.
async fn set_default(tx: &mut Tx<'_>, arn: &str, version: i64, at: Micros) -> Result<(), StoreError> {
    let update = "UPDATE managed_policy SET default_version = ?2, updated_at = ?3 WHERE arn = ?1";
    tx.execute(update, &params![arn, version, at]).await?;
    bump_policy_users(tx, arn).await
}

/// Creates a version the default.
#[derive(Clone, Debug)]
pub struct SetDefaultManagedPolicyVersion<K = String> {
    /// The policy's ARN.
    pub arn: K,
    pub version: i64,
    /// Now.
    pub at: Micros,
}

operation!(SetDefaultManagedPolicyVersion<K: Key>: Durable [Identity] -> (), PolicyVersionRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    if !lock(tx, arn).await? {
        return Ok(Err(PolicyVersionRefusal::PolicyGone));
    }
    if !has_version(tx, arn, op.version).await? {
        return Ok(Err(PolicyVersionRefusal::VersionGone));
    }
    set_default(tx, arn, op.version, op.at).await?;
    Ok(Ok(()))
});

async fn has_version(tx: &mut Tx<'_>, arn: &str, version: i64) -> Result<bool, StoreError> {
    let select = "SELECT 1 FROM managed_policy_version v JOIN managed_policy m ON m.policy_id = v.policy_id \
        WHERE m.arn = ?1 AND v.version = ?2";
    Ok(tx.value::<i64>(select, &params![arn, version]).await?.is_some())
}

/// Removes a version that is not the default.
#[derive(Clone, Debug)]
pub struct DeleteManagedPolicyVersion<K = String> {
    /// The policy's ARN.
    pub arn: K,
    pub version: i64,
}

operation!(DeleteManagedPolicyVersion<K: Key>: Durable [Identity] -> (), PolicyVersionRefusal, |op, tx| {
    let arn = op.arn.as_ref();
    if !lock(tx, arn).await? {
        return Ok(Err(PolicyVersionRefusal::PolicyGone));
    }
    let default = "SELECT 1 FROM managed_policy WHERE arn = ?1 AND default_version = ?2";
    if tx.value::<i64>(default, &params![arn, op.version]).await?.is_some() {
        return Ok(Err(PolicyVersionRefusal::IsDefault));
    }
    let delete = "DELETE FROM managed_policy_version WHERE version = ?2 \
        AND policy_id IN (SELECT policy_id FROM managed_policy WHERE arn = ?1)";
    let gone = tx.execute(delete, &params![arn, op.version]).await?;
    Ok(if gone == 1 { Ok(()) } else { Err(PolicyVersionRefusal::VersionGone) })
});
