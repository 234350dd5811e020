//! Which documents are refused and with which text, and how a document is shown.

use lifecycle::Policy;
use serde_json::{Value, json};

fn refused(document: &Value) -> String {
    let text = Policy::parse(&document.to_string()).unwrap_err().to_string();
    let prefix = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: \
                  'Lifecycle policy validation failure: ";
    text.strip_prefix(prefix).unwrap().to_owned()
}

fn untagged() -> Value {
    json!({
        "rulePriority": 1,
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 30},
        "action": {"type": "expire"},
    })
}

/// A rule with one member changed; null removes it.
fn with(pointer: &str, value: Value) -> Value {
    let mut rule = untagged();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let members = rule.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    rule
}

fn selecting(selection: &Value) -> Value {
    with("/selection", selection.clone())
}

#[test]
fn documents_of_the_wrong_shape_are_refused() {
    let unmapped = "Could not map policyString into LifecyclePolicy.'";
    assert_eq!(refused(&json!("text")), unmapped);
    assert_eq!(refused(&json!([untagged()])), unmapped);
    assert!(Policy::parse("{").unwrap_err().to_string().ends_with(unmapped));
    let no_rules = "object has missing required properties ([\"rules\"])'";
    assert_eq!(refused(&json!({"no_rules": "test"})), no_rules);
    assert_eq!(refused(&json!({"rules": untagged()})), no_rules);
    let text = "instance type (string) does not match any allowed primitive type (allowed: [\"object\"])'";
    assert_eq!(refused(&json!({"rules": ["text"]})), text);
    let unknown = "object instance has properties which are not allowed by the schema: ([\"foo\"])'";
    assert_eq!(refused(&json!({"rules": [untagged()], "foo": 1})), unknown);
    let short = "array is too short: must have at least 1 elements but instance has 0 elements'";
    assert_eq!(refused(&json!({"rules": []})), short);
    let long = "array is too long: must have at most 50 elements but instance has 51 elements'";
    assert_eq!(refused(&json!({"rules": vec![untagged(); 51]})), long);
}

#[test]
fn members_are_checked_with_the_known_texts() {
    let missing = |name: &str| format!("object has missing required properties ([\"{name}\"])'");
    let unknown = |name: &str| {
        format!("object instance has properties which are not allowed by the schema: ([\"{name}\"])'")
    };
    let one = |pointer: &str, value: Value| refused(&json!({"rules": [with(pointer, value)]}));
    for name in ["rulePriority", "selection", "action"] {
        assert_eq!(one(&format!("/{name}"), Value::Null), missing(name));
    }
    for name in ["tagStatus", "countType", "countNumber"] {
        assert_eq!(one(&format!("/selection/{name}"), Value::Null), missing(name));
    }
    assert_eq!(one("/action/type", Value::Null), missing("type"));
    for pointer in ["/unknown", "/selection/unknown", "/action/unknown"] {
        assert_eq!(one(pointer, json!(123)), unknown("unknown"));
    }
    let keep = "instance value (keep) not found in enum :(possible values: [\"expire\"])'";
    assert_eq!(one("/action/type", json!("keep")), keep);
    let status =
        "instance value (unknown) not found in enum :(possible values: [\"any\", \"tagged\", \"untagged\"])'";
    assert_eq!(one("/selection/tagStatus", json!("unknown")), status);
    let no_schema = "instance failed to match exactly one schema (matched 0 out of 2)";
    assert_eq!(one("/selection/countType", json!("unknown")), no_schema);
    assert_eq!(one("/selection/countUnit", json!("days")), no_schema, "a count has no unit");
    assert_eq!(one("/selection/countType", json!("sinceImagePushed")), no_schema, "an age has a unit");
    let unit = "instance value (weeks) not found in enum :(possible values: [\"days\"])'";
    assert_eq!(one("/selection/countUnit", json!("weeks")), unit);
    for number in [0, -1] {
        let low =
            format!("numeric instance is lower than the required minimum (minimum: 1, found: {number})");
        assert_eq!(one("/selection/countNumber", json!(number)), low);
        assert_eq!(one("/rulePriority", json!(number)), low);
    }
    let kind = "instance type (string) does not match any allowed primitive type (allowed: [\"integer\"])'";
    assert_eq!(one("/selection/countNumber", json!("3")), kind);
    assert_eq!(one("/action/targetStorageClass", json!("archive")), unknown("targetStorageClass"));
    assert_eq!(one("/action/type", json!("transition")), missing("targetStorageClass"));
}

