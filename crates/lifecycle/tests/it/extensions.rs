//! What Wharf adds to ECR's rules: expiry by the last pull, age since the last tag, and rules that keep images.

use lifecycle::{Action, Evaluation, Image, Policy, StorageClass, Subject};
use serde_json::{Value, json};

use crate::repository::{DAY, NOW, archive, decided, evaluate, expire, expired, keep, policy, pushed};

const COUNT: &str = "imageCountMoreThan";
const PULLED: &str = "wharfSinceImagePulled";
const TAGGED: &str = "wharfSinceImageTagged";

fn document(mut rule: Value) -> String {
    rule["rulePriority"] = 1.into();
    json!({"rules": [rule]}).to_string()
}

#[test]
fn extensions_are_refused_unless_they_are_asked_for() {
    let rules = [
        (PULLED, expire(&json!("any"), PULLED, 9)),
        (TAGGED, archive(&json!("any"), TAGGED, 9)),
        ("wharfKeep", keep(&json!("any"))),
    ];
    for (name, rule) in rules {
        let refused = Policy::parse(&document(rule.clone())).unwrap_err().to_string();
        assert!(refused.contains(&format!("{name} is an extension of Wharf")), "{refused}");
        let policy = Policy::parse_with_extensions(&document(rule)).unwrap();
        assert!(policy.uses_extensions());
        assert_eq!(Policy::parse_with_extensions(policy.text()).unwrap(), policy, "it is shown as it is");
    }
    let without = document(expire(&json!("any"), COUNT, 9));
    assert!(!Policy::parse_with_extensions(&without).unwrap().uses_extensions());
}

#[test]
fn extensions_have_their_own_rules() {
    let refused =
        |rule: Value| Policy::parse_with_extensions(&document(rule)).map(drop).unwrap_err().to_string();
    assert!(refused(archive(&json!("any"), PULLED, 9)).contains("only be used with the expire action"));
    let ecrs = refused(expire(&json!("any"), "sinceImagePulled", 9));
    assert!(ecrs.contains("countType=sinceImagePulled can only be used with the transition action"));
    for count_type in [PULLED, TAGGED] {
        let mut archived = expire(&json!("any"), count_type, 9);
        archived["selection"]["storageClass"] = "archive".into();
        assert!(refused(archived).contains("storageClass=archive requires countType=sinceImageTransitioned"));
        let mut without_unit = expire(&json!("any"), count_type, 9);
        without_unit["selection"].as_object_mut().unwrap().remove("countUnit");
        assert!(refused(without_unit).contains("exactly one schema"));
    }
    for (member, value) in [("countType", json!(COUNT)), ("storageClass", json!("archive"))] {
        let mut counted = keep(&json!("any"));
        counted["selection"][member] = value;
        assert!(refused(counted).contains(&format!("not allowed by the schema: ([\"{member}\"])")));
    }
    let mut targeted = keep(&json!("any"));
    targeted["action"]["targetStorageClass"] = "archive".into();
    assert!(refused(targeted).contains("([\"targetStorageClass\"])"));
}

#[test]
fn images_expire_by_their_last_pull() {
    let images = [
        pushed(1, &[], 200).pulled(91),
        pushed(2, &[], 200).pulled(90),
        pushed(3, &[], 91),
        pushed(4, &[], 90),
        // Pulled before it was archived, and restored ten days ago.
        pushed(5, &[], 10).pulled(150),
    ];
    assert_eq!(expired(&policy(vec![expire(&json!("any"), PULLED, 90)]), &images), [1, 3]);
}

#[test]
fn ages_count_from_the_last_tag() {
    let images = [
        pushed(1, &["v1"], 200).tagged(31),
        pushed(2, &["v2"], 200).tagged(30),
        pushed(3, &[], 200).tagged(5),
        pushed(4, &[], 31),
        pushed(5, &["v5"], 10).tagged(200),
    ];
    assert_eq!(expired(&policy(vec![expire(&json!("any"), TAGGED, 30)]), &images), [1, 4]);
}

