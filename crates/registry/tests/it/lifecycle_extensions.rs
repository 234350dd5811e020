//! Extensions of lifecycle policies: refused without the setting, carried out with it, and left alone when it is gone.

use access::context::RepositoryRef;
use access::error::{Code, Result};
use aws::ecr::{
    GetLifecyclePolicyRequest, PutAccountSettingRequest, PutLifecyclePolicyRequest,
    PutLifecyclePolicyResponse, StartLifecyclePolicyPreviewRequest, WharfListLifecycleActionsRequest,
};
use jiff::{SignedDuration, Timestamp};
use oci::name::Reference;

use crate::lifecycle::{left, push, run, text};
use crate::world::{World, at, code, ctx, region};

const KEEP: &str = r#"{"rulePriority":9,"selection":{"tagStatus":"tagged","tagPatternList":["release-*"]},
    "action":{"type":"wharfKeep"}}"#;

fn age(priority: u32, count_type: &str, days: u32) -> String {
    format!(
        r#"{{"rulePriority":{priority},"selection":{{"tagStatus":"any","countType":"{count_type}",
        "countUnit":"days","countNumber":{days}}},"action":{{"type":"expire"}}}}"#
    )
}

async fn set(world: &World, value: &str) {
    let name = "WHARF_LIFECYCLE_EXTENSIONS".to_owned();
    let put = PutAccountSettingRequest { name, value: value.to_owned() };
    world.rules.registry.put_account_setting(&ctx(&world.admin), &region(), put).await.unwrap();
}

async fn put(world: &World, rules: &str) -> Result<PutLifecyclePolicyResponse> {
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: text(rules),
        ..Default::default()
    };
    world.rules.registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await
}

async fn pull(world: &World, app: &RepositoryRef, tag: &str, days_ago: i64) {
    let when = Timestamp::now() - SignedDuration::from_hours(24 * days_ago);
    let reference = Reference::Tag(tag.parse().unwrap());
    world.rules.registry.get_manifest(&at(&world.admin, when), app, &reference).await.unwrap();
    world.rules.registry.write_pull_times().await;
}

async fn reasons(world: &World) -> Vec<(String, String)> {
    let list = WharfListLifecycleActionsRequest { repository_name: "app".to_owned(), ..Default::default() };
    let registry = &world.rules.registry;
    let listed = registry.wharf_list_lifecycle_actions(&ctx(&world.admin), &region(), list).await.unwrap();
    listed.actions.into_iter().map(|action| (action.image_tags.join(","), action.reason)).collect()
}

#[tokio::test]
async fn extensions_are_refused_without_the_setting() {
    let world = World::new().await;
    world.create("app").await;
    let rules = age(1, "wharfSinceImagePulled", 30);
    let admin = ctx(&world.admin);
    let start = async || {
        let start = StartLifecyclePolicyPreviewRequest {
            repository_name: "app".to_owned(),
            lifecycle_policy_text: Some(text(&rules)),
            ..Default::default()
        };
        world.rules.registry.start_lifecycle_policy_preview(&admin, &region(), start).await
    };
    for value in [None, Some("DISABLED")] {
        if let Some(value) = value {
            set(&world, value).await;
        }
        let error = put(&world, &rules).await.unwrap_err();
        assert_eq!(error.code, Code::InvalidParameter);
        assert!(error.message.contains("WHARF_LIFECYCLE_EXTENSIONS"), "{}", error.message);
        assert_eq!(code(start().await), Code::InvalidParameter);
    }
    set(&world, "ENABLED").await;
    let stored = put(&world, &rules).await.unwrap();
    assert!(stored.lifecycle_policy_text.contains("\"countType\":\"wharfSinceImagePulled\""));
    start().await.unwrap();
}

#[tokio::test]
async fn images_expire_by_their_last_pull() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config, days) in [("never", &b"1"[..], 40), ("used", b"2", 50), ("idle", b"3", 60)] {
        push(&world, &app, tag, config, days).await;
    }
    pull(&world, &app, "used", 2).await;
    pull(&world, &app, "idle", 35).await;
    set(&world, "ENABLED").await;
    put(&world, &age(1, "wharfSinceImagePulled", 30)).await.unwrap();
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 2);
    assert_eq!(left(&world).await, ["used"]);
    let reasons = reasons(&world).await;
    let reason = |tag: &str| &reasons.iter().find(|(tags, _)| tags == tag).unwrap().1;
    assert!(reason("never").starts_with("wharfSinceImagePulled 30 days: never pulled"), "{reasons:?}");
    assert!(reason("idle").starts_with("wharfSinceImagePulled 30 days: pulled 2"), "{reasons:?}");
}

#[tokio::test]
async fn ages_count_from_the_last_tag_even_if_it_is_gone() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config, days) in [("old", &b"1"[..], 40), ("a", b"2", 40), ("b", b"2", 5), ("c", b"3", 40)] {
        push(&world, &app, tag, config, days).await;
    }
    push(&world, &app, "d", b"3", 6).await;
    // Both tags move to another image.
    push(&world, &app, "c", b"4", 2).await;
    push(&world, &app, "d", b"4", 1).await;
    set(&world, "ENABLED").await;
    put(&world, &age(1, "wharfSinceImageTagged", 30)).await.unwrap();
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 1);
    assert_eq!(left(&world).await, ["a,b", "", "c,d"]);
    let [(tag, reason)] = &reasons(&world).await[..] else { panic!() };
    assert!(tag == "old" && reason.starts_with("wharfSinceImageTagged 30 days: tagged 2"), "{reason}");
}

#[tokio::test]
async fn what_a_rule_keeps_stays() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config, days) in [("v1", &b"1"[..], 40), ("release-1", b"2", 50), ("v3", b"3", 2)] {
        push(&world, &app, tag, config, days).await;
    }
    set(&world, "ENABLED").await;
    put(&world, &[age(1, "sinceImagePushed", 30).as_str(), KEEP].join(",")).await.unwrap();
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 1);
    assert_eq!(left(&world).await, ["release-1", "v3"]);
}

#[tokio::test]
async fn a_policy_with_extensions_rests_without_the_setting() {
    let world = World::new().await;
    let app = world.create("app").await;
    push(&world, &app, "v1", b"1", 40).await;
    push(&world, &app, "release-1", b"2", 50).await;
    set(&world, "ENABLED").await;
    put(&world, &[age(1, "sinceImagePushed", 30).as_str(), KEEP].join(",")).await.unwrap();
    set(&world, "DISABLED").await;
    let evaluated = async || {
        let get = GetLifecyclePolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
        let registry = &world.rules.registry;
        let shown = registry.get_lifecycle_policy(&ctx(&world.admin), &region(), get).await.unwrap();
        assert!(shown.lifecycle_policy_text.contains("wharfKeep"));
        shown.last_evaluated_at
    };
    let before = evaluated().await;
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 0, "nothing of it is carried out");
    assert_eq!((left(&world).await.len(), evaluated().await), (2, before));
    set(&world, "ENABLED").await;
    assert_eq!(run(&world.rules.registry, SignedDuration::from_hours(2)).await, 1);
    assert_eq!(left(&world).await, ["release-1"]);
    assert!(evaluated().await > before);
}
