//! Lifecycle policies carried out and previewed: what goes, what stays, and what is recorded.

use access::context::RepositoryRef;
use access::error::Code;
use aws::ecr::{
    DescribeImagesRequest, GetLifecyclePolicyPreviewRequest, GetLifecyclePolicyRequest, ImageActionType,
    ImageIdentifier, ImageStatus, LifecyclePolicyPreviewStatus, PutLifecyclePolicyRequest,
    StartLifecyclePolicyPreviewRequest, TargetStorageClass, UpdateImageStorageClassRequest,
    WharfListLifecycleActionsRequest,
};
use jiff::{SignedDuration, Timestamp};
use meta::ListEvents;
use oci::name::Reference;
use registry::Registry;

use crate::world::{World, at, code, ctx, manifest, region};

pub(crate) fn text(rules: &str) -> String {
    let filler = " ".repeat(100);
    format!("{{\"rules\":[{rules}]}}{filler}")
}

pub(crate) fn keep(priority: u32, pattern: &str, count: u32) -> String {
    format!(
        r#"{{"rulePriority":{priority},"selection":{{"tagStatus":"tagged","tagPatternList":["{pattern}"],
        "countType":"imageCountMoreThan","countNumber":{count}}},"action":{{"type":"expire"}}}}"#
    )
}

fn untagged_days(priority: u32, days: u32) -> String {
    format!(
        r#"{{"rulePriority":{priority},"selection":{{"tagStatus":"untagged","countType":"sinceImagePushed",
        "countUnit":"days","countNumber":{days}}},"action":{{"type":"expire"}}}}"#
    )
}

pub(crate) async fn push(
    world: &World,
    app: &RepositoryRef,
    tag: &str,
    config: &'static [u8],
    days_ago: i64,
) {
    world.push_blob(app, config).await;
    let pushed = Timestamp::now() - SignedDuration::from_hours(24 * days_ago);
    let reference = Reference::Tag(tag.parse().unwrap());
    let body = manifest(config).into();
    let ctx = at(&world.admin, pushed);
    world.rules.registry.put_manifest(&ctx, app, &reference, &[], None, body).await.unwrap();
}

pub(crate) async fn put(world: &World, rules: &str) {
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: text(rules),
        ..Default::default()
    };
    world.rules.registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await.unwrap();
}

/// The tags of the images that are left, joined for each image.
pub(crate) async fn left(world: &World) -> Vec<String> {
    let describe = DescribeImagesRequest { repository_name: "app".to_owned(), ..Default::default() };
    let images = world.rules.registry.describe_images(&ctx(&world.admin), &region(), describe).await.unwrap();
    images.image_details.iter().map(|image| image.image_tags.join(",")).collect()
}

pub(crate) async fn run(registry: &Registry, later: SignedDuration) -> usize {
    registry.execute_lifecycle_policies(Timestamp::now() + later).await.unwrap().done
}

#[tokio::test]
async fn rules_are_carried_out_and_recorded() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config, days) in
        [("v1", &b"1"[..], 9), ("v2", b"2", 8), ("v3", b"3", 7), ("moving", b"4", 6), ("moving", b"5", 5)]
    {
        push(&world, &app, tag, config, days).await;
    }
    put(&world, &[keep(1, "v*", 2), untagged_days(2, 5)].join(",")).await;
    assert_eq!(left(&world).await.len(), 5, "nothing happens before the evaluation");
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 2);
    assert_eq!(left(&world).await, ["v2", "v3", "moving"]);

    let list = WharfListLifecycleActionsRequest { repository_name: "app".to_owned(), ..Default::default() };
    let ctx = ctx(&world.admin);
    let registry = &world.rules.registry;
    let actions = registry.wharf_list_lifecycle_actions(&ctx, &region(), list).await.unwrap().actions;
    let short: Vec<_> = actions
        .iter()
        .map(|action| (action.action, action.image_tags.join(","), action.applied_rule_priority))
        .collect();
    let expire = ImageActionType::Expire;
    assert_eq!(short, [(expire, String::new(), Some(2)), (expire, "v1".to_owned(), Some(1))]);
    assert_eq!(actions[1].reason, "imageCountMoreThan 2: 2 newer images");
    assert!(actions[0].reason.starts_with("sinceImagePushed 5 days: pushed or restored 2"));

    let events = world.meta.read(ListEvents { after: None, limit: 1_000 }).await.unwrap();
    let deleted: Vec<_> = events.iter().filter(|(_, event)| event.kind == "ecr.image.delete").collect();
    assert_eq!(deleted.len(), 2);
    assert!(deleted[0].1.body.contains("\"rule-priority\":1"), "{}", deleted[0].1.body);

    let get = GetLifecyclePolicyRequest { repository_name: "app".to_owned(), ..Default::default() };
    let policy = registry.get_lifecycle_policy(&ctx, &region(), get).await.unwrap();
    assert!(policy.last_evaluated_at > 0.0);
    assert_eq!(run(registry, SignedDuration::from_mins(30)).await, 0, "it is not due");
    assert_eq!(run(registry, SignedDuration::from_hours(24)).await, 0, "nothing is eligible");
}

#[tokio::test]
async fn a_push_has_the_policy_carried_out_soon() {
    let world = World::new().await;
    let app = world.create("app").await;
    put(&world, &keep(1, "v*", 1)).await;
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 0);
    push(&world, &app, "v1", b"1", 0).await;
    push(&world, &app, "v2", b"2", 0).await;
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 0);
    assert_eq!(run(&world.rules.registry, SignedDuration::from_mins(1)).await, 1);
    assert_eq!(left(&world).await, ["v2"]);
}