#[test]
fn selections_follow_the_documented_rules() {
    let refused = |selection: &Value| refused(&json!({"rules": [selecting(selection)]}));
    let count = |mut members: Value| {
        members["countType"] = "imageCountMoreThan".into();
        members["countNumber"] = 1.into();
        members
    };
    let neither = refused(&count(json!({"tagStatus": "tagged"})));
    assert_eq!(neither, "Must specify tagPrefixList or tagPatternList when tagStatus=TAGGED.'");
    let lists = json!({"tagStatus": "tagged", "tagPrefixList": ["a"], "tagPatternList": ["a"]});
    assert!(refused(&count(lists)).starts_with("Must not specify both"));
    for status in ["any", "untagged"] {
        let listed = json!({"tagStatus": status, "tagPrefixList": ["a"]});
        assert!(refused(&count(listed)).starts_with("Must specify tagStatus=TAGGED"));
    }
    let five = json!({"tagStatus": "tagged", "tagPatternList": ["*test*1*2*3", "test*1*2*3*4*5*6"]});
    assert!(refused(&count(five)).starts_with("The tag pattern test*1*2*3*4*5*6 has more than 4"));
    let age = |count_type: &str, number: u32, class: Option<&str>| {
        let mut selection =
            json!({"tagStatus": "any", "countType": count_type, "countUnit": "days", "countNumber": number});
        if let Some(class) = class {
            selection["storageClass"] = class.into();
        }
        selection
    };
    assert!(refused(&age("sinceImagePulled", 90, None)).contains("only be used with the transition action"));
    assert!(refused(&age("sinceImageTransitioned", 90, None)).contains("requires storageClass=archive"));
    assert!(refused(&age("sinceImageTransitioned", 89, Some("archive"))).contains("at least 90"));
    assert!(refused(&age("sinceImagePushed", 90, Some("archive"))).contains("requires countType="));
    let good = json!({"rules": [selecting(&age("sinceImageTransitioned", 90, Some("archive")))]});
    assert!(Policy::parse(&good.to_string()).is_ok());
}

#[test]
fn rules_of_a_policy_do_not_collide() {
    let tagged = |priority: u32, list: &Value| {
        json!({
            "rulePriority": priority,
            "selection": {
                "tagStatus": "tagged", "tagPrefixList": list, "countType": "imageCountMoreThan", "countNumber": 1,
            },
            "action": {"type": "expire"},
        })
    };
    let renumbered = |mut rule: Value, priority: u32| {
        rule["rulePriority"] = priority.into();
        rule
    };
    let any = with("/selection/tagStatus", json!("any"));
    let two = |a: Value, b: Value| refused(&json!({"rules": [a, b]}));
    assert_eq!(
        two(untagged(), renumbered(untagged(), 2)),
        "Only one rule can select Untagged images per storage class'"
    );
    assert_eq!(
        two(any.clone(), renumbered(untagged(), 2)),
        "Rule for tagStatus=ANY must have the lowest priority per storage class'"
    );
    assert!(two(untagged(), tagged(1, &json!(["a"]))).starts_with("Rule priorities must be unique"));
    assert!(two(tagged(1, &json!(["a", "b"])), tagged(2, &json!(["b", "a"]))).contains("must be unique"));
    let last = json!({"rules": [renumbered(any, 9), untagged(), tagged(4, &json!(["a"])), tagged(3, &json!(["b"]))]});
    let priorities: Vec<u32> =
        Policy::parse(&last.to_string()).unwrap().rules().iter().map(|rule| rule.priority).collect();
    assert_eq!(priorities, [1, 3, 4, 9]);
}

/// What terraform-provider-aws compares (`aws_ecr_lifecycle_policy`): rules by priority, lists of tags sorted.
fn reduced(text: &str) -> Value {
    let mut document: Value = serde_json::from_str(text).unwrap();
    let rules = document["rules"].as_array_mut().unwrap();
    rules.sort_by_key(|rule| rule["rulePriority"].as_i64());
    for rule in rules {
        for list in ["tagPrefixList", "tagPatternList"] {
            if let Some(list) = rule["selection"].get_mut(list) {
                list.as_array_mut().unwrap().sort_by_key(ToString::to_string);
            }
        }
    }
    document
}

#[test]
fn the_shown_text_is_the_same_to_terraform() {
    let text = r#"{ "rules": [
        {"action": {"type": "expire"}, "rulePriority": 2, "description": "d", "selection": {"tagStatus": "tagged",
         "tagPrefixList": ["b", "a"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}},
        {"rulePriority": 1, "selection": {"countNumber": 14, "countUnit": "days", "countType": "sinceImagePulled",
         "storageClass": "standard", "tagStatus": "untagged"},
         "action": {"targetStorageClass": "archive", "type": "transition"}}]}"#;
    let policy = Policy::parse(text).unwrap();
    assert_eq!(reduced(policy.text()), reduced(text));
    let shown = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","storageClass":"standard","countType":"sinceImagePulled","countUnit":"days","countNumber":14},"action":{"type":"transition","targetStorageClass":"archive"}},{"rulePriority":2,"description":"d","selection":{"tagStatus":"tagged","tagPrefixList":["b","a"],"countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}"#;
    assert_eq!(policy.text(), shown);
    assert_eq!(Policy::parse(shown).unwrap(), policy);
}
