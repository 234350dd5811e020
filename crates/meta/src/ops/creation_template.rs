//! Repository creation templates: the settings of repositories that Wharf creates without CreateRepository.

use serde_json::{from_str, json};

use crate::{
    Micros, Mutability, Never, RegistryKey, StoreError,
    ops::{operation, registry::lock_registry, repository_policy::account_setting, row_version},
    value::{Row, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// The setting of a registry with which a push creates its repository without a template.
pub const CREATE_ON_PUSH: &str = "WHARF_CREATE_ON_PUSH";

/// The prefix of the template for every repository that no other template matches.
pub const ROOT: &str = "ROOT";

/// What a template gives to the repositories that are created from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreationTemplate {
    /// As it was given. A slash at the end changes nothing.
    pub prefix: String,
    pub description: Option<String>,
    /// `CREATE_ON_PUSH`, `PULL_THROUGH_CACHE`, `REPLICATION`.
    pub applied_for: Vec<String>,
    pub mutability: Mutability,
    /// Tag patterns that are excluded from the mutability.
    pub filters: Vec<String>,
    pub tags: Vec<(String, String)>,
    /// `AES256`, `KMS` or `KMS_DSSE`.
    pub encryption_type: String,
    pub kms_key: Option<String>,
    /// With principals by unique ID.
    pub repository_policy: Option<String>,
    pub lifecycle_policy: Option<String>,
    /// The role that creates the repositories.
    pub custom_role_arn: Option<String>,
}

/// A template as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreationTemplateRow {
    pub template: CreationTemplate,
    pub created_at: Micros,
    pub updated_at: Micros,
    /// Grows with each change. A row that is written again under the same prefix begins elsewhere.
    pub version: i64,
}

const SELECT: &str = "SELECT prefix, description, applied_for, mutability, exclusion_filters, resource_tags, \
    encryption_type, kms_key, repository_policy, lifecycle_policy, custom_role_arn, created_at, updated_at, version \
    FROM creation_template WHERE registry = ?1";

impl CreationTemplateRow {
    fn read(row: &mut Row) -> Result<Self, StoreError> {
        let corrupt = |_| StoreError::Corrupt("creation_template");
        let template = CreationTemplate {
            prefix: row.take()?,
            description: row.take()?,
            applied_for: from_str(&row.take::<String>()?).map_err(corrupt)?,
            mutability: row.take::<String>()?.parse().map_err(|_| StoreError::Corrupt("mutability"))?,
            filters: from_str(&row.take::<String>()?).map_err(corrupt)?,
            tags: from_str(&row.take::<String>()?).map_err(corrupt)?,
            encryption_type: row.take()?,
            kms_key: row.take()?,
            repository_policy: row.take()?,
            lifecycle_policy: row.take()?,
            custom_role_arn: row.take()?,
        };
        Ok(Self { template, created_at: row.take()?, updated_at: row.take()?, version: row.take()? })
    }

    fn read_all(rows: Vec<Row>) -> Result<Vec<Self>, StoreError> {
        rows.into_iter().map(|mut row| Self::read(&mut row)).collect()
    }
}

/// The prefix without a slash at its end.
pub(crate) fn scope(prefix: &str) -> &str {
    prefix.strip_suffix('/').unwrap_or(prefix)
}

/// The rows whose prefix the name `?2` has, the longest first. `scope` is the prefix without a slash at its end.
pub(crate) const MATCHING: &str = "(scope = 'ROOT' OR substr(?2, 1, length(scope) + 1) = scope || '/') \
    ORDER BY CASE WHEN scope = 'ROOT' THEN 0 ELSE length(scope) END DESC";

/// Creates a template.
#[derive(Clone, Debug)]
pub struct CreateCreationTemplate {
    pub registry: RegistryKey,
    pub template: CreationTemplate,
    /// How many a registry may have.
    pub limit: i64,
    /// Now.
    pub at: Micros,
}

/// Why a template was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateCreationTemplateRefusal {
    /// The registry has one with this prefix.
    Exists,
    /// The registry has as many as it may have.
    Limit,
}

operation!(CreateCreationTemplate: Durable [] -> CreationTemplateRow, CreateCreationTemplateRefusal, |op, tx| {
    lock_registry(tx, op.registry).await?;
    let template = &op.template;
    let count = "SELECT COUNT(*), COUNT(CASE WHEN scope = ?2 THEN 1 END) FROM creation_template WHERE registry = ?1";
    let row = tx.row(count, &params![op.registry, scope(&template.prefix)]).await?;
    let mut row = row.ok_or(StoreError::Bug("a count has a row"))?;
    let (all, same): (i64, i64) = (row.take()?, row.take()?);
    if same > 0 {
        return Ok(Err(CreateCreationTemplateRefusal::Exists));
    }
    if all >= op.limit {
        return Ok(Err(CreateCreationTemplateRefusal::Limit));
    }
    let version = row_version::fresh();
    let insert = "INSERT INTO creation_template (registry, scope, prefix, description, applied_for, mutability, \
        exclusion_filters, resource_tags, encryption_type, kms_key, repository_policy, lifecycle_policy, \
        custom_role_arn, created_at, updated_at, version) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?15)";
    tx.execute(insert, &params![op.registry, scope(&template.prefix), template.prefix, template.description,
        json!(template.applied_for).to_string(), template.mutability.as_str(), json!(template.filters).to_string(),
        json!(template.tags).to_string(),
        template.encryption_type, template.kms_key, template.repository_policy, template.lifecycle_policy,
        template.custom_role_arn, op.at, version]).await?;
    Ok(Ok(CreationTemplateRow { template: template.clone(), created_at: op.at, updated_at: op.at, version }))
});

