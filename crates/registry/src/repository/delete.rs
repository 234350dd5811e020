//! Deleting a repository.

use access::context::Ctx;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::store::{DeleteRepository, DeleteRepositoryRefusal, RefusedExt as _, RepositoryRow};
use fault::Fault;

use crate::image::protection::protected;

/// Deletes a repository; one with images only with `force`. Its content is removed later.
pub(crate) async fn delete(
    ctx: &Ctx,
    permit: &Permit<ecr::DeleteRepository>,
    force: bool,
) -> Result<RepositoryRow> {
    fault::hit(Fault::BeforeDeleteRepository);
    let delete = permit.write(|repository| DeleteRepository { repository, force, at: ctx.at() });
    let deleted = delete.await.or_refused(|refusal| match refusal {
        DeleteRepositoryRefusal::NotFound => permit.repository_not_found(),
        DeleteRepositoryRefusal::NotEmpty => Error::new(
            Code::RepositoryNotEmpty,
            format!(
                "The repository with name '{}' in registry with id '{}' cannot be deleted because it still contains images",
                permit.row().name,
                permit.account()
            ),
        ),
        DeleteRepositoryRefusal::Protected(by) => Error::new(
            Code::RepositoryNotEmpty,
            format!(
                "The repository with name '{}' in registry with id '{}' cannot be deleted, even with force. {}",
                permit.row().name,
                permit.account(),
                protected(&by).message
            ),
        ),
    })?;
    fault::hit(Fault::AfterDeleteRepository);
    Ok(deleted)
}
