//! PutImage: media types, sizes, and layer parts.

use access::error::{Code, Result};
use aws::ecr::{
    CompleteLayerUploadRequest, DescribeImagesRequest, InitiateLayerUploadRequest, PutImageRequest,
    UploadLayerPartRequest,
};
use oci::digest::Digest;

use crate::world::{World, ctx, region, sha256};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image without a media type, with a config of two bytes and a layer of five.
fn untyped() -> String {
    format!(
        r#"{{"schemaVersion":2,"config":{{"digest":"{}","size":2}},"layers":[{{"digest":"{}","size":5}}]}}"#,
        sha256(b"{}"),
        sha256(b"layer")
    )
}

async fn put(world: &World, manifest: &str, media_type: Option<&str>) -> Result<aws::ecr::PutImageResponse> {
    let input = PutImageRequest {
        repository_name: "app".to_owned(),
        image_manifest: manifest.to_owned(),
        image_manifest_media_type: media_type.map(str::to_owned),
        ..PutImageRequest::default()
    };
    world.rules.registry.put_image(&ctx(&world.admin), &region(), input).await
}

async fn world_with_blobs() -> World {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push_blob(&app, b"{}").await;
    world.push_blob(&app, b"layer").await;
    world
}

#[tokio::test]
async fn a_manifest_gets_the_media_type_of_the_request() {
    let world = world_with_blobs().await;
    let image = put(&world, &untyped(), Some(DOCKER)).await.unwrap().image;
    assert_eq!(image.image_manifest_media_type.as_deref(), Some(DOCKER));
    let refused = put(&world, &untyped(), None).await.unwrap_err();
    assert_eq!(refused.code, Code::InvalidParameter);
    assert_eq!(
        refused.message,
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
    );
}

#[tokio::test]
async fn the_size_of_an_image_includes_its_layers_and_its_config() {
    let world = world_with_blobs().await;
    let image = put(&world, &untyped(), Some(DOCKER)).await.unwrap().image;
    let child = image.image_id.image_digest.unwrap();
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{child}","size":1}}]}}"#);
    put(&world, &index, Some(INDEX)).await.unwrap();
    let input =
        DescribeImagesRequest { repository_name: "app".to_owned(), ..DescribeImagesRequest::default() };
    let answer = world.rules.registry.describe_images(&ctx(&world.admin), &region(), input).await.unwrap();
    let sizes: Vec<_> = answer.image_details.iter().map(|image| image.image_size_in_bytes).collect();
    assert_eq!(sizes, [Some(7), Some(7)], "an index is as large as its largest child");
}

async fn upload(world: &World, parts: &[&[u8]]) -> Result<String> {
    let (caller, region) = (ctx(&world.admin), region());
    let input = InitiateLayerUploadRequest {
        repository_name: "app".to_owned(),
        ..InitiateLayerUploadRequest::default()
    };
    let upload_id =
        world.rules.registry.initiate_layer_upload(&caller, &region, input).await.unwrap().upload_id;
    let mut first = 0;
    for part in parts {
        let input = UploadLayerPartRequest {
            repository_name: "app".to_owned(),
            upload_id: upload_id.clone(),
            part_first_byte: first,
            part_last_byte: first + part.len() as u64 - 1,
            layer_part_blob: part.to_vec(),
            ..UploadLayerPartRequest::default()
        };
        first += part.len() as u64;
        world.rules.registry.upload_layer_part(&caller, &region, input).await.unwrap();
    }
    let digest: Digest = sha256(&parts.concat());
    let input = CompleteLayerUploadRequest {
        repository_name: "app".to_owned(),
        upload_id,
        layer_digests: vec![digest.to_string()],
        ..CompleteLayerUploadRequest::default()
    };
    world.rules.registry.complete_layer_upload(&caller, &region, input).await.map(|done| done.layer_digest)
}

#[tokio::test]
async fn a_small_part_is_refused_when_the_layer_is_completed() {
    let world = World::new().await;
    world.create("app").await;
    let large = vec![7; 5 << 20];
    assert_eq!(upload(&world, &[b"small", b"last"]).await.unwrap_err().code, Code::LayerPartTooSmall);
    let middle = upload(&world, &[&large, b"small", &large, b"last"]).await;
    assert_eq!(middle.unwrap_err().code, Code::LayerPartTooSmall);
    upload(&world, &[&large, b"last"]).await.unwrap();
    upload(&world, &[b"only"]).await.unwrap();
}
