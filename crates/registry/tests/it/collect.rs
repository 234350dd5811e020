//! Garbage is collected beside requests.

use access::error::Code;
use bytes::Bytes;
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::name::Reference;

use crate::world::{World, at, code, ctx, manifest, sha256};

/// The default grace and a little more.
pub(crate) fn after_the_grace() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(25)
}

pub(crate) async fn collect(world: &World, now: Timestamp) {
    while world.rules.registry.collect_garbage(now).await.unwrap().has_more {}
}

#[tokio::test]
async fn a_download_in_progress_completes() {
    let world = World::new().await;
    let app = world.create("app").await;
    let bytes: &'static [u8] = vec![7_u8; 3_000_000].leak();
    let digest = world.push_blob(&app, bytes).await;
    let handle = world.rules.registry.get_blob(&ctx(&world.admin), &app, &digest).await.unwrap();
    let content = handle.open(0, bytes.len() as u64).await.unwrap();
    let mut stream = content.into_stream();
    let first: Bytes = stream.try_next().await.unwrap().unwrap();
    collect(&world, after_the_grace()).await;
    let later = after_the_grace() + SignedDuration::from_hours(1);
    assert_eq!(world.rules.registry.sweep_doomed(later).await.unwrap(), 1);
    assert_eq!(world.files(), 0);
    let rest: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(first.len() + rest.iter().map(Bytes::len).sum::<usize>(), bytes.len());
    let again = world.rules.registry.get_blob(&ctx(&world.admin), &app, &digest).await.map(|_| ());
    assert_eq!(code(again), Code::BlobUnknown);
}

#[tokio::test]
async fn the_grace_is_renewed_by_whoever_is_told() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push_blob(&app, b"config").await;
    let later = Timestamp::now() + SignedDuration::from_hours(23);
    world.rules.registry.head_blob(&at(&world.admin, later), &app, &digest).await.unwrap();
    collect(&world, after_the_grace()).await;
    let tag = Reference::Tag("v1".parse().unwrap());
    let body = manifest(b"config").into();
    world.rules.registry.put_manifest(&ctx(&world.admin), &app, &tag, &[], None, body).await.unwrap();
    collect(&world, after_the_grace() + SignedDuration::from_hours(48)).await;
    world.rules.registry.head_blob(&ctx(&world.admin), &app, &sha256(b"config")).await.unwrap();
}

#[tokio::test]
async fn a_kept_answer_about_an_ended_layer_is_not_given() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push_blob(&app, b"config").await;
    world.rules.registry.head_blob(&ctx(&world.admin), &app, &digest).await.unwrap();
    collect(&world, after_the_grace()).await;
    let told = world.rules.registry.head_blob(&ctx(&world.admin), &app, &digest).await;
    assert_eq!(code(told), Code::BlobUnknown);
    assert!(!world.rules.registry.mount_blob(&ctx(&world.admin), &app, &digest, None).await.unwrap());
}

#[tokio::test]
async fn bytes_wait_for_the_second_delay() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push_blob(&app, b"layer").await;
    let now = after_the_grace();
    collect(&world, now).await;
    assert_eq!(world.rules.registry.sweep_doomed(now).await.unwrap(), 0);
    assert_eq!(world.files(), 1);
    let later = now + SignedDuration::from_mins(16);
    assert_eq!(world.rules.registry.sweep_doomed(later).await.unwrap(), 1);
    assert_eq!(world.files(), 0);
}
