//! The times of the last pulls of images. No answer that is kept has them, so recording them ends none.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use crate::{
    ImageId, Micros, Never, RepositoryKey, StoreError, Tx,
    ops::operation,
    tx::{chunks, list, push_list},
    value::{Param, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A pull of an image.
#[derive(Clone, Debug)]
pub struct Pull {
    pub repository: RepositoryKey,
    /// The image.
    pub id: ImageId,
    /// When.
    pub at: Micros,
    /// The ARN of the user or role that pulled.
    pub principal_arn: String,
}

/// Records pulls of images of any repositories, except those of excluded principals. Returns how many times were written.
#[derive(Clone, Debug)]
pub struct RecordPulls {
    pub pulls: Arc<[Pull]>,
    /// A time is written only if the recorded one is at least this much older.
    pub apart: Micros,
}

/// The repository and the image of a time, in the order of the primary key.
type Key = (i64, i64, i64);

operation!(RecordPulls: Relaxed [] -> u64, Never, |op, tx| {
    let excluded = op.excluded(tx).await?;
    // In the order of their keys, so two nodes lock rows in the same order.
    let mut newest: BTreeMap<Key, Micros> = BTreeMap::new();
    for pull in &*op.pulls {
        let registry = pull.repository.registry.0;
        if !excluded.contains(&(registry, pull.principal_arn.clone())) {
            let at = newest.entry((registry, pull.repository.id, pull.id.0)).or_insert(pull.at);
            *at = pull.at.max(*at);
        }
    }
    let newest: Vec<(Key, Micros)> = newest.into_iter().collect();
    let mut written = 0;
    for times in chunks(&newest) {
        written += op.upsert(tx, times).await?;
    }
    Ok(Ok(written))
});

impl RecordPulls {
    /// The excluded principals of the pulls, with their registries.
    async fn excluded(&self, tx: &mut Tx<'_>) -> Result<HashSet<(i64, String)>, StoreError> {
        let mut arns_of: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
        for pull in &*self.pulls {
            arns_of.entry(pull.repository.registry.0).or_default().insert(&pull.principal_arn);
        }
        let mut excluded = HashSet::new();
        for (registry, arns) in arns_of {
            let arns: Vec<&str> = arns.into_iter().collect();
            for arns in chunks(&arns) {
                let select = format!(
                    "SELECT principal_arn FROM pull_time_exclusion WHERE registry = ?1 AND principal_arn IN ({})",
                    list(2, arns.len())
                );
                let mut values = params![registry].to_vec();
                push_list(&mut values, arns);
                for mut row in tx.rows(&select, &values).await? {
                    excluded.insert((registry, row.take()?));
                }
            }
        }
        Ok(excluded)
    }

    /// Writes times. Nothing is written for an image that was deleted meanwhile. A time never moves back.
    async fn upsert(&self, tx: &mut Tx<'_>, times: &[(Key, Micros)]) -> Result<u64, StoreError> {
        let count = times.len().next_power_of_two();
        // The first row tells PostgreSQL the types.
        let big = |at: usize| format!("CAST(?{at} AS BIGINT)");
        let mut rows = vec![format!("({}, {}, {}, {})", big(2), big(3), big(4), big(5))];
        rows.extend((1..count).map(|row| {
            let at = 2 + 4 * row;
            format!("(?{at}, ?{}, ?{}, ?{})", at + 1, at + 2, at + 3)
        }));
        let upsert = format!(
            "WITH pull (registry, repository, image, at) AS (VALUES {}) \
             INSERT INTO image_pull (registry, repository, image, last_pulled_at) \
             SELECT i.registry, i.repository, i.id, p.at FROM pull p CROSS JOIN image i \
             WHERE i.registry = p.registry AND i.repository = p.repository AND i.id = p.image \
             ON CONFLICT (registry, repository, image) DO UPDATE SET last_pulled_at = excluded.last_pulled_at \
             WHERE image_pull.last_pulled_at <= excluded.last_pulled_at - ?1",
            rows.join(", ")
        );
        let mut values: Vec<Param<'_>> = params![self.apart].to_vec();
        for ((registry, repository, image), at) in times {
            values.extend(params![*registry, *repository, *image, *at]);
        }
        // A row of NULLs names no image.
        values.resize(1 + 4 * count, Param::Null);
        tx.execute(&upsert, &values).await
    }
}
