//! Lifecycle policies of repositories that the pull-through cache created.

use access::error::Code;
use aws::ecr::{
    CreateRepositoryCreationTemplateRequest, GetLifecyclePolicyRequest, ListImagesRequest, RCTAppliedFor,
};
use jiff::{SignedDuration, Timestamp};
use oci::digest::Digest;

use crate::collect::{after_the_grace, collect};
use crate::lifecycle::{run, text};
use crate::pull_through::{cached, layer, pull, read, soon};
use crate::upstream::Mood;
use crate::world::{World, at, code, ctx, region, repository, sha256};

const NAME: &str = "cached/team/app";
/// One image stays.
const NEWEST: &str = r#"{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1},
    "action":{"type":"expire"}}"#;

/// The repositories of the cache get a lifecycle policy.
async fn template(world: &World) {
    let template = CreateRepositoryCreationTemplateRequest {
        prefix: "cached".to_owned(),
        applied_for: vec![RCTAppliedFor::PullThroughCache],
        lifecycle_policy: Some(text(NEWEST)),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.create_repository_creation_template(&ctx(&world.admin), &region(), template).await.unwrap();
}

async fn tags(world: &World) -> Vec<String> {
    let list = ListImagesRequest { repository_name: NAME.to_owned(), ..Default::default() };
    let listed = world.rules.registry.list_images(&ctx(&world.admin), &region(), list).await.unwrap();
    listed.image_ids.into_iter().filter_map(|image| image.image_tag).collect()
}

/// Whether the bytes of a layer are here: the upstream registry is silent meanwhile.
async fn is_stored(world: &World, digest: &Digest) -> bool {
    read(world, &world.admin, &repository(NAME), digest).await.is_ok()
}

#[tokio::test]
async fn an_image_that_expired_is_fetched_again() {
    let (world, upstream) = cached().await;
    template(&world).await;
    let (old, new) = (layer(400_000), layer(300_000));
    let (first, second) = (upstream.image("team/app", "v1", &old), upstream.image("team/app", "v2", &new));
    let (old, new) = (sha256(&old), sha256(&new));
    let yesterday = at(&world.admin, Timestamp::now() - SignedDuration::from_hours(20));
    assert_eq!(pull(&world, &yesterday, NAME, "v1").await.unwrap(), first);
    assert_eq!(pull(&world, &ctx(&world.admin), NAME, "v2").await.unwrap(), second);
    let get = GetLifecyclePolicyRequest { repository_name: NAME.to_owned(), ..Default::default() };
    let policy = world.rules.registry.get_lifecycle_policy(&ctx(&world.admin), &region(), get).await.unwrap();
    assert!(policy.lifecycle_policy_text.contains("imageCountMoreThan"), "the policy of the template");
    soon("both layers are stored", async || is_stored(&world, &old).await && is_stored(&world, &new).await)
        .await;

    assert_eq!(run(&world.rules.registry, SignedDuration::from_hours(1)).await, 1);
    assert_eq!(tags(&world).await, ["v2"]);
    collect(&world, after_the_grace()).await;
    // Another process has no memory of layers that it sent.
    let world = World { rules: world.another().await, ..world };
    upstream.set(Mood::Silent);
    assert_eq!(code(read(&world, &world.admin, &repository(NAME), &old).await), Code::BlobUnknown);
    assert!(is_stored(&world, &new).await, "the other image is whole");

    upstream.set(Mood::Well);
    let asked = upstream.asked(&old.to_string());
    assert_eq!(pull(&world, &ctx(&world.admin), NAME, "v1").await.unwrap(), first);
    assert!(is_stored(&world, &old).await);
    assert_eq!(upstream.asked(&old.to_string()), asked + 1, "the layer comes once more");
    upstream.set(Mood::Silent);
    assert!(is_stored(&world, &old).await, "it stays");
    assert_eq!(pull(&world, &ctx(&world.admin), NAME, "v1").await.unwrap(), first);
}
