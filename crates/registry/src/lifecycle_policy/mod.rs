//! Lifecycle policies of repositories: the policy, its previews, and what it does to images.

mod evaluate;
mod execute;
mod preview;

use access::error::{Code, Error, Result};
use access::op::{Effect, ecr};
use access::permit::{OnRepository, Opens, Permit};
use access::store::{
    DeleteLifecyclePolicy, GetAccountSetting, GetLifecyclePolicy, LIFECYCLE_EXTENSIONS, LifecyclePolicyRow,
    LifecycleRecord, ListLifecycleRecords, Micros, PutLifecyclePolicy, RefusedExt as _, RequestLifecycleRun,
    StoreResultExt as _,
};
use lifecycle::Policy;

use crate::registry_settings::account_setting::{is_enabled, of_repository};

pub(crate) use execute::ExecuteLifecycle;
pub(crate) use preview::{PreviewLifecycle, PreviewPage, current, preview_page, start_preview};

/// Repositories in one pass.
const REPOSITORIES: usize = 8;

/// Writes the policy. Gives the text that is stored.
pub(crate) async fn put(permit: &Permit<ecr::PutLifecyclePolicy>, text: &str, at: Micros) -> Result<String> {
    let document = parse(permit, text).await?.text().to_owned();
    let put = |repository| PutLifecyclePolicy { repository, document: document.clone(), at };
    permit.write(put).await.or_refused(|_gone| permit.repository_not_found())?;
    Ok(document)
}

/// The policy.
pub(crate) async fn get(permit: &Permit<ecr::GetLifecyclePolicy>) -> Result<LifecyclePolicyRow> {
    let found = permit.read(|repository| GetLifecyclePolicy { repository }).await?;
    found.ok_or_else(|| no_policy(permit))
}

/// Removes the policy. Gives what it was.
pub(crate) async fn delete(permit: &Permit<ecr::DeleteLifecyclePolicy>) -> Result<LifecyclePolicyRow> {
    let at = permit.decided_at();
    let deleted = permit.write(|repository| DeleteLifecyclePolicy { repository, at });
    deleted.await.or_refused(|_gone| permit.repository_not_found())?.ok_or_else(|| no_policy(permit))
}

/// Has the policy evaluated as soon as possible. Gives the policy as it was before.
pub(crate) async fn run(
    permit: &Permit<ecr::WharfRunLifecyclePolicy>,
    at: Micros,
) -> Result<LifecyclePolicyRow> {
    let found = permit.read(|repository| GetLifecyclePolicy { repository }).await?;
    let row = found.ok_or_else(|| no_policy(permit))?;
    let queued = permit.write(|repository| RequestLifecycleRun { repository, at }).await.or_store_error()?;
    if queued { Ok(row) } else { Err(no_policy(permit)) }
}

/// What the policy did, the newest first: one more than `limit` if there is more.
pub(crate) async fn records(
    permit: &Permit<ecr::WharfListLifecycleActions>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<LifecycleRecord>> {
    permit.read(|repository| ListLifecycleRecords { repository, before, limit: limit + 1 }).await
}

/// Reads a document, which may use extensions if the registry allows them.
async fn parse<G>(permit: &Permit<G>, text: &str) -> Result<Policy>
where
    G: Opens<GetAccountSetting, On = OnRepository>,
{
    parsed(text, permit.read(of_repository(LIFECYCLE_EXTENSIONS)).await?.as_deref())
}

/// Reads a document. `extensions` is the value of the registry's setting for them.
pub(crate) fn parsed(text: &str, extensions: Option<&str>) -> Result<Policy> {
    let parsed =
        if is_enabled(extensions) { Policy::parse_with_extensions(text) } else { Policy::parse(text) };
    parsed.map_err(|invalid| Error::new(Code::InvalidParameter, invalid.to_string()))
}

fn no_policy<G: Effect<On = OnRepository>>(permit: &Permit<G>) -> Error {
    let (name, account) = (&permit.row().name, permit.account());
    let message = format!(
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    Error::new(Code::LifecyclePolicyNotFound, message)
}
