//! Pulls through the cache: once upstream for all clients, with the permissions of each, and from the cache when the
//! upstream registry fails.

use std::sync::Arc;
use std::time::Duration;

use access::context::{Caller, Ctx, RepositoryRef};
use access::error::{Code, Error, Result};
use aws::ecr::{
    BatchGetImageRequest, CreatePullThroughCacheRuleRequest, CreateRepositoryCreationTemplateRequest,
    ImageFailureCode, ImageIdentifier, ImageTagMutability, RCTAppliedFor, WharfRefreshUpstreamTagsRequest,
};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use oci::digest::Digest;
use oci::name::Reference;

use crate::upstream::{IMAGE, INDEX, Mood, TestUpstream, image, index};
use crate::world::{World, at, code, ctx, region, repository, sha256};

pub(crate) const PULL: &str =
    r#"{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],"Resource":"*"}"#;
const IMPORT: &str = r#"{"Effect":"Allow","Action":"ecr:BatchImportUpstreamImage","Resource":"*"}"#;
const CREATE: &str = r#"{"Effect":"Allow","Action":"ecr:CreateRepository","Resource":"*"}"#;

/// A registry with the rule `cached` for an upstream registry.
pub(crate) async fn cached() -> (World, TestUpstream) {
    let (world, upstream) = (World::new().await, TestUpstream::start().await);
    rule(&world, "cached", &upstream, None).await.unwrap();
    (world, upstream)
}

pub(crate) async fn rule(
    world: &World,
    prefix: &str,
    upstream: &TestUpstream,
    upstream_prefix: Option<&str>,
) -> Result<()> {
    let request = CreatePullThroughCacheRuleRequest {
        ecr_repository_prefix: prefix.to_owned(),
        upstream_registry_url: upstream.address.to_string(),
        upstream_repository_prefix: upstream_prefix.map(str::to_owned),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.create_pull_through_cache_rule(&ctx(&world.admin), &region(), request).await.map(|_| ())
}

pub(crate) async fn pull(world: &World, by: &Ctx, name: &str, reference: &str) -> Result<Digest> {
    let reference: Reference = reference.parse().unwrap();
    let manifest = world.rules.registry.get_manifest(by, &repository(name), &reference).await?;
    Ok(manifest.digest)
}

pub(crate) async fn read(
    world: &World,
    by: &Arc<Caller>,
    at: &RepositoryRef,
    digest: &Digest,
) -> Result<Vec<u8>> {
    let blob = world.rules.registry.get_blob(&ctx(by), at, digest).await?;
    if blob.is_small() {
        return Ok(blob.read().await?.to_vec());
    }
    let mut stream = blob.open(0, blob.stat.size).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.map_err(Error::internal)?);
    }
    Ok(bytes)
}

/// Waits until a condition holds, which background work brings about.
pub(crate) async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} did not happen");
}

pub(crate) fn layer(bytes: u32) -> Vec<u8> {
    (0..bytes).map(|at| (at ^ (at >> 8)).to_le_bytes()[0]).collect()
}

#[tokio::test]
async fn a_missing_image_comes_from_the_upstream() {
    let (world, upstream) = cached().await;
    let layer = layer(700_000);
    let digest = upstream.image("team/app", "v1", &layer);
    let by = ctx(&world.admin);
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), digest);
    let at = repository("cached/team/app");
    assert_eq!(read(&world, &world.admin, &at, &sha256(&layer)).await.unwrap(), layer);
    assert_eq!(read(&world, &world.admin, &at, &sha256(b"{}")).await.unwrap(), b"{}");
    soon("the layer is stored", async || {
        let stat = world.rules.registry.head_blob(&by, &at, &sha256(&layer)).await;
        stat.is_ok() && upstream.asked("HEAD /v2/team/app/blobs") == 0
    })
    .await;
    // Everything is there: the upstream registry is not needed any more.
    upstream.set(Mood::Silent);
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), digest);
    assert_eq!(pull(&world, &by, "cached/team/app", &digest.to_string()).await.unwrap(), digest);
    assert_eq!(read(&world, &world.admin, &at, &sha256(&layer)).await.unwrap(), layer);
    assert_eq!(upstream.asked("GET /v2/team/app/manifests"), 1);
}

