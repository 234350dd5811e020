//! Pull-through cache rules, and the tags that came from upstream registries.

use oci::{digest::Digest, name::Tag};

use crate::{
    Micros, Never, RegistryKey, RepositoryKey, StoreError, Tx,
    ops::{
        creation_template::{MATCHING, ROOT, scope},
        operation,
        registry::lock_registry,
        repository::{Hold, RepositoryGone, hold},
        row_version,
    },
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// A pull-through cache rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullThroughCacheRule {
    /// As it was given, or `ROOT`. A slash at the end changes nothing.
    pub prefix: String,
    /// The host of the upstream registry, with its port if it has one.
    pub upstream_url: String,
    /// ECR's name for the upstream registry, if it has one.
    pub upstream_registry: Option<String>,
    /// What replaces the prefix upstream; `ROOT`: nothing.
    pub upstream_prefix: String,
    pub credential_arn: Option<String>,
    pub custom_role_arn: Option<String>,
}

impl PullThroughCacheRule {
    /// The name upstream of a repository of this rule. None: the repository does not belong to the rule.
    pub fn upstream_name(&self, name: &str) -> Option<String> {
        let rest = match scope(&self.prefix) {
            ROOT => name,
            scope => name.strip_prefix(scope)?.strip_prefix('/')?,
        };
        Some(match scope(&self.upstream_prefix) {
            ROOT => rest.to_owned(),
            prefix => format!("{prefix}/{rest}"),
        })
    }
}

/// A rule as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullThroughCacheRuleRow {
    pub rule: PullThroughCacheRule,
    pub created_at: Micros,
    pub updated_at: Micros,
    /// Grows with each change. A row that is written again under the same prefix begins elsewhere.
    pub version: i64,
}

const SELECT: &str = "SELECT prefix, upstream_url, upstream_registry, upstream_prefix, credential_arn, \
    custom_role_arn, created_at, updated_at, version FROM pull_through_cache_rule WHERE registry = ?1";

impl PullThroughCacheRuleRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        let rule = PullThroughCacheRule {
            prefix: row.take()?,
            upstream_url: row.take()?,
            upstream_registry: row.take()?,
            upstream_prefix: row.take()?,
            credential_arn: row.take()?,
            custom_role_arn: row.take()?,
        };
        Ok(Self { rule, created_at: row.take()?, updated_at: row.take()?, version: row.take()? })
    }

    async fn find(tx: &mut Tx<'_>, registry: RegistryKey, prefix: &str) -> Result<Option<Self>, StoreError> {
        let row = tx.row(&format!("{SELECT} AND scope = ?2"), &params![registry, scope(prefix)]).await?;
        row.map(|mut row| Self::read(&mut row)).transpose()
    }
}

/// Creates a rule.
#[derive(Clone, Debug)]
pub struct CreatePullThroughCacheRule {
    pub registry: RegistryKey,
    pub rule: PullThroughCacheRule,
    /// How many a registry may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a rule was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatePullThroughCacheRuleRefusal {
    /// The registry has one with this prefix.
    Exists,
    /// The registry has as many as it may have.
    Limit,
}

