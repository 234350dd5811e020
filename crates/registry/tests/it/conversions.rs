//! Images in the other format: Docker schema 2 for clients that accept OCI images only, and the other way around. And the
//! media types of layers, which only manifests have.

use access::context::RepositoryRef;
use access::error::Code;
use aws::ecr::{
    BatchCheckLayerAvailabilityRequest, BatchGetImageRequest, BatchGetImageResponse, ImageIdentifier,
    PutAccountSettingRequest,
};
use oci::digest::{Algorithm, Digest};
use oci::manifest::Manifest;
use oci::name::Reference;

use crate::world::{World, code, ctx, region, sha256};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI_TYPES: [&str; 3] =
    [OCI, "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"];
const DOCKER_TYPES: [&str; 3] = [
    DOCKER,
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/// Pushes an image with a config and a layer; gives its manifest.
async fn push(
    world: &World,
    to: &RepositoryRef,
    tag: &str,
    [media_type, config, layer]: [&str; 3],
) -> String {
    let (one, two) = (world.push_blob(to, b"{}").await, world.push_blob(to, b"layer").await);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{{"mediaType":"{config}","digest":"{one}","size":2}},"layers":[{{"mediaType":"{layer}","digest":"{two}","size":5}}]}}"#
    );
    let (reference, body) = (Reference::Tag(tag.parse().unwrap()), manifest.clone().into());
    let pushed = world.rules.registry.put_manifest(&ctx(&world.admin), to, &reference, &[], None, body).await;
    pushed.unwrap();
    manifest
}

#[tokio::test]
async fn a_tag_is_pulled_in_the_format_that_is_accepted() {
    let world = World::new().await;
    let app = world.create("app").await;
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    for (tag, stored, other) in [("docker", DOCKER_TYPES, OCI_TYPES), ("oci", OCI_TYPES, DOCKER_TYPES)] {
        let manifest = push(&world, &app, tag, stored).await;
        let by_tag = Reference::Tag(tag.parse().unwrap());
        let by_digest = Reference::Digest(sha256(manifest.as_bytes()));
        let only = |wanted: &'static str| move |given: &str| given == wanted;
        let pulled = registry.get_manifest_as(&by, &app, &by_tag, &only(other[0])).await.unwrap();
        assert_eq!(pulled.media_type, other[0]);
        assert_eq!(pulled.digest, Digest::of(Algorithm::Sha256, &pulled.body), "it has its own digest");
        let parsed = Manifest::parse(&pulled.body, Some(other[0])).unwrap();
        assert_eq!(parsed.config.unwrap().media_type.as_deref(), Some(other[1]));
        assert_eq!(parsed.layers[0].media_type.as_deref(), Some(other[2]));
        assert_eq!(parsed.layers[0].digest, sha256(b"layer"));
        // HEAD has the digest of the stored image, which can be pulled by it. The other digest cannot.
        let head = registry.head_manifest(&by, &app, &by_tag).await.unwrap();
        assert_eq!((head.digest, head.body), (sha256(manifest.as_bytes()), manifest.clone().into()));
        assert_eq!(head.media_type, stored[0]);
        let converted = Reference::Digest(pulled.digest);
        assert_eq!(code(registry.get_manifest(&by, &app, &converted).await), Code::ManifestUnknown);
        // A client that accepts the stored format, or neither, gets what is stored.
        for accepted in [stored[0], "application/vnd.oci.image.index.v1+json"] {
            let pulled = registry.get_manifest_as(&by, &app, &by_tag, &only(accepted)).await.unwrap();
            assert_eq!(pulled.body, manifest.as_bytes());
        }
        let pulled = registry.get_manifest_as(&by, &app, &by_digest, &only(other[0])).await.unwrap();
        assert_eq!((pulled.digest, pulled.body), (sha256(manifest.as_bytes()), manifest.into()));
    }
}

async fn batch_get(world: &World, ids: Vec<ImageIdentifier>, accepted: &[&str]) -> BatchGetImageResponse {
    let input = BatchGetImageRequest {
        repository_name: "app".to_owned(),
        image_ids: ids,
        accepted_media_types: accepted.iter().map(|text| (*text).to_owned()).collect(),
        ..Default::default()
    };
    world.rules.registry.batch_get_image(&ctx(&world.admin), &region(), input).await.unwrap()
}

#[tokio::test]
async fn batch_get_image_converts_tags_and_never_digests() {
    let world = World::new().await;
    let app = world.create("app").await;
    let manifest = push(&world, &app, "v1", DOCKER_TYPES).await;
    let digest = sha256(manifest.as_bytes()).to_string();
    let tag = ImageIdentifier { image_tag: Some("v1".to_owned()), image_digest: None };
    let both = ImageIdentifier { image_digest: Some(digest.clone()), ..tag.clone() };
    let plain = ImageIdentifier { image_tag: None, ..both.clone() };
    let got = batch_get(&world, vec![tag.clone(), both, plain], &[OCI]).await;
    let types: Vec<_> =
        got.images.iter().filter_map(|image| image.image_manifest_media_type.as_deref()).collect();
    assert_eq!(types, [OCI, DOCKER, DOCKER]);
    let converted = &got.images[0];
    let own = sha256(converted.image_manifest.as_bytes()).to_string();
    assert_eq!(converted.image_id.image_digest.as_ref(), Some(&own));
    assert_ne!(own, digest);
    for accepted in [&[][..], &[OCI, DOCKER]] {
        let got = batch_get(&world, vec![tag.clone()], accepted).await;
        assert_eq!(*got.images[0].image_manifest, *manifest);
    }
}

#[tokio::test]
async fn a_layer_has_the_media_type_of_its_manifest() {
    let world = World::new().await;
    let app = world.create("app").await;
    push(&world, &app, "v1", OCI_TYPES).await;
    let alone = world.push_blob(&app, b"alone").await;
    let digests = [sha256(b"layer"), sha256(b"{}"), alone, sha256(b"absent")];
    let input = BatchCheckLayerAvailabilityRequest {
        repository_name: "app".to_owned(),
        layer_digests: digests.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let by = ctx(&world.admin);
    let got = world.rules.registry.batch_check_layer_availability(&by, &region(), input).await.unwrap();
    let types: Vec<_> = got.layers.iter().map(|layer| layer.media_type.as_deref()).collect();
    assert_eq!(types, [Some(OCI_TYPES[2]), Some(OCI_TYPES[1]), Some(DOCKER_TYPES[2]), None]);
}

#[tokio::test]
async fn mounts_can_be_disabled_for_a_registry() {
    let world = World::new().await;
    let (app, other) = (world.create("app").await, world.create("other").await);
    let digest = world.push_blob(&app, b"layer").await;
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    let set =
        |value: &str| PutAccountSettingRequest { name: "BLOB_MOUNTING".to_owned(), value: value.to_owned() };
    registry.put_account_setting(&by, &region(), set("DISABLED")).await.unwrap();
    for to in [&other, &app] {
        assert!(!registry.mount_blob(&by, to, &digest, Some(&app.name)).await.unwrap(), "{}", to.name);
    }
    assert_eq!(code(registry.head_blob(&by, &other, &digest).await), Code::BlobUnknown);
    registry.put_account_setting(&by, &region(), set("ENABLED")).await.unwrap();
    assert!(registry.mount_blob(&by, &other, &digest, Some(&app.name)).await.unwrap());
    registry.put_account_setting(&by, &region(), set("DISABLED")).await.unwrap();
    registry.head_blob(&by, &other, &digest).await.unwrap();
}
