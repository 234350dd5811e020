//! Events: what an operation of the store tells about a repository or a registry. They are written to the outbox in the
//! operation's own transaction (docs/adr/0018-events.md). `effects` lists the operations.

mod kind;
mod moved;
mod replication;

use std::fmt::Display;

use jiff::{Timestamp, ToSpan as _};
use meta::{
    BatchDeleteImage, CreateRepository, DeleteLifecyclePolicy, DeleteOutcome, DeleteReferrers,
    DeleteRepository, DeleteTag, Event, ExecuteLifecyclePolicy, LifecycleOutcome, LifecyclePolicyRow, Micros,
    OldestNewEvent, Operation, PutImage, PutImageOutcome, PutLifecyclePolicy, RecordUpstreamTag, Recorded,
    RenameRepository, RepositoryRow, SetRegistryPolicy, SetRepositoryPolicy, StorageClassUpdate, TrimEvents,
    UpdateImageStorageClass,
};
use oci::digest::Digest;
use oci::name::Tag;
use serde_json::{Value, json};

use crate::Access;
use crate::context::{micros, repository_arn};
use crate::effects::authority;
use crate::error::Result;
use crate::ids::{IdSource, first_id};
use crate::permit::{Asked as _, OnRegistry, OnRepository, Permit, Place};
use crate::store::StoreResultExt as _;

pub use kind::EventKind;
pub(crate) use moved::of_move;
pub(crate) use replication::{of_ended_replication, of_replication};

/// The maximum number of tags in one event. An image can have a thousand.
const TAGS: usize = 100;
/// How long an event is kept that is not routed, in hours.
const LONGEST_UNROUTED: i64 = 14 * 24;
/// The storage class of an image that is not in the archive.
const STANDARD: &str = "STANDARD";
/// Events removed in one pass.
const SLICE: usize = 1_000;

/// What happened: a kind, the resource, and the facts.
pub(crate) struct Happened {
    kind: EventKind,
    resource: String,
    facts: Value,
}

/// An operation of the store with events.
pub(crate) trait Eventful<On>: Operation {
    /// The events of an output.
    fn events(&self, on: &On) -> impl Fn(&Self::Output) -> Vec<Happened> + Send + Sync + 'static;
}

/// An operation with its events, as the store runs them.
pub(crate) fn recorded<On: Place, O: Eventful<On>>(on: &On, ids: &IdSource, operation: O) -> Recorded<O> {
    let events = operation.events(on);
    let (account_id, region) = (on.account().to_string(), on.region().to_string());
    // ECR Public sends no events to EventBridge.
    let is_public = on.region().is_public();
    let events = move |output: &O::Output| if is_public { Vec::new() } else { events(output) };
    with_events(operation, (ids, on.decided_at()), (account_id, region), events)
}

/// An operation with events that happen at a time and in a place: an account and a Region.
fn with_events<O: Operation>(
    operation: O,
    (ids, now): (&IdSource, Timestamp),
    (account_id, region): (String, String),
    events: impl Fn(&O::Output) -> Vec<Happened> + Send + Sync + 'static,
) -> Recorded<O> {
    let at = micros(now);
    let event = move |Happened { kind, resource, facts }| Event {
        kind: kind.stored().to_owned(),
        at,
        account_id: account_id.clone(),
        region: region.clone(),
        resource,
        body: facts.to_string(),
    };
    let id = ids.next(now);
    Recorded {
        operation,
        id,
        events: Box::new(move |output| events(output).into_iter().map(&event).collect()),
    }
}

/// A repository in its events.
struct Repository {
    arn: String,
    name: String,
}

impl Repository {
    fn of(on: &OnRepository) -> Self {
        let name = on.row.name.clone();
        Self { arn: repository_arn(on.region(), on.account(), &name), name }
    }

    fn happened(&self, kind: EventKind) -> Vec<Happened> {
        let facts = json!({ "repository-name": self.name });
        vec![Happened { kind, resource: self.arn.clone(), facts }]
    }

