//! Images: immutable tags cannot move in any way, images in an index cannot be deleted, pulls are recorded.

use access::error::Code;
use aws::ecr::{
    DeregisterPullTimeUpdateExclusionRequest, DescribeImagesRequest, GetAccountSettingRequest,
    ImageIdentifier, ImageTagMutability, ListImagesRequest, ListPullTimeUpdateExclusionsRequest,
    PutAccountSettingRequest, PutImageRequest, PutImageTagMutabilityRequest,
    RegisterPullTimeUpdateExclusionRequest,
};
use oci::name::Reference;

use crate::world::{World, code, ctx, manifest, region, sha256};

async fn make_immutable(world: &World, name: &str) {
    let input = PutImageTagMutabilityRequest {
        repository_name: name.to_owned(),
        image_tag_mutability: ImageTagMutability::Immutable,
        ..PutImageTagMutabilityRequest::default()
    };
    world.rules.registry.put_image_tag_mutability(&ctx(&world.admin), &region(), input).await.unwrap();
}

#[tokio::test]
async fn an_immutable_tag_is_moved_by_neither_api() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    make_immutable(&world, "app").await;
    assert_eq!(code(world.push(&app, "v1", b"{ }").await), Code::ImageTagAlreadyExists);
    let input = PutImageRequest {
        repository_name: "app".to_owned(),
        image_manifest: String::from_utf8(manifest(b"{ }")).unwrap(),
        image_tag: Some("v1".to_owned()),
        ..PutImageRequest::default()
    };
    let put = world.rules.registry.put_image(&ctx(&world.admin), &region(), input).await;
    assert_eq!(code(put), Code::ImageTagAlreadyExists);
    let digest = Reference::Digest(sha256(&manifest(b"{ }")));
    let tags = ["v1".parse().unwrap()];
    let body = manifest(b"{ }").into();
    let by_digest =
        world.rules.registry.put_manifest(&ctx(&world.admin), &app, &digest, &tags, None, body).await;
    assert_eq!(code(by_digest), Code::ImageTagAlreadyExists);
    let v1 = Reference::Tag("v1".parse().unwrap());
    let still = world.rules.registry.head_manifest(&ctx(&world.admin), &app, &v1).await.unwrap();
    assert_eq!(still.digest, sha256(&manifest(b"{}")));
    assert!(world.push(&app, "v1", b"{}").await.is_ok(), "the same push again changes nothing");
}

/// The specification's suite pushes sparse images (`OCI_DATA_SPARSE`); ECR's API refuses them regardless of the
/// setting.
#[tokio::test]
async fn blobs_are_required_unless_sparse_images_are_accepted() {
    let world = World::new().await;
    let (alpha, beta) = (world.create("alpha").await, world.create("beta").await);
    let config = world.push_blob(&alpha, b"{}").await;
    let put_image = || async {
        let input = PutImageRequest {
            repository_name: "beta".to_owned(),
            image_manifest: String::from_utf8(manifest(b"{}")).unwrap(),
            image_tag: Some("latest".to_owned()),
            ..PutImageRequest::default()
        };
        world.rules.registry.put_image(&ctx(&world.admin), &region(), input).await
    };
    let latest = Reference::Tag("latest".parse().unwrap());
    let put_manifest = || async {
        let body = manifest(b"{}").into();
        world.rules.registry.put_manifest(&ctx(&world.admin), &beta, &latest, &[], None, body).await
    };
    for refused in [put_image().await.unwrap_err(), put_manifest().await.unwrap_err()] {
        assert_eq!(refused.code, Code::LayersNotFound);
        assert!(refused.message.contains(&config.to_string()), "{}", refused.message);
        assert_eq!(refused.missing, [config]);
    }
    set_sparse(&world, "ENABLED").await;
    assert_eq!(code(put_image().await), Code::LayersNotFound);
    put_manifest().await.unwrap();
    let blob = world.rules.registry.get_blob(&ctx(&world.admin), &beta, &config).await;
    assert_eq!(code(blob), Code::BlobUnknown, "a sparse image opens no other repository's blob");
}

