//! Digests that are in use outside the registry, as sources such as clusters report them. They protect images.

use oci::digest::Digest;

use crate::{
    Micros, Never, RegistryKey, StoreError, Tx,
    ops::{operation, registry::lock_registry},
    tx::{chunks, push_list},
    value::params,
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Stores which digests a source uses. Replaces the last report of the source.
#[derive(Clone, Debug)]
pub struct PutInUseReport {
    pub registry: RegistryKey,
    /// The name of the source.
    pub source: String,
    pub digests: Vec<Digest>,
    /// From then on the report protects nothing.
    pub expires_at: Micros,
    /// Now.
    pub at: Micros,
    /// How many reports that have not expired a registry may have.
    pub limit: i64,
}

/// The registry has as many reports as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyReports;

operation!(PutInUseReport: Durable [] -> u64, TooManyReports, |op, tx| {
    let count = op.digests.iter().collect::<std::collections::HashSet<_>>().len() as u64;
    let upsert = "INSERT INTO in_use_report (registry, source, reported_at, expires_at, digest_count) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (registry, source) DO UPDATE SET reported_at = excluded.reported_at, \
        expires_at = excluded.expires_at, digest_count = excluded.digest_count";
    tx.execute(upsert, &params![op.registry, op.source, op.at, op.expires_at, count]).await?;
    remove_digests(tx, op.registry, &op.source).await?;
    for chunk in chunks(&op.digests) {
        let rows: Vec<String> =
            (0..chunk.len().next_power_of_two()).map(|at| format!("(?1, ?2, ?3, ?{})", at + 4)).collect();
        let sql = format!(
            "INSERT INTO in_use_digest (registry, source, expires_at, digest) VALUES {} ON CONFLICT DO NOTHING",
            rows.join(", ")
        );
        let mut values = params![op.registry, op.source, op.expires_at].to_vec();
        push_list(&mut values, chunk);
        tx.execute(&sql, &values).await?;
    }
    // Deletions hold the row shared: one that has not seen this report ends before the report is accepted.
    lock_registry(tx, op.registry).await?;
    let select = "SELECT COUNT(*) FROM in_use_report WHERE registry = ?1 AND expires_at > ?2";
    let reports: i64 = tx.value(select, &params![op.registry, op.at]).await?.unwrap_or_default();
    Ok(if reports > op.limit { Err(TooManyReports) } else { Ok(count) })
});

async fn remove_digests(tx: &mut Tx<'_>, registry: RegistryKey, source: &str) -> Result<(), StoreError> {
    let delete = "DELETE FROM in_use_digest WHERE registry = ?1 AND source = ?2";
    tx.execute(delete, &params![registry, source]).await?;
    Ok(())
}

/// Removes the report of a source.
#[derive(Clone, Debug)]
pub struct DeleteInUseReport {
    pub registry: RegistryKey,
    /// The name of the source.
    pub source: String,
}

/// The source has no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoReport;

operation!(DeleteInUseReport: Durable [] -> (), NoReport, |op, tx| {
    let delete = "DELETE FROM in_use_report WHERE registry = ?1 AND source = ?2";
    if tx.execute(delete, &params![op.registry, op.source]).await? == 0 {
        return Ok(Err(NoReport));
    }
    remove_digests(tx, op.registry, &op.source).await?;
    Ok(Ok(()))
});

/// A report, without its digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUseReport {
    pub source: String,
    pub reported_at: Micros,
    pub expires_at: Micros,
    pub digest_count: u64,
}

/// Lists the reports of a registry by source.
#[derive(Clone, Debug)]
pub struct ListInUseReports {
    pub registry: RegistryKey,
    /// Only sources after this one.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListInUseReports: Point -> Vec<InUseReport>, Never, |op, tx| {
    let select = "SELECT source, reported_at, expires_at, digest_count FROM in_use_report \
                  WHERE registry = ?1 AND source > ?2 ORDER BY source LIMIT ?3";
    let after = op.after.as_deref().unwrap_or_default();
    let rows = tx.rows(select, &params![op.registry, after, op.limit]).await?;
    let reports: Result<_, StoreError> = rows.into_iter().map(|mut row| Ok(InUseReport {
        source: row.take()?,
        reported_at: row.take()?,
        expires_at: row.take()?,
        digest_count: row.take()?,
    })).collect();
    Ok(Ok(reports?))
});

/// Removes rows of expired reports; returns how many.
#[derive(Clone, Debug)]
pub struct ForgetInUseReports {
    /// The maximum number of rows of each table.
    pub limit: usize,
    /// Now.
    pub at: Micros,
}

operation!(ForgetInUseReports: Durable [] -> u64, Never, |op, tx| {
    // The time is compared again where the row is locked: a new report can have replaced the one that was found.
    let digests = "DELETE FROM in_use_digest WHERE expires_at <= ?1 AND (registry, source, digest) IN \
        (SELECT registry, source, digest FROM in_use_digest WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    let removed = tx.execute(digests, &params![op.at, op.limit]).await?;
    let reports = "DELETE FROM in_use_report WHERE expires_at <= ?1 AND (registry, source) IN \
        (SELECT registry, source FROM in_use_report WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
    Ok(Ok(removed + tx.execute(reports, &params![op.at, op.limit]).await?))
});
