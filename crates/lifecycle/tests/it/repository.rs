//! A repository of a test: images by name, with their age in days.

use lifecycle::{Action, Cause, Decision, Evaluation, Image, Parent, Plan, Policy, StorageClass, Subject};
use serde_json::{Value, json};

pub(crate) const DAY: i64 = 86_400_000_000;
pub(crate) const NOW: i64 = 20_000 * DAY;

#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) tags: Vec<String>,
    pub(crate) storage_class: StorageClass,
    pub(crate) activated_at: i64,
    pub(crate) pulled_at: Option<i64>,
    pub(crate) tagged_at: Option<i64>,
    pub(crate) archived_at: Option<i64>,
    pub(crate) parents: Vec<i64>,
    /// The subject, which may be missing.
    pub(crate) subject: Option<i64>,
    pub(crate) is_protected: bool,
}

/// An active image that was pushed some days ago.
pub(crate) fn pushed(id: i64, tags: &[&str], days: i64) -> Stored {
    Stored {
        id,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        storage_class: StorageClass::Standard,
        activated_at: NOW - days * DAY,
        pulled_at: None,
        tagged_at: None,
        archived_at: None,
        parents: Vec::new(),
        subject: None,
        is_protected: false,
    }
}

impl Stored {
    pub(crate) fn pulled(mut self, days: i64) -> Self {
        self.pulled_at = Some(NOW - days * DAY);
        self
    }

    pub(crate) fn tagged(mut self, days: i64) -> Self {
        self.tagged_at = Some(NOW - days * DAY);
        self
    }

    pub(crate) fn archived(mut self, days: i64) -> Self {
        self.storage_class = StorageClass::Archive;
        self.archived_at = Some(NOW - days * DAY);
        self
    }

    pub(crate) fn in_index(mut self, parents: &[i64]) -> Self {
        self.parents = parents.to_vec();
        self
    }

    pub(crate) fn of(mut self, subject: i64) -> Self {
        self.subject = Some(subject);
        self
    }
}

pub(crate) fn evaluate(policy: &Policy, images: &[Stored]) -> Plan {
    let class_of = |id: i64| images.iter().find(|image| image.id == id).map(|image| image.storage_class);
    let mut sorted: Vec<&Stored> = images.iter().collect();
    sorted.sort_by_key(|image| std::cmp::Reverse((image.activated_at, image.id)));
    let mut evaluation = Evaluation::new(policy, NOW);
    for image in sorted {
        let parents: Vec<Parent> = image
            .parents
            .iter()
            .filter_map(|id| class_of(*id).map(|storage_class| Parent { id: *id, storage_class }))
            .collect();
        let subject = match image.subject {
            None => Subject::None,
            Some(id) => {
                class_of(id).map_or(Subject::Missing, |storage_class| Subject::Present { id, storage_class })
            }
        };
        let Stored { id, storage_class, activated_at, pulled_at, tagged_at, archived_at, ref tags, .. } =
            *image;
        let parents = &parents;
        let image = Image {
            id,
            storage_class,
            tags,
            activated_at,
            pulled_at,
            tagged_at,
            archived_at,
            parents,
            subject,
            is_protected: image.is_protected,
        };
        evaluation.image(&image).unwrap();
    }
    evaluation.finish()
}

/// The decisions as (image, action, priority), in their order; priority 0 stands for no rule.
pub(crate) fn decided(policy: &Policy, images: &[Stored]) -> Vec<(i64, Action, u32)> {
    let short = |Decision { image, action, cause, .. }| match cause {
        Cause::Rule(priority) => (image, action, priority),
        Cause::SubjectArchived | Cause::SubjectGone => (image, action, 0),
    };
    evaluate(policy, images).decisions().map(short).collect()
}

/// A rule that keeps images.
pub(crate) fn keep(tags: &Value) -> Value {
    let selection = match tags {
        Value::String(status) => json!({"tagStatus": status}),
        patterns => json!({"tagStatus": "tagged", "tagPatternList": patterns}),
    };
    json!({"selection": selection, "action": {"type": "wharfKeep"}})
}

/// The images that expire, in their order.
pub(crate) fn expired(policy: &Policy, images: &[Stored]) -> Vec<i64> {
    let decided = decided(policy, images).into_iter();
    decided.filter(|(_, action, _)| *action == Action::Expire).map(|(image, ..)| image).collect()
}

/// A rule: its priority is its place in the list of [`policy`].
pub(crate) fn rule(tags: &Value, count: (&str, u64), action: &Value) -> Value {
    let mut selection = match tags {
        Value::String(status) => json!({"tagStatus": status}),
        patterns => json!({"tagStatus": "tagged", "tagPatternList": patterns}),
    };
    selection["countType"] = count.0.into();
    selection["countNumber"] = count.1.into();
    if count.0 != "imageCountMoreThan" {
        selection["countUnit"] = "days".into();
    }
    if count.0 == "sinceImageTransitioned" {
        selection["storageClass"] = "archive".into();
    }
    json!({"selection": selection, "action": action})
}

pub(crate) fn expire(tags: &Value, count_type: &str, number: u64) -> Value {
    rule(tags, (count_type, number), &json!({"type": "expire"}))
}

pub(crate) fn archive(tags: &Value, count_type: &str, number: u64) -> Value {
    rule(tags, (count_type, number), &json!({"type": "transition", "targetStorageClass": "archive"}))
}

pub(crate) fn policy(rules: Vec<Value>) -> Policy {
    let numbered = rules.into_iter().zip(1_u32..).map(|(mut rule, priority)| {
        rule["rulePriority"] = priority.into();
        rule
    });
    Policy::parse_with_extensions(&json!({"rules": numbered.collect::<Vec<_>>()}).to_string()).unwrap()
}
