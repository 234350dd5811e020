//! Previews: what a policy would do to the images of a repository. A request starts one, background work evaluates it, and
//! its results are kept for a day.

use std::sync::Arc;
use std::time::Duration;

use access::context::micros;
use access::effects::authority;
use access::error::{Code, Error, Result};
use access::op::ecr;
use access::permit::Permit;
use access::reconcilers;
use access::store::{
    Claim, EndLifecyclePreview, GetLifecyclePolicy, GetLifecyclePreview, ImageRef, LIFECYCLE_PREVIEW,
    ListPreviewResults, Micros, OpError, PreviewResult, PreviewRow, PreviewState, RefusedExt as _,
    RepositoryKey, StartLifecyclePreview, StartPreviewRefusal, TagStatus, WritePreviewResults, store_error,
};
use fault::Fault;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lifecycle::{Action, Cause, Decision, Policy};

use super::REPOSITORIES;
use super::evaluate::{Confirmed, confirmed, evaluate};
use super::execute::action;
use super::{no_policy, parse};
use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY, Reconciler};

type Authority = authority::PreviewLifecyclePolicies;

/// How often the queue is read; a request that starts a preview has it read at once.
const INTERVAL: Duration = Duration::from_secs(10);
/// Results in one transaction.
const SLICE: usize = 50;
/// How long the results of a preview are kept.
const KEPT: Duration = Duration::from_hours(24);
/// How often a preview is tried before it has failed.
const ATTEMPTS: i64 = 5;

/// Works out previews.
pub(crate) struct PreviewLifecycle(pub(crate) Arc<Registry>);

impl Reconciler for PreviewLifecycle {
    fn name(&self) -> &'static str {
        reconcilers::PREVIEW_LIFECYCLE
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(self.0.preview_lifecycle_policies(now))
    }
}

impl Registry {
    /// One pass over the previews that are due; returns how many ended.
    pub async fn preview_lifecycle_policies(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::PreviewLifecyclePolicies, &self.access);
        let (mut done, clock) = (0, queue::Clock::at(now));
        while done < REPOSITORIES
            && let Some((work, now)) = queue::claim_one(&permit, LIFECYCLE_PREVIEW, clock).await?
        {
            let is_last = work.attempts >= ATTEMPTS;
            let claim = work.claim();
            let outcome = match queue::repository(&work) {
                Ok(key) => {
                    let preview = preview(&permit, (key, &claim), now, is_last);
                    queue::while_leased(&permit, &claim, preview).await
                }
                Err(error) => Err(error),
            };
            done += 1;
            queue::end(&permit, work, outcome, micros(Timestamp::now()).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more: done > 0 })
    }
}

async fn preview(
    permit: &Permit<Authority>,
    (repository, claim): (RepositoryKey, &Claim),
    now: Timestamp,
    is_last: bool,
) -> Result<Next> {
    let found = permit.read(|()| GetLifecyclePreview { repository }).await?;
    let Some(PreviewRow { id, document, state, started_at, .. }) = found else { return Ok(Next::Finish) };
    let kept_until = started_at.plus(KEPT);
    let end = |state| {
        let (id, claim) = (id.clone(), claim.clone());
        let end = EndLifecyclePreview { repository, id, claim, state, at: micros(now) };
        permit.write(move |()| end)
    };
    match state {
        PreviewState::InProgress => {}
        PreviewState::Complete if kept_until > micros(now) => return Ok(Next::At(kept_until)),
        PreviewState::Complete => return ended(end(PreviewState::Expired).await),
        PreviewState::Failed | PreviewState::Expired => return Ok(Next::Finish),
    }
    match work_out(permit, (repository, claim), (&id, &document), now).await {
        Ok(true) => Ok(Next::At(kept_until)),
        Ok(false) => Ok(Next::Finish),
        Err(error) if is_last => {
            tracing::error!(%error, "the preview of a lifecycle policy failed");
            ended(end(PreviewState::Failed).await)
        }
        Err(error) => Err(error),
    }
}