/// Replaces a template that was read.
#[derive(Clone, Debug)]
pub struct ReplaceCreationTemplate {
    pub registry: RegistryKey,
    pub template: CreationTemplate,
    /// The version that was read.
    pub version: i64,
    /// Now.
    pub at: Micros,
}

/// The template was deleted or has changed since it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreationTemplateChanged;

operation!(ReplaceCreationTemplate: Durable [] -> (), CreationTemplateChanged, |op, tx| {
    let update = "UPDATE creation_template SET description = ?3, applied_for = ?4, mutability = ?5, \
        exclusion_filters = ?6, resource_tags = ?7, encryption_type = ?8, kms_key = ?9, repository_policy = ?10, \
        lifecycle_policy = ?11, custom_role_arn = ?12, updated_at = ?13, version = version + 1 \
        WHERE registry = ?1 AND scope = ?2 AND version = ?14";
    let template = &op.template;
    let replaced = tx.execute(update, &params![op.registry, scope(&template.prefix), template.description,
        json!(template.applied_for).to_string(), template.mutability.as_str(), json!(template.filters).to_string(),
        json!(template.tags).to_string(),
        template.encryption_type, template.kms_key, template.repository_policy, template.lifecycle_policy,
        template.custom_role_arn, op.at, op.version]).await?;
    Ok(if replaced == 1 { Ok(()) } else { Err(CreationTemplateChanged) })
});

/// Deletes a template; returns what it was.
#[derive(Clone, Debug)]
pub struct DeleteCreationTemplate {
    pub registry: RegistryKey,
    pub prefix: String,
}

operation!(DeleteCreationTemplate: Durable [] -> Option<CreationTemplateRow>, Never, |op, tx| {
    let scope = scope(&op.prefix);
    let values = params![op.registry, scope];
    let old = tx.row(&format!("{SELECT} AND scope = ?2"), &values).await?;
    tx.execute("DELETE FROM creation_template WHERE registry = ?1 AND scope = ?2", &values).await?;
    Ok(Ok(old.map(|mut row| CreationTemplateRow::read(&mut row)).transpose()?))
});

/// Lists templates by prefix.
#[derive(Clone, Debug)]
pub struct ListCreationTemplates {
    pub registry: RegistryKey,
    /// Only those after this prefix.
    pub after: Option<String>,
    /// The maximum number of results.
    pub limit: usize,
}

operation!(ListCreationTemplates: Point -> Vec<CreationTemplateRow>, Never, |op, tx| {
    let select = format!("{SELECT} AND scope > ?2 ORDER BY scope LIMIT ?3");
    let after = op.after.as_deref().map(scope).unwrap_or_default();
    Ok(Ok(CreationTemplateRow::read_all(tx.rows(&select, &params![op.registry, after, op.limit]).await?)?))
});

/// Finds one template by its prefix.
#[derive(Clone, Debug)]
pub struct GetCreationTemplate {
    pub registry: RegistryKey,
    pub prefix: String,
}

operation!(GetCreationTemplate: Point -> Option<CreationTemplateRow>, Never, |op, tx| {
    let row = tx.row(&format!("{SELECT} AND scope = ?2"), &params![op.registry, scope(&op.prefix)]).await?;
    Ok(Ok(row.map(|mut row| CreationTemplateRow::read(&mut row)).transpose()?))
});

/// Finds what creates a repository with this name.
#[derive(Clone, Debug)]
pub struct FindCreation {
    pub registry: RegistryKey,
    /// The name of the repository.
    pub name: String,
    /// What the template must be applied for.
    pub applied_for: &'static str,
}

/// What creates a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Creation {
    /// The template with the longest prefix of the name.
    pub template: Option<CreationTemplateRow>,
    /// The value of [`CREATE_ON_PUSH`].
    pub create_on_push: Option<String>,
}

operation!(FindCreation: Page -> Creation, Never, |op, tx| {
    let matching = format!("{SELECT} AND {MATCHING}");
    let found = CreationTemplateRow::read_all(tx.rows(&matching, &params![op.registry, op.name]).await?)?;
    let applies = |row: &CreationTemplateRow| row.template.applied_for.iter().any(|purpose| purpose == op.applied_for);
    let create_on_push = account_setting(tx, op.registry, CREATE_ON_PUSH).await?;
    Ok(Ok(Creation { template: found.into_iter().find(applies), create_on_push }))
});
