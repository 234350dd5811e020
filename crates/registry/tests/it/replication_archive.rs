//! Replication beside lifecycle policies and the archive: what they remove, archive and restore, and what is at the
//! destination then.

use access::context::RepositoryRef;
use access::error::Code;
use aws::ecr::{ReplicationStatus, TargetStorageClass};
use jiff::SignedDuration;
use oci::digest::Digest;
use oci::name::Reference;

use crate::archive::moved_in;
use crate::lifecycle;
use crate::replication::{image, images, replicate, statuses, there, to_there};
use crate::replication_backfill::{progress, start};
use crate::replication_settings::{ask, of_team, tag, tags};
use crate::world::{ACCOUNT, World, ctx, manifest, region, sha256};

fn digest(config: &[u8]) -> Digest {
    sha256(&manifest(config))
}

async fn there_are(world: &World) -> Vec<(String, Vec<String>)> {
    images(world, (&world.admin, &there()), "app").await
}

/// The code with which the destination refuses to give an image.
async fn refused_there(world: &World, digest: Digest) -> Option<Code> {
    let (registry, by_digest) = (&world.rules.registry, Reference::Digest(digest));
    let copy = RepositoryRef { region: there(), ..crate::world::repository("app") };
    registry.get_manifest(&ctx(&world.admin), &copy, &by_digest).await.err().map(|error| error.code)
}

async fn archive(world: &World, config: &[u8]) {
    moved_in(world, &region(), &digest(config), TargetStorageClass::Archive).await;
}

/// Carries out the policy of the repository.
async fn expire(world: &World, rules: &str) -> usize {
    lifecycle::put(world, rules).await;
    lifecycle::run(&world.rules.registry, SignedDuration::ZERO).await
}

#[tokio::test]
async fn what_a_lifecycle_policy_expires_goes_there_too() {
    for deletes in [false, true] {
        let world = World::new().await;
        let app = world.create("app").await;
        to_there(&world, deletes).await;
        for (tag, config, days) in [("v1", &b"1"[..], 9), ("also", b"1", 9), ("v2", b"2", 8), ("v3", b"3", 7)]
        {
            lifecycle::push(&world, &app, tag, config, days).await;
        }
        replicate(&world).await;
        let mut all = vec![image(b"1", &["also", "v1"]), image(b"2", &["v2"]), image(b"3", &["v3"])];
        all.sort();
        assert_eq!(there_are(&world).await, all);
        assert_eq!(expire(&world, &lifecycle::keep(1, "v*", 1)).await, 2);
        replicate(&world).await;
        let expected = if deletes { vec![image(b"3", &["v3"])] } else { all };
        assert_eq!(there_are(&world).await, expected, "{deletes}");
        assert_eq!(replicate(&world).await, 0);
    }
}

#[tokio::test]
async fn moving_to_the_archive_is_not_replicated() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, true).await;
    lifecycle::push(&world, &app, "v1", b"1", 9).await;
    replicate(&world).await;
    // This one has not arrived yet.
    lifecycle::push(&world, &app, "v2", b"2", 9).await;
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePulled",
        "countUnit":"days","countNumber":8},"action":{"type":"transition","targetStorageClass":"archive"}}"#;
    assert_eq!(expire(&world, rule).await, 2);
    assert_eq!(images(&world, (&world.admin, &region()), "app").await, []);
    assert_eq!(replicate(&world).await, 1);
    let mut both = [image(b"1", &["v1"]), image(b"2", &["v2"])];
    both.sort();
    assert_eq!(there_are(&world).await, both);
    assert_eq!(refused_there(&world, digest(b"1")).await, None);
    assert_eq!(refused_there(&world, digest(b"2")).await, None);
    // What expires in the archive is deleted there too.
    moved_in(&world, &there(), &digest(b"1"), TargetStorageClass::Archive).await;
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"any","storageClass":"archive",
        "countType":"sinceImageTransitioned","countUnit":"days","countNumber":91},"action":{"type":"expire"}}"#;
    lifecycle::put(&world, rule).await;
    let later = SignedDuration::from_hours(92 * 24);
    assert_eq!(lifecycle::run(&world.rules.registry, later).await, 2);
    assert!(crate::replication::replicate_at(&world, jiff::Timestamp::now() + later).await > 0);
    assert_eq!(there_are(&world).await, []);
    assert_eq!(refused_there(&world, digest(b"1")).await, Some(Code::ManifestUnknown));
    the_copy_is_deleted(&world).await;
}