operation!(CreatePullThroughCacheRule: Durable [Registry(op.registry)] -> PullThroughCacheRuleRow,
    CreatePullThroughCacheRuleRefusal, |op, tx| {
    lock_registry(tx, op.registry).await?;
    let rule = &op.rule;
    let count =
        "SELECT COUNT(*), COUNT(CASE WHEN scope = ?2 THEN 1 END) FROM pull_through_cache_rule WHERE registry = ?1";
    let row = tx.row(count, &params![op.registry, scope(&rule.prefix)]).await?;
    let mut row = row.ok_or(StoreError::Bug("a count has a row"))?;
    let (all, same): (i64, i64) = (row.take()?, row.take()?);
    if same > 0 {
        return Ok(Err(CreatePullThroughCacheRuleRefusal::Exists));
    }
    if all >= op.limit {
        return Ok(Err(CreatePullThroughCacheRuleRefusal::Limit));
    }
    let version = row_version::fresh();
    let insert = "INSERT INTO pull_through_cache_rule (registry, scope, prefix, upstream_url, upstream_registry, \
        upstream_prefix, credential_arn, custom_role_arn, created_at, updated_at, version) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10)";
    tx.execute(insert, &params![op.registry, scope(&rule.prefix), rule.prefix, rule.upstream_url,
        rule.upstream_registry, rule.upstream_prefix, rule.credential_arn, rule.custom_role_arn, op.at, version]).await?;
    count_rules(tx, op.registry).await?;
    Ok(Ok(PullThroughCacheRuleRow { rule: rule.clone(), created_at: op.at, updated_at: op.at, version }))
});

/// Records the number of rules in the registry's row.
async fn count_rules(tx: &mut Tx<'_>, registry: RegistryKey) -> Result<(), StoreError> {
    let update = "UPDATE registry SET pull_through_cache_rules = \
        (SELECT COUNT(*) FROM pull_through_cache_rule WHERE registry = ?1) WHERE key = ?1";
    tx.execute(update, &params![registry]).await?;
    Ok(())
}

/// Replaces the credentials of a rule; returns the rule. None: there is no such rule.
#[derive(Clone, Debug)]
pub struct UpdatePullThroughCacheRule {
    pub registry: RegistryKey,
    pub prefix: String,
    /// Not changed if none.
    pub credential_arn: Option<String>,
    /// Not changed if none.
    pub custom_role_arn: Option<String>,
    /// Now.
    pub at: Micros,
}

operation!(UpdatePullThroughCacheRule: Durable [] -> Option<PullThroughCacheRuleRow>, Never, |op, tx| {
    let update = "UPDATE pull_through_cache_rule SET credential_arn = COALESCE(?3, credential_arn), \
        custom_role_arn = COALESCE(?4, custom_role_arn), updated_at = ?5, version = version + 1 \
        WHERE registry = ?1 AND scope = ?2";
    let scope = scope(&op.prefix);
    tx.execute(update, &params![op.registry, scope, op.credential_arn, op.custom_role_arn, op.at]).await?;
    Ok(Ok(PullThroughCacheRuleRow::find(tx, op.registry, &op.prefix).await?))
});

/// Deletes a rule; returns what it was. Repositories and images stay.
#[derive(Clone, Debug)]
pub struct DeletePullThroughCacheRule {
    pub registry: RegistryKey,
    pub prefix: String,
}

operation!(DeletePullThroughCacheRule: Durable [Registry(op.registry)] -> Option<PullThroughCacheRuleRow>, Never,
    |op, tx| {
    lock_registry(tx, op.registry).await?;
    let old = PullThroughCacheRuleRow::find(tx, op.registry, &op.prefix).await?;
    let delete = "DELETE FROM pull_through_cache_rule WHERE registry = ?1 AND scope = ?2";
    tx.execute(delete, &params![op.registry, scope(&op.prefix)]).await?;
    count_rules(tx, op.registry).await?;
    Ok(Ok(old))
});

/// Lists rules by prefix.
#[derive(Clone, Debug)]
pub struct ListPullThroughCacheRules {
    pub registry: RegistryKey,
    /// Only those after this prefix.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListPullThroughCacheRules: Point -> Vec<PullThroughCacheRuleRow>, Never, |op, tx| {
    let select = format!("{SELECT} AND scope > ?2 ORDER BY scope LIMIT ?3");
    let after = op.after.as_deref().map(scope).unwrap_or_default();
    let rows = tx.rows(&select, &params![op.registry, after, op.limit]).await?;
    let rows: Result<_, StoreError> =
        rows.into_iter().map(|mut row| PullThroughCacheRuleRow::read(&mut row)).collect();
    Ok(Ok(rows?))
});

