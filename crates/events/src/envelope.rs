//! Events in EventBridge's form (User Guide of Amazon ECR, "Amazon ECR events and EventBridge").

use access::{events::EventKind, store::NewEvent};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What EventBridge calls an event of the outbox.
struct Form {
    source: &'static str,
    detail_type: &'static str,
    action: &'static str,
}

const IMAGE: &str = "ECR Image Action";
const REFERRER: &str = "ECR Referrer Action";
const REPLICATION: &str = "ECR Replication Action";
const PULL_THROUGH_CACHE: &str = "ECR Pull Through Cache Action";
/// AWS has no events of these; they have a source of their own, so patterns for `aws.ecr` do not match them.
const REPOSITORY: &str = "Wharf Repository Action";
const REGISTRY: &str = "Wharf Registry Action";
/// In the registry that is replicated. ECR has the event only in the destination.
const REPLICATED: &str = "Wharf Replication Action";

fn form(kind: EventKind) -> Form {
    let of = |source, detail_type, action| Form { source, detail_type, action };
    let (ecr, wharf) = ("aws.ecr", "wharf.ecr");
    match kind {
        EventKind::ImagePush => of(ecr, IMAGE, "PUSH"),
        // A deleted tag is a deletion in ECR, too.
        EventKind::ImageDelete | EventKind::ImageUntag => of(ecr, IMAGE, "DELETE"),
        EventKind::ImageUpdateStorageClass => of(ecr, IMAGE, "UPDATE_STORAGE_CLASS"),
        EventKind::ReferrerPush => of(ecr, REFERRER, "PUSH"),
        EventKind::ReferrerDelete => of(ecr, REFERRER, "DELETE"),
        // Its detail has no action.
        EventKind::PullThroughCache => of(ecr, PULL_THROUGH_CACHE, ""),
        EventKind::ImageReplicate => of(ecr, REPLICATION, "REPLICATE"),
        EventKind::ImageReplicated => of(wharf, REPLICATED, "REPLICATE"),
        EventKind::RepositoryCreate => of(wharf, REPOSITORY, "CREATE"),
        EventKind::RepositoryDelete => of(wharf, REPOSITORY, "DELETE"),
        EventKind::RepositoryMove => of(wharf, REPOSITORY, "MOVE"),
        EventKind::RepositoryPolicySet => of(wharf, REPOSITORY, "SET_POLICY"),
        EventKind::RepositoryPolicyDelete => of(wharf, REPOSITORY, "DELETE_POLICY"),
        EventKind::RepositoryLifecyclePolicySet => of(wharf, REPOSITORY, "SET_LIFECYCLE_POLICY"),
        EventKind::RepositoryLifecyclePolicyDelete => of(wharf, REPOSITORY, "DELETE_LIFECYCLE_POLICY"),
        EventKind::RegistryPolicySet => of(wharf, REGISTRY, "SET_POLICY"),
        EventKind::RegistryPolicyDelete => of(wharf, REGISTRY, "DELETE_POLICY"),
    }
}

/// The events of EventBridge for one event of the outbox: one for each tag. None for a kind of a newer version.
pub(crate) fn envelopes(new: &NewEvent) -> Vec<Value> {
    let Some(form) = EventKind::of_stored(&new.event.kind).map(form) else { return Vec::new() };
    let facts: Value = serde_json::from_str(&new.event.body).unwrap_or_default();
    let mut facts = match facts {
        Value::Object(facts) => facts,
        _ => Map::new(),
    };
    let tags = match facts.remove("image-tags") {
        Some(Value::Array(tags)) => tags,
        _ => Vec::new(),
    };
    if form.detail_type == PULL_THROUGH_CACHE {
        facts.insert("rule-version".to_owned(), json!("1"));
        return vec![envelope(new, &form, 0, &facts)];
    }
    facts.entry("result").or_insert_with(|| json!("SUCCESS"));
    facts.insert("action-type".to_owned(), json!(form.action));
    if tags.is_empty() {
        return vec![envelope(new, &form, 0, &facts)];
    }
    let tagged = |(part, tag): (usize, Value)| {
        let mut facts = facts.clone();
        facts.insert("image-tag".to_owned(), tag);
        envelope(new, &form, part, &facts)
    };
    tags.into_iter().enumerate().map(tagged).collect()
}

fn envelope(new: &NewEvent, form: &Form, part: usize, detail: &Map<String, Value>) -> Value {
    let event = &new.event;
    let time = Timestamp::from_microsecond(event.at.0).unwrap_or_default();
    // Of ECR's own events, only those of replication and of the pull-through cache name their resource.
    let is_named = form.source != "aws.ecr" || [REPLICATION, PULL_THROUGH_CACHE].contains(&form.detail_type);
    let resources = if is_named { json!([event.resource]) } else { json!([]) };
    json!({
        "version": "0",
        "id": id(new, part),
        "detail-type": form.detail_type,
        "source": form.source,
        "account": event.account_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": event.region,
        "resources": resources,
        "detail": detail,
    })
}

