//! WharfMoveRepository, an operation of Wharf's own.

use std::time::Duration;

use access::context::{Ctx, RepositoryRef};
use access::databases::elsewhere;
use access::error::{Error, Result};
use access::op::ecr;
use access::store::Target;
use aws::ecr::{WharfMoveRepositoryRequest, WharfMoveRepositoryResponse};
use aws::ids::Region;

use super::repository_of;
use crate::Registry;
use crate::repository::{move_to_account, rename};

/// How long the old name leads to the repository, unless the request says otherwise: 30 days.
const REDIRECT_SECONDS: u32 = 30 * 24 * 60 * 60;

impl Registry {
    /// Gives a repository of the caller's own account another name, or moves it to another account. The caller needs
    /// WharfMoveRepository on the old name, and on the new one CreateRepository and what sets the tags and policies that the
    /// repository brings; in another account also ReplicateImage.
    pub async fn wharf_move_repository(
        &self,
        ctx: &Ctx,
        region: &Region,
        input: WharfMoveRepositoryRequest,
    ) -> Result<WharfMoveRepositoryResponse> {
        let old = repository_of(ctx, region, None, &input.repository_name)?;
        let new = new_place(ctx, region, &input)?;
        if old == new {
            let why = "must differ from repositoryName";
            return Err(Error::invalid_parameter("newRepositoryName", why));
        }
        let permit = self.access.gate(ctx, &old, Target::None).await?.permit::<ecr::WharfMoveRepository>()?;
        let redirect = Duration::from_secs(input.redirect_seconds.unwrap_or(REDIRECT_SECONDS).into());
        let row = if old.account_id == new.account_id {
            rename::rename(&self.access, ctx, &permit, &new, redirect).await?
        } else if self.access.is_elsewhere(&new.account_id).await? {
            return Err(elsewhere(&new.account_id));
        } else {
            move_to_account::move_to(&self.access, ctx, &permit, (&old, &new), redirect).await?
        };
        Ok(WharfMoveRepositoryResponse {
            repository: self.repository(&new.account_id, region, row),
            previous_repository_name: old.name.to_string(),
        })
    }
}

fn new_place(ctx: &Ctx, region: &Region, input: &WharfMoveRepositoryRequest) -> Result<RepositoryRef> {
    let name = input
        .new_repository_name
        .parse()
        .map_err(|_| Error::invalid_parameter("newRepositoryName", "Invalid name"))?;
    let account_id = match input.new_registry_id.as_deref() {
        None => ctx.caller.account_id.clone(),
        Some(id) => id.parse().map_err(|_| {
            Error::invalid_parameter("newRegistryId", "must satisfy regular expression [0-9]{12}")
        })?,
    };
    Ok(RepositoryRef { account_id, region: region.clone(), name })
}