/// Finds one rule by its prefix.
#[derive(Clone, Debug)]
pub struct GetPullThroughCacheRule {
    pub registry: RegistryKey,
    pub prefix: String,
}

operation!(GetPullThroughCacheRule: Point -> Option<PullThroughCacheRuleRow>, Never, |op, tx| {
    Ok(Ok(PullThroughCacheRuleRow::find(tx, op.registry, &op.prefix).await?))
});

/// Finds the rule of a repository's name, and what is known of a tag of it.
#[derive(Clone, Debug)]
pub struct FindUpstream {
    pub registry: RegistryKey,
    /// The name of the repository.
    pub name: String,
    /// The tag of the request.
    pub tag: Option<Tag>,
}

/// Where a repository comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUpstream {
    /// The rule with the longest prefix.
    pub rule: PullThroughCacheRuleRow,
    /// The tag, if it came from an upstream registry.
    pub tag: Option<UpstreamTag>,
}

/// A tag that came from an upstream registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTag {
    /// The image that the upstream registry had.
    pub digest: Digest,
    /// When it was asked.
    pub validated_at: Micros,
}

operation!(FindUpstream: Page -> Option<FoundUpstream>, Never, |op, tx| {
    let matching = format!("{SELECT} AND {MATCHING} LIMIT 1");
    let Some(mut row) = tx.row(&matching, &params![op.registry, op.name]).await? else { return Ok(Ok(None)) };
    let rule = PullThroughCacheRuleRow::read(&mut row)?;
    let Some(tag) = &op.tag else { return Ok(Ok(Some(FoundUpstream { rule, tag: None }))) };
    let select = "SELECT t.digest, t.validated_at FROM repository r \
        JOIN upstream_tag t ON t.registry = r.registry AND t.repository = r.id AND t.name = ?3 \
        WHERE r.registry = ?1 AND r.name = ?2 AND r.deleted_at IS NULL";
    let row = tx.row(select, &params![op.registry, op.name, tag]).await?;
    let tag: Result<_, StoreError> = row
        .map(|mut row| Ok(UpstreamTag { digest: row.take()?, validated_at: row.take()? }))
        .transpose();
    Ok(Ok(Some(FoundUpstream { rule, tag: tag? })))
});

/// Records that a tag has an image upstream.
#[derive(Clone, Debug)]
pub struct RecordUpstreamTag {
    pub repository: RepositoryKey,
    pub tag: Tag,
    /// The image upstream.
    pub digest: Digest,
    /// Now.
    pub at: Micros,
    /// The prefix and the upstream registry of the rule, if the image came from there now. For the event.
    pub imported_from: Option<(String, String)>,
}

operation!(RecordUpstreamTag: Durable [] -> (), RepositoryGone, |op, tx| {
    if hold(tx, op.repository, Hold::Alive).await?.is_none() {
        return Ok(Err(RepositoryGone));
    }
    let insert = "INSERT INTO upstream_tag (registry, repository, name, digest, validated_at) \
        VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (registry, repository, name) \
        DO UPDATE SET digest = excluded.digest, validated_at = excluded.validated_at";
    let RepositoryKey { registry, id } = op.repository;
    tx.execute(insert, &params![registry, id, op.tag, op.digest, op.at]).await?;
    Ok(Ok(()))
});

/// Has the tags of a repository validated at their next pull; returns how many.
#[derive(Clone, Debug)]
pub struct ExpireUpstreamTags {
    pub repository: RepositoryKey,
    /// Only this tag.
    pub tag: Option<Tag>,
}

operation!(ExpireUpstreamTags: Durable [] -> u64, Never, |op, tx| {
    let RepositoryKey { registry, id } = op.repository;
    let update = "UPDATE upstream_tag SET validated_at = 0 WHERE registry = ?1 AND repository = ?2 \
        AND name = COALESCE(?3, name)";
    Ok(Ok(tx.execute(update, &params![registry, id, op.tag]).await?))
});
