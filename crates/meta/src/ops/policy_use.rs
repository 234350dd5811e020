//! The principals of an account that use a managed policy, including AWS's own.

use aws::ids::AccountId;

use crate::{Never, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Directory;

/// One use of a managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// `user`, `group` or `role`.
    pub kind: String,
    /// The principal's path.
    pub path: String,
    /// The principal's name.
    pub name: String,
    /// The principal's unique ID.
    pub unique_id: String,
    /// Whether it is the principal's boundary, not an attachment.
    pub as_boundary: bool,
}

/// Lists who uses a policy, by kind and name.
#[derive(Clone, Debug)]
pub struct ListPolicyUses {
    /// The account.
    pub account_id: AccountId,
    /// The policy's ARN.
    pub arn: String,
}

operation!(ListPolicyUses: Page -> Vec<PolicyUse>, Never, |op, tx| {
    let select = "SELECT p.kind, p.path, p.name, p.unique_id, 0 AS as_boundary FROM identity_policy_managed i \
            JOIN principal p ON p.unique_id = i.owner JOIN account a ON a.key = p.account \
            WHERE i.arn = ?2 AND a.account_id = ?1 \
        UNION ALL SELECT p.kind, p.path, p.name, p.unique_id, 1 FROM principal p \
            JOIN account a ON a.key = p.account WHERE p.boundary = ?2 AND a.account_id = ?1 ORDER BY 1, 3, 5";
    let mut uses = Vec::new();
    for mut row in tx.rows(select, &params![op.account_id, op.arn]).await? {
        uses.push(PolicyUse {
            kind: row.take()?,
            path: row.take()?,
            name: row.take()?,
            unique_id: row.take()?,
            as_boundary: row.take::<i64>()? != 0,
        });
    }
    Ok(Ok(uses))
});

/// The number of attachments and of boundaries by ARN: which of AWS's policies an account uses.
#[derive(Clone, Debug)]
pub struct CountPolicyUses {
    /// The account.
    pub account_id: AccountId,
}

operation!(CountPolicyUses: Page -> Vec<(String, i64, i64)>, Never, |op, tx| {
    let select = "SELECT arn, CAST(SUM(attached) AS BIGINT), CAST(SUM(bounds) AS BIGINT) FROM ( \
        SELECT i.arn AS arn, 1 AS attached, 0 AS bounds FROM identity_policy_managed i \
            JOIN principal p ON p.unique_id = i.owner JOIN account a ON a.key = p.account WHERE a.account_id = ?1 \
        UNION ALL SELECT p.boundary, 0, 1 FROM principal p JOIN account a ON a.key = p.account \
            WHERE a.account_id = ?1 AND p.boundary IS NOT NULL) uses GROUP BY arn ORDER BY arn";
    let mut counts = Vec::new();
    for mut row in tx.rows(select, &params![op.account_id]).await? {
        counts.push((row.take()?, row.take()?, row.take()?));
    }
    Ok(Ok(counts))
});
