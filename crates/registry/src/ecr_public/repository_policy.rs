//! SetRepositoryPolicy, GetRepositoryPolicy and DeleteRepositoryPolicy.

use access::context::Ctx;
use access::error::Result;
use aws::ecr;
use aws::ecr_public::{
    DeleteRepositoryPolicyRequest, DeleteRepositoryPolicyResponse, GetRepositoryPolicyRequest,
    GetRepositoryPolicyResponse, SetRepositoryPolicyRequest, SetRepositoryPolicyResponse,
};
use aws::ids::Region;

use crate::Registry;

impl Registry {
    /// Writes a repository's policy.
    pub async fn set_public_repository_policy(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: SetRepositoryPolicyRequest,
    ) -> Result<SetRepositoryPolicyResponse> {
        let asked = ecr::SetRepositoryPolicyRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
            policy_text: input.policy_text,
            force: input.force,
        };
        let answer = self.set_repository_policy(ctx, public, asked).await?;
        Ok(SetRepositoryPolicyResponse {
            registry_id: Some(answer.registry_id),
            repository_name: Some(answer.repository_name),
            policy_text: Some(answer.policy_text),
        })
    }

    /// Shows a repository's policy.
    pub async fn get_public_repository_policy(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: GetRepositoryPolicyRequest,
    ) -> Result<GetRepositoryPolicyResponse> {
        let asked = ecr::GetRepositoryPolicyRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
        };
        let answer = self.get_repository_policy(ctx, public, asked).await?;
        Ok(GetRepositoryPolicyResponse {
            registry_id: Some(answer.registry_id),
            repository_name: Some(answer.repository_name),
            policy_text: Some(answer.policy_text),
        })
    }

    /// Removes a repository's policy.
    pub async fn delete_public_repository_policy(
        &self,
        ctx: &Ctx,
        public: &Region,
        input: DeleteRepositoryPolicyRequest,
    ) -> Result<DeleteRepositoryPolicyResponse> {
        let asked = ecr::DeleteRepositoryPolicyRequest {
            registry_id: self.registry_id(input.registry_id).await?,
            repository_name: input.repository_name,
        };
        let answer = self.delete_repository_policy(ctx, public, asked).await?;
        Ok(DeleteRepositoryPolicyResponse {
            registry_id: Some(answer.registry_id),
            repository_name: Some(answer.repository_name),
            policy_text: Some(answer.policy_text),
        })
    }
}
