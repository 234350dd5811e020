//! CreateRepository, DescribeRepositories and DeleteRepository.

use access::context::{Ctx, repository_arn};
use access::error::{Error, Result};
use access::op::{Effect, ecr};
use access::store::{RepositoryRow, Target};
use aws::ecr::{
    CreateRepositoryRequest, CreateRepositoryResponse, DeleteRepositoryRequest, DeleteRepositoryResponse,
    DescribeRepositoriesRequest, DescribeRepositoriesResponse, EncryptionConfiguration, EncryptionType,
    ImageScanningConfiguration, Repository,
};
use aws::ids::{AccountId, Region};

use super::repository_setting::{exclusion_filters, filters, mutability, mutability_shape};
use super::repository_tags::request_tag_keys;
use super::{account_of, epoch_seconds, page_limit, repository_of};
use crate::Registry;
use crate::repository::create::{self, NewRepository};
use crate::repository::{delete, list};

impl Registry {
    /// Creates a repository. With tags it also needs the permission to tag, with the tags as condition keys.
    pub async fn create_repository(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: CreateRepositoryRequest,
    ) -> Result<CreateRepositoryResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let tags: Vec<_> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let keys = request_tag_keys(&tags);
        let permit = gate.permit_with(keys.clone())?;
        if !tags.is_empty() {
            gate.also_allow(ecr::TagResource::OP, keys)?;
        }
        let encryption = input.encryption_configuration.unwrap_or_default();
        if encryption.encryption_type != EncryptionType::Aes256 {
            return Err(Error::invalid_parameter(
                "encryptionConfiguration",
                "KMS keys are not supported by this registry yet; leave encryptionConfiguration out or set AES256",
            ));
        }
        let new = NewRepository {
            name: repository.name.to_string(),
            mutability: mutability(input.image_tag_mutability.unwrap_or_default()),
            filters: filters(input.image_tag_mutability_exclusion_filters),
            scan_on_push: input.image_scanning_configuration.unwrap_or_default().scan_on_push,
            tags,
            ..NewRepository::default()
        };
        let row = create::create(&self.access, ctx, &permit, new).await?;
        Ok(CreateRepositoryResponse { repository: self.repository(&repository.account_id, region, row) })
    }

    /// The named repositories, or a page of all.
    pub async fn describe_repositories(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DescribeRepositoriesRequest,
    ) -> Result<DescribeRepositoriesResponse> {
        if !input.repository_names.is_empty() {
            return self.describe_named_repositories(ctx, region, &input).await;
        }
        let account = account_of(ctx, input.registry_id.as_deref())?;
        let permit = self.access.registry_gate(ctx, &account, region).await?.permit()?;
        let Some(registry) = permit.registry() else {
            return Ok(DescribeRepositoriesResponse::default());
        };
        let name = format!("repositories {}", registry.key.0);
        let after =
            input.next_token.map(|token| self.access.open_page_token::<String>(&name, &token)).transpose()?;
        let (rows, more) = list::page(&permit, after, page_limit(input.max_results, 100)).await?;
        let next_token = match rows.last() {
            Some(last) if more => Some(self.access.page_token(&name, &last.name)?),
            _ => None,
        };
        let repositories = rows.into_iter().map(|row| self.repository(&account, region, row)).collect();
        Ok(DescribeRepositoriesResponse { repositories, next_token })
    }

    async fn describe_named_repositories(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: &DescribeRepositoriesRequest,
    ) -> Result<DescribeRepositoriesResponse> {
        let mut repositories = Vec::with_capacity(input.repository_names.len());
        for name in &input.repository_names {
            let repository = repository_of(ctx, region, input.registry_id.as_deref(), name)?;
            let gate = self.access.gate(ctx, &repository, Target::None).await?;
            let permit = gate.permit::<ecr::DescribeRepositories>()?;
            repositories.push(self.repository(permit.account(), region, permit.row().clone()));
        }
        Ok(DescribeRepositoriesResponse { repositories, next_token: None })
    }

    /// Deletes a repository; one with images only with `force`.
    pub async fn delete_repository(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteRepositoryRequest,
    ) -> Result<DeleteRepositoryResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DeleteRepository>()?;
        let row = delete::delete(ctx, &permit, input.force).await?;
        Ok(DeleteRepositoryResponse { repository: self.repository(&repository.account_id, region, row) })
    }

    /// A repository's row in ECR's shape.
    pub(super) fn repository(&self, account: &AccountId, region: &Region, row: RepositoryRow) -> Repository {
        Repository {
            repository_arn: repository_arn(region, account, &row.name),
            registry_id: account.to_string(),
            repository_uri: self.access.settings.address.repository_uri(account, region, &row.name),
            repository_name: row.name,
            created_at: epoch_seconds(row.created_at),
            image_tag_mutability: mutability_shape(row.mutability),
            image_tag_mutability_exclusion_filters: exclusion_filters(row.exclusion_filters),
            image_scanning_configuration: ImageScanningConfiguration { scan_on_push: row.scan_on_push },
            encryption_configuration: EncryptionConfiguration::default(),
        }
    }
}
