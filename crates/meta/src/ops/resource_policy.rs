//! The policies of a repository and of a registry as the gate reads them, with their versions.

use crate::{Never, RegistryKey, RepositoryKey, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// A policy document with its version, which the row of the repository or registry contains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionedPolicy {
    /// `policy_version` of the row; 0 if the row is gone.
    pub version: i64,
    /// The document, with principals by unique ID; None if there is no policy.
    pub document: Option<String>,
}

/// Reads a repository's policy.
#[derive(Clone, Debug)]
pub struct LoadRepositoryPolicy {
    pub repository: RepositoryKey,
}

operation!(LoadRepositoryPolicy: Point -> VersionedPolicy, Never, |op, tx| {
    let select = "SELECT r.policy_version, p.document FROM repository r \
        LEFT JOIN repository_policy p ON p.registry = r.registry AND p.repository = r.id \
        WHERE r.registry = ?1 AND r.id = ?2 AND r.deleted_at IS NULL";
    let Some(mut row) = tx.row(select, &params![op.repository.registry, op.repository.id]).await? else {
        return Ok(Ok(VersionedPolicy::default()));
    };
    Ok(Ok(VersionedPolicy { version: row.take()?, document: row.take()? }))
});

/// Reads a registry's policy and its scope.
#[derive(Clone, Debug)]
pub struct LoadRegistryPolicy {
    pub registry: RegistryKey,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryPolicy {
    /// The document and its version, which changes of the scope increment too.
    pub policy: VersionedPolicy,
    /// The account setting REGISTRY_POLICY_SCOPE; None if it was never set.
    pub scope: Option<String>,
}

operation!(LoadRegistryPolicy: Point -> RegistryPolicy, Never, |op, tx| {
    let select = "SELECT g.policy_version, p.document, s.value FROM registry g \
        LEFT JOIN registry_policy p ON p.registry = g.key \
        LEFT JOIN account_setting s ON s.registry = g.key AND s.name = 'REGISTRY_POLICY_SCOPE' WHERE g.key = ?1";
    let Some(mut row) = tx.row(select, &params![op.registry]).await? else {
        return Ok(Ok(RegistryPolicy::default()));
    };
    let policy = VersionedPolicy { version: row.take()?, document: row.take()? };
    Ok(Ok(RegistryPolicy { policy, scope: row.take()? }))
});
