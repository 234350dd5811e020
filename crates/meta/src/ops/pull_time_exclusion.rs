//! Principals whose pulls leave the time of an image's last pull as it is.

use crate::{
    Micros, Never, RegistryKey, StoreError,
    ops::{operation, registry::lock_registry},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Excludes a principal.
#[derive(Clone, Debug)]
pub struct RegisterPullTimeExclusion {
    /// The registry.
    pub registry: RegistryKey,
    /// The ARN of a user or role.
    pub principal_arn: String,
    /// Now.
    pub at: Micros,
    /// How many a registry may have.
    pub limit: i64,
}

/// Why a principal is not excluded by a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterPullTimeExclusionRefusal {
    /// It is excluded already.
    Exists,
    /// The registry has as many as it may have.
    Limit,
}

operation!(RegisterPullTimeExclusion: Durable [] -> (), RegisterPullTimeExclusionRefusal, |op, tx| {
    lock_registry(tx, op.registry).await?;
    let count = "SELECT COUNT(*), COUNT(CASE WHEN principal_arn = ?2 THEN 1 END) \
                 FROM pull_time_exclusion WHERE registry = ?1";
    let mut row = tx
        .row(count, &params![op.registry.0, op.principal_arn])
        .await?
        .ok_or(StoreError::Bug("a count has a row"))?;
    let (all, same): (i64, i64) = (row.take()?, row.take()?);
    if same > 0 {
        return Ok(Err(RegisterPullTimeExclusionRefusal::Exists));
    }
    if all >= op.limit {
        return Ok(Err(RegisterPullTimeExclusionRefusal::Limit));
    }
    let insert = "INSERT INTO pull_time_exclusion (registry, principal_arn, created_at) VALUES (?1, ?2, ?3)";
    tx.execute(insert, &params![op.registry.0, op.principal_arn, op.at]).await?;
    Ok(Ok(()))
});

/// Ends the exclusion of a principal.
#[derive(Clone, Debug)]
pub struct DeregisterPullTimeExclusion {
    /// The registry.
    pub registry: RegistryKey,
    /// The ARN of the user or role.
    pub principal_arn: String,
}

/// The principal is not excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotExcluded;

operation!(DeregisterPullTimeExclusion: Durable [] -> (), NotExcluded, |op, tx| {
    let delete = "DELETE FROM pull_time_exclusion WHERE registry = ?1 AND principal_arn = ?2";
    let gone = tx.execute(delete, &params![op.registry.0, op.principal_arn]).await? == 1;
    Ok(if gone { Ok(()) } else { Err(NotExcluded) })
});

/// Lists excluded principals by ARN.
#[derive(Clone, Debug)]
pub struct ListPullTimeExclusions {
    /// The registry.
    pub registry: RegistryKey,
    /// Those after this ARN.
    pub after: Option<String>,
    /// How many at most.
    pub limit: usize,
}

operation!(ListPullTimeExclusions: Point -> Vec<String>, Never, |op, tx| {
    let select = "SELECT principal_arn FROM pull_time_exclusion WHERE registry = ?1 AND principal_arn > ?2 \
                  ORDER BY principal_arn LIMIT ?3";
    let after = op.after.clone().unwrap_or_default();
    let rows = tx.rows(select, &params![op.registry.0, after, op.limit]).await?;
    let arns: Result<_, StoreError> = rows.into_iter().map(|mut row| row.take()).collect();
    Ok(Ok(arns?))
});
