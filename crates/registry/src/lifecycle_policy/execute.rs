//! Carries out lifecycle policies. A pass evaluates the policies that are due, and deletes or archives what they decide in
//! small transactions, which check every condition again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use access::context::micros;
use access::effects::authority;
use access::error::{Error, Result};
use access::permit::Permit;
use access::reconcilers;
use access::store::{
    Claim, ExecuteLifecyclePolicy, FindLifecycleRepository, LIFECYCLE_EXTENSIONS, LIFECYCLE_POLICY,
    LifecycleAction, LifecycleImage, LifecycleItem, LifecycleOutcome, LifecyclePolicyRow,
    LifecycleRepository, Micros, OpError, RecordLifecycleEvaluation, RepositoryKey, StoreResultExt as _,
    store_error,
};
use fault::Fault;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lifecycle::{Action, Cause, Count, Decision, Policy};

use super::REPOSITORIES;
use super::evaluate::{Confirmed, confirmed, evaluate};
use crate::Registry;
use crate::reconcile::queue::{self, Next};
use crate::reconcile::{Pass, RETRY, Reconciler};

type Authority = authority::ExecuteLifecyclePolicies;

/// How often the queue is read.
const INTERVAL: Duration = Duration::from_secs(10);
/// Images in one transaction: few enough that a push never waits long for it.
const SLICE: usize = 50;
/// How long one repository may keep the others waiting.
const LONGEST: Duration = Duration::from_secs(10);
/// When a policy is evaluated again of which a decision did not stand.
const AGAIN: Duration = Duration::from_mins(1);

/// Evaluates lifecycle policies and carries them out, and deletes the referrers of deleted images.
pub(crate) struct ExecuteLifecycle(pub(crate) Arc<Registry>);

impl Reconciler for ExecuteLifecycle {
    fn name(&self) -> &'static str {
        reconcilers::EXECUTE_LIFECYCLE
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    fn pass(&self, now: Timestamp) -> BoxFuture<'_, Result<Pass>> {
        Box::pin(async move {
            let orphans = self.0.delete_orphaned_referrers(now).await?;
            let policies = self.0.execute_lifecycle_policies(now).await?;
            Ok(Pass { done: orphans.done + policies.done, has_more: orphans.has_more || policies.has_more })
        })
    }
}

/// What was done in one repository.
#[derive(Default)]
struct Done {
    images: usize,
    /// Decisions that did not stand any more, or whose index or subject stays.
    deferred: usize,
    /// Whether decisions are left.
    has_more: bool,
}

impl Registry {
    /// One pass over the policies that are due; returns how many images were deleted or archived.
    pub async fn execute_lifecycle_policies(&self, now: Timestamp) -> Result<Pass> {
        let permit = Permit::for_service(authority::ExecuteLifecyclePolicies, &self.access);
        let (mut done, mut has_more, clock) = (0, false, queue::Clock::at(now));
        for _ in 0..REPOSITORIES {
            let claimed = queue::claim_one(&permit, LIFECYCLE_POLICY, clock).await?;
            let Some((work, now)) = claimed else { break };
            has_more = true;
            let claim = work.claim();
            let outcome = match queue::repository(&work) {
                Ok(key) => {
                    let grace = self.access.settings.limits.tags.grace;
                    let execute = execute(&permit, key, &claim, (now, grace));
                    queue::while_leased(&permit, &claim, execute).await
                }
                Err(error) => Err(error),
            };
            let next = outcome.map(|of_one| {
                let Some(of_one) = of_one else { return Next::Finish };
                done += of_one.images;
                Next::At(match of_one {
                    Done { has_more: true, .. } => micros(now),
                    Done { deferred: 1.., .. } => micros(now).plus(AGAIN),
                    _ => micros(now).plus(self.access.settings.limits.lifecycle_interval),
                })
            });
            queue::end(&permit, work, next, micros(Timestamp::now()).plus(RETRY)).await?;
        }
        Ok(Pass { done, has_more })
    }
}

/// Evaluates the policy of a repository and carries it out. None if there is no policy any more.
async fn execute(
    permit: &Permit<Authority>,
    key: RepositoryKey,
    claim: &Claim,
    (now, grace): (Timestamp, Duration),
) -> Result<Option<Done>> {
    let found = permit.read(|()| FindLifecycleRepository { repository: key }).await?;
    let Some(repository) = found else { return Ok(None) };
    let Some(LifecyclePolicyRow { document, version, .. }) = repository.policy.clone() else {
        return Ok(None);
    };
    let policy = Policy::parse_with_extensions(&document).map_err(Error::internal)?;
    if policy.uses_extensions() && !repository.allows_extensions {
        // Without its extensions a policy could delete what they keep, so nothing of it is carried out.
        tracing::warn!(
            repository = key.to_text(),
            name = repository.name,
            setting = LIFECYCLE_EXTENSIONS,
            "a lifecycle policy with extensions is not carried out, because the account setting is not ENABLED"
        );
        return Ok(Some(Done::default()));
    }
    let began = Instant::now();
    let plan = evaluate(permit, key, &policy, micros(now)).await?;
    fault::hit(Fault::LifecycleEvaluated);
    let mut decisions = plan.decisions().peekable();
    let mut done = Done::default();
    while decisions.peek().is_some() {
        if began.elapsed() > LONGEST {
            done.has_more = true;
            break;
        }
        let slice: Vec<Decision> = decisions.by_ref().take(SLICE).collect();
        let count = slice.len();
        let Confirmed { stand, in_grace } =
            confirmed(permit, key, (&policy, micros(now), grace), slice).await?;
        let items = stand.into_iter().map(|(decision, image)| item(&policy, &decision, image)).collect();
        let evaluated = (&repository, version, policy.uses_extensions());
        let Some(outcomes) = write(permit, (key, claim), evaluated, items).await? else { break };
        fault::hit(Fault::LifecycleSlice);
        let is_done = |outcome: &&LifecycleOutcome| {
            matches!(outcome, LifecycleOutcome::Expired | LifecycleOutcome::Archived)
        };
        let images = outcomes.iter().filter(is_done).count();
        done.images += images;
        done.deferred += count - images - in_grace;
    }
    fault::hit(Fault::LifecycleCarriedOut);
    let record = RecordLifecycleEvaluation { repository: key, version, at: micros(now) };
    permit.write(|()| record).await.or_store_error()?;
    Ok(Some(done))
}

