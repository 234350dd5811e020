//! Creating a repository that nobody created with CreateRepository: with the settings of a repository creation template,
//! or with the defaults (ECR User Guide, "Templates to control repositories created during a pull through cache, create on
//! push, or replication action").

use access::authz::Gate;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::{OnRepository, Permit};
use access::service_role::{ServiceUse, assumed_by_service};
use access::store::{Creation, CreationTemplate, FindCreation, Target};

use super::create::{self, NewRepository};
use crate::Registry;
use crate::ecr::request_tag_keys;

/// The service that assumes the custom role of a template.
pub(crate) const SERVICE: &str = "ecr.amazonaws.com";

impl Registry {
    /// Creates a repository for the caller of a gate, which needs CreateRepository on the name. A custom role of the
    /// template needs it too, and TagResource for tags. A repository that another request has created meanwhile is kept
    /// as it is.
    pub(crate) async fn create_from_template(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        template: Option<CreationTemplate>,
    ) -> Result<()> {
        let tags = template.as_ref().map(|template| template.tags.as_slice()).unwrap_or_default();
        let permit = gate.permit_with::<ecr::CreateRepository>(request_tag_keys(tags))?;
        let permit = match template.as_ref() {
            Some(CreationTemplate { custom_role_arn: Some(role_arn), .. }) => {
                self.permit_of_role(ctx, (repository, gate), role_arn, tags).await?
            }
            Some(template) if !template.tags.is_empty() => {
                let why = "it has resource tags, which need a custom role";
                return Err(not_created(repository, template, why));
            }
            _ => permit,
        };
        match create::create(&self.access, ctx, &permit, new_repository(repository, template)).await {
            Err(error) if error.code == Code::RepositoryAlreadyExists => Ok(()),
            created => created.map(|_| ()),
        }
    }

    /// The permit to store what comes from another registry. A repository that does not exist is created, with the
    /// template for this purpose if one matches.
    pub(crate) async fn permit_or_create<E: Effect<On = OnRepository>>(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        applied_for: &'static str,
    ) -> Result<Permit<E>> {
        match gate.permit() {
            Err(error) if error.code == Code::RepositoryNotFound => {
                let name = repository.name.to_string();
                let creation = match gate.registry() {
                    Some(registry) => gate.read(FindCreation { registry, name, applied_for }).await?,
                    None => Creation::default(),
                };
                let template = creation.template.map(|row| row.template);
                self.create_from_template(ctx, (repository, gate), template).await?;
                self.access.gate(ctx, repository, Target::None).await?.permit()
            }
            permit => permit,
        }
    }

    /// The permit of the role of a template.
    async fn permit_of_role(
        &self,
        ctx: &Ctx,
        (repository, gate): (&RepositoryRef, &Gate),
        role_arn: &str,
        tags: &[(String, String)],
    ) -> Result<Permit<ecr::CreateRepository>> {
        let to = ServiceUse {
            service: SERVICE,
            account_id: &repository.account_id,
            source_arn: &repository.arn(),
            session_name: "ecr-repository-creation-template",
        };
        let assumed = assumed_by_service(ctx, gate, role_arn, to).await?;
        let Some(as_role) = assumed else {
            let message = format!(
                "{SERVICE} may not assume the custom role of the repository creation template for '{}': {role_arn}",
                repository.name
            );
            return Err(Error::new(Code::AccessDenied, message));
        };
        let gate = self.access.gate(&as_role, repository, Target::None).await?;
        let keys = request_tag_keys(tags);
        let permit = gate.permit_with::<ecr::CreateRepository>(keys.clone())?;
        if !tags.is_empty() {
            gate.also_allow(ecr::TagResource::OP, keys)?;
        }
        Ok(permit)
    }
}

fn new_repository(repository: &RepositoryRef, template: Option<CreationTemplate>) -> NewRepository {
    let name = repository.name.to_string();
    let Some(template) = template else { return NewRepository { name, ..NewRepository::default() } };
    NewRepository {
        name,
        mutability: template.mutability,
        filters: template.filters,
        scan_on_push: false,
        tags: template.tags,
        policy: template.repository_policy,
        lifecycle_policy: template.lifecycle_policy,
    }
}

fn not_created(repository: &RepositoryRef, template: &CreationTemplate, why: &str) -> Error {
    let message = format!(
        "The repository with name '{}' was not created: its repository creation template '{}' cannot be applied, because {why}",
        repository.name, template.prefix
    );
    Error::new(Code::InvalidParameter, message)
}