#[tokio::test]
async fn many_clients_cost_the_upstream_one_request() {
    let (world, upstream) = cached().await;
    let layer = layer(3_000_000);
    upstream.image("team/app", "v1", &layer);
    let (world, digest) = (&world, sha256(&layer));
    let one = async || {
        pull(world, &ctx(&world.admin), "cached/team/app", "v1").await.unwrap();
        read(world, &world.admin, &repository("cached/team/app"), &digest).await.unwrap()
    };
    let all = futures::future::join_all((0..100).map(|_| one())).await;
    assert!(all.iter().all(|bytes| *bytes == layer));
    assert_eq!(upstream.asked("/manifests/"), 1);
    assert_eq!(upstream.asked(&format!("/blobs/{digest}")), 1);
}

#[tokio::test]
async fn clients_get_bytes_before_all_have_come() {
    let (world, upstream) = cached().await;
    let layer = layer(2_000_000);
    upstream.image("team/app", "v1", &layer);
    upstream.set(Mood::Stalls(1_000_000, Duration::from_secs(2)));
    pull(&world, &ctx(&world.admin), "cached/team/app", "v1").await.unwrap();
    let at = repository("cached/team/app");
    let begun = std::time::Instant::now();
    let blob = world.rules.registry.get_blob(&ctx(&world.admin), &at, &sha256(&layer)).await.unwrap();
    let mut stream = blob.open(500_000, 1_500_000).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1_500), "{:?}", begun.elapsed());
    let mut bytes = first.to_vec();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(bytes, layer[500_000..]);
}

#[tokio::test]
async fn a_layer_that_lies_is_never_whole() {
    let (world, upstream) = cached().await;
    let layer = layer(500_000);
    upstream.image("team/app", "v1", &layer);
    upstream.set(Mood::Lies);
    pull(&world, &ctx(&world.admin), "cached/team/app", "v1").await.unwrap();
    let at = repository("cached/team/app");
    assert!(read(&world, &world.admin, &at, &sha256(&layer)).await.is_err());
    upstream.set(Mood::Well);
    // Another process remembers no failure.
    let world = World { rules: world.another().await, ..world };
    let read_again = read(&world, &world.admin, &at, &sha256(&layer)).await;
    assert_eq!(read_again.unwrap(), layer, "a later pull starts anew");
}

#[tokio::test]
async fn an_index_comes_with_all_its_images() {
    let (world, upstream) = cached().await;
    let (config, blob) = (upstream.blob("team/app", b"{}"), upstream.blob("team/app", b"layer of one"));
    let one = image(&config, &blob, 12);
    let other_blob = upstream.blob("team/app", b"layer of the other");
    let other = image(&config, &other_blob, 18);
    let children =
        [&one, &other].map(|body| (upstream.manifest("team/app", "", IMAGE, body.as_bytes()), body.len()));
    let top = upstream.manifest("team/app", "v1", INDEX, index(&children).as_bytes());
    assert_eq!(pull(&world, &ctx(&world.admin), "cached/team/app", "v1").await.unwrap(), top);
    soon("the images of the index are fetched", async || upstream.asked(&other_blob.to_string()) > 0).await;
    let at = repository("cached/team/app");
    soon("the last layer is stored", async || {
        read(&world, &world.admin, &at, &other_blob).await.is_ok() && upstream.asked(&blob.to_string()) > 0
    })
    .await;
    upstream.set(Mood::Silent);
    for (digest, _) in children {
        pull(&world, &ctx(&world.admin), "cached/team/app", &digest.to_string()).await.unwrap();
    }
    for blob in [blob, other_blob] {
        read(&world, &world.admin, &at, &blob).await.unwrap();
    }
}

