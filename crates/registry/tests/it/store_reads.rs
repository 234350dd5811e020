//! The number of reads of the metadata store. The gate reads once for a decision; the other reads are counted here.

use aws::ecr::{SetRepositoryPolicyRequest, UploadLayerPartRequest};
use bytes::Bytes;
use oci::digest::Algorithm;
use oci::name::Reference;
use registry::layer::upload::Incoming;

use crate::world::{World, ctx, region};

/// The reads of a request when the policies of its decision are compiled.
async fn reads(world: &World, request: impl AsyncFn()) -> u64 {
    request().await;
    let before = world.meta.reads();
    request().await;
    world.meta.reads() - before
}

#[tokio::test]
async fn a_manifest_get_reads_the_store_once() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let tag = Reference::Tag("v1".parse().unwrap());
    let get = async || {
        world.rules.registry.get_manifest(&ctx(&world.admin), &app, &tag).await.unwrap();
    };
    assert_eq!(reads(&world, get).await, 1);
}

#[tokio::test]
async fn a_layer_part_is_decided_once_after_it_is_received() {
    let world = World::new().await;
    let app = world.create("app").await;
    let registry = &world.rules.registry;
    let part = async || {
        let upload = registry.start_upload(&ctx(&world.admin), &app, Algorithm::Sha256).await.unwrap();
        let before = world.meta.reads();
        let input = UploadLayerPartRequest {
            repository_name: app.name.to_string(),
            upload_id: upload.id,
            part_first_byte: 0,
            part_last_byte: 9,
            layer_part_blob: b"0123456789".to_vec(),
            ..UploadLayerPartRequest::default()
        };
        registry.upload_layer_part(&ctx(&world.admin), &region(), input).await.unwrap();
        world.meta.reads() - before
    };
    part().await;
    assert_eq!(part().await, 1);
}

#[tokio::test]
async fn a_chunk_is_decided_once_before_and_once_after_its_body() {
    let world = World::new().await;
    let app = world.create("app").await;
    let registry = &world.rules.registry;
    let chunk = async || {
        let upload = registry.start_upload(&ctx(&world.admin), &app, Algorithm::Sha256).await.unwrap();
        let before = world.meta.reads();
        let incoming = Incoming::buffered(Bytes::from_static(b"0123456789"));
        registry.append_upload(&ctx(&world.admin), &app, &upload.id, incoming).await.unwrap();
        world.meta.reads() - before
    };
    chunk().await;
    assert_eq!(chunk().await, 2);
}

#[tokio::test]
async fn a_repository_policy_looks_its_principals_up_once() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.user("ann", "").await;
    let set = async || {
        let input = SetRepositoryPolicyRequest {
            repository_name: app.name.to_string(),
            policy_text: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
                "Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":"ecr:BatchGetImage"}}"#
                .to_owned(),
            ..SetRepositoryPolicyRequest::default()
        };
        let set = world.rules.registry.set_repository_policy(&ctx(&world.admin), &region(), input).await;
        assert!(set.unwrap().policy_text.contains("arn:aws:iam::123456789012:user/ann"));
    };
    // The decision, its policy (which has just changed), and the principals.
    assert_eq!(reads(&world, set).await, 3);
}
