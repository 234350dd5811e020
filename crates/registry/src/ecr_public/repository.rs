//! CreateRepository, DescribeRepositories and DeleteRepository.

use access::context::Ctx;
use access::error::{Error, Result};
use access::op::{Effect, ecr_public};
use access::store::{
    CreatePublicRepository, CreateRepository, Mutability, RefusedExt as _, RepositoryRow, Target,
};
use aws::ecr;
use aws::ecr_public::{
    CreateRepositoryRequest, CreateRepositoryResponse, DeleteRepositoryRequest, DeleteRepositoryResponse,
    DescribeRepositoriesRequest, DescribeRepositoriesResponse, Repository,
};
use aws::ids::{AccountId, Region};

use super::catalog::{self, NewCatalog};
use super::repository_tags::pairs_of;
use crate::Registry;
use crate::ecr::{repository_of, request_tag_keys};
use crate::repository::create;

impl Registry {
    /// Creates a public repository with its catalog data. With tags it also needs the permission to tag.
    pub async fn create_public_repository(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: CreateRepositoryRequest,
    ) -> Result<CreateRepositoryResponse> {
        let repository = repository_of(ctx, public, None, &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let tags = pairs_of(input.tags)?;
        let keys = request_tag_keys(&tags);
        let permit = gate.permit_with::<ecr_public::CreateRepository>(keys.clone())?;
        if !tags.is_empty() {
            gate.also_allow(ecr_public::TagResource::OP, keys)?;
        }
        let registry = super::registry::ensure(&self.access, ctx, &permit).await?;
        let new = input.catalog_data.map(NewCatalog::from);
        let shown = new.as_ref().map(|new| new.data.clone());
        let (catalog, logo) = new.map(|new| (new.data, new.logo)).unzip();
        let new = CreateRepository {
            registry: registry.key,
            id: self.access.ids.next(ctx.now),
            name: repository.name.to_string(),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
            mutability: Mutability::Mutable,
            filters: Vec::new(),
            scan_on_push: false,
            encryption_type: "AES256".to_owned(),
            kms_key: None,
            tags,
            policy: None,
            lifecycle_policy: None,
            limit: self.access.quotas().repositories_per_registry.limit(),
        };
        let logo = logo.flatten();
        let create = permit.write(|_account| CreatePublicRepository { repository: new, catalog, logo });
        let row = create.await.or_refused(|refusal| {
            create::refused(&self.access, &repository.name, &repository.account_id, refusal)
        })?;
        let logo_url = self.logo_url(&registry.alias, &row.name);
        let shape = self.public_shape(&repository.account_id, &registry.alias, &row);
        let catalog_data = shown.map(|data| catalog::shape(data, &logo_url));
        Ok(CreateRepositoryResponse { repository: Some(shape), catalog_data })
    }

    /// The named repositories, or a page of all.
    pub async fn describe_public_repositories(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DescribeRepositoriesRequest,
    ) -> Result<DescribeRepositoriesResponse> {
        let asked = ecr::DescribeRepositoriesRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_names: input.repository_names,
            next_token: input.next_token,
            max_results: input.max_results,
        };
        let found = self.describe_repositories(ctx, public, asked).await?;
        let mut repositories = Vec::with_capacity(found.repositories.len());
        for repository in found.repositories {
            repositories.push(self.public_repository(repository).await?);
        }
        Ok(DescribeRepositoriesResponse { repositories, next_token: found.next_token })
    }

    /// Deletes a repository; one with images only with `force`.
    pub async fn delete_public_repository(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DeleteRepositoryRequest,
    ) -> Result<DeleteRepositoryResponse> {
        let asked = ecr::DeleteRepositoryRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            force: input.force,
        };
        let deleted = self.delete_repository(ctx, public, asked).await?;
        let repository = self.public_repository(deleted.repository).await?;
        Ok(DeleteRepositoryResponse { repository: Some(repository) })
    }

    /// ECR's shape of a public repository in ECR Public's.
    async fn public_repository(&self, repository: ecr::Repository) -> Result<Repository> {
        let account: AccountId = repository.registry_id.parse().map_err(Error::internal)?;
        let alias = self.access.alias_of(&account).await?.unwrap_or_default();
        Ok(Repository {
            repository_uri: Some(self.public_uri(&alias, &repository.repository_name)),
            repository_arn: Some(repository.repository_arn),
            registry_id: Some(repository.registry_id),
            repository_name: Some(repository.repository_name),
            created_at: Some(repository.created_at),
        })
    }

    fn public_shape(&self, account: &AccountId, alias: &str, row: &RepositoryRow) -> Repository {
        Repository {
            repository_arn: Some(access::context::repository_arn(&Region::public(), account, &row.name)),
            registry_id: Some(account.to_string()),
            repository_uri: Some(self.public_uri(alias, &row.name)),
            repository_name: Some(row.name.clone()),
            created_at: Some(crate::ecr::epoch_seconds(row.created_at)),
        }
    }

    fn public_uri(&self, alias: &str, name: &str) -> String {
        format!("{}/{name}", self.access.settings.address.public_registry(alias))
    }
}