#[tokio::test]
async fn each_caller_needs_the_permission_to_import() {
    let (world, upstream) = cached().await;
    upstream.image("team/app", "v1", b"layer");
    let puller = world.user("puller", PULL).await;
    let importer = world.user("importer", &format!("{PULL},{IMPORT}")).await;
    let creator = world.user("creator", &format!("{PULL},{IMPORT},{CREATE}")).await;
    let error = pull(&world, &ctx(&puller), "cached/team/app", "v1").await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied);
    assert!(error.message.contains("ecr:BatchImportUpstreamImage on resource: arn:"), "{}", error.message);
    let error = pull(&world, &ctx(&importer), "cached/team/app", "v1").await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied);
    assert!(error.message.contains("ecr:CreateRepository on resource: arn:"), "{}", error.message);
    pull(&world, &ctx(&creator), "cached/team/app", "v1").await.unwrap();
    // What is stored needs the permission to pull alone.
    pull(&world, &ctx(&puller), "cached/team/app", "v1").await.unwrap();
    // Who may not pull learns nothing, and causes nothing.
    let stranger = world.user("stranger", &format!("{IMPORT},{CREATE}")).await;
    let before = upstream.asked("");
    assert_eq!(code(pull(&world, &ctx(&stranger), "cached/team/new", "v1").await), Code::AccessDenied);
    assert_eq!(upstream.asked(""), before);
}

#[tokio::test]
async fn a_tag_follows_the_upstream_after_a_day() {
    let (world, upstream) = cached().await;
    let by = ctx(&world.admin);
    let old = upstream.image("team/app", "v1", b"old");
    for tag in ["v1", "v2", "v3"] {
        upstream.image("team/app", tag, b"old");
        assert_eq!(pull(&world, &by, "cached/team/app", tag).await.unwrap(), old);
    }
    let new = upstream.image("team/app", "v1", b"new");
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), old, "within 24 hours");
    let tomorrow = at(&world.admin, Timestamp::now() + SignedDuration::from_hours(25));
    let asked = upstream.asked("/manifests/");
    for (tag, status) in [("v2", 503), ("v3", 429)] {
        upstream.set(Mood::Status(status));
        assert_eq!(pull(&world, &tomorrow, "cached/team/app", tag).await.unwrap(), old, "{status}");
    }
    assert_eq!(upstream.asked("/manifests/"), asked + 2, "it was asked each time");
    upstream.set(Mood::Well);
    assert_eq!(pull(&world, &tomorrow, "cached/team/app", "v1").await.unwrap(), new);
    let asked = upstream.asked("/manifests/");
    assert_eq!(pull(&world, &tomorrow, "cached/team/app", "v1").await.unwrap(), new);
    assert_eq!(upstream.asked("/manifests/"), asked, "it is valid for another day");
}

#[tokio::test]
async fn a_tag_that_was_pushed_here_stays() {
    let (world, upstream) = cached().await;
    upstream.image("team/app", "v1", b"upstream's");
    let at_cached = world.create("cached/team/app").await;
    let pushed = world.push(&at_cached, "v1", b"{\"a\":1}").await.unwrap();
    let tomorrow = at(&world.admin, Timestamp::now() + SignedDuration::from_hours(25));
    assert_eq!(pull(&world, &tomorrow, "cached/team/app", "v1").await.unwrap(), pushed.digest);
    assert_eq!(upstream.asked(""), 0);
}

#[tokio::test]
async fn errors_say_what_the_upstream_answered() {
    let (world, upstream) = cached().await;
    for (mood, expected, says) in [
        (Mood::Well, Code::ManifestUnknown, "Requested image not found"),
        (Mood::Status(403), Code::UpstreamAccessDenied, "127.0.0.1 denied access (403)"),
        (Mood::Status(429), Code::UpstreamTooManyRequests, "too many requests"),
        (Mood::Status(500), Code::UpstreamUnavailable, "answered 500"),
        (Mood::Silent, Code::UpstreamUnavailable, "not available"),
    ] {
        upstream.set(mood.clone());
        let tag = format!("{mood:?}").replace(['(', ')'], "-");
        let error = pull(&world, &ctx(&world.admin), "cached/team/app", &tag).await.unwrap_err();
        assert_eq!(error.code, expected, "{mood:?}");
        assert!(error.message.contains(says), "{}", error.message);
        let asked = upstream.asked(&tag);
        let again = pull(&world, &ctx(&world.admin), "cached/team/app", &tag).await;
        assert_eq!(code(again), expected);
        assert_eq!(upstream.asked(&tag), asked, "the answer is remembered");
    }
    // Nothing of it creates a repository.
    let missing = pull(&world, &ctx(&world.admin), "elsewhere/app", "v1").await;
    assert_eq!(code(missing), Code::RepositoryNotFound);
    let denied = world.user("puller", PULL).await;
    let shown =
        world.rules.registry.list_tags(&ctx(&denied), &repository("cached/team/app"), None, None).await;
    assert!(shown.is_err());
}