    /// Events of an image: several if it has many tags. Names of members are those of EventBridge's "ECR Image Action".
    fn of_image<T: Display>(&self, kind: EventKind, facts: &Value, tags: &[T]) -> Vec<Happened> {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        let mut chunks: Vec<&[String]> = tags.chunks(TAGS).collect();
        if chunks.is_empty() {
            chunks.push(&[]);
        }
        let event = |tags| {
            let mut facts = facts.clone();
            if let Some(members) = facts.as_object_mut() {
                members.insert("repository-name".to_owned(), json!(self.name));
                members.insert("image-tags".to_owned(), json!(tags));
            }
            Happened { kind, resource: self.arn.clone(), facts }
        };
        chunks.into_iter().map(event).collect()
    }
}

impl Eventful<OnRegistry> for CreateRepository {
    fn events(&self, on: &OnRegistry) -> impl Fn(&RepositoryRow) -> Vec<Happened> + Send + Sync + 'static {
        let name = self.name.clone();
        let repository = Repository { arn: repository_arn(on.region(), on.account(), &name), name };
        move |_| repository.happened(EventKind::RepositoryCreate)
    }
}

impl Eventful<OnRepository> for DeleteRepository {
    fn events(&self, on: &OnRepository) -> impl Fn(&RepositoryRow) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        move |_| repository.happened(EventKind::RepositoryDelete)
    }
}

impl Eventful<OnRepository> for RenameRepository {
    fn events(&self, on: &OnRepository) -> impl Fn(&RepositoryRow) -> Vec<Happened> + Send + Sync + 'static {
        let resource = repository_arn(on.region(), on.account(), &self.name);
        let facts = json!({ "repository-name": self.name, "previous-repository-name": on.row.name });
        move |_| {
            vec![Happened {
                kind: EventKind::RepositoryMove,
                resource: resource.clone(),
                facts: facts.clone(),
            }]
        }
    }
}

/// The kind of a change of a policy; None if there was nothing to delete.
fn policy_kind(is_set: bool, old: Option<&String>, [set, delete]: [EventKind; 2]) -> Option<EventKind> {
    if is_set { Some(set) } else { old.map(|_| delete) }
}

impl Eventful<OnRepository> for SetRepositoryPolicy {
    fn events(&self, on: &OnRepository) -> impl Fn(&Option<String>) -> Vec<Happened> + Send + Sync + 'static {
        let (repository, is_set) = (Repository::of(on), self.document.is_some());
        move |old| {
            let kinds = [EventKind::RepositoryPolicySet, EventKind::RepositoryPolicyDelete];
            policy_kind(is_set, old.as_ref(), kinds).map(|kind| repository.happened(kind)).unwrap_or_default()
        }
    }
}

impl Eventful<OnRepository> for UpdateImageStorageClass {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&StorageClassUpdate) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        let (target, at) = (if self.to_archive { "ARCHIVE" } else { STANDARD }, on.decided_at());
        let tags: Vec<_> = self.image.tag.iter().map(ToString::to_string).collect();
        move |update| {
            if !update.is_changed {
                return Vec::new();
            }
            let mut facts = json!({
                "image-digest": update.digest.to_string(),
                "target-storage-class": target,
            });
            if target == STANDARD
                && let Some(members) = facts.as_object_mut()
            {
                members.insert("last-activated-at".to_owned(), json!(at.to_string()));
            }
            repository.of_image(EventKind::ImageUpdateStorageClass, &facts, &tags)
        }
    }
}

impl Eventful<OnRepository> for PutLifecyclePolicy {
    fn events(&self, on: &OnRepository) -> impl Fn(&()) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        move |()| repository.happened(EventKind::RepositoryLifecyclePolicySet)
    }
}

impl Eventful<OnRepository> for DeleteLifecyclePolicy {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&Option<LifecyclePolicyRow>) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        move |old| match old {
            Some(_) => repository.happened(EventKind::RepositoryLifecyclePolicyDelete),
            None => Vec::new(),
        }
    }
}