/// The repository may be gone: nothing is left to do then.
fn ended<R>(outcome: std::result::Result<(), OpError<R>>) -> Result<Next> {
    match outcome {
        Ok(()) | Err(OpError::Refused(_)) => Ok(Next::Finish),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

/// Evaluates the policy and writes the results. Returns false if another preview or another claim has replaced
/// this one.
async fn work_out(
    permit: &Permit<Authority>,
    (repository, claim): (RepositoryKey, &Claim),
    (id, document): (&str, &str),
    now: Timestamp,
) -> Result<bool> {
    // The setting allowed its extensions when it was started.
    let policy = Policy::parse_with_extensions(document).map_err(Error::internal)?;
    let at = micros(now);
    let plan = evaluate(permit, repository, &policy, at).await?;
    let mut decisions = plan.decisions();
    let (mut expiring, mut archiving, mut position) = (0_u64, 0_u64, 0_i64);
    loop {
        let slice: Vec<Decision> = decisions.by_ref().take(SLICE).collect();
        let is_last = slice.len() < SLICE;
        let is_first = position == 0;
        // The grace of moved tags only delays what the preview shows.
        let Confirmed { stand, .. } =
            confirmed(permit, repository, (&policy, at, Duration::ZERO), slice).await?;
        let mut results = Vec::with_capacity(stand.len());
        for (decision, image) in stand {
            match decision.action {
                Action::Expire => expiring += 1,
                Action::Archive => archiving += 1,
            }
            results.push(PreviewResult {
                position,
                digest: image.digest,
                tags: image.tags,
                pushed_at: image.pushed_at,
                action: action(decision.action),
                rule: match decision.cause {
                    Cause::Rule(priority) => Some(priority),
                    Cause::SubjectArchived | Cause::SubjectGone => None,
                },
                is_archived: image.is_archived,
            });
            position += 1;
        }
        let ended = is_last.then_some((expiring, archiving));
        let (id, claim) = (id.to_owned(), claim.clone());
        let write = WritePreviewResults { repository, id, claim, is_first, results, ended, at };
        let written = permit.write(|()| write).await;
        fault::hit(Fault::LifecyclePreviewSlice);
        match written {
            Ok(()) if is_last => return Ok(true),
            Ok(()) => {}
            Err(OpError::Refused(_replaced)) => return Ok(false),
            Err(OpError::Store(error)) => return Err(store_error(error)),
        }
    }
}

/// Starts a preview of a policy, or of the repository's own. Gives the text of the policy.
pub(crate) async fn start_preview(
    permit: &Permit<ecr::StartLifecyclePolicyPreview>,
    text: Option<&str>,
    at: Micros,
) -> Result<String> {
    let document = if let Some(text) = text {
        parse(permit, text).await?
    } else {
        let found = permit.read(|repository| GetLifecyclePolicy { repository }).await?;
        parse(permit, &found.ok_or_else(|| no_policy(permit))?.document).await?
    };
    let document = document.text().to_owned();
    let id = uuid::Uuid::new_v4().to_string();
    let start =
        |repository| StartLifecyclePreview { repository, id: id.clone(), document: document.clone(), at };
    permit.write(start).await.or_refused(|refusal| match refusal {
        StartPreviewRefusal::RepositoryGone => permit.repository_not_found(),
        StartPreviewRefusal::InProgress => Error::new(
            Code::LifecyclePolicyPreviewInProgress,
            of_repository("is in progress", &permit.row().name, permit.account()),
        ),
    })?;
    Ok(document)
}

fn of_repository(what: &str, name: &str, account: &aws::ids::AccountId) -> String {
    format!(
        "Lifecycle policy preview {what} for the repository with name '{name}' in the registry with id '{account}'"
    )
}

/// The preview of a repository.
pub(crate) async fn current(permit: &Permit<ecr::GetLifecyclePolicyPreview>) -> Result<PreviewRow> {
    let found = permit.read(|repository| GetLifecyclePreview { repository }).await?;
    found.ok_or_else(|| {
        let message = of_repository("does not exist", &permit.row().name, permit.account());
        Error::new(Code::LifecyclePolicyPreviewNotFound, message)
    })
}

/// Which results of a preview are asked for.
pub(crate) struct PreviewPage {
    pub(crate) after: Option<i64>,
    pub(crate) images: Vec<ImageRef>,
    pub(crate) tag_status: TagStatus,
    pub(crate) limit: usize,
}

/// Results of a preview: one more than the limit if there are more.
pub(crate) async fn preview_page(
    permit: &Permit<ecr::GetLifecyclePolicyPreview>,
    page: PreviewPage,
) -> Result<Vec<PreviewResult>> {
    let PreviewPage { after, images, tag_status, limit } = page;
    permit
        .read(|repository| ListPreviewResults { repository, after, images, tag_status, limit: limit + 1 })
        .await
}
