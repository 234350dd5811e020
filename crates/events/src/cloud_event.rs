//! An event as a CloudEvent in structured JSON (CloudEvents specification 1.0.2).

use serde_json::{Value, json};

/// The `Content-Type` of one event.
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// The CloudEvent with an event of EventBridge as its data.
pub(crate) fn cloud_event(event: &Value) -> Value {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    let detail = |name: &str| event.get("detail")?.get(name)?.as_str();
    let mut cloud_event = json!({
        "specversion": "1.0",
        "id": text("id"),
        "source": format!("{}/{}/{}", text("source"), text("account"), text("region")),
        "type": text("detail-type"),
        "time": text("time"),
        "datacontenttype": "application/json",
        "data": event,
    });
    let subject = match (detail("repository-name"), detail("image-digest")) {
        (Some(repository), Some(digest)) => Some(format!("{repository}@{digest}")),
        (repository, _) => repository.map(str::to_owned),
    };
    if let (Some(members), Some(subject)) = (cloud_event.as_object_mut(), subject) {
        members.insert("subject".to_owned(), subject.into());
    }
    cloud_event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_data_of_a_cloud_event() {
        let event = json!({
            "id": "1", "source": "aws.ecr", "detail-type": "ECR Image Action", "account": "123456789012",
            "region": "eu-west-1", "time": "2027-01-15T08:00:00Z",
            "detail": { "repository-name": "app", "image-digest": "sha256:1" },
        });
        let wanted = json!({
            "specversion": "1.0", "id": "1", "source": "aws.ecr/123456789012/eu-west-1",
            "type": "ECR Image Action", "time": "2027-01-15T08:00:00Z", "subject": "app@sha256:1",
            "datacontenttype": "application/json", "data": event,
        });
        assert_eq!(cloud_event(&event), wanted);
    }
}
