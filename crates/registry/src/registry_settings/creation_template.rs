//! Repository creation templates: what is checked when they are written, and what is shown of them.

use access::Access;
use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::{OnRegistry, Opens, Permit};
use access::store::{
    CreateCreationTemplate, CreateCreationTemplateRefusal as Refusal, CreationTemplate, CreationTemplateRow,
    DeleteCreationTemplate, FindNamedPrincipals, GetAccountSetting, GetCreationTemplate,
    LIFECYCLE_EXTENSIONS, ListCreationTemplates, Mutability, RefusedExt as _, RegistryKey,
    ReplaceCreationTemplate, StoreResultExt as _,
};
use policy::Use;

use super::account_setting::of_registry;
use super::own_registry;
use crate::lifecycle_policy;
use crate::policy_text::{CheckedPolicy, shown};

/// Creates a template. Its policies are as in the request.
pub(crate) async fn create(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::CreateRepositoryCreationTemplate>,
    template: CreationTemplate,
) -> Result<CreationTemplateRow> {
    let registry = own_registry(access, ctx, permit).await?;
    let template = with_checked_policies(permit, registry, template).await?;
    let prefix = template.prefix.clone();
    let limit = access.quotas().repository_creation_templates_per_registry.limit();
    let create = CreateCreationTemplate { registry, template, limit, at: ctx.at() };
    let row = permit.write(|_| create).await.or_refused(|refusal| match refusal {
        Refusal::Exists => {
            let message = format!(
                "The repository creation template with prefix '{prefix}' already exists in the registry with id '{}'",
                permit.account()
            );
            Error::new(Code::TemplateAlreadyExists, message)
        }
        Refusal::Limit => access.quotas().repository_creation_templates_per_registry.exceeded(),
    })?;
    with_shown_policy(permit, row).await
}

/// What a request changes of a template. Its policies are as in the request; an empty text removes a policy.
pub(crate) struct Changes {
    pub(crate) prefix: String,
    pub(crate) description: Option<String>,
    /// Empty: not changed.
    pub(crate) applied_for: Vec<String>,
    pub(crate) mutability: Option<Mutability>,
    pub(crate) filters: Option<Vec<String>>,
    pub(crate) tags: Option<Vec<(String, String)>>,
    pub(crate) repository_policy: Option<String>,
    pub(crate) lifecycle_policy: Option<String>,
    pub(crate) custom_role_arn: Option<String>,
}

/// Changes a template.
pub(crate) async fn update(
    ctx: &Ctx,
    permit: &Permit<ecr::UpdateRepositoryCreationTemplate>,
    changes: Changes,
) -> Result<CreationTemplateRow> {
    let prefix = changes.prefix.clone();
    let registry = permit.registry().ok_or_else(|| not_found(permit.account(), &prefix))?.key;
    let found = permit.read(|_| GetCreationTemplate { registry, prefix: prefix.clone() }).await?;
    let old = found.ok_or_else(|| not_found(permit.account(), &prefix))?;
    // Policies that stay are stored already.
    let new = CreationTemplate {
        repository_policy: changes.repository_policy.clone(),
        lifecycle_policy: changes.lifecycle_policy.clone(),
        ..old.template.clone()
    };
    let new = with_checked_policies(permit, registry, new).await?;
    let template = changed(&old.template, changes, new)?;
    let (version, at) = (old.version, ctx.at());
    let replace = ReplaceCreationTemplate { registry, template: template.clone(), version, at };
    permit.write(|_| replace).await.or_refused(|_changed| {
        let message =
            "The repository creation template was changed by another request. Send the request again.";
        Error::new(Code::Validation, message)
    })?;
    let row = CreationTemplateRow { template, updated_at: at, version: version + 1, ..old };
    with_shown_policy(permit, row).await
}

