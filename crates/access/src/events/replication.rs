//! Events of replication: one in the destination (EventBridge's "ECR Replication Action"), and one in the registry that is
//! replicated, which also tells of failures.

use aws::ids::{AccountId, Region};
use jiff::Timestamp;
use meta::{
    EndReplication, Event, Micros, PutImageOutcome, PutReplicatedSettings, Recorded, ReplicaSource,
    ReplicateDeletion, ReplicateImage, ReplicatedDeletion, ReplicationEnd, ReplicationPlaces, SettingKind,
    SettingValue,
};
use serde_json::{Value, json};

use super::{EventKind, Eventful, Happened, Repository, deletion_kind, image_facts};
use crate::context::repository_arn;
use crate::ids::IdSource;
use crate::permit::{OnRepository, Place as _};

/// An event of an image, in a registry. Its resource is the repository at the destination.
fn event(
    kind: EventKind,
    at: Micros,
    (account, region): &(AccountId, Region),
    (resource, facts): (&str, &Value),
) -> Event {
    Event {
        kind: kind.stored().to_owned(),
        at,
        account_id: account.to_string(),
        region: region.to_string(),
        resource: resource.to_owned(),
        body: facts.to_string(),
    }
}

/// The facts of an event in the registry that is replicated.
fn facts_at_source(
    places: &ReplicationPlaces,
    (name, digest): (&str, &str),
    tags: &[String],
    failure: Option<&str>,
) -> Value {
    let (account, region) = &places.destination;
    let mut facts = json!({
        "repository-name": name, "image-digest": digest, "image-tags": tags,
        "destination-account": account.as_str(), "destination-region": region.as_str(),
    });
    if let (Some(code), Some(members)) = (failure, facts.as_object_mut()) {
        members.insert("result".to_owned(), json!("FAILED"));
        members.insert("failure-code".to_owned(), json!(code));
    }
    facts
}

/// The replication of an image, with its events in both registries. A peer has its own.
pub(crate) fn of_replication(
    on: &OnRepository,
    ids: &IdSource,
    operation: ReplicateImage,
) -> Recorded<ReplicateImage> {
    let (places, at) = (operation.places.clone(), operation.put.at);
    let is_here = matches!(operation.source, ReplicaSource::Here(_));
    let (name, digest) = (on.row.name.clone(), operation.put.digest.to_string());
    let arn = repository_arn(&places.destination.1, &places.destination.0, &name);
    let events = move |outcome: &PutImageOutcome| {
        if !outcome.created && !outcome.is_restored && outcome.tags_moved.is_empty() {
            return Vec::new();
        }
        let tags: Vec<String> = outcome.tags_moved.iter().map(ToString::to_string).collect();
        let (account, region) = &places.source;
        let there = json!({
            "repository-name": name, "image-digest": digest, "image-tags": tags,
            "source-account": account.as_str(), "source-region": region.as_str(),
        });
        let mut events = vec![event(EventKind::ImageReplicate, at, &places.destination, (&arn, &there))];
        if is_here {
            let here = facts_at_source(&places, (&name, &digest), &tags, None);
            events.push(event(EventKind::ImageReplicated, at, &places.source, (&arn, &here)));
        }
        events
    };
    Recorded { operation, id: ids.next(on.decided_at()), events: Box::new(events) }
}

/// The end of a replication, with the event of a failure, or of what a peer has.
pub(crate) fn of_ended_replication(ids: &IdSource, operation: EndReplication) -> Recorded<EndReplication> {
    let EndReplication { key, end, repository_name, route, at, .. } = operation.clone();
    let now = Timestamp::from_microsecond(at.0).unwrap_or_default();
    let events = move |fails: &bool| {
        let failure = match &end {
            ReplicationEnd::Failed { code, .. } if *fails => Some(code.as_str()),
            ReplicationEnd::Replicated => None,
            _ => return Vec::new(),
        };
        let arn = repository_arn(&route.destination.1, &route.destination.0, &repository_name);
        let tags: Vec<String> = key.tag.iter().map(ToString::to_string).collect();
        let digest = key.digest.to_string();
        let facts = facts_at_source(&route, (&repository_name, &digest), &tags, failure);
        vec![event(EventKind::ImageReplicated, at, &route.source, (&arn, &facts))]
    };
    Recorded { operation, id: ids.next(now), events: Box::new(events) }
}

impl Eventful<OnRepository> for ReplicateDeletion {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&ReplicatedDeletion) -> Vec<Happened> + Send + Sync + 'static {
        let (repository, facts) = (Repository::of(on), image_facts(&self.digest));
        move |removed| match removed {
            ReplicatedDeletion::Nothing => Vec::new(),
            ReplicatedDeletion::Tag(tag) => {
                repository.of_image(EventKind::ImageUntag, &facts, std::slice::from_ref(tag))
            }
            ReplicatedDeletion::Image(removed) => {
                repository.of_image(deletion_kind(removed.is_referrer), &facts, &removed.tags())
            }
        }
    }
}

/// The events of policies that have arrived: those of a request. Other settings have none.
impl Eventful<OnRepository> for PutReplicatedSettings {
    fn events(
        &self,
        on: &OnRepository,
    ) -> impl Fn(&Vec<SettingKind>) -> Vec<Happened> + Send + Sync + 'static {
        let repository = Repository::of(on);
        let kinds: Vec<_> = self.settings.iter().map(|setting| kind_of(&setting.value)).collect();
        move |written| {
            let happened = kinds.iter().filter(|(kind, _)| written.contains(kind));
            happened.filter_map(|(_, event)| *event).flat_map(|event| repository.happened(event)).collect()
        }
    }
}

/// The kind of the event of a setting.
fn kind_of(value: &SettingValue) -> (SettingKind, Option<EventKind>) {
    let event = match value {
        SettingValue::Policy(Some(_)) => Some(EventKind::RepositoryPolicySet),
        SettingValue::Policy(None) => Some(EventKind::RepositoryPolicyDelete),
        SettingValue::LifecyclePolicy(Some(_)) => Some(EventKind::RepositoryLifecyclePolicySet),
        SettingValue::LifecyclePolicy(None) => Some(EventKind::RepositoryLifecyclePolicyDelete),
        SettingValue::TagMutability(..) | SettingValue::Scanning(_) | SettingValue::Tags(_) => None,
    };
    (value.kind(), event)
}
