//! How much of ECR's quotas an account uses. A quota of each registry, repository or image is used as much as by the one
//! that has the most.

use aws::ids::AccountId;

use crate::{Never, StoreError, ops::operation, value::params};

const DATABASE: crate::Database = crate::Database::Registries;

/// The most that an account has of everything with a quota of ECR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistryCounts {
    pub registries: i64,
    pub images_of_a_repository: i64,
    pub tags_of_an_image: i64,
    pub exclusions_of_a_registry: i64,
    pub reports_of_a_registry: i64,
    pub templates_of_a_registry: i64,
}

/// Counts what the registries of an account have. Of the images it reads only the last entry of an index.
#[derive(Clone, Debug)]
pub struct CountRegistries {
    pub account_id: AccountId,
}

operation!(CountRegistries: Page -> RegistryCounts, Never, |op, tx| {
    let of_account = "SELECT g.key FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = ?1";
    let most = |table: &str| {
        format!(
            "(SELECT COALESCE(MAX(n), 0) FROM (SELECT COUNT(*) AS n FROM {table} t \
                WHERE t.registry IN ({of_account}) GROUP BY t.registry) c)"
        )
    };
    // Only images with more than one tag are in the index. Without any, an image has one tag if the registry has one.
    let most_tags = "(SELECT COALESCE(MAX(COALESCE(\
            (SELECT MAX(i.tag_count) FROM image i WHERE i.registry = g.key AND i.tag_count > 1), \
            (SELECT 1 FROM tag t WHERE t.registry = g.key LIMIT 1))), 0) \
        FROM registry g JOIN account a ON a.key = g.account WHERE a.account_id = ?1)";
    let select = format!(
        "SELECT (SELECT COUNT(*) FROM ({of_account}) x), \
            (SELECT COALESCE(MAX(r.image_count), 0) FROM repository r \
                WHERE r.registry IN ({of_account}) AND r.deleted_at IS NULL), \
            {most_tags}, {}, {}, {}",
        most("pull_time_exclusion"),
        most("in_use_report"),
        most("creation_template")
    );
    let counts = tx.row(&select, &params![op.account_id]).await?.map(|mut row| {
        Ok::<_, StoreError>(RegistryCounts {
            registries: row.take()?,
            images_of_a_repository: row.take()?,
            tags_of_an_image: row.take()?,
            exclusions_of_a_registry: row.take()?,
            reports_of_a_registry: row.take()?,
            templates_of_a_registry: row.take()?,
        })
    });
    Ok(Ok(counts.transpose()?.unwrap_or_default()))
});
