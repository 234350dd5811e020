//! WharfMoveRepository, an operation of Wharf's own.

use std::time::Duration;

use access::context::Ctx;
use access::error::{Error, Result};
use access::op::ecr;
use access::store::Target;
use aws::ecr::{WharfMoveRepositoryRequest, WharfMoveRepositoryResponse};
use aws::ids::Region;

use super::repository_of;
use crate::Registry;
use crate::repository::rename;

/// How long the old name leads to the repository, unless the request says otherwise: 30 days.
const REDIRECT_SECONDS: u32 = 30 * 24 * 60 * 60;

impl Registry {
    /// Gives a repository of the caller's own account another name. The caller needs WharfMoveRepository on the old name and
    /// CreateRepository on the new one.
    pub async fn wharf_move_repository(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfMoveRepositoryRequest,
    ) -> Result<WharfMoveRepositoryResponse> {
        let old = repository_of(ctx, region, None, &input.repository_name)?;
        let new = repository_of(ctx, region, None, &input.new_repository_name)?;
        if old.name == new.name {
            let why = "must differ from repositoryName";
            return Err(Error::invalid_parameter("newRepositoryName", why));
        }
        let permit = self.access.gate(ctx, &old, Target::None).await?.permit::<ecr::WharfMoveRepository>()?;
        self.access.gate(ctx, &new, Target::None).await?.permit::<ecr::CreateRepository>()?;
        let seconds = input.redirect_seconds.unwrap_or(REDIRECT_SECONDS);
        let redirect = Duration::from_secs(seconds.into());
        let row = rename::rename(ctx, &permit, new.name.to_string(), redirect).await?;
        Ok(WharfMoveRepositoryResponse {
            repository: self.repository(&new.account_id, region, row),
            previous_repository_name: old.name.to_string(),
        })
    }
}