#[tokio::test]
async fn templates_say_how_repositories_are_created() {
    let (world, upstream) = cached().await;
    upstream.image("team/app", "v1", b"old");
    let template = CreateRepositoryCreationTemplateRequest {
        prefix: "cached".to_owned(),
        applied_for: vec![RCTAppliedFor::PullThroughCache],
        image_tag_mutability: Some(ImageTagMutability::Immutable),
        ..Default::default()
    };
    let by = ctx(&world.admin);
    let registry = &world.rules.registry;
    registry.create_repository_creation_template(&by, &region(), template).await.unwrap();
    let old = pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    // Immutable tags do not follow the upstream registry.
    upstream.image("team/app", "v1", b"new");
    let tomorrow = at(&world.admin, Timestamp::now() + SignedDuration::from_hours(25));
    assert_eq!(pull(&world, &tomorrow, "cached/team/app", "v1").await.unwrap(), old);
}

#[tokio::test]
async fn prefixes_are_replaced_upstream() {
    let (world, upstream) = (World::new().await, TestUpstream::start().await);
    rule(&world, "mirror/", &upstream, Some("library")).await.unwrap();
    let digest = upstream.image("library/alpine", "3", b"layer");
    let by = ctx(&world.admin);
    assert_eq!(pull(&world, &by, "mirror/alpine", "3").await.unwrap(), digest);
    rule(&world, "ROOT", &upstream, None).await.unwrap();
    assert_eq!(pull(&world, &by, "library/alpine", "3").await.unwrap(), digest);
}

#[tokio::test]
async fn referrers_come_when_they_are_listed() {
    let (world, upstream) = cached().await;
    let image = upstream.image("team/app", "v1", b"layer");
    let config = upstream.blob("team/app", b"{}");
    let referrer = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"a/signature","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"subject":{{"mediaType":"{IMAGE}","digest":"{image}","size":7}}}}"#
    );
    let digest = upstream.manifest("team/app", "", IMAGE, referrer.as_bytes());
    let list = index(&[(digest, referrer.len())]);
    upstream.put(format!("/v2/team/app/referrers/{image}"), INDEX, list.as_bytes());
    let by = ctx(&world.admin);
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let at = repository("cached/team/app");
    let registry = &world.rules.registry;
    let listed = registry.referrers(&by, &at, &image, None, None).await.unwrap().referrers;
    assert_eq!(listed.iter().map(|entry| entry.digest).collect::<Vec<_>>(), [digest]);
    assert_eq!(listed[0].artifact_type.as_deref(), Some("a/signature"));
    registry.referrers(&by, &at, &image, None, None).await.unwrap();
    assert_eq!(upstream.asked("/referrers/"), 1, "the list is valid for a day");
    let reader = world.user("reader", PULL).await;
    assert_eq!(registry.referrers(&ctx(&reader), &at, &image, None, None).await.unwrap().referrers.len(), 1);
}

#[tokio::test]
async fn one_missing_referrer_does_not_keep_the_others_away() {
    let (world, upstream) = cached().await;
    let subject = upstream.image("team/app", "v1", b"layer");
    let by = ctx(&world.admin);
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let config = upstream.blob("team/app", b"{}");
    let referrer = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"a/signature","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"subject":{{"mediaType":"{IMAGE}","digest":"{subject}","size":7}}}}"#
    );
    let digest = upstream.manifest("team/app", "", IMAGE, referrer.as_bytes());
    // The first of the list is not there.
    let list = index(&[(sha256(b"missing"), 7), (digest, referrer.len())]);
    upstream.put(format!("/v2/team/app/referrers/{subject}"), INDEX, list.as_bytes());
    let at = repository("cached/team/app");
    let registry = &world.rules.registry;
    let listed = async || {
        let page = registry.referrers(&by, &at, &subject, None, None).await.unwrap();
        page.referrers.iter().map(|entry| entry.digest).collect::<Vec<_>>()
    };
    upstream.set(Mood::Silent);
    assert_eq!(listed().await, []);
    upstream.set(Mood::Well);
    assert_eq!(listed().await, [digest]);
}

