//! SetRepositoryPolicy, GetRepositoryPolicy, DeleteRepositoryPolicy.

use access::op::ecr;
use aws::ecr::{
    DeleteRepositoryPolicyRequest, GetRepositoryPolicyRequest, RepositoryPolicyResponse,
    SetRepositoryPolicyRequest,
};
use aws::ids::Region;
use meta::{LoadRepositoryPolicy, SetRepositoryPolicy, Target};
use policy::{Document, Policy, Use};

use super::repository_of;
use crate::Registry;
use access::authz::repository_not_found;
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::Effect;
use access::store::{RefusedExt as _, StoreResultExt as _};

/// ECR's one sentence for a policy that is not taken, whatever is wrong with it; Terraform repeats the request when it
/// reads this. COMPAT(ecr): since 2024 AWS says 'Principal not found' for a principal that does not exist, which the
/// released providers do not know.
pub(super) fn refused(kind: &str, reason: &str) -> Error {
    tracing::info!(reason, "a {kind} policy was refused");
    Error::invalid_parameter("PolicyText", &format!("Invalid {kind} policy provided"))
}

impl Registry {
    /// Holds the text of a resource's policy against the grammar, and gives it with its principals by unique id.
    pub(super) async fn stored_policy(
        &self,
        text: &str,
        policy_use: Use,
        kind: &str,
    ) -> Result<(Policy, Document)> {
        let checked = Policy::parse(text).and_then(|policy| policy.check(policy_use).map(|()| policy));
        checked.map_err(|error| refused(kind, &error.to_string()))?;
        let mut document = Document::parse(text).map_err(|error| refused(kind, &error.to_string()))?;
        if let Err(unknown) = self.access.resolve_principals(&mut document).await? {
            return Err(refused(kind, &format!("there is no principal {}", unknown.0)));
        }
        let policy = Policy::parse(&document.to_json()).map_err(Error::internal)?;
        Ok((policy, document))
    }

    /// A kept policy as it is shown: with ARNs, indented.
    pub(super) async fn shown_policy(&self, stored: &str) -> Result<String> {
        let mut document = Document::parse(stored).map_err(Error::internal)?;
        self.access.render_principals(&mut document).await?;
        Ok(document.to_pretty_json())
    }

    /// Writes a repository's policy. Every principal that it names must exist.
    pub async fn set_repository_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: SetRepositoryPolicyRequest,
    ) -> Result<RepositoryPolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::SetRepositoryPolicy>()?;
        let (policy, document) =
            self.stored_policy(&input.policy_text, Use::Repository, "repository").await?;
        if !input.force && self.access.would_deny(&gate, ecr::SetRepositoryPolicy::OP, &policy).await? {
            return Err(refused(
                "repository",
                "it would lock the caller out of SetRepositoryPolicy; force writes it",
            ));
        }
        let stored = document.to_json();
        let set = SetRepositoryPolicy { repository: permit.repository(), document: Some(stored.clone()) };
        self.write_policy(set, &repository).await?;
        self.policy_response(&repository, &stored).await
    }

    /// Shows a repository's policy.
    pub async fn get_repository_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: GetRepositoryPolicyRequest,
    ) -> Result<RepositoryPolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::GetRepositoryPolicy>()?;
        let load = LoadRepositoryPolicy { repository: permit.repository() };
        let stored = self.access.meta.read(load).await.or_store_error()?.document;
        self.policy_response(&repository, &stored.ok_or_else(|| no_policy(&repository))?).await
    }

    /// Removes a repository's policy.
    pub async fn delete_repository_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: DeleteRepositoryPolicyRequest,
    ) -> Result<RepositoryPolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit::<ecr::DeleteRepositoryPolicy>()?;
        let set = SetRepositoryPolicy { repository: permit.repository(), document: None };
        let old = self.write_policy(set, &repository).await?;
        self.policy_response(&repository, &old.ok_or_else(|| no_policy(&repository))?).await
    }

    async fn write_policy(
        &self,
        set: SetRepositoryPolicy,
        repository: &RepositoryRef,
    ) -> Result<Option<String>> {
        self.access
            .meta
            .write(set)
            .await
            .or_refused(|_| repository_not_found(repository.name.as_str(), &repository.account_id))
    }

    async fn policy_response(
        &self,
        repository: &RepositoryRef,
        stored: &str,
    ) -> Result<RepositoryPolicyResponse> {
        Ok(RepositoryPolicyResponse {
            registry_id: repository.account_id.to_string(),
            repository_name: repository.name.to_string(),
            policy_text: self.shown_policy(stored).await?,
        })
    }
}

fn no_policy(repository: &RepositoryRef) -> Error {
    let (name, account) = (&repository.name, &repository.account_id);
    let message = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    Error::new(Code::RepositoryPolicyNotFound, message)
}
