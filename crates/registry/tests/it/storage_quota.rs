//! A push that would exceed a storage quota is refused before its bytes are taken.

use access::context::RepositoryRef;
use access::error::Code;
use access::storage_quota::More;
use aws::ecr::CreateRepositoryRequest;
use jiff::Timestamp;
use oci::digest::Algorithm;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::cross_account::{STAGING, staging};
use crate::world::{World, code, ctx, manifest, region, repository, sha256};

#[tokio::test]
async fn a_push_over_a_storage_quota_is_refused() {
    let world = World::new().await;
    let (small, other) = (world.create("team/small-app").await, world.create("team/other").await);
    world.push_blob(&small, &[1; 600]).await;
    let bytes: &[u8] = &[2; 500];
    let incoming = || Incoming::buffered(bytes.to_vec().into());
    let by = ctx(&world.admin);
    let refused = world.rules.registry.put_blob(&by, &small, &sha256(bytes), incoming()).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded);
    let message = refused.message.to_string();
    for part in ["'of team/small'", "1000 bytes", "600 bytes", "500"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(world.files(), 1, "no byte was taken");
    world.rules.registry.put_blob(&by, &other, &sha256(bytes), incoming()).await.unwrap();

    // A length that is not declared counts when the upload is completed.
    let upload = world.rules.registry.start_upload(&by, &small, Algorithm::Sha256).await.unwrap();
    let undeclared = Incoming { length: None, ..incoming() };
    world.rules.registry.append_upload(&by, &small, &upload.id, undeclared).await.unwrap();
    let nothing = Incoming::buffered(Vec::new().into());
    let finished = world.rules.registry.finish_upload(&by, &small, &upload.id, &sha256(bytes), nothing).await;
    assert_eq!(finished.unwrap_err().code, Code::LimitExceeded);

    // Space comes back with the collector.
    let later = Timestamp::now() + jiff::SignedDuration::from_hours(25);
    while world.rules.registry.collect_garbage(later).await.unwrap().has_more {}
    world.rules.registry.put_blob(&by, &small, &sha256(bytes), incoming()).await.unwrap();
}

#[tokio::test]
async fn uploads_that_are_never_completed_count() {
    let world = World::new().await;
    let small = world.create("team/small-app").await;
    let registry = &world.rules.registry;
    let by = ctx(&world.admin);
    let append = async |declared: bool| {
        let upload = registry.start_upload(&by, &small, Algorithm::Sha256).await.unwrap();
        let whole = Incoming::buffered(vec![7; 400].into());
        let incoming = if declared { whole } else { Incoming { length: None, ..whole } };
        registry.append_upload(&by, &small, &upload.id, incoming).await.map(|_| upload.id)
    };
    let first = append(true).await.unwrap();
    append(true).await.unwrap();
    assert_eq!(append(true).await.unwrap_err().code, Code::LimitExceeded);
    // Without a declared length the quota can be exceeded once.
    append(false).await.unwrap();
    assert_eq!(append(false).await.unwrap_err().code, Code::LimitExceeded);
    registry.cancel_upload(&by, &small, &first).await.unwrap();
    append(false).await.unwrap();
}

#[tokio::test]
async fn mounts_and_manifests_keep_to_a_storage_quota() {
    let world = World::new().await;
    let (small, other) = (world.create("team/small-app").await, world.create("team/other").await);
    let registry = &world.rules.registry;
    let by = ctx(&world.admin);
    let put = async |tag: &str, body: Vec<u8>| {
        let reference = Reference::Tag(tag.parse().unwrap());
        registry.put_manifest(&by, &small, &reference, &[], None, body.into()).await
    };
    let large = world.push_blob(&other, &[2; 500]).await;
    let config: &[u8] = &[3; 550];
    world.push(&small, "v1", b"{}").await.unwrap();
    world.push_blob(&small, &[3; 550]).await;
    assert_eq!(code(registry.mount_blob(&by, &small, &large, Some(&other.name)).await), Code::LimitExceeded);
    assert!(registry.head_blob(&by, &small, &large).await.is_err(), "it was not linked");
    let refused = put("v2", manifest(config)).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded);
    assert!(refused.message.contains("'of team/small'"), "it names the quota: {refused:?}");
    // An image that is there adds nothing.
    put("v3", manifest(b"{}")).await.unwrap();
}

#[tokio::test]
async fn a_quota_tells_nothing_of_other_accounts() {
    let world = World::new().await;
    let small = world.create("team/small-app").await;
    world.push_blob(&small, &[1; 777]).await;
    let ops = staging(&world).await;
    let input = CreateRepositoryRequest { repository_name: "team/small-b".to_owned(), ..Default::default() };
    world.rules.registry.create_repository(&ctx(&ops), &region(), input).await.unwrap();
    let theirs = RepositoryRef { account_id: STAGING.parse().unwrap(), ..repository("team/small-b") };
    let bytes: &[u8] = &[2; 500];
    let incoming = Incoming::buffered(bytes.to_vec().into());
    let refused =
        world.rules.registry.put_blob(&ctx(&ops), &theirs, &sha256(bytes), incoming).await.unwrap_err();
    assert_eq!(refused.code, Code::LimitExceeded);
    let message = refused.message.to_string();
    assert!(message.contains("stores 0 bytes") && !message.contains("777"), "{message}");
}

#[tokio::test]
async fn a_refused_upload_refuses_no_other() {
    let world = World::new().await;
    let small = world.create("team/small-app").await;
    let hold = |bytes| world.rules.access.hold_storage(&small, More::Uploaded { recorded: 0, added: bytes });
    let large = futures::future::join_all((0..8).map(|_| hold(1 << 60)));
    let (large, honest) = tokio::join!(large, hold(500));
    assert!(large.into_iter().all(|refused| code(refused) == Code::LimitExceeded));
    let honest = honest.unwrap();
    assert_eq!(code(hold(600).await), Code::LimitExceeded, "what was admitted counts");
    drop(honest);
    let _later = hold(600).await.unwrap();
}

#[tokio::test]
async fn a_length_above_the_limit_of_layers_is_refused() {
    let world = World::new().await;
    let other = world.create("team/other").await;
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    let upload = registry.start_upload(&by, &other, Algorithm::Sha256).await.unwrap();
    let limit = world.rules.access.settings.limits.layer_bytes;
    let append = async |length| {
        let incoming = Incoming { length: Some(length), ..Incoming::buffered(vec![7; 400].into()) };
        registry.append_upload(&by, &other, &upload.id, incoming).await
    };
    assert_eq!(code(append(limit + 1).await), Code::SizeInvalid);
    append(400).await.unwrap();
    assert_eq!(code(append(limit - 399).await), Code::SizeInvalid, "with what it has");
    append(400).await.unwrap();
}
