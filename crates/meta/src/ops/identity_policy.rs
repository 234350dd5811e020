//! The inputs of decisions about a principal: inline and managed policies of itself and its groups, its boundary and
//! its tags.

use crate::{
    Never, StoreError,
    ops::{
        entity::policy_is_there,
        operation,
        principal::{PrincipalGone, bump},
    },
    tx::{list, push_list},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Directory;

/// Attaches a managed policy. Attaching it again succeeds.
#[derive(Clone, Debug)]
pub struct AttachManagedPolicy {
    /// The principal's unique ID.
    pub owner: String,
    /// The policy's ARN.
    pub arn: String,
}

operation!(AttachManagedPolicy: Durable [Identity] -> (), PrincipalGone, |op, tx| {
    if !bump(tx, &op.owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let insert = "INSERT INTO identity_policy_managed (owner, arn) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    tx.execute(insert, &params![op.owner, op.arn]).await?;
    Ok(Ok(()))
});

/// Detaches a managed policy. Returns whether it was attached.
#[derive(Clone, Debug)]
pub struct DetachManagedPolicy<K = String> {
    /// The principal's unique ID.
    pub owner: K,
    /// The policy's ARN.
    pub arn: String,
}

operation!(DetachManagedPolicy<K: Key>: Durable [Identity] -> bool, PrincipalGone, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let delete = "DELETE FROM identity_policy_managed WHERE owner = ?1 AND arn = ?2";
    Ok(Ok(tx.execute(delete, &params![owner, op.arn]).await? == 1))
});

/// Writes an inline policy, replacing one with the same name.
#[derive(Clone, Debug)]
pub struct PutInlinePolicy<K = String> {
    /// The principal's unique ID.
    pub owner: K,
    /// The policy's name.
    pub name: String,
    /// Its JSON text.
    pub document: String,
}

operation!(PutInlinePolicy<K: Key>: Durable [Identity] -> (), PrincipalGone, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let upsert = "INSERT INTO identity_policy_inline (owner, name, document) VALUES (?1, ?2, ?3) \
                  ON CONFLICT (owner, name) DO UPDATE SET document = excluded.document";
    tx.execute(upsert, &params![owner, op.name, op.document]).await?;
    Ok(Ok(()))
});

/// The characters of a policy that count for its size: all except white space (IAM quotas).
pub fn policy_size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// Writes an inline policy, if the principal's inline policies together do not exceed their limit.
#[derive(Clone, Debug)]
pub struct PutInlinePolicyWithin<K = String> {
    /// The policy.
    pub put: PutInlinePolicy<K>,
    /// The limit for all of them together, counted as by [`policy_size`].
    pub limit: usize,
}

/// Why an inline policy was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutInlinePolicyRefusal {
    /// The principal does not exist.
    PrincipalGone,
    /// Together they would be too large.
    Limit,
}

operation!(PutInlinePolicyWithin<K: Key>: Durable [Identity] -> (), PutInlinePolicyRefusal, |op, tx| {
    // Incrementing the version holds the principal's row, so writers of two policies are counted one after the other.
    if op.put.run(tx).await?.is_err() {
        return Ok(Err(PutInlinePolicyRefusal::PrincipalGone));
    }
    let select = "SELECT document FROM identity_policy_inline WHERE owner = ?1";
    let mut size = 0;
    for mut row in tx.rows(select, &params![op.put.owner.as_ref()]).await? {
        size += policy_size(&row.take::<String>()?);
    }
    Ok(if size > op.limit { Err(PutInlinePolicyRefusal::Limit) } else { Ok(()) })
});

/// Removes an inline policy. Returns whether it existed.
#[derive(Clone, Debug)]
pub struct DeleteInlinePolicy<K = String> {
    /// The principal's unique ID.
    pub owner: K,
    /// The policy's name.
    pub name: String,
}

operation!(DeleteInlinePolicy<K: Key>: Durable [Identity] -> bool, PrincipalGone, |op, tx| {
    let owner = op.owner.as_ref();
    if !bump(tx, owner).await? {
        return Ok(Err(PrincipalGone));
    }
    let delete = "DELETE FROM identity_policy_inline WHERE owner = ?1 AND name = ?2";
    Ok(Ok(tx.execute(delete, &params![owner, op.name]).await? == 1))
});

/// Reads all inputs of decisions about a principal, with their version.
#[derive(Clone, Debug)]
pub struct LoadIdentityPolicies {
    /// The principal's unique ID.
    pub owner: String,
}

/// A managed policy that concerns a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedDocument {
    /// The policy's ARN.
    pub arn: String,
    /// The text of its default version; None for a policy that is not stored here, like AWS's own.
    pub document: Option<String>,
}

/// What decides for a principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityPolicies {
    /// The version of the principal for all this; 0 if it does not exist.
    pub version: i64,
    /// Inline policies, name and JSON text: its own by name, then those of its groups as `group/name`.
    pub inline: Vec<(String, String)>,
    /// Managed policies: its own by ARN, then those of its groups.
    pub managed: Vec<ManagedDocument>,
    /// The permissions boundary.
    pub boundary: Option<ManagedDocument>,
    pub tags: Vec<(String, String)>,
}

