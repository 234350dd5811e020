//! CreateRepositoryCreationTemplate, UpdateRepositoryCreationTemplate, DescribeRepositoryCreationTemplates and
//! DeleteRepositoryCreationTemplate.

use access::authz::{Gate, add_resource_tags};
use access::context::{Ctx, repository_arn};
use access::entity::role_of_arn;
use access::error::{Error, Result};
use access::op::{Effect, IamOp, Op, ecr};
use access::store::{CreationTemplate, CreationTemplateRow, ListIamTags, ROOT};
use aws::ecr::{
    CreateRepositoryCreationTemplateRequest, CreateRepositoryCreationTemplateResponse,
    DeleteRepositoryCreationTemplateRequest, DeleteRepositoryCreationTemplateResponse,
    DescribeRepositoryCreationTemplatesRequest, DescribeRepositoryCreationTemplatesResponse,
    EncryptionConfigurationForRepositoryCreationTemplate as Encryption, EncryptionType, RCTAppliedFor,
    RepositoryCreationTemplate, Tag, UpdateRepositoryCreationTemplateRequest,
    UpdateRepositoryCreationTemplateResponse,
};
use aws::ids::{AccountId, Region};
use aws::service::Service;

use super::repository_setting::{exclusion_filters, filters, mutability, mutability_shape};
use super::{epoch_seconds, page_limit};
use crate::Registry;
use crate::registry_settings::creation_template::{self, Changes};
use crate::repository::from_template::SERVICE;

impl Registry {
    /// Creates a template.
    pub async fn create_repository_creation_template(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreateRepositoryCreationTemplateRequest,
    ) -> Result<CreateRepositoryCreationTemplateResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit()?;
        check_encryption(input.encryption_configuration.as_ref())?;
        if input.applied_for.is_empty() {
            return Err(Error::invalid_parameter("appliedFor", "Member must have length greater than 0"));
        }
        let template = CreationTemplate {
            prefix: input.prefix,
            description: given(input.description),
            applied_for: purposes(&input.applied_for),
            mutability: mutability(input.image_tag_mutability.unwrap_or_default()),
            filters: filters(input.image_tag_mutability_exclusion_filters),
            tags: pairs(input.resource_tags),
            encryption_type: EncryptionType::Aes256.as_str().to_owned(),
            kms_key: None,
            repository_policy: given(input.repository_policy),
            lifecycle_policy: given(input.lifecycle_policy),
            custom_role_arn: given(input.custom_role_arn),
        };
        let contents = Contents {
            prefix: &template.prefix,
            repository_policy: template.repository_policy.as_deref(),
            lifecycle_policy: template.lifecycle_policy.as_deref(),
            custom_role_arn: template.custom_role_arn.as_deref(),
        };
        decide(&gate, (&ctx.caller.account_id, region), contents).await?;
        let row = creation_template::create(&self.access, ctx, &permit, template).await?;
        Ok(CreateRepositoryCreationTemplateResponse {
            registry_id: Some(ctx.caller.account_id.to_string()),
            repository_creation_template: Some(shape(row)),
        })
    }

    /// Changes the given parts of a template.
    pub async fn update_repository_creation_template(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UpdateRepositoryCreationTemplateRequest,
    ) -> Result<UpdateRepositoryCreationTemplateResponse> {
        let gate = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        let permit = gate.permit()?;
        check_encryption(input.encryption_configuration.as_ref())?;
        let contents = Contents {
            prefix: &input.prefix,
            repository_policy: input.repository_policy.as_deref(),
            lifecycle_policy: input.lifecycle_policy.as_deref(),
            custom_role_arn: input.custom_role_arn.as_deref(),
        };
        decide(&gate, (&ctx.caller.account_id, region), contents).await?;
        let changes = Changes {
            prefix: input.prefix,
            description: input.description,
            applied_for: purposes(&input.applied_for),
            mutability: input.image_tag_mutability.map(mutability),
            filters: input.image_tag_mutability_exclusion_filters.map(filters),
            tags: input.resource_tags.map(pairs),
            repository_policy: input.repository_policy,
            lifecycle_policy: input.lifecycle_policy,
            custom_role_arn: input.custom_role_arn,
        };
        let row = creation_template::update(ctx, &permit, changes).await?;
        Ok(UpdateRepositoryCreationTemplateResponse {
            registry_id: Some(ctx.caller.account_id.to_string()),
            repository_creation_template: Some(shape(row)),
        })
    }

    /// The templates with the given prefixes, or a page of all.
    pub async fn describe_repository_creation_templates(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeRepositoryCreationTemplatesRequest,
    ) -> Result<DescribeRepositoryCreationTemplatesResponse> {
        let account = &ctx.caller.account_id;
        let permit = self.access.registry_gate(ctx, account, region).await?.permit()?;
        let list = format!("creation templates {account} {region}");
        let mut next_token = None;
        let rows = if input.prefixes.is_empty() {
            let after =
                input.next_token.map(|token| self.access.open_page_token(&list, &token)).transpose()?;
            let limit = page_limit(input.max_results, 100);
            let mut rows = creation_template::page(&permit, after, limit).await?;
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| has_more).map(|row| &row.template.prefix);
            next_token = last.map(|last| self.access.page_token(&list, last)).transpose()?;
            rows
        } else {
            creation_template::named(&permit, input.prefixes).await?
        };
        Ok(DescribeRepositoryCreationTemplatesResponse {
            registry_id: Some(account.to_string()),
            repository_creation_templates: rows.into_iter().map(shape).collect(),
            next_token,
        })
    }

    /// Deletes a template. Repositories that were created from it stay as they are.
    pub async fn delete_repository_creation_template(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteRepositoryCreationTemplateRequest,
    ) -> Result<DeleteRepositoryCreationTemplateResponse> {
        let permit = self.access.registry_gate(ctx, &ctx.caller.account_id, region).await?.permit()?;
        let row = creation_template::delete(&permit, input.prefix).await?;
        Ok(DeleteRepositoryCreationTemplateResponse {
            registry_id: Some(ctx.caller.account_id.to_string()),
            repository_creation_template: Some(shape(row)),
        })
    }
}