/// Carries out a slice. None if the policy was changed or another node has claimed it: it is queued again already.
async fn write(
    permit: &Permit<Authority>,
    (key, claim): (RepositoryKey, &Claim),
    (repository, policy_version, uses_extensions): (&LifecycleRepository, i64, bool),
    items: Vec<LifecycleItem>,
) -> Result<Option<Vec<LifecycleOutcome>>> {
    let execute = ExecuteLifecyclePolicy {
        repository: key,
        claim: claim.clone(),
        policy_version,
        uses_extensions,
        departures: repository.departures,
        items,
        account_id: repository.account_id.clone(),
        region: repository.region.clone(),
        repository_name: repository.name.clone(),
        at: micros(Timestamp::now()),
    };
    match permit.write(|()| execute).await {
        Ok(outcomes) => Ok(Some(outcomes)),
        Err(OpError::Refused(_changed)) => Ok(None),
        Err(OpError::Store(error)) => Err(store_error(error)),
    }
}

fn item(policy: &Policy, decision: &Decision, image: LifecycleImage) -> LifecycleItem {
    let rule = match decision.cause {
        Cause::Rule(priority) => policy.rules().iter().find(|rule| rule.priority == priority),
        Cause::SubjectArchived | Cause::SubjectGone => None,
    };
    let count = rule.map(|rule| rule.count);
    let is_own = decision.subject.is_none();
    LifecycleItem {
        image: image.id,
        digest: image.digest,
        action: action(decision.action),
        rule: rule.map(|rule| rule.priority),
        reason: reason(decision, count, &image),
        is_archived: image.is_archived,
        activated_at: image.activated_at,
        pulled_at: matches!(count, Some(Count::SinceImagePulled(_))).then_some(image.pulled_at),
        tagged_at: matches!(count, Some(Count::SinceImageTagged(_))).then_some(image.tagged_at),
        tags: image.tags,
        spare: decision.spare.filter(|_| is_own),
    }
}

pub(super) fn action(action: Action) -> LifecycleAction {
    match action {
        Action::Expire => LifecycleAction::Expire,
        Action::Archive => LifecycleAction::Archive,
    }
}

/// Why an image is deleted or archived, for the record.
fn reason(decision: &Decision, count: Option<Count>, image: &LifecycleImage) -> String {
    let time = |at: Micros| {
        let at = Timestamp::from_microsecond(at.0).unwrap_or_default();
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    match (decision.cause, count) {
        (Cause::SubjectArchived, _) => "its subject is archived".to_owned(),
        (Cause::SubjectGone, _) => "its subject is gone".to_owned(),
        (Cause::Rule(_), _) if decision.subject.is_some() => "it follows its subject".to_owned(),
        (Cause::Rule(_), Some(Count::ImageCountMoreThan(kept))) => {
            let newer = kept.saturating_add(u64::from(decision.spare.unwrap_or_default()));
            format!("imageCountMoreThan {kept}: {newer} newer images")
        }
        (Cause::Rule(_), Some(Count::SinceImagePushed(days))) => {
            format!("sinceImagePushed {days} days: pushed or restored {}", time(image.activated_at))
        }
        (Cause::Rule(_), Some(Count::SinceImagePulled(days))) => {
            let pulled = image
                .pulled_at
                .map_or_else(|| "never pulled".to_owned(), |at| format!("pulled {}", time(at)));
            let name =
                if decision.action == Action::Expire { "wharfSinceImagePulled" } else { "sinceImagePulled" };
            format!("{name} {days} days: {pulled}, pushed or restored {}", time(image.activated_at))
        }
        (Cause::Rule(_), Some(Count::SinceImageTagged(days))) => {
            let tagged = image
                .tagged_at
                .map_or_else(|| "never tagged".to_owned(), |at| format!("tagged {}", time(at)));
            format!(
                "wharfSinceImageTagged {days} days: {tagged}, pushed or restored {}",
                time(image.activated_at)
            )
        }
        (Cause::Rule(_), Some(Count::SinceImageTransitioned(days))) => {
            let archived = image.archived_at.map(time).unwrap_or_default();
            format!("sinceImageTransitioned {days} days: archived {archived}")
        }
        (Cause::Rule(_), None) => String::new(),
    }
}