async fn set_sparse(world: &World, value: &str) {
    let put = PutAccountSettingRequest { name: "WHARF_SPARSE_IMAGES".to_owned(), value: value.to_owned() };
    world.rules.registry.put_account_setting(&ctx(&world.admin), &region(), put).await.unwrap();
}

#[tokio::test]
async fn sparse_images_are_a_setting_of_the_registry() {
    let world = World::new().await;
    let shown = || async {
        let get = GetAccountSettingRequest { name: "WHARF_SPARSE_IMAGES".to_owned() };
        world.rules.registry.get_account_setting(&ctx(&world.admin), &region(), get).await.unwrap().value
    };
    assert_eq!(shown().await, "DISABLED");
    set_sparse(&world, "ENABLED").await;
    assert_eq!(shown().await, "ENABLED");
}

#[tokio::test]
async fn a_blob_that_a_manifest_needs_cannot_be_deleted() {
    let world = World::new().await;
    let a = world.create("alpha").await;
    let pushed = world.push(&a, "latest", b"{}").await.unwrap();
    let config = sha256(b"{}");
    assert_eq!(
        code(world.rules.registry.delete_blob(&ctx(&world.admin), &a, &config).await),
        Code::BlobInUse
    );
    world.rules.registry.delete_manifest(&ctx(&world.admin), &a, &pushed.digest).await.unwrap();
    world.rules.registry.delete_blob(&ctx(&world.admin), &a, &config).await.unwrap();
}

#[tokio::test]
async fn an_image_refers_to_blobs_that_are_pushed_later() {
    let world = World::new().await;
    let app = world.create("app").await;
    set_sparse(&world, "ENABLED").await;
    let reference = Reference::Tag("v1".parse().unwrap());
    let body = manifest(b"{}").into();
    world.rules.registry.put_manifest(&ctx(&world.admin), &app, &reference, &[], None, body).await.unwrap();
    let config = world.push_blob(&app, b"{}").await;
    assert_eq!(
        code(world.rules.registry.delete_blob(&ctx(&world.admin), &app, &config).await),
        Code::BlobInUse
    );
}

