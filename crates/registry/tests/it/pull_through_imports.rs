//! Which images count as imported: only their layers are fetched without another decision.

use std::sync::Arc;
use std::time::Duration;

use access::context::{Caller, RepositoryRef};
use access::error::Code;
use aws::ecr::{DeletePullThroughCacheRuleRequest, PutAccountSettingRequest, WharfMoveRepositoryRequest};
use oci::digest::Digest;
use oci::name::Reference;

use crate::pull_through::{PULL, cached, pull, read, rule};
use crate::upstream::{IMAGE, Mood, TestUpstream, image};
use crate::world::{World, code, ctx, region, repository, sha256};

const SECRET: &[u8] = b"a layer of a private repository";

/// An upstream registry with a layer that no image of `cached` has.
async fn private(world: &World, prefix: &str) -> (TestUpstream, Digest) {
    let upstream = TestUpstream::start().await;
    rule(world, prefix, &upstream, None).await.unwrap();
    let secret = upstream.blob("org/app", SECRET);
    (upstream, secret)
}

/// Imports an image to `cached/org/app` whose manifest names the layer.
async fn import(world: &World, evil: &TestUpstream, secret: &Digest) {
    let config = evil.blob("org/app", b"{}");
    evil.manifest("org/app", "v1", IMAGE, image(&config, secret, SECRET.len()).as_bytes());
    pull(world, &ctx(&world.admin), "cached/org/app", "v1").await.unwrap();
}

/// A caller who may pull, and import from `cached` alone.
async fn importer(world: &World) -> Arc<Caller> {
    let import = r#"{"Effect":"Allow","Action":"ecr:BatchImportUpstreamImage","Resource":"arn:aws:ecr:*:*:repository/cached/*"}"#;
    world.user("importer", &format!("{PULL},{import}")).await
}

/// `cached/org/app` becomes `private/org/app`.
async fn rename(world: &World) -> RepositoryRef {
    let request = WharfMoveRepositoryRequest {
        repository_name: "cached/org/app".to_owned(),
        new_repository_name: "private/org/app".to_owned(),
        ..Default::default()
    };
    world.rules.registry.wharf_move_repository(&ctx(&world.admin), &region(), request).await.unwrap();
    repository("private/org/app")
}

#[tokio::test]
async fn an_import_under_another_name_gives_no_layers() {
    let (world, evil) = cached().await;
    let (private, secret) = private(&world, "private").await;
    import(&world, &evil, &secret).await;
    let importer = importer(&world).await;
    let at = rename(&world).await;
    assert_eq!(code(read(&world, &importer, &at, &secret).await), Code::AccessDenied);
    assert_eq!(code(world.rules.registry.head_blob(&ctx(&importer), &at, &secret).await), Code::AccessDenied);
    assert_eq!(private.asked(""), 0);
    assert_eq!(read(&world, &world.admin, &at, &secret).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_renamed_repository_awaits_no_former_upstream() {
    let (world, evil) = cached().await;
    let (_private, secret) = private(&world, "private").await;
    evil.blob("org/app", SECRET);
    evil.set(Mood::LiesLate(Duration::from_secs(3)));
    import(&world, &evil, &secret).await;
    let cached = repository("cached/org/app");
    let renamed = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let at = rename(&world).await;
        read(&world, &world.admin, &at, &secret).await
    };
    let (former, renamed) = tokio::join!(read(&world, &world.admin, &cached, &secret), renamed);
    assert!(former.is_err(), "{former:?}");
    assert_eq!(renamed.unwrap(), SECRET);
}

#[tokio::test]
async fn an_import_of_another_rule_gives_no_layers() {
    let (world, evil) = cached().await;
    let (private, secret) = private(&world, "private").await;
    import(&world, &evil, &secret).await;
    let importer = world.user("importer", PULL).await;
    let request = DeletePullThroughCacheRuleRequest {
        ecr_repository_prefix: "cached".to_owned(),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.delete_pull_through_cache_rule(&ctx(&world.admin), &region(), request).await.unwrap();
    rule(&world, "cached", &private, None).await.unwrap();
    let at = repository("cached/org/app");
    assert_eq!(code(read(&world, &importer, &at, &secret).await), Code::AccessDenied);
    assert_eq!(private.asked(""), 0);
}

#[tokio::test]
async fn a_pushed_image_hides_no_imported_one() {
    let (world, upstream) = cached().await;
    let layer = vec![7; 300_000];
    upstream.image("team/app", "v1", &layer);
    upstream.set(Mood::Stalls(10, Duration::from_secs(3)));
    let (by, at, registry) = (ctx(&world.admin), repository("cached/team/app"), &world.rules.registry);
    pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let setting =
        PutAccountSettingRequest { name: "WHARF_SPARSE_IMAGES".to_owned(), value: "ENABLED".to_owned() };
    registry.put_account_setting(&by, &region(), setting).await.unwrap();
    let wrong = image(&sha256(b"{}"), &sha256(&layer), 7);
    let tag = Reference::Tag("shadow".parse().unwrap());
    registry.put_manifest(&by, &at, &tag, &[], None, wrong.into_bytes().into()).await.unwrap();
    let puller = world.user("puller", PULL).await;
    assert_eq!(registry.head_blob(&by, &at, &sha256(&layer)).await.unwrap().size, 300_000);
    assert_eq!(read(&world, &puller, &at, &sha256(&layer)).await.unwrap(), layer);
}
