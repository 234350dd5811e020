//! Gives a repository another name, and finds a repository by a name that it had.

use std::time::Duration;

use access::Access;
use access::authz::{Gate, Permits};
use access::context::{Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{
    FindRedirect, Redirected, RefusedExt as _, RenameRepository, RenameRepositoryRefusal, RepositoryRow,
    Target,
};

use super::new_place;
use crate::Registry;

/// Renames a repository, if the caller may create one with the new name and with all that it brings.
pub(crate) async fn rename(
    access: &Access,
    ctx: &Ctx,
    permit: &Permit<ecr::WharfMoveRepository>,
    new: &RepositoryRef,
    redirect: Duration,
) -> Result<RepositoryRow> {
    let (_created, decided) = new_place::decide(access, ctx, permit, new).await?;
    let name = new.name.to_string();
    let taken = format!(
        "The repository with name '{name}' already exists in the registry with id '{}'",
        permit.account()
    );
    let redirect_until = ctx.at().plus(redirect);
    let at = ctx.at();
    let rename =
        permit.write(|repository| RenameRepository { repository, name, redirect_until, decided, at });
    rename.await.or_refused(|refusal| match refusal {
        RenameRepositoryRefusal::NotFound => permit.repository_not_found(),
        RenameRepositoryRefusal::SettingsChanged => new_place::settings_changed(),
        RenameRepositoryRefusal::NameTaken => Error::new(Code::RepositoryAlreadyExists, taken),
    })
}

impl Registry {
    /// The repository that had this name, if its redirect has not expired. The caller must not learn its name before the
    /// gate has decided about it.
    async fn redirect(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        gate: &Gate,
    ) -> Result<Option<RepositoryRef>> {
        let Some(registry) = gate.registry() else { return Ok(None) };
        let name = repository.name.to_string();
        let found = gate.read(FindRedirect { registry, name, at: ctx.at() }).await?;
        let now = |Redirected { account_id, region, name }| {
            Ok(RepositoryRef { account_id, region, name: name.parse().map_err(Error::internal)? })
        };
        found.map(now).transpose()
    }

    /// Where a pull goes whose repository was renamed: only if the caller may pull there.
    pub async fn renamed_for_pull(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
    ) -> Result<Option<RepositoryRef>> {
        let gate = self.access.gate(ctx, repository, Target::None).await?;
        let Some(new) = self.redirect(ctx, repository, &gate).await? else { return Ok(None) };
        let may = self.access.gate(ctx, &new, Target::None).await?.permit::<ecr::BatchGetImage>();
        Ok(may.is_ok().then_some(new))
    }

    /// Refuses a push to a name that a repository had. The new name is told to callers that may push there.
    pub(super) async fn refuse_push_to_old_name<P: Permits>(
        &self,
        ctx: &Ctx,
        repository: &RepositoryRef,
        gate: &Gate,
        not_found: Error,
    ) -> Result<Error> {
        let Some(new) = self.redirect(ctx, repository, gate).await? else { return Ok(not_found) };
        if self.access.gate(ctx, &new, Target::None).await?.permits::<P>().is_err() {
            return Err(not_found);
        }
        let message = if new.account_id == repository.account_id {
            format!(
                "The repository with name '{}' was renamed to '{}'. Push to the new name",
                repository.name, new.name
            )
        } else {
            format!(
                "The repository with name '{}' was moved to '{}' in the registry with id '{}'. Push there",
                repository.name, new.name, new.account_id
            )
        };
        Err(Error::new(Code::RepositoryNotFound, message))
    }
}
