//! SetRepositoryPolicy, GetRepositoryPolicy and DeleteRepositoryPolicy.

use access::context::{Ctx, RepositoryRef};
use access::error::Result;
use access::store::Target;
use aws::ecr::{
    DeleteRepositoryPolicyRequest, GetRepositoryPolicyRequest, RepositoryPolicyResponse,
    SetRepositoryPolicyRequest,
};
use aws::ids::Region;

use super::repository_of;
use crate::Registry;
use crate::repository::policy;

impl Registry {
    /// Writes a repository's policy.
    pub async fn set_repository_policy(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: SetRepositoryPolicyRequest,
    ) -> Result<RepositoryPolicyResponse> {
        let repository = repository_of(ctx, region, input.registry_id.as_deref(), &input.repository_name)?;
        let gate = self.access.gate(ctx, &repository, Target::None).await?;
        let permit = gate.permit()?;
        let text = policy::set(&self.access, &gate, &permit, (&input.policy_text, input.force)).await?;
        Ok(response(&repository, text))
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
        Ok(response(&repository, policy::get(&gate.permit()?).await?))
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
        Ok(response(&repository, policy::delete(&gate.permit()?).await?))
    }
}

fn response(repository: &RepositoryRef, policy_text: String) -> RepositoryPolicyResponse {
    RepositoryPolicyResponse {
        registry_id: repository.account_id.to_string(),
        repository_name: repository.name.to_string(),
        policy_text,
    }
}
