//! Repositories: create, describe, delete, tag, the mutability of their images' tags, and whether those are scanned.

use access::op::{EcrOp, ecr};
use aws::arn::Arn;
use aws::ecr::{
    CreateRepositoryRequest, CreateRepositoryResponse, DeleteRepositoryRequest, DeleteRepositoryResponse,
    DescribeRepositoriesRequest, DescribeRepositoriesResponse, EncryptionConfiguration, EncryptionType,
    ImageScanningConfiguration, ImageTagMutability, ImageTagMutabilityExclusionFilter,
    ImageTagMutabilityExclusionFilterType, ListTagsForResourceRequest, ListTagsForResourceResponse,
    PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse,
    PutImageTagMutabilityRequest, PutImageTagMutabilityResponse, Repository, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};
use aws::ids::Region;
use fault::Fault;
use meta::EnsureRegistry;
use meta::FindAccount;
use meta::RegistryKey;
use meta::Target;
use meta::{
    CreateRepository, DeleteRepository, DeleteRepositoryRefusal, DescribeRepositories, FindRepositories,
    Mutability, PutImageScanning, PutImageTagMutability, RepositoryRow,
};
use meta::{ListTagsForResource, TagResource, TagResourceRefusal, UntagResource};

use super::{account_of, epoch_seconds, page_limit, repository_of};
use crate::Registry;
use access::authz::{of_request_tags, pairs, repository_not_found};
use access::context::{Ctx, RepositoryRef, repository_arn};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::op::Op;
use access::store::{RefusedExt as _, StoreResultExt as _};