#[tokio::test]
async fn a_refresh_has_tags_validated_at_once() {
    let (world, upstream) = cached().await;
    let by = ctx(&world.admin);
    let old = upstream.image("team/app", "v1", b"old");
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), old);
    let new = upstream.image("team/app", "v1", b"new");
    let refresh = |tag: Option<&str>| WharfRefreshUpstreamTagsRequest {
        repository_name: "cached/team/app".to_owned(),
        image_tag: tag.map(str::to_owned),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    for (tag, count) in [(Some("v2"), 0), (Some("v1"), 1), (None, 1)] {
        let answer = registry.wharf_refresh_upstream_tags(&by, &region(), refresh(tag)).await.unwrap();
        assert_eq!(answer.refreshed_tags, count);
    }
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), new);
}

#[tokio::test]
async fn the_api_pulls_through_too() {
    let (world, upstream) = cached().await;
    world.create("cached/team/app").await;
    let digest = upstream.image("team/app", "v1", b"layer");
    let get = async |tag: &str| {
        let id = ImageIdentifier { image_tag: Some(tag.to_owned()), image_digest: None };
        let request = BatchGetImageRequest {
            repository_name: "cached/team/app".to_owned(),
            image_ids: vec![id],
            ..Default::default()
        };
        world.rules.registry.batch_get_image(&ctx(&world.admin), &region(), request).await.unwrap()
    };
    let got = get("v1").await;
    assert_eq!(got.images[0].image_id.image_digest, Some(digest.to_string()));
    let missing = get("v2").await;
    assert_eq!(missing.failures[0].failure_code, ImageFailureCode::ImageNotFound);
    upstream.set(Mood::Status(429));
    let limited = get("v3").await;
    assert_eq!(limited.failures[0].failure_code, ImageFailureCode::UpstreamTooManyRequests);
}

#[tokio::test]
async fn only_layers_that_an_image_needs_are_fetched() {
    let (world, upstream) = cached().await;
    let layer = layer(1_000_000);
    upstream.image("team/app", "v1", &layer);
    let strange = upstream.blob("team/app", b"a layer of no image");
    upstream.set(Mood::Stalls(10, Duration::from_secs(20)));
    let by = ctx(&world.admin);
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let (at, registry) = (repository("cached/team/app"), &world.rules.registry);
    let stat = registry.head_blob(&by, &at, &sha256(&layer)).await.unwrap();
    assert_eq!(stat.size, 1_000_000, "a HEAD does not wait for the layer");
    assert_eq!(code(registry.head_blob(&by, &at, &strange).await), Code::BlobUnknown);
    assert_eq!(code(registry.get_blob(&by, &at, &strange).await), Code::BlobUnknown);
    assert_eq!(upstream.asked(&strange.to_string()), 0);
}

#[tokio::test]
async fn foreign_layers_stay_where_they_are() {
    let (world, upstream) = cached().await;
    let (config, elsewhere) = (upstream.blob("team/win", b"{}"), TestUpstream::start().await);
    let foreign = sha256(b"of windows");
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"{foreign}","size":10,"urls":["http://{}/layer"]}}]}}"#,
        elsewhere.address
    );
    upstream.manifest("team/win", "v1", IMAGE, manifest.as_bytes());
    let by = ctx(&world.admin);
    pull(&world, &by, "cached/team/win", "v1").await.unwrap();
    let at = repository("cached/team/win");
    soon("the config is stored", async || upstream.asked(&config.to_string()) > 0).await;
    assert!(read(&world, &world.admin, &at, &foreign).await.is_err());
    assert_eq!(elsewhere.asked(""), 0, "URLs in manifests are never called");
}
