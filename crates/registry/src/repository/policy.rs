//! The policy of a repository.

use access::Access;
use access::authz::Gate;
use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::{OnRepository, Opens, Permit};
use access::store::{LoadRepositoryPolicy, RefusedExt as _, SetRepositoryPolicy};
use policy::Use;

use crate::policy_text::{CheckedPolicy, refused, shown};

const KIND: &str = "repository";

/// Writes the policy. Every principal that it names must exist, and without `force` it must leave the caller the permission
/// to write it again. Gives the policy as it is shown.
pub(crate) async fn set(
    access: &Access,
    gate: &Gate,
    permit: &Permit<ecr::SetRepositoryPolicy>,
    (text, force): (&str, bool),
) -> Result<String> {
    let policy_use = if permit.is_public() { Use::PublicRepository } else { Use::Repository };
    let checked = CheckedPolicy::new(permit, text, (policy_use, KIND)).await?;
    if !force && access.would_deny(gate, ecr::SetRepositoryPolicy::OP, &checked.policy).await? {
        return Err(refused(KIND, "it would lock the caller out of SetRepositoryPolicy; force writes it"));
    }
    write(permit, Some(checked.stored())).await?;
    Ok(checked.shown())
}

/// The policy as it is shown.
pub(crate) async fn get(permit: &Permit<ecr::GetRepositoryPolicy>) -> Result<String> {
    let loaded = permit.read(|repository| LoadRepositoryPolicy { repository }).await?;
    shown(permit, &loaded.document.ok_or_else(|| no_policy(permit))?).await
}

/// Removes the policy. Gives what it was.
pub(crate) async fn delete(permit: &Permit<ecr::DeleteRepositoryPolicy>) -> Result<String> {
    let old = write(permit, None).await?;
    shown(permit, &old.ok_or_else(|| no_policy(permit))?).await
}

async fn write<G>(permit: &Permit<G>, document: Option<String>) -> Result<Option<String>>
where
    G: Opens<SetRepositoryPolicy, On = OnRepository>,
{
    let at = permit.decided_at();
    let set = permit.write(|repository| SetRepositoryPolicy { repository, document, at });
    set.await.or_refused(|_gone| permit.repository_not_found())
}

fn no_policy<G: Effect<On = OnRepository>>(permit: &Permit<G>) -> Error {
    let (name, account) = (&permit.row().name, permit.account());
    let message = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    Error::new(Code::RepositoryPolicyNotFound, message)
}