/// What a request puts into a template and the caller needs further permissions for.
#[derive(Clone, Copy)]
struct Contents<'a> {
    prefix: &'a str,
    repository_policy: Option<&'a str>,
    lifecycle_policy: Option<&'a str>,
    custom_role_arn: Option<&'a str>,
}

/// Decides on what the template will do for its writer: create repositories, with policies and a role (ECR User Guide,
/// "IAM permissions for creating repository creation templates").
async fn decide(gate: &Gate, (account, region): (&AccountId, &Region), contents: Contents<'_>) -> Result<()> {
    let prefix = contents.prefix.trim_end_matches('/');
    let names = if prefix == ROOT { "*".to_owned() } else { format!("{prefix}/*") };
    let created = repository_arn(region, account, &names);
    let allow = |op: Op| gate.allow_on(op, &created, policy::Context::new());
    let is_given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    allow(ecr::CreateRepository::OP)?;
    if is_given(contents.repository_policy) {
        allow(ecr::SetRepositoryPolicy::OP)?;
    }
    if is_given(contents.lifecycle_policy) {
        allow(ecr::PutLifecyclePolicy::OP)?;
    }
    match contents.custom_role_arn {
        Some(role_arn) if !role_arn.is_empty() => pass_role(gate, account, (role_arn, SERVICE)).await,
        _ => Ok(()),
    }
}

/// Decides whether the caller may pass a role to a service of ECR. The role must be in the account of the registry.
async fn pass_role(gate: &Gate, account: &AccountId, role: (&str, &str)) -> Result<()> {
    if may_pass_role(gate, account, role).await? {
        return Ok(());
    }
    Err(Error::invalid_parameter("customRoleArn", "The role must exist in the account of the registry"))
}

/// Decides whether the caller may pass a role to a service of ECR; returns whether the account has the role.
pub(super) async fn may_pass_role(
    gate: &Gate,
    account: &AccountId,
    (role_arn, service): (&str, &str),
) -> Result<bool> {
    let role = role_of_arn(gate, role_arn).await?.filter(|role| role.account_id == *account);
    let mut keys = policy::Context::new().with("iam:PassedToService", service);
    if let Some(role) = &role {
        let tags = gate.read(ListIamTags { owner: role.unique_id.clone() }).await?;
        add_resource_tags(&mut keys, Service::Iam, &tags);
    }
    gate.allow_on(Op::Iam(IamOp::PassRole), role_arn, keys)?;
    Ok(role.is_some())
}

fn check_encryption(given: Option<&Encryption>) -> Result<()> {
    match given {
        Some(encryption) if encryption.encryption_type != EncryptionType::Aes256 => {
            Err(Error::invalid_parameter(
                "encryptionConfiguration",
                "KMS keys are not supported by this registry yet; leave encryptionConfiguration out or set AES256",
            ))
        }
        _ => Ok(()),
    }
}

/// A text of a request; an empty one is none.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// In the order of the request, without repetitions.
fn purposes(given: &[RCTAppliedFor]) -> Vec<String> {
    let mut purposes: Vec<String> = Vec::new();
    for purpose in given {
        if !purposes.iter().any(|known| known == purpose.as_str()) {
            purposes.push(purpose.as_str().to_owned());
        }
    }
    purposes
}

fn pairs(tags: Vec<Tag>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn shape(row: CreationTemplateRow) -> RepositoryCreationTemplate {
    let CreationTemplateRow { template, created_at, updated_at, .. } = row;
    RepositoryCreationTemplate {
        prefix: Some(template.prefix),
        description: template.description,
        encryption_configuration: Some(Encryption::default()),
        resource_tags: template.tags.into_iter().map(|(key, value)| Tag { key, value }).collect(),
        image_tag_mutability: Some(mutability_shape(template.mutability)),
        image_tag_mutability_exclusion_filters: exclusion_filters(template.filters),
        repository_policy: template.repository_policy,
        lifecycle_policy: template.lifecycle_policy,
        applied_for: template
            .applied_for
            .iter()
            .filter_map(|purpose| RCTAppliedFor::parse(purpose))
            .collect(),
        custom_role_arn: template.custom_role_arn,
        created_at: Some(epoch_seconds(created_at)),
        updated_at: Some(epoch_seconds(updated_at)),
    }
}