impl Registry {
    /// Makes a repository. With tags, leave to tag is needed too, with the tags as condition keys.
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
        gate.also_allow(Op::Ecr(EcrOp::CreateRepository), keys.clone())?;
        if !tags.is_empty() {
            gate.also_allow(Op::Ecr(EcrOp::TagResource), keys)?;
        }
        let encryption = input.encryption_configuration.unwrap_or_default();
        if encryption.encryption_type != EncryptionType::Aes256 {
            return Err(Error::invalid_parameter(
                "encryptionConfiguration",
                "KMS keys are not supported by this registry yet; leave encryptionConfiguration out or set AES256",
            ));
        }
        let registry = match &gate.resolved().registry {
            Some(registry) => registry.key,
            None => self.first_repository_in(ctx, &repository).await?,
        };
        let create = CreateRepository {
            registry,
            id: self.access.ids.next(ctx.now),
            name: repository.name.to_string(),
            at: ctx.at(),
            op: ctx.operation_id.clone(),
            mutability: mutability(input.image_tag_mutability.unwrap_or_default()),
            filters: filters(input.image_tag_mutability_exclusion_filters),
            scan_on_push: input.image_scanning_configuration.unwrap_or_default().scan_on_push,
            encryption_type: "AES256".to_owned(),
            kms_key: None,
            tags,
        };
        let row = self.access.meta.write(create).await.or_refused(|_| {
            Error::new(
                Code::RepositoryAlreadyExists,
                format!(
                    "The repository with name '{}' already exists in the registry with id '{}'",
                    repository.name, repository.account_id
                ),
            )
        })?;
        Ok(CreateRepositoryResponse { repository: self.repository(&repository, row) })
    }

    /// An account's registry in a region begins with its first repository.
    async fn first_repository_in(&self, ctx: &Ctx, repository: &RepositoryRef) -> Result<RegistryKey> {
        let find = FindAccount { account_id: repository.account_id.clone() };
        let account = self
            .access
            .meta
            .read(find)
            .await
            .or_store_error()?
            .ok_or_else(|| repository_not_found(repository.name.as_str(), &repository.account_id))?;
        let ensure = EnsureRegistry {
            key_if_new: RegistryKey(self.access.ids.next(ctx.now)),
            account: account.key,
            region: repository.region.clone(),
            at: ctx.at(),
        };
        self.access
            .meta
            .write(ensure)
            .await
            .map(|registry| registry.key)
            .or_refused(|_| repository_not_found(repository.name.as_str(), &repository.account_id))
    }

    /// The repositories asked for by name, or a page of all.
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
        let gate = self.access.registry_gate(ctx, &account, region).await?;
        gate.allow(ecr::ListRepositories::OP)?;
        let Some(registry) = &gate.resolved().registry else {
            return Ok(DescribeRepositoriesResponse::default());
        };
        let list = format!("repositories {}", registry.key.0);
        let after =
            input.next_token.map(|token| self.access.open_page_token::<String>(&list, &token)).transpose()?;
        let limit = page_limit(input.max_results, 100);
        let page = DescribeRepositories { registry: registry.key, after, limit: limit + 1 };
        let mut rows = self.access.meta.read(page).await.or_store_error()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_token = match rows.last() {
            Some(last) if more => Some(self.access.page_token(&list, &last.name)?),
            _ => None,
        };
        let mut repositories = Vec::with_capacity(rows.len());
        for row in rows {
            let reference = repository_of(ctx, region, input.registry_id.as_deref(), &row.name)?;
            repositories.push(self.repository(&reference, row));
        }
        Ok(DescribeRepositoriesResponse { repositories, next_token })
    }

    async fn describe_named_repositories(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: &DescribeRepositoriesRequest,
    ) -> Result<DescribeRepositoriesResponse> {
        let mut registry = None;
        for name in &input.repository_names {
            let repository = repository_of(ctx, region, input.registry_id.as_deref(), name)?;
            let gate = self.access.gate(ctx, &repository, Target::None).await?;
            let permit = gate.permit::<ecr::DescribeRepositories>()?;
            registry = Some(permit.repository().registry);
        }
        let Some(registry) = registry else { return Ok(DescribeRepositoriesResponse::default()) };
        let find = FindRepositories { registry, names: input.repository_names.clone() };
        let rows = self.access.meta.read(find).await.or_store_error()?;
        let mut repositories = Vec::with_capacity(rows.len());
        for name in &input.repository_names {
            let repository = repository_of(ctx, region, input.registry_id.as_deref(), name)?;
            let row = rows.iter().find(|row| row.name == *name).cloned();
            let row = row.ok_or_else(|| repository_not_found(name, &repository.account_id))?;
            repositories.push(self.repository(&repository, row));
        }
        Ok(DescribeRepositoriesResponse { repositories, next_token: None })
    }

    /// Deletes a repository; one with images only by `force`.
    pub async fn delete_repository(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteRepositoryRequest,
    ) -> Result<DeleteRepositoryResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DeleteRepository>()?;
        let delete = DeleteRepository { repository: permit.repository(), force: input.force, at: ctx.at() };
        fault::hit(Fault::BeforeDeleteRepository);
        let row = self.access.meta.write(delete).await.or_refused(|refusal| match refusal {
            DeleteRepositoryRefusal::NotFound => gate.repository_not_found(),
            DeleteRepositoryRefusal::NotEmpty => Error::new(
                Code::RepositoryNotEmpty,
                format!(
                    "The repository with name '{}' in registry with id '{}' cannot be deleted because it still contains images",
                    repository.name, repository.account_id
                ),
            ),
        })?;
        fault::hit(Fault::AfterDeleteRepository);
        Ok(DeleteRepositoryResponse { repository: self.repository(&repository, row) })
    }

    /// Sets whether tags can be moved.
    pub async fn put_image_tag_mutability(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutImageTagMutabilityRequest,
    ) -> Result<PutImageTagMutabilityResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::PutImageTagMutability>()?;
        let put = PutImageTagMutability {
            repository: permit.repository(),
            mutability: mutability(input.image_tag_mutability),
            filters: filters(input.image_tag_mutability_exclusion_filters),
        };
        let row = self.access.meta.write(put).await.or_refused(|_| gate.repository_not_found())?;
        let shape = self.repository(&repository, row);
        Ok(PutImageTagMutabilityResponse {
            registry_id: shape.registry_id,
            repository_name: shape.repository_name,
            image_tag_mutability: shape.image_tag_mutability,
            image_tag_mutability_exclusion_filters: shape.image_tag_mutability_exclusion_filters,
        })
    }

    /// Sets whether images are to be scanned when they are pushed. There is no scanner: the setting is kept and shown.
    pub async fn put_image_scanning_configuration(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: PutImageScanningConfigurationRequest,
    ) -> Result<PutImageScanningConfigurationResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::PutImageScanningConfiguration>()?;
        let scan_on_push = input.image_scanning_configuration.scan_on_push;
        let put = PutImageScanning { repository: permit.repository(), scan_on_push };
        let row = self.access.meta.write(put).await.or_refused(|_| gate.repository_not_found())?;
        let shape = self.repository(&repository, row);
        Ok(PutImageScanningConfigurationResponse {
            registry_id: shape.registry_id,
            repository_name: shape.repository_name,
            image_scanning_configuration: shape.image_scanning_configuration,
        })
    }

    /// Adds resource tags to a repository.
    pub async fn tag_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: TagResourceRequest,
    ) -> Result<TagResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let tags: Vec<_> = input.tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit_with::<ecr::TagResource>(request_tag_keys(&tags))?;
        let write = TagResource { repository: permit.repository(), tags };
        self.access.meta.write(write).await.or_refused(|refusal| match refusal {
            TagResourceRefusal::NotFound => gate.repository_not_found(),
            TagResourceRefusal::TooMany => {
                Error::new(Code::TooManyTags, "A repository can have at most 50 tags.")
            }
            TagResourceRefusal::SameButForCase => same_but_for_case(),
        })?;
        Ok(TagResourceResponse {})
    }

    /// Removes resource tags from a repository.
    pub async fn untag_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: UntagResourceRequest,
    ) -> Result<UntagResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let keys = policy::Context::new().with_set("aws:TagKeys", input.tag_keys.iter().map(String::as_str));
        let permit = gate.permit_with::<ecr::UntagResource>(keys)?;
        let write = UntagResource { repository: permit.repository(), keys: input.tag_keys };
        self.access.meta.write(write).await.or_refused(|_| gate.repository_not_found())?;
        Ok(UntagResourceResponse {})
    }

    /// A repository's resource tags.
    pub async fn list_tags_for_resource(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: ListTagsForResourceRequest,
    ) -> Result<ListTagsForResourceResponse> {
        let repository = tagged_repository(&input.resource_arn, region)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::ListTagsForResource>()?;
        let list = ListTagsForResource { repository: permit.repository() };
        let tags = self.access.meta.read(list).await.or_store_error()?;
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(ListTagsForResourceResponse { tags })
    }

    /// A repository's row in ECR's shape.
    fn repository(&self, reference: &RepositoryRef, row: RepositoryRow) -> Repository {
        let (account, region) = (&reference.account_id, &reference.region);
        Repository {
            repository_arn: repository_arn(region, account, &row.name),
            registry_id: account.to_string(),
            repository_uri: self.access.settings.address.repository_uri(account, region, &row.name),
            repository_name: row.name,
            created_at: epoch_seconds(row.created_at),
            image_tag_mutability: match row.mutability {
                Mutability::Mutable => ImageTagMutability::Mutable,
                Mutability::Immutable => ImageTagMutability::Immutable,
                Mutability::MutableWithExclusion => ImageTagMutability::MutableWithExclusion,
                Mutability::ImmutableWithExclusion => ImageTagMutability::ImmutableWithExclusion,
            },
            image_tag_mutability_exclusion_filters: row
                .exclusion_filters
                .into_iter()
                .map(|filter| ImageTagMutabilityExclusionFilter {
                    filter_type: ImageTagMutabilityExclusionFilterType::Wildcard,
                    filter,
                })
                .collect(),
            image_scanning_configuration: ImageScanningConfiguration { scan_on_push: row.scan_on_push },
            encryption_configuration: EncryptionConfiguration::default(),
        }
    }
}