/// What a lifecycle policy does, with its events: those of a request, and the rule.
pub(crate) fn of_lifecycle(
    ids: &IdSource,
    operation: ExecuteLifecyclePolicy,
) -> Recorded<ExecuteLifecyclePolicy> {
    let name = operation.repository_name.clone();
    let arn = repository_arn(&operation.region, &operation.account_id, &name);
    let repository = Repository { arn, name };
    let items: Vec<_> =
        operation.items.iter().map(|item| (item.digest, item.tags.clone(), item.rule)).collect();
    let Micros(at) = operation.at;
    let now = Timestamp::from_microsecond(at).unwrap_or_default();
    let place = (operation.account_id.to_string(), operation.region.to_string());
    with_events(operation, (ids, now), place, move |outcomes| {
        let happened = items.iter().zip(outcomes).flat_map(|((digest, tags, rule), outcome)| {
            let digest = digest.to_string();
            match outcome {
                LifecycleOutcome::Expired => {
                    let facts = json!({ "image-digest": digest, "rule-priority": rule });
                    // Only a referrer goes without a rule: with its subject.
                    repository.of_image(deletion_kind(rule.is_none()), &facts, tags)
                }
                LifecycleOutcome::Archived => {
                    let facts = json!({
                        "image-digest": digest, "rule-priority": rule, "target-storage-class": "ARCHIVE",
                    });
                    repository.of_image(EventKind::ImageUpdateStorageClass, &facts, tags)
                }
                LifecycleOutcome::Changed | LifecycleOutcome::Held => Vec::new(),
            }
        });
        happened.collect()
    })
}

/// The deletion of the referrers of a deleted image, with its events: those of a request.
pub(crate) fn of_referrers(ids: &IdSource, operation: DeleteReferrers) -> Recorded<DeleteReferrers> {
    let name = operation.repository_name.clone();
    let arn = repository_arn(&operation.region, &operation.account_id, &name);
    let repository = Repository { arn, name };
    let Micros(at) = operation.at;
    let now = Timestamp::from_microsecond(at).unwrap_or_default();
    let place = (operation.account_id.to_string(), operation.region.to_string());
    with_events(operation, (ids, now), place, move |deleted| {
        let happened = |(digest, tags): &(Digest, Vec<_>)| {
            repository.of_image(deletion_kind(true), &image_facts(digest), tags)
        };
        deleted.images.iter().flat_map(happened).collect()
    })
}

impl Eventful<OnRegistry> for SetRegistryPolicy {
    fn events(&self, on: &OnRegistry) -> impl Fn(&Option<String>) -> Vec<Happened> + Send + Sync + 'static {
        let (region, account) = (on.region(), on.account());
        let arn = format!("arn:{}:ecr:{region}:{account}:registry", region.partition());
        let is_set = self.document.is_some();
        move |old| {
            let kind = policy_kind(
                is_set,
                old.as_ref(),
                [EventKind::RegistryPolicySet, EventKind::RegistryPolicyDelete],
            );
            let happened = kind.map(|kind| Happened { kind, resource: arn.clone(), facts: json!({}) });
            happened.into_iter().collect()
        }
    }
}

impl Eventful<OnRepository> for PutImage {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&PutImageOutcome) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        let mut facts =
            json!({ "image-digest": self.digest.to_string(), "manifest-media-type": self.media_type });
        if let (Some(members), Some(artifact_type)) = (facts.as_object_mut(), &self.artifact_type) {
            members.insert("artifact-media-type".to_owned(), json!(artifact_type));
        }
        let kind = if self.subject.is_some() { EventKind::ReferrerPush } else { EventKind::ImagePush };
        let restored = json!({
            "image-digest": self.digest.to_string(), "target-storage-class": STANDARD,
            "last-activated-at": on.decided_at().to_string(),
        });
        move |outcome| {
            let mut happened = Vec::new();
            // The push of an image that is in the archive restores it.
            if outcome.is_restored {
                happened.extend(repository.of_image::<Tag>(
                    EventKind::ImageUpdateStorageClass,
                    &restored,
                    &[],
                ));
            }
            // A push that changes nothing is no event.
            if outcome.created || !outcome.tags_moved.is_empty() {
                happened.extend(repository.of_image(kind, &facts, &outcome.tags_moved));
            }
            happened
        }
    }
}

