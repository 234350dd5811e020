//! Images of indexes, and referrers.

use lifecycle::{Action, Evaluation, Image, OutOfOrder, StorageClass, Subject};
use serde_json::json;

use crate::repository::{DAY, NOW, archive, decided, evaluate, expire, expired, policy, pushed};

const COUNT: &str = "imageCountMoreThan";
const PUSHED: &str = "sinceImagePushed";

#[test]
fn a_child_stays_while_an_index_lists_it() {
    let untagged = policy(vec![expire(&json!("untagged"), PUSHED, 1)]);
    let images = [pushed(1, &[], 9).in_index(&[3]), pushed(2, &[], 9).in_index(&[99]), pushed(3, &["v1"], 9)];
    assert_eq!(expired(&untagged, &images), [2], "index 99 is gone");
}

#[test]
fn children_go_after_their_index() {
    let any = policy(vec![expire(&json!("any"), PUSHED, 5)]);
    let images = [
        pushed(1, &[], 9).in_index(&[3]),
        pushed(2, &[], 9).in_index(&[3, 6]),
        pushed(3, &["v1"], 8).in_index(&[4]),
        pushed(4, &["all"], 7),
        pushed(6, &["young"], 1),
    ];
    assert_eq!(expired(&any, &images), [4, 3, 1], "2 is in the young index too");
    let mut kept = images;
    kept[3].activated_at += 6 * 86_400_000_000;
    assert_eq!(expired(&any, &kept), [] as [i64; 0], "the outer index is young");
}

#[test]
fn a_deep_chain_of_indexes_takes_little_time() {
    let old = policy(vec![expire(&json!("untagged"), PUSHED, 1)]);
    // Each image is in an index that comes later, and the last index stays.
    let deep = 30_000;
    let chain = (1..deep).map(|id| pushed(id, &[], id + 1).in_index(&[id + 1]));
    let images: Vec<_> = chain.chain([pushed(deep, &["kept"], deep + 1)]).collect();
    let began = std::time::Instant::now();
    assert_eq!(expired(&old, &images), [] as [i64; 0]);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[test]
fn children_are_counted_like_other_images() {
    let one = policy(vec![expire(&json!("untagged"), COUNT, 1)]);
    let images = [pushed(1, &[], 9), pushed(2, &[], 8).in_index(&[3]), pushed(3, &["v1"], 8)];
    assert_eq!(expired(&one, &images), [1]);
}

#[test]
fn a_decision_says_how_many_images_it_can_spare() {
    let rules = policy(vec![expire(&json!(["a*"]), COUNT, 2), expire(&json!("any"), PUSHED, 1)]);
    let images: Vec<_> = (1..6).map(|id| pushed(id, &["a"], 10 - id)).chain([pushed(9, &[], 3)]).collect();
    let spare: Vec<_> =
        evaluate(&rules, &images).decisions().map(|decision| (decision.image, decision.spare)).collect();
    assert_eq!(spare, [(1, Some(2)), (2, Some(1)), (3, Some(0)), (9, None)]);
}

#[test]
fn children_are_archived_with_or_after_their_index() {
    let any = policy(vec![archive(&json!("any"), PUSHED, 5)]);
    let images = [
        pushed(1, &[], 9).in_index(&[2]),
        pushed(2, &["v1"], 7),
        pushed(3, &[], 9).in_index(&[4]),
        pushed(4, &["v2"], 9).archived(1),
    ];
    let decided = decided(&any, &images);
    assert_eq!(decided, [(3, Action::Archive, 1), (2, Action::Archive, 1), (1, Action::Archive, 1)]);
    let expiring = policy(vec![expire(&json!("any"), PUSHED, 5)]);
    assert_eq!(expired(&expiring, &images), [2, 1], "an index in the archive still lists 3");
}

#[test]
fn referrers_follow_their_subject() {
    let untagged = policy(vec![expire(&json!(["old*"]), PUSHED, 5), expire(&json!("untagged"), COUNT, 1)]);
    let images = [
        pushed(1, &["old"], 9),
        pushed(2, &[], 1).of(1),
        pushed(3, &[], 1).of(2),
        pushed(4, &["kept"], 9),
        pushed(5, &[], 9).of(4),
        pushed(6, &[], 9),
    ];
    assert_eq!(
        decided(&untagged, &images),
        [(1, Action::Expire, 1), (2, Action::Expire, 1), (3, Action::Expire, 1)],
        "referrers are neither selected nor counted on their own"
    );
}

#[test]
fn referrers_of_subjects_that_went_before_follow() {
    let rules = policy(vec![expire(&json!(["none*"]), COUNT, 1)]);
    let images = [
        pushed(1, &[], 2).of(77),
        pushed(2, &[], 1).of(77),
        pushed(3, &["a"], 9).archived(4),
        pushed(4, &[], 8).of(3),
        pushed(5, &[], 8).of(3).archived(4),
    ];
    assert_eq!(decided(&rules, &images), [(4, Action::Archive, 0), (1, Action::Expire, 0)]);
}

#[test]
fn a_decision_stands_while_the_image_is_the_same() {
    let rules = policy(vec![expire(&json!(["a*"]), COUNT, 1), expire(&json!("untagged"), PUSHED, 5)]);
    let tagged = ["a".to_owned()];
    let image = |tags, days| Image {
        id: 1,
        storage_class: StorageClass::Standard,
        tags,
        activated_at: NOW - days * DAY,
        pulled_at: None,
        tagged_at: None,
        archived_at: None,
        parents: &[],
        subject: Subject::None,
        is_protected: false,
    };
    let images = [pushed(1, &["a"], 9), pushed(2, &["a"], 8), pushed(3, &[], 7)];
    let plan = evaluate(&rules, &images);
    let [counted, aged]: [_; 2] = plan.decisions().collect::<Vec<_>>().try_into().unwrap();
    assert!(rules.confirms(&counted, &image(&tagged, 9), NOW));
    assert!(!rules.confirms(&counted, &image(&[], 9), NOW), "another rule identifies it now");
    assert!(!rules.confirms(&counted, &image(&tagged, -1), NOW), "it was restored meanwhile");
    assert!(rules.confirms(&aged, &image(&[], 7), NOW));
    assert!(!rules.confirms(&aged, &image(&[], 5), NOW));
    let archived = Image { storage_class: StorageClass::Archive, ..image(&[], 7) };
    assert!(!rules.confirms(&aged, &archived, NOW));
    let referrer = Image { subject: Subject::Missing, ..image(&[], 7) };
    assert!(!rules.confirms(&aged, &referrer, NOW));
}

#[test]
fn images_out_of_order_are_refused() {
    let rules = policy(vec![expire(&json!("any"), COUNT, 1)]);
    let mut evaluation = Evaluation::new(&rules, 100);
    let image = |id, activated_at| Image {
        id,
        storage_class: StorageClass::Standard,
        tags: &[],
        activated_at,
        pulled_at: None,
        tagged_at: None,
        archived_at: None,
        parents: &[],
        subject: Subject::None,
        is_protected: false,
    };
    assert_eq!(evaluation.image(&image(1, 50)), Ok(()));
    assert_eq!(evaluation.image(&image(2, 51)), Err(OutOfOrder));
    assert_eq!(evaluation.image(&image(2, 50)), Err(OutOfOrder), "the id decides between equal times");
}
