//! Protection of images: it needs the setting, and then neither requests nor policies delete what is protected.

use access::context::RepositoryRef;
use access::error::Code;
use aws::ecr::{
    BatchDeleteImageRequest, DeleteRepositoryRequest, ImageFailureCode, ImageIdentifier,
    PutAccountSettingRequest, PutLifecyclePolicyRequest, TargetStorageClass, UpdateImageStorageClassRequest,
    WharfListInUseReportsRequest, WharfListProtectedImagesRequest, WharfProtectImageRequest,
    WharfPutInUseReportRequest, WharfUnprotectImageRequest,
};
use jiff::SignedDuration;

use crate::lifecycle::{left, push, run, text};
use crate::world::{World, code, ctx, manifest, region, sha256};

fn tagged(tag: &str) -> ImageIdentifier {
    ImageIdentifier { image_tag: Some(tag.to_owned()), image_digest: None }
}

fn digested(config: &[u8]) -> ImageIdentifier {
    ImageIdentifier { image_digest: Some(sha256(&manifest(config)).to_string()), image_tag: None }
}

async fn allow(world: &World) {
    let name = "WHARF_LIFECYCLE_EXTENSIONS".to_owned();
    let put = PutAccountSettingRequest { name, value: "ENABLED".to_owned() };
    world.rules.registry.put_account_setting(&ctx(&world.admin), &region(), put).await.unwrap();
}

fn protection(image_id: ImageIdentifier) -> WharfProtectImageRequest {
    WharfProtectImageRequest { repository_name: "app".to_owned(), image_id, registry_id: None }
}

async fn protect(world: &World, image_id: ImageIdentifier) {
    let protect = protection(image_id);
    world.rules.registry.wharf_protect_image(&ctx(&world.admin), &region(), protect).await.unwrap();
}

async fn unprotect(world: &World, image_id: ImageIdentifier) {
    let unprotect =
        WharfUnprotectImageRequest { repository_name: "app".to_owned(), image_id, registry_id: None };
    world.rules.registry.wharf_unprotect_image(&ctx(&world.admin), &region(), unprotect).await.unwrap();
}

fn report(digests: &[&[u8]]) -> WharfPutInUseReportRequest {
    WharfPutInUseReportRequest {
        source: "arn:aws:eks:eu-west-1:1:cluster/blue".to_owned(),
        image_digests: digests.iter().map(|config| sha256(&manifest(config)).to_string()).collect(),
        expires_in_seconds: Some(3_600),
    }
}

#[tokio::test]
async fn protection_needs_the_setting_and_its_end_does_not() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let registry = &world.rules.registry;
    let admin = ctx(&world.admin);
    let error = registry.wharf_protect_image(&admin, &region(), protection(tagged("v1"))).await.unwrap_err();
    assert!(error.code == Code::InvalidParameter && error.message.contains("WHARF_LIFECYCLE_EXTENSIONS"));
    let refused = registry.wharf_put_in_use_report(&admin, &region(), report(&[])).await;
    assert_eq!(code(refused), Code::InvalidParameter);
    unprotect(&world, tagged("v1")).await;
    allow(&world).await;
    protect(&world, tagged("v1")).await;
    let missing = registry.wharf_protect_image(&admin, &region(), protection(tagged("v2"))).await;
    assert_eq!(code(missing), Code::ImageNotFound);
    let bad = WharfPutInUseReportRequest { image_digests: vec!["latest".to_owned()], ..report(&[]) };
    assert_eq!(code(registry.wharf_put_in_use_report(&admin, &region(), bad).await), Code::InvalidParameter);
}

async fn failure(world: &World, image_id: ImageIdentifier) -> Option<(ImageFailureCode, String)> {
    let delete = BatchDeleteImageRequest {
        repository_name: "app".to_owned(),
        image_ids: vec![image_id],
        ..Default::default()
    };
    let registry = &world.rules.registry;
    let answer = registry.batch_delete_image(&ctx(&world.admin), &region(), delete).await.unwrap();
    answer.failures.into_iter().next().map(|failure| (failure.failure_code, failure.failure_reason))
}

