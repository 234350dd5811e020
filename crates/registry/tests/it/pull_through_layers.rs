//! Layers that come from an upstream registry: what is told about them before they are here, what they cost while they
//! arrive, and what happens when they do not come.

use std::time::Duration;

use access::context::RepositoryRef;
use access::error::{Code, Error, Result};
use aws::ecr::PutAccountSettingRequest;
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::digest::Digest;
use oci::name::Reference;
use registry::layer::upload::Incoming;
use registry::purge::UPLOAD_LIFETIME;

use crate::pull_through::{PULL, cached, layer, pull, read, rule, soon};
use crate::upstream::{IMAGE, Mood, TestUpstream, image};
use crate::world::{World, code, ctx, region, repository, sha256};

/// The bytes of a range as a client would get them, and whether the answer was complete.
async fn range(
    world: &World,
    at: &RepositoryRef,
    digest: &Digest,
    (start, len): (u64, u64),
) -> (Vec<u8>, Result<()>) {
    let blob = world.rules.registry.get_blob(&ctx(&world.admin), at, digest).await.unwrap();
    let mut stream = blob.open(start, len).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(error) => return (bytes, Err(Error::internal(error))),
        }
    }
    (bytes, Ok(()))
}

#[tokio::test]
async fn a_head_has_a_size_that_the_upstream_confirmed() {
    let (world, upstream) = cached().await;
    upstream.set(Mood::Stalls(1, Duration::from_secs(20)));
    let config = upstream.blob("team/app", b"{}");
    let (there, gone) = (upstream.blob("team/app", b"ten bytes!"), sha256(b"the upstream has no such layer"));
    for (tag, digest) in [("wrong", &there), ("gone", &gone)] {
        upstream.manifest("team/app", tag, IMAGE, image(&config, digest, 1_000).as_bytes());
    }
    let (by, at, registry) = (ctx(&world.admin), repository("cached/team/app"), &world.rules.registry);
    for tag in ["wrong", "gone"] {
        pull(&world, &by, "cached/team/app", tag).await.unwrap();
    }
    let wrong = registry.head_blob(&by, &at, &there).await.unwrap_err();
    assert_eq!(wrong.code, Code::UpstreamUnavailable);
    assert!(wrong.message.contains("the size that its manifest says"), "{}", wrong.message);
    assert_eq!(code(registry.head_blob(&by, &at, &gone).await), Code::BlobUnknown);
}

#[tokio::test]
async fn many_heads_cost_the_upstream_one_request() {
    let (world, upstream) = cached().await;
    let layer = layer(300_000);
    upstream.image("team/app", "v1", &layer);
    upstream.set(Mood::Stalls(1, Duration::from_secs(20)));
    let by = ctx(&world.admin);
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let (at, digest) = (repository("cached/team/app"), sha256(&layer));
    let heads = (0..50).map(|_| world.rules.registry.head_blob(&by, &at, &digest));
    for stat in futures::future::join_all(heads).await {
        assert_eq!(stat.unwrap().size, 300_000);
    }
    assert_eq!(upstream.asked(&format!("HEAD /v2/team/app/blobs/{digest}")), 1);
}

#[tokio::test]
async fn a_layer_that_failed_is_not_asked_for_again_at_once() {
    for (status, expected) in
        [(404, Code::BlobUnknown), (429, Code::UpstreamTooManyRequests), (500, Code::UpstreamUnavailable)]
    {
        let (world, upstream) = cached().await;
        let layer = layer(100_000);
        upstream.image("team/app", "v1", &layer);
        upstream.set(Mood::Blobs(status));
        let (by, at, digest) = (ctx(&world.admin), repository("cached/team/app"), sha256(&layer));
        pull(&world, &by, "cached/team/app", "v1").await.unwrap();
        assert_eq!(code(read(&world, &world.admin, &at, &digest).await), expected, "{status}");
        let asked = upstream.asked(&digest.to_string());
        for _ in 0..20 {
            assert_eq!(code(read(&world, &world.admin, &at, &digest).await), expected, "{status}");
            assert_eq!(code(world.rules.registry.head_blob(&by, &at, &digest).await), expected, "{status}");
        }
        assert_eq!(upstream.asked(&digest.to_string()), asked, "{status}: it is remembered");
    }
}