/// A tag whose image came from an upstream registry. The names of the members are those of EventBridge's "ECR Pull Through
/// Cache Action".
impl Eventful<OnRepository> for RecordUpstreamTag {
    fn events(&self, on: &OnRepository) -> impl Fn(&()) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        let facts = self.imported_from.as_ref().map(|(prefix, url)| {
            json!({
                "sync-status": "SUCCESS",
                "ecr-repository-prefix": prefix,
                "repository-name": repository.name,
                "upstream-registry-url": url,
                "image-tag": self.tag.as_str(),
                "image-digest": self.digest.to_string(),
            })
        });
        move |()| {
            let happened = facts.clone().map(|facts| Happened {
                kind: EventKind::PullThroughCache,
                resource: repository.arn.clone(),
                facts,
            });
            happened.into_iter().collect()
        }
    }
}

impl Eventful<OnRepository> for BatchDeleteImage {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&Vec<DeleteOutcome>) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        move |outcomes| {
            let removed = outcomes.iter().filter_map(|outcome| match outcome {
                DeleteOutcome::Removed(removed) => Some(removed),
                _ => None,
            });
            let events = removed.flat_map(|removed| {
                let facts = removed.pairs.first().map(|(digest, _)| image_facts(digest)).unwrap_or_default();
                repository.of_image(deletion_kind(removed.is_referrer), &facts, &removed.tags())
            });
            events.collect()
        }
    }
}

impl Eventful<OnRepository> for DeleteTag {
    fn events(&self, on: &OnRepository) -> impl Fn(&Digest) -> Vec<Happened> + Send + Sync + 'static {
        let (repository, tag) = (Repository::of(on), self.tag.clone());
        move |digest| {
            repository.of_image(EventKind::ImageUntag, &image_facts(digest), std::slice::from_ref(&tag))
        }
    }
}

/// What the deletion of an image is: ECR tells of referrers in events of their own.
const fn deletion_kind(is_referrer: bool) -> EventKind {
    if is_referrer { EventKind::ReferrerDelete } else { EventKind::ImageDelete }
}

fn image_facts(digest: &Digest) -> Value {
    json!({ "image-digest": digest.to_string() })
}

impl Access {
    /// `trim_events`, unless events wait to be routed that are only somewhat older: a deployment that was stopped for a
    /// day still delivers them. Events of another database wait for as long as the directory does not take them.
    pub async fn trim_routed_events(&self, now: Timestamp) -> Result<usize> {
        let permit = Permit::for_service(authority::TrimEvents, self);
        let oldest = permit.read(|()| OldestNewEvent).await?;
        let longest = if self.is_directory() {
            first_id(now.checked_sub(LONGEST_UNROUTED.hours()).unwrap_or(Timestamp::MIN))
        } else {
            i64::MIN
        };
        if oldest.is_some_and(|id| (longest..self.first_kept_event(now)).contains(&id)) {
            return Ok(0);
        }
        self.trim_events(now).await
    }

    /// Removes events that are older than the deployment keeps them; returns how many.
    pub async fn trim_events(&self, now: Timestamp) -> Result<usize> {
        let before = self.first_kept_event(now);
        let permit = Permit::for_service(authority::TrimEvents, self);
        permit.write(|()| TrimEvents { before, limit: SLICE }).await.or_store_error()
    }

    /// The smallest ID of an event that the deployment keeps.
    pub(crate) fn first_kept_event(&self, now: Timestamp) -> i64 {
        let kept = i64::try_from(self.settings.limits.event_retention.as_secs()).unwrap_or(i64::MAX);
        first_id(now.checked_sub(kept.seconds()).unwrap_or(Timestamp::MIN))
    }
}