async fn assert_stays(world: &World, app: &RepositoryRef, reason: &str) {
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let (failed, why) = failure(world, digested(b"1")).await.unwrap();
    assert!(failed == ImageFailureCode::ImageProtected && why.contains(reason), "{why}");
    let digest = sha256(&manifest(b"1"));
    let error = registry.delete_manifest(&admin, app, &digest).await.unwrap_err();
    assert!(error.code == Code::ImageProtected && error.message.contains(reason), "{error:?}");
    let force =
        DeleteRepositoryRequest { repository_name: "app".to_owned(), force: true, ..Default::default() };
    let error = registry.delete_repository(&admin, &region(), force).await.unwrap_err();
    assert!(error.code == Code::RepositoryNotEmpty && error.message.contains(reason), "{error:?}");
    let archive = UpdateImageStorageClassRequest {
        repository_name: "app".to_owned(),
        image_id: digested(b"1"),
        target_storage_class: TargetStorageClass::Archive,
        registry_id: None,
    };
    let error = registry.update_image_storage_class(&admin, &region(), archive).await.unwrap_err();
    assert_eq!(error.code, Code::ImageStorageClassUpdateNotSupported);
    assert!(error.message.contains(reason), "{error:?}");
}

#[tokio::test]
async fn requests_do_not_delete_what_is_protected() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    world.push(&app, "v2", b"2").await.unwrap();
    allow(&world).await;
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    protect(&world, digested(b"1")).await;
    assert_stays(&world, &app, "is protected").await;
    unprotect(&world, digested(b"1")).await;
    protect(&world, tagged("v1")).await;
    assert_stays(&world, &app, "the tag 'v1'").await;
    let tag = "v1".parse().unwrap();
    assert_eq!(code(registry.delete_tag(&admin, &app, &tag).await), Code::ImageProtected);
    assert_eq!(failure(&world, tagged("v1")).await.unwrap().0, ImageFailureCode::ImageProtected);
    let list = WharfListProtectedImagesRequest { repository_name: "app".to_owned(), ..Default::default() };
    let listed = registry.wharf_list_protected_images(&admin, &region(), list).await.unwrap();
    let [item] = &listed.protected_images[..] else { panic!("{listed:?}") };
    assert_eq!(item.image_tag.as_deref(), Some("v1"));
    unprotect(&world, tagged("v1")).await;
    registry.wharf_put_in_use_report(&admin, &region(), report(&[b"1"])).await.unwrap();
    assert_stays(&world, &app, "in use by 'arn:aws:eks:eu-west-1:1:cluster/blue'").await;
    assert_eq!(failure(&world, tagged("v2")).await, None, "nothing protects it");
    registry.wharf_put_in_use_report(&admin, &region(), report(&[])).await.unwrap();
    let list = WharfListInUseReportsRequest::default();
    let reports = registry.wharf_list_in_use_reports(&admin, &region(), list).await.unwrap().reports;
    assert_eq!(reports.iter().map(|report| report.digest_count).collect::<Vec<_>>(), [0]);
    registry.delete_manifest(&admin, &app, &sha256(&manifest(b"1"))).await.unwrap();
}

#[tokio::test]
async fn policies_leave_what_is_protected_or_in_use() {
    let world = World::new().await;
    let app = world.create("app").await;
    for (tag, config) in [("image", &b"1"[..]), ("tag", b"2"), ("used", b"3"), ("free", b"4")] {
        push(&world, &app, tag, config, 40).await;
    }
    allow(&world).await;
    protect(&world, digested(b"1")).await;
    protect(&world, tagged("tag")).await;
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    registry.wharf_put_in_use_report(&admin, &region(), report(&[b"3"])).await.unwrap();
    let rule = r#"{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed",
        "countUnit":"days","countNumber":30},"action":{"type":"expire"}}"#;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: text(rule),
        ..Default::default()
    };
    registry.put_lifecycle_policy(&admin, &region(), put).await.unwrap();
    assert_eq!(run(registry, SignedDuration::ZERO).await, 1);
    assert_eq!(left(&world).await, ["image", "tag", "used"]);
    registry.wharf_put_in_use_report(&admin, &region(), report(&[])).await.unwrap();
    unprotect(&world, tagged("tag")).await;
    assert_eq!(run(registry, SignedDuration::from_hours(2)).await, 2);
    assert_eq!(left(&world).await, ["image"]);
    let later = jiff::Timestamp::now() + SignedDuration::from_hours(1);
    assert_eq!(registry.forget_in_use_reports(later).await.unwrap(), 1);
}