/// The copy that was in the archive is deleted, not only archived: nothing can restore it.
async fn the_copy_is_deleted(world: &World) {
    let copy = RepositoryRef { region: there(), ..crate::world::repository("app") };
    let key = world.row(&copy).await;
    let list = meta::FindImages {
        repository: key,
        ids: vec![meta::ImageRef { digest: Some(digest(b"1")), tag: None }],
    };
    let found = world.meta.read(list).await.unwrap().remove(0);
    assert!(!matches!(found, meta::FoundImage::Found(_)), "{found:?}");
}

/// Restored by a request, and by a push of one of its tags.
#[tokio::test]
async fn what_is_restored_is_replicated_with_its_tags() {
    for is_pushed in [false, true] {
        let world = World::new().await;
        let app = world.create("app").await;
        tag(&world, &region(), "a").await;
        for name in ["v1", "also"] {
            world.push(&app, name, b"1").await.unwrap();
        }
        archive(&world, b"1").await;
        to_there(&world, false).await;
        ask(&world, (&world.admin, &region()), &["TAGS"]).await;
        assert_eq!(replicate(&world).await, 0);
        if is_pushed {
            world.push(&app, "v1", b"1").await.unwrap();
        } else {
            moved_in(&world, &region(), &digest(b"1"), TargetStorageClass::Standard).await;
        }
        replicate(&world).await;
        assert_eq!(there_are(&world).await, [image(b"1", &["also", "v1"])], "{is_pushed}");
        assert_eq!(tags(&world, &there()).await, of_team("a"), "settings go with the image");
        let complete = [(ReplicationStatus::Complete, None)];
        assert_eq!(statuses(&world, "app", &digest(b"1")).await, complete);
    }
}

#[tokio::test]
async fn an_index_is_restored_with_the_tags_of_its_members() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "amd64", b"1").await.unwrap();
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{}}}]}}"#,
        digest(b"1"),
        manifest(b"1").len()
    );
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let all = Reference::Tag("all".parse().unwrap());
    registry.put_manifest(&admin, &app, &all, &[], None, index.clone().into()).await.unwrap();
    let index = sha256(index.as_bytes());
    moved_in(&world, &region(), &index, TargetStorageClass::Archive).await;
    archive(&world, b"1").await;
    to_there(&world, false).await;
    moved_in(&world, &region(), &index, TargetStorageClass::Standard).await;
    replicate(&world).await;
    let here = images(&world, (&world.admin, &region()), "app").await;
    assert_eq!((here.len(), there_are(&world).await), (2, here));
}

#[tokio::test]
async fn a_copy_in_the_archive_is_restored() {
    let world = World::new().await;
    let app = world.create("app").await;
    to_there(&world, false).await;
    world.push(&app, "v1", b"1").await.unwrap();
    replicate(&world).await;
    moved_in(&world, &there(), &digest(b"1"), TargetStorageClass::Archive).await;
    assert_eq!(refused_there(&world, digest(b"1")).await, Some(Code::ManifestUnknown));
    world.push(&app, "v2", b"1").await.unwrap();
    replicate(&world).await;
    assert_eq!(refused_there(&world, digest(b"1")).await, None);
    assert_eq!(there_are(&world).await, [image(b"1", &["v1", "v2"])]);
}

#[tokio::test]
async fn a_backfill_leaves_the_archive_out() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    world.push(&app, "v2", b"2").await.unwrap();
    archive(&world, b"1").await;
    to_there(&world, false).await;
    let id = start(&world, there().as_str(), ACCOUNT).await.unwrap();
    replicate(&world).await;
    assert_eq!(there_are(&world).await, [image(b"2", &["v2"])]);
    assert_eq!(progress(&world, &id).await, (1, 1, 0));
}
