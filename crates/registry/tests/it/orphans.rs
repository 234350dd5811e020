//! The referrers of a deleted image go after it, unless it was pushed again.

use access::context::RepositoryRef;
use aws::ecr::{
    BatchDeleteImageRequest, ImageIdentifier, PutAccountSettingRequest, WharfPutInUseReportRequest,
};
use jiff::{SignedDuration, Timestamp};
use meta::ListEvents;
use oci::digest::Digest;
use oci::name::Reference;

use crate::world::{World, ctx, manifest, region, sha256};

/// Pushes a referrer of an image; gives its digest.
async fn refer(world: &World, app: &RepositoryRef, subject: &Digest, seed: &str) -> Digest {
    let config = world.push_blob(app, b"{}").await;
    let body = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x.{seed}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{subject}","size":9}}}}"#
    );
    let digest = sha256(body.as_bytes());
    let reference = Reference::Digest(digest);
    let by = ctx(&world.admin);
    world.rules.registry.put_manifest(&by, app, &reference, &[], None, body.into()).await.unwrap();
    digest
}

async fn delete(world: &World, digest: &Digest) {
    let id = ImageIdentifier { image_digest: Some(digest.to_string()), image_tag: None };
    let input = BatchDeleteImageRequest {
        repository_name: "app".to_owned(),
        image_ids: vec![id],
        ..Default::default()
    };
    world.rules.registry.batch_delete_image(&ctx(&world.admin), &region(), input).await.unwrap();
}

async fn is_there(world: &World, app: &RepositoryRef, digest: &Digest) -> bool {
    let reference = Reference::Digest(*digest);
    world.rules.registry.head_manifest(&ctx(&world.admin), app, &reference).await.is_ok()
}

/// Runs the deletion as it would run this many hours later; gives how many images went.
async fn run(world: &World, hours: i64) -> usize {
    let later = Timestamp::now() + SignedDuration::from_hours(hours);
    world.rules.registry.delete_orphaned_referrers(later).await.unwrap().done
}

#[tokio::test]
async fn referrers_go_after_their_subject() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let subject = sha256(&manifest(b"1"));
    let signature = refer(&world, &app, &subject, "signature").await;
    let of_signature = refer(&world, &app, &signature, "timestamp").await;
    delete(&world, &subject).await;
    assert_eq!(run(&world, 0).await, 0, "it is not due");
    assert!(is_there(&world, &app, &signature).await);
    let later = refer(&world, &app, &subject, "later").await;
    assert_eq!(run(&world, 2).await, 1);
    assert!(!is_there(&world, &app, &signature).await);
    assert_eq!(run(&world, 4).await, 1, "what refers to a referrer goes after it");
    assert!(!is_there(&world, &app, &of_signature).await);
    assert!(is_there(&world, &app, &later).await, "it was pushed after the deletion");
    let events = world.meta.read(ListEvents { after: None, limit: 100 }).await.unwrap();
    let count = |kind| events.iter().filter(|(_, event)| event.kind == kind).count();
    assert_eq!((count("ecr.image.delete"), count("ecr.referrer.delete")), (1, 2));
}

#[tokio::test]
async fn referrers_of_a_subject_that_came_back_stay() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let subject = sha256(&manifest(b"1"));
    let signature = refer(&world, &app, &subject, "signature").await;
    delete(&world, &subject).await;
    world.push(&app, "v1", b"1").await.unwrap();
    assert_eq!(run(&world, 2).await, 0);
    assert!(is_there(&world, &app, &signature).await);
}

#[tokio::test]
async fn a_subject_deleted_again_has_its_hour_again() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let subject = sha256(&manifest(b"1"));
    let signature = refer(&world, &app, &subject, "signature").await;
    delete(&world, &subject).await;
    let hour = Timestamp::now() + SignedDuration::from_hours(1);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    world.push(&app, "v1", b"1").await.unwrap();
    delete(&world, &subject).await;
    let registry = &world.rules.registry;
    assert_eq!(
        registry.delete_orphaned_referrers(hour).await.unwrap().done,
        0,
        "only the first hour is over"
    );
    assert!(is_there(&world, &app, &signature).await);
    assert_eq!(run(&world, 2).await, 1);
}

#[tokio::test]
async fn protected_referrers_stay_and_are_looked_at_once() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let subject = sha256(&manifest(b"1"));
    let mut digests = Vec::new();
    for number in 0..60 {
        digests.push(refer(&world, &app, &subject, &format!("kind{number}")).await);
    }
    let (kept, gone) = digests.split_at(55);
    let admin = ctx(&world.admin);
    let registry = &world.rules.registry;
    let (name, value) = ("WHARF_LIFECYCLE_EXTENSIONS".to_owned(), "ENABLED".to_owned());
    let setting = PutAccountSettingRequest { name, value };
    registry.put_account_setting(&admin, &region(), setting).await.unwrap();
    let report = WharfPutInUseReportRequest {
        source: "cluster".to_owned(),
        image_digests: kept.iter().map(Digest::to_string).collect(),
        expires_in_seconds: Some(86_400),
    };
    registry.wharf_put_in_use_report(&admin, &region(), report).await.unwrap();
    delete(&world, &subject).await;
    assert_eq!(run(&world, 2).await, gone.len());
    assert!(is_there(&world, &app, &kept[0]).await);
    assert_eq!(run(&world, 3).await, 0);
}