#[tokio::test]
async fn a_page_of_images_has_the_requested_size() {
    let world = World::new().await;
    let app = world.create("app").await;
    for tag in ["a", "b", "c"] {
        world.push(&app, tag, b"{}").await.unwrap();
    }
    let (mut next_token, mut tags) = (None, Vec::new());
    loop {
        let input = ListImagesRequest {
            repository_name: "app".to_owned(),
            max_results: Some(1),
            next_token,
            ..ListImagesRequest::default()
        };
        let page = world.rules.registry.list_images(&ctx(&world.admin), &region(), input).await.unwrap();
        assert_eq!(page.image_ids.len(), 1);
        tags.extend(page.image_ids.into_iter().filter_map(|id| id.image_tag));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(tags, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_pull_is_recorded_and_a_head_is_not() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let v1 = Reference::Tag("v1".parse().unwrap());
    world.rules.registry.head_manifest(&ctx(&world.admin), &app, &v1).await.unwrap();
    assert_eq!(pulled_at(&world).await, None);
    world.rules.registry.get_manifest(&ctx(&world.admin), &app, &v1).await.unwrap();
    wait_for_a_pull(&world).await;
}

async fn wait_for_a_pull(world: &World) {
    for _ in 0..200 {
        if pulled_at(world).await.is_some() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the pull was not recorded within two seconds");
}

#[tokio::test]
async fn pulls_of_many_images_are_one_write() {
    let world = World::new().await;
    let mut pulled = Vec::new();
    for name in ["app", "other"] {
        let repository = world.create(name).await;
        for number in 0..10 {
            let body: &'static [u8] = format!("{{\"number\":{number}}}").leak().as_bytes();
            let digest = world.push(&repository, &format!("v{number}"), body).await.unwrap().digest;
            pulled.push((repository.clone(), Reference::Digest(digest)));
        }
    }
    let registry = &world.rules.registry;
    let before = world.meta.writes();
    for (repository, reference) in pulled.iter().chain(&pulled) {
        registry.get_manifest(&ctx(&world.admin), repository, reference).await.unwrap();
    }
    assert_eq!(world.meta.writes(), before);
    registry.write_pull_times().await;
    assert_eq!(world.meta.writes(), before + 1);
    assert!(pulled_at(&world).await.is_some());
    // A recorded pull ends no kept answer, and is not written again.
    let reads = world.meta.reads();
    for (repository, reference) in &pulled {
        registry.get_manifest(&ctx(&world.admin), repository, reference).await.unwrap();
    }
    assert_eq!(world.meta.reads(), reads);
    registry.write_pull_times().await;
    assert_eq!(world.meta.writes(), before + 1);
}

/// ECR User Guide, "Pull time update exclusions": a scanner must not keep images alive.
#[tokio::test]
async fn a_pull_of_an_excluded_principal_is_not_recorded() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let everything = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
    let scanner = world.user("scanner", everything).await;
    let admin = ctx(&world.admin);
    let registry = &world.rules.registry;
    let arn = || scanner.principal_arn();
    let register = || RegisterPullTimeUpdateExclusionRequest { principal_arn: arn() };
    let made = registry.register_pull_time_update_exclusion(&admin, &region(), register()).await.unwrap();
    assert_eq!(made.principal_arn, Some(arn()));
    let again = registry.register_pull_time_update_exclusion(&admin, &region(), register()).await;
    assert_eq!(code(again), Code::ExclusionAlreadyExists);
    let v1 = Reference::Tag("v1".parse().unwrap());
    for _ in 0..3 {
        registry.get_manifest(&ctx(&scanner), &app, &v1).await.unwrap();
        registry.write_pull_times().await;
    }
    assert_eq!(pulled_at(&world).await, None);
    // The excluded pull does not hide the pull of another principal, and does not make the next one count.
    registry.get_manifest(&admin, &app, &v1).await.unwrap();
    wait_for_a_pull(&world).await;
    let list = ListPullTimeUpdateExclusionsRequest::default();
    let listed = registry.list_pull_time_update_exclusions(&admin, &region(), list).await.unwrap();
    assert_eq!(listed.pull_time_update_exclusions, [arn()]);
    let deregister = || DeregisterPullTimeUpdateExclusionRequest { principal_arn: arn() };
    registry.deregister_pull_time_update_exclusion(&admin, &region(), deregister()).await.unwrap();
    let again = registry.deregister_pull_time_update_exclusion(&admin, &region(), deregister()).await;
    assert_eq!(code(again), Code::ExclusionNotFound);
}

async fn pulled_at(world: &World) -> Option<f64> {
    let input = DescribeImagesRequest {
        repository_name: "app".to_owned(),
        image_ids: vec![ImageIdentifier { image_tag: Some("v1".to_owned()), image_digest: None }],
        ..DescribeImagesRequest::default()
    };
    let answer = world.rules.registry.describe_images(&ctx(&world.admin), &region(), input).await.unwrap();
    let detail = serde_json::to_value(&answer.image_details[0]).unwrap();
    detail.get("lastRecordedPullTime").and_then(serde_json::Value::as_f64)
}

/// PostgreSQL's text cannot contain NUL; neither can a stored name or type.
#[tokio::test]
async fn control_characters_are_refused_in_stored_values() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let after = world.rules.registry.list_tags(&ctx(&world.admin), &app, None, Some("v0\0z")).await.unwrap();
    assert_eq!(after.names, ["v1"]);
    let text = String::from_utf8(manifest(b"{}")).unwrap();
    let body = text.replace(r#""layers""#, r#""artifactType":"a/b\u0000c","layers""#);
    let latest = Reference::Tag("latest".parse().unwrap());
    let put =
        world.rules.registry.put_manifest(&ctx(&world.admin), &app, &latest, &[], None, body.into()).await;
    assert_eq!(code(put), Code::ManifestInvalid);
    let tag = aws::ecr::Tag { key: "k".to_owned(), value: "\0".to_owned() };
    let json = serde_json::to_string(&serde_json::json!({
        "resourceArn": app.arn(), "tags": [{"Key": tag.key, "Value": tag.value}]
    }));
    assert!(aws::json::decode::<aws::ecr::TagResourceRequest>(json.unwrap().as_bytes()).is_err());
}
