//! An image named by tag and digest: in every operation the pair must belong together.

use access::error::Code;
use aws::ecr::{
    BatchDeleteImageRequest, BatchGetImageRequest, DescribeImageScanFindingsRequest, DescribeImagesRequest,
    ImageFailure, ImageIdentifier,
};

use crate::world::{World, ctx, manifest, region, sha256};

fn id(tag: Option<&str>, digest: Option<&str>) -> ImageIdentifier {
    ImageIdentifier { image_digest: digest.map(str::to_owned), image_tag: tag.map(str::to_owned) }
}

/// Two images with a tag each, the wrong pairs of them, and the failures of the batch operations.
async fn pairs(world: &World) -> Vec<(ImageIdentifier, &'static str, &'static str)> {
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    world.push(&app, "v2", b"{ }").await.unwrap();
    let (one, two) = (sha256(&manifest(b"{}")).to_string(), sha256(&manifest(b"{ }")).to_string());
    let unknown = sha256(b"unknown").to_string();
    let mismatch = "Invalid request parameters: given tag does not map to the given digest";
    vec![
        (id(Some("v1"), Some(&two)), "ImageTagDoesNotMatchDigest", mismatch),
        (id(Some("v2"), Some(&one)), "ImageTagDoesNotMatchDigest", mismatch),
        (id(Some("v1"), Some(&unknown)), "ImageTagDoesNotMatchDigest", mismatch),
        (id(Some("none"), Some(&one)), "ImageNotFound", "Requested image not found"),
        (id(Some("none"), Some(&unknown)), "ImageNotFound", "Requested image not found"),
    ]
}

fn seen(failures: Vec<ImageFailure>) -> Vec<(ImageIdentifier, String, String)> {
    let code = |failure: &ImageFailure| serde_json::to_value(failure.failure_code).unwrap();
    failures
        .into_iter()
        .map(|failure| {
            let code = code(&failure).as_str().unwrap().to_owned();
            (failure.image_id, code, failure.failure_reason)
        })
        .collect()
}

#[tokio::test]
async fn both_batch_operations_refuse_a_wrong_pair() {
    let world = World::new().await;
    let pairs = pairs(&world).await;
    let expected: Vec<_> =
        pairs.iter().map(|(id, code, why)| (id.clone(), (*code).to_owned(), (*why).to_owned())).collect();
    let image_ids: Vec<_> = pairs.into_iter().map(|(id, ..)| id).collect();
    let get = BatchGetImageRequest {
        repository_name: "app".to_owned(),
        image_ids: image_ids.clone(),
        ..BatchGetImageRequest::default()
    };
    let got = world.rules.registry.batch_get_image(&ctx(&world.admin), &region(), get).await.unwrap();
    assert!(got.images.is_empty());
    assert_eq!(seen(got.failures), expected);
    let delete = BatchDeleteImageRequest {
        repository_name: "app".to_owned(),
        image_ids,
        ..BatchDeleteImageRequest::default()
    };
    let deleted =
        world.rules.registry.batch_delete_image(&ctx(&world.admin), &region(), delete).await.unwrap();
    assert!(deleted.image_ids.is_empty());
    assert_eq!(seen(deleted.failures), expected);
}

#[tokio::test]
async fn a_true_pair_is_the_image() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push(&app, "v1", b"{}").await.unwrap().digest.to_string();
    let both = id(Some("v1"), Some(&digest));
    let get = BatchGetImageRequest {
        repository_name: "app".to_owned(),
        image_ids: vec![both.clone()],
        ..BatchGetImageRequest::default()
    };
    let got = world.rules.registry.batch_get_image(&ctx(&world.admin), &region(), get).await.unwrap();
    assert_eq!(got.images[0].image_id, both);
}

#[tokio::test]
async fn a_wrong_pair_cannot_be_described() {
    let world = World::new().await;
    for (pair, ..) in pairs(&world).await {
        let describe = DescribeImagesRequest {
            repository_name: "app".to_owned(),
            image_ids: vec![pair.clone()],
            ..DescribeImagesRequest::default()
        };
        let images = world.rules.registry.describe_images(&ctx(&world.admin), &region(), describe).await;
        let scan = scan(&world, pair.clone()).await;
        for error in [images.unwrap_err(), scan] {
            assert_eq!(error.code, Code::ImageNotFound, "{pair:?}");
            let (digest, tag) = (pair.image_digest.as_ref().unwrap(), pair.image_tag.as_ref().unwrap());
            let told = format!("{{imageDigest:'{digest}', imageTag:'{tag}'}}");
            assert!(error.message.contains(&told), "{}", error.message);
        }
    }
}

async fn scan(world: &World, image_id: ImageIdentifier) -> access::error::Error {
    let input = DescribeImageScanFindingsRequest {
        repository_name: "app".to_owned(),
        image_id,
        ..DescribeImageScanFindingsRequest::default()
    };
    world.rules.registry.describe_image_scan_findings(&ctx(&world.admin), &region(), input).await.unwrap_err()
}

#[tokio::test]
async fn a_missing_scan_is_reported_with_the_given_image() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push(&app, "v1", b"{}").await.unwrap().digest.to_string();
    for (asked, told) in [
        (id(Some("v1"), None), "{imageDigest:'null', imageTag:'v1'}".to_owned()),
        (id(None, Some(&digest)), format!("{{imageDigest:'{digest}', imageTag:'null'}}")),
    ] {
        let error = scan(&world, asked).await;
        assert_eq!(error.code, Code::ScanNotFound);
        assert!(error.message.contains(&told), "{}", error.message);
    }
}