/// A registry whose repositories with the prefix of its storage quota come from an upstream registry.
async fn limited() -> (World, TestUpstream) {
    let (world, upstream) = (World::new().await, TestUpstream::start().await);
    rule(&world, "team/small", &upstream, None).await.unwrap();
    (world, upstream)
}

#[tokio::test]
async fn a_layer_counts_for_storage_quotas_before_it_is_here() {
    let (world, upstream) = limited().await;
    let other = world.create("team/small-b").await;
    let (layer, by, registry) = (layer(400), ctx(&world.admin), &world.rules.registry);
    upstream.image("app", "v1", &layer);
    upstream.set(Mood::Stalls(10, Duration::from_secs(3)));
    pull(&world, &by, "team/small/app", "v1").await.unwrap();
    let at = repository("team/small/app");
    let arriving = registry.get_blob(&by, &at, &sha256(&layer)).await.unwrap();
    let push = async |bytes: &[u8]| {
        registry.put_blob(&by, &other, &sha256(bytes), Incoming::buffered(bytes.to_vec().into())).await
    };
    let refused = push(&[7; 300]).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded, "{}", refused.message);
    push(&[7; 20]).await.unwrap();
    let mut stream = arriving.open(0, 400).await.unwrap();
    while let Some(chunk) = stream.next().await {
        chunk.unwrap();
    }
    assert_eq!(code(push(&[8; 300]).await), Code::LimitExceeded, "it is stored now");
    push(&[8; 20]).await.unwrap();
}