fn mutability(shape: ImageTagMutability) -> Mutability {
    match shape {
        ImageTagMutability::Mutable => Mutability::Mutable,
        ImageTagMutability::Immutable => Mutability::Immutable,
        ImageTagMutability::MutableWithExclusion => Mutability::MutableWithExclusion,
        ImageTagMutability::ImmutableWithExclusion => Mutability::ImmutableWithExclusion,
    }
}

fn filters(shape: Vec<ImageTagMutabilityExclusionFilter>) -> Vec<String> {
    shape.into_iter().map(|filter| filter.filter).collect()
}

/// `aws:RequestTag/k` and `aws:TagKeys` of a request that brings tags.
fn request_tag_keys(tags: &[(String, String)]) -> policy::Context {
    of_request_tags(pairs(tags))
}

fn same_but_for_case() -> Error {
    Error::new(
        Code::InvalidTagParameter,
        "Two tags of a repository cannot have keys that differ only in case.",
    )
}

/// The repository of an ARN. Only repositories of the region asked carry tags.
fn tagged_repository(arn: &str, region: &Region) -> Result<RepositoryRef> {
    let invalid = || Error::invalid_parameter("resourceArn", "Invalid ARN");
    let arn: Arn = arn.parse().map_err(|_| invalid())?;
    let name = arn.resource.strip_prefix("repository/").ok_or_else(invalid)?;
    if arn.partition != region.partition() || arn.service != "ecr" || arn.region != region.to_string() {
        return Err(invalid());
    }
    Ok(RepositoryRef {
        account_id: arn.account.parse().map_err(|_| invalid())?,
        region: region.clone(),
        name: name.parse().map_err(|_| invalid())?,
    })
}
