//! The worked examples of the user guide, "Examples of lifecycle policies in Amazon ECR", and its evaluation rules.

use lifecycle::Action;
use serde_json::json;

use crate::repository::{archive, decided, expire, expired, policy, pushed};

const COUNT: &str = "imageCountMoreThan";
const PUSHED: &str = "sinceImagePushed";
const PULLED: &str = "sinceImagePulled";
const TRANSITIONED: &str = "sinceImageTransitioned";

#[test]
fn the_worked_examples_hold() {
    let two = [
        pushed(1, &["beta-1", "prod-1"], 10),
        pushed(2, &["beta-2", "prod-2"], 9),
        pushed(3, &["beta-3"], 8),
    ];
    let (prod, beta) = (expire(&json!(["prod*"]), COUNT, 1), expire(&json!(["beta*"]), COUNT, 1));
    assert_eq!(expired(&policy(vec![prod.clone(), beta.clone()]), &two), [1], "multiple rules, example A");
    assert_eq!(expired(&policy(vec![beta, prod]), &two), [1, 2], "multiple rules, example B");

    let several = [
        pushed(1, &["alpha-1"], 12),
        pushed(2, &["beta-1"], 11),
        pushed(3, &["alpha-2", "beta-2"], 10),
        pushed(4, &["alpha-3"], 4),
        pushed(5, &["beta-3"], 3),
        pushed(6, &["alpha-4", "beta-4"], 2),
    ];
    let both = json!(["alpha*", "beta*"]);
    assert_eq!(expired(&policy(vec![expire(&both, PUSHED, 5)]), &several), [3], "multiple tags, example A");
    let overlapping = [
        pushed(1, &["alpha-1", "beta-1", "gamma-1"], 10),
        pushed(2, &["alpha-2", "beta-2"], 9),
        pushed(3, &["alpha-3", "beta-3", "gamma-2"], 8),
    ];
    assert_eq!(
        expired(&policy(vec![expire(&both, COUNT, 1)]), &overlapping),
        [1, 2],
        "multiple tags, example B"
    );

    let any = json!("any");
    let all = [
        pushed(1, &["alpha-1"], 4),
        pushed(2, &["beta-1"], 3),
        pushed(3, &[], 2),
        pushed(4, &["alpha-2"], 1),
    ];
    assert_eq!(expired(&policy(vec![expire(&any, COUNT, 1)]), &all), [1, 2, 3], "all images, example A");
    let mixed = [
        pushed(1, &["alpha-1", "beta-1"], 4),
        pushed(2, &[], 3),
        pushed(3, &["alpha-2"], 2),
        pushed(4, &["git hash"], 1),
        pushed(5, &[], 1),
    ];
    let rules = vec![
        expire(&json!(["alpha*"]), COUNT, 1),
        expire(&json!("untagged"), PUSHED, 1),
        expire(&any, COUNT, 1),
    ];
    assert_eq!(expired(&policy(rules), &mixed), [1, 2, 4], "all images, example B");
}

#[test]
fn ages_are_strictly_more_than_the_days() {
    let mut images = [pushed(1, &[], 14), pushed(2, &[], 14)];
    images[0].activated_at -= 1;
    assert_eq!(expired(&policy(vec![expire(&json!("untagged"), PUSHED, 14)]), &images), [1]);
}

#[test]
fn pulls_count_from_the_last_pull_push_or_restore() {
    let images = [
        pushed(1, &[], 91),
        pushed(2, &[], 200).pulled(91),
        pushed(3, &[], 200).pulled(5),
        // Pulled before it was archived, and restored ten days ago.
        pushed(4, &[], 10).pulled(150),
    ];
    let rules = policy(vec![archive(&json!("any"), PULLED, 90)]);
    assert_eq!(decided(&rules, &images), [(2, Action::Archive, 1), (1, Action::Archive, 1)]);
}

#[test]
fn rules_of_the_archive_see_only_the_archive() {
    let images = [
        pushed(1, &["prod-1"], 500).archived(366),
        pushed(2, &["prod-2"], 500).archived(365),
        pushed(3, &["prod-3"], 500),
        pushed(4, &["dev"], 500),
    ];
    let rules =
        policy(vec![archive(&json!(["prod*"]), PUSHED, 30), expire(&json!("any"), TRANSITIONED, 365)]);
    assert_eq!(decided(&rules, &images), [(1, Action::Expire, 2), (3, Action::Archive, 1)]);
    let counted = policy(vec![expire(&json!("any"), COUNT, 1)]);
    assert_eq!(expired(&counted, &images), [3], "the archive is not counted");
}