#[tokio::test]
async fn a_large_repository_is_emptied_in_slices() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push_blob(&app, b"{}").await;
    let pushed = Timestamp::now() - SignedDuration::from_hours(48);
    for number in 0..120 {
        let body = String::from_utf8(manifest(b"{}")).unwrap();
        let body = body.replace("\"layers\"", &format!("\"annotations\":{{\"n\":\"{number}\"}},\"layers\""));
        let reference = Reference::Tag(format!("v{number}").parse().unwrap());
        let ctx = at(&world.admin, pushed + SignedDuration::from_secs(number));
        let registry = &world.rules.registry;
        registry.put_manifest(&ctx, &app, &reference, &[], None, body.into_bytes().into()).await.unwrap();
    }
    put(&world, &keep(1, "v*", 3)).await;
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 117);
    assert_eq!(left(&world).await, ["v117", "v118", "v119"]);
}

#[tokio::test]
async fn a_preview_outlives_a_restart_and_expires() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config, days) in [("v1", &b"1"[..], 9), ("v2", b"2", 8), ("w", b"3", 7)] {
        push(&world, &app, tag, config, days).await;
    }
    let start = || StartLifecyclePolicyPreviewRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: Some(text(&keep(4, "v*", 1))),
        ..Default::default()
    };
    let get = || GetLifecyclePolicyPreviewRequest { repository_name: "app".to_owned(), ..Default::default() };
    let ctx = ctx(&world.admin);
    let none = world.rules.registry.get_lifecycle_policy_preview(&ctx, &region(), get()).await;
    assert_eq!(code(none), Code::LifecyclePolicyPreviewNotFound);
    let started =
        world.rules.registry.start_lifecycle_policy_preview(&ctx, &region(), start()).await.unwrap();
    assert_eq!(started.status, LifecyclePolicyPreviewStatus::InProgress);
    let again = world.rules.registry.start_lifecycle_policy_preview(&ctx, &region(), start()).await;
    assert_eq!(code(again), Code::LifecyclePolicyPreviewInProgress);
    let restarted = world.another().await.registry;
    let preview = restarted.get_lifecycle_policy_preview(&ctx, &region(), get()).await.unwrap();
    assert_eq!((preview.status, preview.summary), (LifecyclePolicyPreviewStatus::InProgress, None));
    restarted.preview_lifecycle_policies(Timestamp::now()).await.unwrap();
    let preview = restarted.get_lifecycle_policy_preview(&ctx, &region(), get()).await.unwrap();
    assert_eq!(preview.status, LifecyclePolicyPreviewStatus::Complete);
    let [result] = &preview.preview_results[..] else { panic!("{preview:?}") };
    assert_eq!((&result.image_tags[..], result.applied_rule_priority), (&["v1".to_owned()][..], Some(4)));
    assert_eq!(preview.summary.unwrap().expiring_image_total_count, 1);
    assert_eq!(left(&world).await.len(), 3, "a preview changes nothing");
    let later = Timestamp::now() + SignedDuration::from_hours(25);
    restarted.preview_lifecycle_policies(later).await.unwrap();
    let preview = restarted.get_lifecycle_policy_preview(&ctx, &region(), get()).await.unwrap();
    assert_eq!(preview.status, LifecyclePolicyPreviewStatus::Expired);
    assert!(preview.preview_results.is_empty());
}

#[tokio::test]
async fn an_invalid_policy_is_refused_with_ecrs_text() {
    let world = World::new().await;
    world.create("app").await;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: text(&[untagged_days(1, 1), untagged_days(2, 2)].join(",")),
        ..Default::default()
    };
    let refused = world.rules.registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await;
    let error = refused.unwrap_err();
    assert_eq!(error.code, Code::InvalidParameter);
    assert_eq!(
        error.message,
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation \
         failure: Only one rule can select Untagged images per storage class'"
    );
}

#[tokio::test]
async fn an_archived_image_cannot_be_pulled_until_it_is_restored() {
    let world = World::new().await;
    let app = world.create("app").await;
    push(&world, &app, "v1", b"1", 9).await;
    push(&world, &app, "v2", b"2", 8).await;
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePulled",
        "countUnit":"days","countNumber":8},"action":{"type":"transition","targetStorageClass":"archive"}}"#;
    put(&world, rule).await;
    assert_eq!(run(&world.rules.registry, SignedDuration::from_hours(-1)).await, 0, "it is not due");
    assert_eq!(run(&world.rules.registry, SignedDuration::ZERO).await, 2);
    assert_eq!(left(&world).await, [""; 0]);
    let registry = &world.rules.registry;
    let reference = |tag: &str| Reference::Tag(tag.parse().unwrap());
    let pulled = registry.get_manifest(&ctx(&world.admin), &app, &reference("v1")).await;
    assert_eq!(code(pulled), Code::ManifestUnknown);
    let headed = registry.head_manifest(&ctx(&world.admin), &app, &reference("v1")).await;
    assert_eq!(code(headed), Code::ManifestUnknown);
    let restore = |tag: &str, target_storage_class| UpdateImageStorageClassRequest {
        repository_name: "app".to_owned(),
        image_id: ImageIdentifier { image_tag: Some(tag.to_owned()), image_digest: None },
        target_storage_class,
        registry_id: None,
    };
    let ctx = ctx(&world.admin);
    let standard = restore("v1", TargetStorageClass::Standard);
    let restored = registry.update_image_storage_class(&ctx, &region(), standard).await.unwrap();
    assert_eq!(restored.image_status, ImageStatus::Active);
    registry.get_manifest(&ctx, &app, &reference("v1")).await.unwrap();
    push(&world, &app, "v2", b"2", 0).await;
    registry.get_manifest(&ctx, &app, &reference("v2")).await.unwrap();
    assert_eq!(run(registry, SignedDuration::from_hours(2)).await, 0, "they count as pushed now");
}