/// The template after the changes. `checked` has the new policies as they are stored.
fn changed(old: &CreationTemplate, changes: Changes, checked: CreationTemplate) -> Result<CreationTemplate> {
    let filters_given = changes.filters.is_some();
    let mutability = changes.mutability.unwrap_or(old.mutability);
    let uses_filters =
        matches!(mutability, Mutability::MutableWithExclusion | Mutability::ImmutableWithExclusion);
    let mut filters = changes.filters.unwrap_or_else(|| old.filters.clone());
    if uses_filters == filters.is_empty() {
        if uses_filters || filters_given {
            let rule = "the filters must be given with a setting WITH_EXCLUSION, and with no other setting";
            return Err(Error::invalid_parameter("imageTagMutabilityExclusionFilters", rule));
        }
        filters.clear();
    }
    let policy = |given: Option<String>, checked, old: &Option<String>| match given {
        Some(_) => checked,
        None => old.clone(),
    };
    let text = |given: Option<String>, old: &Option<String>| match given {
        Some(given) => Some(given).filter(|text| !text.is_empty()),
        None => old.clone(),
    };
    let given = !changes.applied_for.is_empty();
    Ok(CreationTemplate {
        prefix: old.prefix.clone(),
        description: text(changes.description, &old.description),
        applied_for: if given { changes.applied_for } else { old.applied_for.clone() },
        mutability,
        filters,
        tags: changes.tags.unwrap_or_else(|| old.tags.clone()),
        encryption_type: old.encryption_type.clone(),
        kms_key: old.kms_key.clone(),
        repository_policy: policy(
            changes.repository_policy,
            checked.repository_policy,
            &old.repository_policy,
        ),
        lifecycle_policy: policy(changes.lifecycle_policy, checked.lifecycle_policy, &old.lifecycle_policy),
        custom_role_arn: text(changes.custom_role_arn, &old.custom_role_arn),
    })
}

/// The templates with these prefixes. Prefixes without a template are left out, as ECR does.
pub(crate) async fn named(
    permit: &Permit<ecr::DescribeRepositoryCreationTemplates>,
    prefixes: Vec<String>,
) -> Result<Vec<CreationTemplateRow>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    let mut rows = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        if let Some(row) = permit.read(|_| GetCreationTemplate { registry: registry.key, prefix }).await? {
            rows.push(with_shown_policy(permit, row).await?);
        }
    }
    Ok(rows)
}

/// A page of all templates: one more than `limit` if there are more.
pub(crate) async fn page(
    permit: &Permit<ecr::DescribeRepositoryCreationTemplates>,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<CreationTemplateRow>> {
    let Some(registry) = permit.registry() else { return Ok(Vec::new()) };
    let list = ListCreationTemplates { registry: registry.key, after, limit: limit + 1 };
    let mut rows = Vec::new();
    for row in permit.read(|_| list).await? {
        rows.push(with_shown_policy(permit, row).await?);
    }
    Ok(rows)
}

/// Deletes a template. Gives what it was.
pub(crate) async fn delete(
    permit: &Permit<ecr::DeleteRepositoryCreationTemplate>,
    prefix: String,
) -> Result<CreationTemplateRow> {
    let not_found = || not_found(permit.account(), &prefix);
    let registry = permit.registry().ok_or_else(not_found)?.key;
    let delete = DeleteCreationTemplate { registry, prefix: prefix.clone() };
    let old = permit.write(|_| delete).await.or_store_error()?;
    with_shown_policy(permit, old.ok_or_else(not_found)?).await
}

/// The template with its policies as they are stored. An empty text is no policy.
async fn with_checked_policies<G>(
    permit: &Permit<G>,
    registry: RegistryKey,
    mut template: CreationTemplate,
) -> Result<CreationTemplate>
where
    G: Opens<FindNamedPrincipals, On = OnRegistry> + Opens<GetAccountSetting>,
{
    let is_given = |text: &String| !text.is_empty();
    if let Some(text) = template.repository_policy.take().filter(is_given) {
        let checked = CheckedPolicy::new(permit, &text, (Use::Repository, "repository")).await?;
        template.repository_policy = Some(checked.stored());
    }
    if let Some(text) = template.lifecycle_policy.take().filter(is_given) {
        let setting = permit.read(|_| of_registry(registry, LIFECYCLE_EXTENSIONS)).await?;
        template.lifecycle_policy =
            Some(lifecycle_policy::parsed(&text, setting.as_deref())?.text().to_owned());
    }
    Ok(template)
}

/// The row with its repository policy for answers: with ARNs.
async fn with_shown_policy<G>(permit: &Permit<G>, mut row: CreationTemplateRow) -> Result<CreationTemplateRow>
where
    G: Opens<FindNamedPrincipals>,
{
    if let Some(stored) = &row.template.repository_policy {
        row.template.repository_policy = Some(shown(permit, stored).await?);
    }
    Ok(row)
}

fn not_found(account: &aws::ids::AccountId, prefix: &str) -> Error {
    let message = format!(
        "The repository creation template with prefix '{prefix}' does not exist in the registry with id '{account}'"
    );
    Error::new(Code::TemplateNotFound, message)
}