#[test]
fn kept_images_stay_whatever_the_priorities_are() {
    let images = [
        pushed(1, &["v1", "release-1"], 9),
        pushed(2, &["v2"], 8),
        pushed(3, &["v3", "release-3"], 7),
        pushed(4, &["v4"], 6),
        pushed(5, &["release-5"], 500).archived(400),
        pushed(6, &["other"], 500).archived(400),
    ];
    let rules = [expire(&json!(["v*"]), COUNT, 1), expire(&json!("any"), "sinceImageTransitioned", 90)];
    let kept = keep(&json!(["release-*"]));
    for place in 0..3 {
        let mut rules = rules.to_vec();
        rules.insert(place, kept.clone());
        assert_eq!(expired(&policy(rules), &images), [6, 2], "place {place}");
    }
    let two = policy(vec![expire(&json!(["v*"]), COUNT, 2), kept]);
    assert_eq!(expired(&two, &images), [2], "what is kept is counted");
}

#[test]
fn a_kept_index_keeps_its_children() {
    let rules = policy(vec![expire(&json!("any"), "sinceImagePushed", 1), keep(&json!(["release-*"]))]);
    let images = [pushed(1, &[], 9).in_index(&[2]), pushed(2, &["release-1"], 9), pushed(3, &[], 9).of(2)];
    assert_eq!(decided(&rules, &images), []);
}

#[test]
fn a_kept_referrer_stays_without_its_subject() {
    let rules = policy(vec![expire(&json!(["old"]), COUNT, 1), keep(&json!(["sbom"]))]);
    let images = [
        pushed(1, &["old"], 9),
        pushed(2, &["old"], 8),
        pushed(3, &["sbom"], 9).of(1),
        pushed(4, &[], 9).of(3),
        pushed(5, &["sbom"], 9).of(77),
        pushed(6, &[], 9).of(77),
        pushed(7, &["x"], 9).archived(3),
        pushed(8, &["sbom"], 9).of(7),
    ];
    assert_eq!(decided(&rules, &images), [(1, Action::Expire, 1), (6, Action::Expire, 0)]);
}

#[test]
fn a_decision_falls_when_the_image_is_kept_or_tagged() {
    let rules = policy(vec![expire(&json!(["v*"]), TAGGED, 5), keep(&json!(["keep"]))]);
    let plan = evaluate(&rules, &[pushed(1, &["v1"], 9).tagged(6)]);
    let [decision]: [_; 1] = plan.decisions().collect::<Vec<_>>().try_into().unwrap();
    let tags = ["keep".to_owned(), "v1".to_owned()];
    let image = |tags, tagged| Image {
        id: 1,
        storage_class: StorageClass::Standard,
        tags,
        activated_at: NOW - 9 * DAY,
        pulled_at: None,
        tagged_at: Some(NOW - tagged * DAY),
        archived_at: None,
        parents: &[],
        subject: Subject::None,
        is_protected: false,
    };
    assert!(rules.confirms(&decision, &image(&tags[1..], 6), NOW));
    assert!(!rules.confirms(&decision, &image(&tags[1..], 4), NOW), "it was tagged meanwhile");
    assert!(!rules.confirms(&decision, &image(&tags, 6), NOW), "it is kept");
    let protected = Image { is_protected: true, ..image(&tags[1..], 6) };
    assert!(!rules.confirms(&decision, &protected, NOW), "it is protected");
    let mut evaluation = Evaluation::new(&rules, NOW);
    evaluation.image(&image(&tags, 6)).unwrap();
    assert_eq!(evaluation.finish().decisions().count(), 0);
}

#[test]
fn the_examples_of_the_documentation_are_valid() {
    let page = include_str!("../../../../docs/lifecycle.md");
    let blocks: Vec<&str> =
        page.split("```json").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let [rule, policy] = blocks[..] else { panic!("{blocks:?}") };
    let rule = format!("{{\"rules\":[{rule}]}}");
    for text in [rule.as_str(), policy] {
        assert!(Policy::parse_with_extensions(text).unwrap().uses_extensions());
    }
}
