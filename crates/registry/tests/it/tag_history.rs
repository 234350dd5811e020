//! The history of tags: who moved a tag and from which image, and how long that image stays.

use access::error::Code;
use aws::ecr::{PutLifecyclePolicyRequest, WharfListTagHistoryRequest, WharfTagMove};
use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::{left, push, run, text};
use crate::world::{World, code, ctx, manifest, region, sha256};

async fn history(world: &World, tag: Option<&str>) -> Vec<WharfTagMove> {
    let mut moves = Vec::new();
    let mut next_token = None;
    loop {
        let input = WharfListTagHistoryRequest {
            repository_name: "app".to_owned(),
            image_tag: tag.map(str::to_owned),
            max_results: Some(2),
            next_token: next_token.take(),
            ..Default::default()
        };
        let page = world.rules.registry.wharf_list_tag_history(&ctx(&world.admin), &region(), input).await;
        let page = page.unwrap();
        moves.extend(page.tag_moves);
        next_token = page.next_token;
        if next_token.is_none() {
            return moves;
        }
    }
}

#[tokio::test]
async fn the_history_says_who_moved_a_tag_and_from_where() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config) in [("v1", &b"1"[..]), ("latest", b"1"), ("latest", b"2"), ("latest", b"3")] {
        world.push(&app, tag, config).await.unwrap();
    }
    let digest = |config: &[u8]| sha256(&manifest(config)).to_string();
    let moves = history(&world, Some("latest")).await;
    let from_to: Vec<_> =
        moves.iter().map(|moved| (moved.previous_image_digest.clone(), moved.image_digest.clone())).collect();
    let expected =
        [(Some(digest(b"2")), digest(b"3")), (Some(digest(b"1")), digest(b"2")), (None, digest(b"1"))];
    assert_eq!(from_to, expected);
    assert!(moves.iter().all(|moved| moved.moved_by == world.admin.arn));
    assert_eq!(history(&world, None).await.len(), 4);
    let later = Timestamp::now() + SignedDuration::from_hours(24 * 91);
    world.rules.registry.trim_records(later).await.unwrap();
    assert_eq!(history(&world, None).await, []);
}

#[tokio::test]
async fn the_history_needs_its_own_permission() {
    let world = World::new().await;
    world.create("app").await;
    let reader = world.user("reader", r#"{"Effect":"Allow","Action":"ecr:ListImages","Resource":"*"}"#).await;
    let input = || WharfListTagHistoryRequest { repository_name: "app".to_owned(), ..Default::default() };
    let refused = world.rules.registry.wharf_list_tag_history(&ctx(&reader), &region(), input()).await;
    assert_eq!(code(refused), Code::AccessDenied);
}

/// Only what a tag moved from is kept: an image that never had a tag goes as before.
#[tokio::test]
async fn what_a_moved_tag_named_stays_for_its_grace() {
    let world = World::new().await;
    let app = world.create("app").await;
    push(&world, &app, "v1", b"1", 30).await;
    push(&world, &app, "v1", b"2", 20).await;
    push(&world, &app, "v1", b"3", 0).await;
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed",
        "countUnit":"days","countNumber":1},"action":{"type":"expire"}}"#;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: text(rule),
        ..Default::default()
    };
    world.rules.registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await.unwrap();
    // The tag left the first image 20 days ago, and the second one just now.
    assert_eq!(run(&world.rules.registry, SignedDuration::from_secs(60)).await, 1);
    assert_eq!(left(&world).await, ["", "v1"]);
    assert_eq!(run(&world.rules.registry, SignedDuration::from_hours(20)).await, 0);
    assert_eq!(run(&world.rules.registry, SignedDuration::from_hours(26)).await, 1);
    assert_eq!(left(&world).await, ["v1"]);
}