/// A UUID (version 8, RFC 9562) that is the same whenever the event is delivered again.
fn id(new: &NewEvent, part: usize) -> String {
    let id = new.key.id;
    let (high, middle, low) = (id >> 32 & 0xffff_ffff, id >> 16 & 0xffff, id & 0xffff);
    let position = new.key.position & 0xfff;
    format!(
        "{high:08x}-{middle:04x}-8{position:03x}-8{:03x}-{low:04x}{:08x}",
        part & 0xfff,
        new.sequence & 0xffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use access::store::{Event, EventKey, Micros};

    use super::*;

    fn event(kind: &str, body: &Value) -> NewEvent {
        let event = Event {
            kind: kind.to_owned(),
            at: Micros(1_800_000_000_123_456),
            account_id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            resource: "arn:aws:ecr:eu-west-1:123456789012:repository/app".to_owned(),
            body: body.to_string(),
        };
        NewEvent { sequence: 7, key: EventKey { id: 0x1234_5678_9abc_def0, position: 1 }, event }
    }

    #[test]
    fn an_import_names_its_repository_and_upstream() {
        let body = json!({
            "sync-status": "SUCCESS", "ecr-repository-prefix": "quay", "repository-name": "quay/app",
            "upstream-registry-url": "quay.io", "image-tag": "v1", "image-digest": "sha256:1",
        });
        let events = envelopes(&event("ecr.pull-through-cache", &body));
        let [event] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(event["detail-type"], "ECR Pull Through Cache Action");
        assert_eq!(event["resources"], json!(["arn:aws:ecr:eu-west-1:123456789012:repository/app"]));
        let mut detail = body;
        detail["rule-version"] = json!("1");
        assert_eq!(event["detail"], detail);
    }

    #[test]
    fn a_push_is_an_event_for_each_tag() {
        let body = json!({
            "repository-name": "app", "image-digest": "sha256:1", "image-tags": ["v1", "v2"],
            "manifest-media-type": "m", "artifact-media-type": "a",
        });
        let events = envelopes(&event("ecr.image.push", &body));
        let first = json!({
            "version": "0",
            "id": "12345678-9abc-8001-8000-def000000007",
            "detail-type": "ECR Image Action",
            "source": "aws.ecr",
            "account": "123456789012",
            "time": "2027-01-15T08:00:00Z",
            "region": "eu-west-1",
            "resources": [],
            "detail": {
                "result": "SUCCESS", "action-type": "PUSH", "repository-name": "app", "image-digest": "sha256:1",
                "image-tag": "v1", "manifest-media-type": "m", "artifact-media-type": "a",
            },
        });
        assert_eq!(events[0], first);
        assert_eq!((events.len(), &events[1]["detail"]["image-tag"]), (2, &json!("v2")));
        assert_ne!(events[0]["id"], events[1]["id"]);
    }

    #[test]
    fn other_kinds_have_their_actions() {
        let untagged = json!({ "repository-name": "app", "image-digest": "sha256:1", "image-tags": [] });
        for (kind, detail_type, action) in [
            ("ecr.image.delete", "ECR Image Action", "DELETE"),
            ("ecr.image.untag", "ECR Image Action", "DELETE"),
            ("ecr.image.update-storage-class", "ECR Image Action", "UPDATE_STORAGE_CLASS"),
            ("ecr.referrer.push", "ECR Referrer Action", "PUSH"),
        ] {
            let events = envelopes(&event(kind, &untagged));
            assert_eq!(events.len(), 1, "{kind}");
            assert_eq!(events[0]["detail-type"], detail_type, "{kind}");
            assert_eq!(events[0]["detail"]["action-type"], action, "{kind}");
            assert_eq!(events[0]["detail"].get("image-tag"), None, "{kind}");
        }
        let body = json!({ "repository-name": "app", "image-digest": "sha256:1", "image-tags": ["v1"],
            "source-account": "222233334444", "source-region": "us-east-1" });
        let events = envelopes(&event("ecr.image.replicate", &body));
        assert_eq!(events[0]["detail-type"], "ECR Replication Action");
        assert_eq!(events[0]["resources"][0], "arn:aws:ecr:eu-west-1:123456789012:repository/app");
        let detail = json!({ "result": "SUCCESS", "action-type": "REPLICATE", "repository-name": "app",
            "image-digest": "sha256:1", "image-tag": "v1", "source-account": "222233334444",
            "source-region": "us-east-1" });
        assert_eq!(events[0]["detail"], detail);
        let failed = json!({ "repository-name": "app", "result": "FAILED", "failure-code": "AccessDenied" });
        let events = envelopes(&event("ecr.image.replicated", &failed));
        assert_eq!(
            (&events[0]["source"], &events[0]["detail"]["result"]),
            (&json!("wharf.ecr"), &json!("FAILED"))
        );
        let moved = json!({ "repository-name": "team/app", "previous-repository-name": "app" });
        let events = envelopes(&event("ecr.repository.move", &moved));
        assert_eq!(events[0]["detail"]["action-type"], "MOVE");
        let events = envelopes(&event("ecr.repository.create", &json!({ "repository-name": "app" })));
        assert_eq!(events[0]["source"], "wharf.ecr");
        assert_eq!(events[0]["resources"][0], "arn:aws:ecr:eu-west-1:123456789012:repository/app");
        assert_eq!(envelopes(&event("ecr.unknown", &json!({}))), Vec::<Value>::new());
    }
}
