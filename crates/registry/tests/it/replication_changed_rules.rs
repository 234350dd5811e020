//! What happens to queued images when the replication rules change.

use aws::ecr::BatchDeleteImageRequest;

use crate::replication::{
    THERE, by_tag, configure, image, images, replicate, rule, statuses, there, to_there,
};
use crate::world::{ACCOUNT, World, ctx, manifest, region, sha256};

#[tokio::test]
async fn a_removed_destination_is_forgotten() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    configure(&world, (&world.admin, &region()), Vec::new()).await.unwrap();
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, []);
    to_there(&world, false).await;
    replicate(&world).await;
    assert_eq!(images(&world, (&world.admin, &there()), "app").await, [], "it came before the new rule");
    assert_eq!(statuses(&world, "app", &sha256(&manifest(b"1"))).await, []);
}

#[tokio::test]
async fn what_a_changed_rule_leaves_out_stays_here() {
    let world = World::new().await;
    let (app, other) = (world.create("team/app").await, world.create("other").await);
    to_there(&world, true).await;
    for (repository, tag) in [(&app, "v1"), (&other, "v2")] {
        world.push(repository, tag, b"1").await.unwrap();
    }
    replicate(&world).await;
    for (repository, tag) in [(&app, "v3"), (&other, "v4")] {
        world.push(repository, tag, b"2").await.unwrap();
    }
    let delete = BatchDeleteImageRequest {
        registry_id: None,
        repository_name: "other".to_owned(),
        image_ids: vec![by_tag("v2")],
    };
    world.rules.registry.batch_delete_image(&ctx(&world.admin), &region(), delete).await.unwrap();
    // The destination stays, but not for all repositories, and not for deletions.
    let rules = vec![rule(&[(THERE, ACCOUNT)], &["team/"], false)];
    configure(&world, (&world.admin, &region()), rules).await.unwrap();
    replicate(&world).await;
    let at = (&world.admin, &there());
    let mut both = vec![image(b"1", &["v1"]), image(b"2", &["v3"])];
    both.sort();
    assert_eq!(images(&world, at, "team/app").await, both);
    assert_eq!(images(&world, at, "other").await, [image(b"1", &["v2"])]);
    assert_eq!(statuses(&world, "other", &sha256(&manifest(b"2"))).await, []);
}