/// One statement, so version and policies belong to the same time.
const LOAD: &str = "SELECT 0 AS part, '' AS name, NULL AS body, version FROM principal WHERE unique_id = ?1 \
    UNION ALL SELECT 1, name, document, 0 FROM identity_policy_inline WHERE owner = ?1 \
    UNION ALL SELECT 2, g.name || '/' || i.name, i.document, 0 FROM group_member m \
        JOIN principal g ON g.unique_id = m.group_id JOIN identity_policy_inline i ON i.owner = m.group_id \
        WHERE m.user_id = ?1 \
    UNION ALL SELECT 3, i.arn, v.document, 0 FROM identity_policy_managed i \
        LEFT JOIN managed_policy p ON p.arn = i.arn \
        LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version \
        WHERE i.owner = ?1 \
    UNION ALL SELECT 4, i.arn, v.document, 0 FROM group_member m \
        JOIN identity_policy_managed i ON i.owner = m.group_id \
        LEFT JOIN managed_policy p ON p.arn = i.arn \
        LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version \
        WHERE m.user_id = ?1 \
    UNION ALL SELECT 5, b.boundary, v.document, 0 FROM principal b \
        LEFT JOIN managed_policy p ON p.arn = b.boundary \
        LEFT JOIN managed_policy_version v ON v.policy_id = p.policy_id AND v.version = p.default_version \
        WHERE b.unique_id = ?1 AND b.boundary IS NOT NULL \
    UNION ALL SELECT 6, key, value, 0 FROM iam_tag WHERE owner = ?1 ORDER BY 1, 2";

operation!(LoadIdentityPolicies: Point -> IdentityPolicies, Never, |op, tx| {
    let mut policies = IdentityPolicies::default();
    for mut row in tx.rows(LOAD, &params![op.owner]).await? {
        let (part, name): (i64, String) = (row.take()?, row.take()?);
        let (body, version): (Option<String>, i64) = (row.take()?, row.take()?);
        match part {
            0 => policies.version = version,
            1 | 2 => policies.inline.push((name, body.unwrap_or_default())),
            3 | 4 => policies.managed.push(ManagedDocument { arn: name, document: body }),
            5 => policies.boundary = Some(ManagedDocument { arn: name, document: body }),
            _ => policies.tags.push((name, body.unwrap_or_default())),
        }
    }
    Ok(Ok(policies))
});

/// Reads the default versions of managed policies by ARN. Those that are not stored here are left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LoadManagedDocuments {
    /// At most ten, as a session may name.
    pub arns: Vec<String>,
}

operation!(LoadManagedDocuments: Point -> Vec<(String, String)>, Never, |op, tx| {
    let mut values = Vec::new();
    push_list(&mut values, &op.arns);
    let select = format!("SELECT p.arn, v.document FROM managed_policy p JOIN managed_policy_version v \
        ON v.policy_id = p.policy_id AND v.version = p.default_version WHERE p.arn IN ({}) ORDER BY p.arn",
        list(1, op.arns.len()));
    let rows = tx.rows(&select, &values).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect::<Result<_, StoreError>>()?))
});

/// Attaches a managed policy, which must exist. Attaching it again succeeds.
#[derive(Clone, Debug)]
pub struct AttachPolicy<K = String> {
    /// The principal's unique ID.
    pub owner: K,
    /// The policy's ARN.
    pub arn: String,
    /// Its quota.
    pub limit: i64,
}

/// Why a policy was not attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachPolicyRefusal {
    /// The principal does not exist.
    PrincipalGone,
    /// The policy does not exist.
    PolicyGone,
    /// It has as many as its quota allows.
    Limit,
}

operation!(AttachPolicy<K: Key>: Durable [Identity] -> (), AttachPolicyRefusal, |op, tx| {
    let owner = op.owner.as_ref();
    if !policy_is_there(tx, &op.arn).await? {
        return Ok(Err(AttachPolicyRefusal::PolicyGone));
    }
    let attach = AttachManagedPolicy { owner: owner.to_owned(), arn: op.arn.clone() };
    if attach.run(tx).await?.is_err() {
        return Ok(Err(AttachPolicyRefusal::PrincipalGone));
    }
    let count = "SELECT COUNT(*) FROM identity_policy_managed WHERE owner = ?1";
    let count = tx.value::<i64>(count, &params![owner]).await?.unwrap_or_default();
    Ok(if count > op.limit { Err(AttachPolicyRefusal::Limit) } else { Ok(()) })
});

/// The inline policies of a principal, name and text, by name.
#[derive(Clone, Debug)]
pub struct ListInlinePolicies {
    /// The principal's unique ID.
    pub owner: String,
}

operation!(ListInlinePolicies: Point -> Vec<(String, String)>, Never, |op, tx| {
    let select = "SELECT name, document FROM identity_policy_inline WHERE owner = ?1 ORDER BY name";
    let rows = tx.rows(select, &params![op.owner]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect::<Result<_, StoreError>>()?))
});

/// The ARNs of the managed policies of a principal, in order.
#[derive(Clone, Debug)]
pub struct ListAttachedPolicies {
    /// The principal's unique ID.
    pub owner: String,
}

operation!(ListAttachedPolicies: Point -> Vec<String>, Never, |op, tx| {
    let select = "SELECT arn FROM identity_policy_managed WHERE owner = ?1 ORDER BY arn";
    let rows = tx.rows(select, &params![op.owner]).await?;
    Ok(Ok(rows.into_iter().map(|mut row| row.take()).collect::<Result<_, StoreError>>()?))
});