#[tokio::test]
async fn a_layer_that_does_not_come_frees_its_bytes() {
    let (world, upstream) = limited().await;
    let other = world.create("team/small-b").await;
    let (layer, by, registry) = (layer(400), ctx(&world.admin), &world.rules.registry);
    upstream.image("app", "v1", &layer);
    upstream.set(Mood::Lies);
    pull(&world, &by, "team/small/app", "v1").await.unwrap();
    assert!(read(&world, &world.admin, &repository("team/small/app"), &sha256(&layer)).await.is_err());
    soon("the bytes are free", async || {
        let bytes = Incoming::buffered(vec![7; 300].into());
        registry.put_blob(&by, &other, &sha256(&[7; 300]), bytes).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn uploads_at_the_same_time_keep_to_a_storage_quota() {
    let world = World::new().await;
    let at = world.create("team/small-app").await;
    let push = async |number: u8| {
        let bytes = vec![number; 400];
        let (digest, incoming) = (sha256(&bytes), Incoming::buffered(bytes.into()));
        world.rules.registry.put_blob(&ctx(&world.admin), &at, &digest, incoming).await
    };
    let pushed = futures::future::join_all((0..8).map(push)).await;
    assert!((1..=2).contains(&pushed.iter().filter(|pushed| pushed.is_ok()).count()), "{pushed:?}");
}

#[tokio::test]
async fn an_upload_with_progress_does_not_expire() {
    let (world, upstream) = cached().await;
    let layer = layer(1_600_000);
    upstream.image("team/app", "v1", &layer);
    upstream.set(Mood::Drips(100_000, Duration::from_millis(300)));
    let (by, started) = (ctx(&world.admin), Timestamp::now());
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let (at, digest, registry) = (repository("cached/team/app"), sha256(&layer), &world.rules.registry);
    let reading = read(&world, &world.admin, &at, &digest);
    let expiring = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let lifetime = SignedDuration::try_from(UPLOAD_LIFETIME).unwrap();
        registry.expire_uploads(started + lifetime + SignedDuration::from_millis(500)).await.unwrap()
    };
    let (bytes, expired) = tokio::join!(reading, expiring);
    assert_eq!(expired, 0);
    assert_eq!(bytes.unwrap(), layer);
    registry.head_blob(&by, &at, &digest).await.unwrap();
}

#[tokio::test]
async fn a_range_is_complete_only_when_the_layer_is_verified() {
    for (mood, is_right) in [(Mood::Well, true), (Mood::LiesLate(Duration::from_secs(2)), false)] {
        let (world, upstream) = cached().await;
        let layer = layer(900_000);
        upstream.image("team/app", "v1", &layer);
        upstream.set(mood);
        pull(&world, &ctx(&world.admin), "cached/team/app", "v1").await.unwrap();
        let at = repository("cached/team/app");
        let (bytes, end) = range(&world, &at, &sha256(&layer), (1_000, 2_000)).await;
        assert_eq!(end.is_ok(), is_right);
        assert_eq!(bytes.len() == 2_000, is_right, "{} bytes", bytes.len());
        assert_eq!(bytes, layer[1_000..1_000 + bytes.len()]);
    }
}

#[tokio::test]
async fn layers_of_a_pushed_image_need_the_permission_to_import() {
    let (world, upstream) = cached().await;
    let (at, by, registry) =
        (world.create("cached/team/app").await, ctx(&world.admin), &world.rules.registry);
    let setting =
        PutAccountSettingRequest { name: "WHARF_SPARSE_IMAGES".to_owned(), value: "ENABLED".to_owned() };
    registry.put_account_setting(&by, &region(), setting).await.unwrap();
    let (config, secret) = (upstream.blob("team/app", b"{}"), upstream.blob("team/app", b"private"));
    let manifest = image(&config, &secret, 7);
    let tag = Reference::Tag("guess".parse().unwrap());
    registry.put_manifest(&by, &at, &tag, &[], None, manifest.into_bytes().into()).await.unwrap();
    let puller = world.user("puller", PULL).await;
    let refused = read(&world, &puller, &at, &secret).await.unwrap_err();
    assert_eq!(refused.code, Code::AccessDenied);
    assert!(refused.message.contains("ecr:BatchImportUpstreamImage"), "{}", refused.message);
    assert_eq!(code(registry.head_blob(&ctx(&puller), &at, &secret).await), Code::AccessDenied);
    assert_eq!(upstream.asked(""), 0);
    assert_eq!(read(&world, &world.admin, &at, &secret).await.unwrap(), b"private");
}

/// An image that was pushed, so that nothing of it is fetched in the background; returns its layers.
async fn pushed(world: &World, upstream: &TestUpstream, count: u8) -> Vec<Digest> {
    let (by, registry) = (ctx(&world.admin), &world.rules.registry);
    let setting =
        PutAccountSettingRequest { name: "WHARF_SPARSE_IMAGES".to_owned(), value: "ENABLED".to_owned() };
    registry.put_account_setting(&by, &region(), setting).await.unwrap();
    let at = world.create("cached/team/app").await;
    let mut layers = Vec::new();
    for number in 0..count {
        let layer = upstream.blob("team/app", &[number; 100]);
        let tag = Reference::Tag(format!("v{number}").parse().unwrap());
        let manifest = image(&sha256(b"{}"), &layer, 100).into_bytes();
        registry.put_manifest(&by, &at, &tag, &[], None, manifest.into()).await.unwrap();
        layers.push(layer);
    }
    layers
}

#[tokio::test]
async fn a_layer_that_nobody_waits_for_is_not_fetched() {
    let (world, upstream) = cached().await;
    let layers = pushed(&world, &upstream, 14).await;
    upstream.set(Mood::Stalls(10, Duration::from_secs(2)));
    let (world, at) = (&world, &repository("cached/team/app"));
    let get = |layer: Digest| async move { read(world, &world.admin, at, &layer).await };
    // All places of the account are taken.
    let first = futures::future::join_all(layers[..12].iter().copied().map(get));
    let others = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let gone = tokio::time::timeout(Duration::from_millis(200), get(layers[12])).await;
        assert!(gone.is_err(), "it waits for a place");
        get(layers[13]).await.unwrap()
    };
    let (first, last) = tokio::join!(first, others);
    assert!(first.iter().all(Result::is_ok), "{first:?}");
    assert_eq!(last, [13; 100]);
    assert_eq!(upstream.asked(&layers[12].to_string()), 0);
    upstream.set(Mood::Well);
    assert_eq!(get(layers[12]).await.unwrap(), [12; 100], "a later request starts anew");
}
