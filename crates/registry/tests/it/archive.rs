//! The archive as clients see it: layers that only archived images have cannot be read, and lists show what is asked for.

use access::context::RepositoryRef;
use access::error::{Code, Result};
use aws::ecr::{
    BatchCheckLayerAvailabilityRequest, GetDownloadUrlForLayerRequest, ImageIdentifier, ImageStatus,
    ImageStatusFilter, LayerAvailability, ListImageReferrersFilter, ListImageReferrersRequest,
    SubjectIdentifier, TargetStorageClass, UpdateImageStorageClassRequest,
};
use aws::ids::Region;
use jiff::{SignedDuration, Timestamp};
use oci::digest::Digest;
use oci::name::Reference;

use crate::world::{World, code, ctx, files, manifest, region, sha256};

async fn moved(world: &World, digest: &Digest, target_storage_class: TargetStorageClass) {
    moved_in(world, &region(), digest, target_storage_class).await;
}

pub(crate) async fn moved_in(
    world: &World,
    at: &Region,
    digest: &Digest,
    target_storage_class: TargetStorageClass,
) {
    let update = UpdateImageStorageClassRequest {
        repository_name: "app".to_owned(),
        image_id: ImageIdentifier { image_tag: None, image_digest: Some(digest.to_string()) },
        target_storage_class,
        registry_id: None,
    };
    world.rules.registry.update_image_storage_class(&ctx(&world.admin), at, update).await.unwrap();
}

/// The code of each way to a layer: HEAD, GET, and a download URL.
async fn ways(world: &World, app: &RepositoryRef, layer: &Digest) -> [Option<Code>; 3] {
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let failed = |result: Result<()>| result.err().map(|error| error.code);
    let url = GetDownloadUrlForLayerRequest {
        repository_name: "app".to_owned(),
        layer_digest: layer.to_string(),
        registry_id: None,
    };
    [
        failed(registry.head_blob(&admin, app, layer).await.map(|_| ())),
        failed(registry.get_blob(&admin, app, layer).await.map(|_| ())),
        failed(registry.get_download_url_for_layer(&admin, &region(), url).await.map(|_| ())),
    ]
}

#[tokio::test]
async fn layers_of_archived_images_cannot_be_read() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let (image, layer) = (sha256(&manifest(b"1")), sha256(b"1"));
    assert_eq!(ways(&world, &app, &layer).await, [None; 3]);
    moved(&world, &image, TargetStorageClass::Archive).await;
    let refused = [Some(Code::BlobUnknown), Some(Code::BlobUnknown), Some(Code::LayersNotFound)];
    assert_eq!(ways(&world, &app, &layer).await, refused);
    let check = BatchCheckLayerAvailabilityRequest {
        repository_name: "app".to_owned(),
        layer_digests: vec![layer.to_string()],
        ..Default::default()
    };
    let registry = &world.rules.registry;
    let admin = ctx(&world.admin);
    let checked = registry.batch_check_layer_availability(&admin, &region(), check).await.unwrap();
    assert_eq!(checked.layers[0].layer_availability, LayerAvailability::Archived);
    assert!(registry.list_tags(&admin, &app, None, None).await.unwrap().names.is_empty());
    let other = world.create("other").await;
    assert!(!registry.mount_blob(&admin, &other, &layer, Some(&app.name)).await.unwrap());
    moved(&world, &image, TargetStorageClass::Standard).await;
    assert_eq!(ways(&world, &app, &layer).await, [None; 3]);
    assert_eq!(registry.list_tags(&admin, &app, None, None).await.unwrap().names, ["v1"]);
    moved(&world, &image, TargetStorageClass::Archive).await;
    world.push(&app, "v1", b"1").await.unwrap();
    assert_eq!(ways(&world, &app, &layer).await, [None; 3], "a push restores it");
}

#[tokio::test]
async fn bytes_move_to_the_archive_and_back() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let folder = world.folder.path();
    let store = || blob::Store::disk(folder.join("blobs"), blob::DiskOptions::default()).unwrap();
    let both = store().with_archive(folder.join("cold"), blob::DiskOptions::default()).unwrap();
    let registry = registry::Registry::new(std::sync::Arc::clone(&world.rules.access), both);
    let (image, layer) = (sha256(&manifest(b"1")), sha256(b"1"));
    let pass = async || while registry.move_objects(Timestamp::now()).await.unwrap().has_more {};
    let sound = async || {
        let report = registry.fsck(registry::fsck::Options::default()).await.unwrap();
        assert!(report.findings.is_empty() && report.objects == 1, "{report:?}");
        report.files
    };
    moved(&world, &image, TargetStorageClass::Archive).await;
    pass().await;
    assert_eq!((sound().await, files(&folder.join("cold/objects"))), (2, 1), "the old bytes are doomed");
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    registry.sweep_doomed(later).await.unwrap();
    assert_eq!((sound().await, world.files()), (1, 0));
    // A push restores the image at once, and its layer can be read where it is.
    let reference = Reference::Tag("v1".parse().unwrap());
    let body = manifest(b"1").into();
    registry.put_manifest(&ctx(&world.admin), &app, &reference, &[], None, body).await.unwrap();
    let read =
        async || registry.get_blob(&ctx(&world.admin), &app, &layer).await.unwrap().read().await.unwrap();
    assert_eq!(&read().await[..], b"1");
    pass().await;
    registry.sweep_doomed(later).await.unwrap();
    assert_eq!((sound().await, world.files(), files(&folder.join("cold/objects"))), (1, 1, 0));
    assert_eq!(&read().await[..], b"1");
    // Without the folder nothing moves.
    moved(&world, &image, TargetStorageClass::Archive).await;
    while world.rules.registry.move_objects(Timestamp::now()).await.unwrap().has_more {}
    assert_eq!(world.files(), 1);
}

#[tokio::test]
async fn archived_referrers_are_listed_when_asked_for() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"1").await.unwrap();
    let subject = sha256(&manifest(b"1"));
    let body = String::from_utf8(manifest(b"1")).unwrap().replace(
        "\"layers\"",
        &format!(
            r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{subject}","size":1}},"layers""#
        ),
    );
    let referrer = sha256(body.as_bytes());
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let reference = Reference::Digest(referrer);
    registry.put_manifest(&admin, &app, &reference, &[], None, body.into_bytes().into()).await.unwrap();
    let listed = async |artifact_status| {
        let list = ListImageReferrersRequest {
            repository_name: "app".to_owned(),
            subject_id: SubjectIdentifier { image_digest: subject.to_string() },
            filter: Some(ListImageReferrersFilter { artifact_status, ..Default::default() }),
            ..Default::default()
        };
        let answer = registry.list_image_referrers(&admin, &region(), list).await.unwrap();
        answer.referrers.iter().map(|referrer| referrer.artifact_status).collect::<Vec<_>>()
    };
    let (archived, any) = (Some(ImageStatusFilter::Archived), Some(ImageStatusFilter::Any));
    assert_eq!((listed(archived).await, listed(any).await), (vec![], vec![ImageStatus::Active]));
    moved(&world, &referrer, TargetStorageClass::Archive).await;
    assert_eq!(listed(None).await, []);
    assert_eq!(
        (listed(archived).await, listed(any).await),
        (vec![ImageStatus::Archived], vec![ImageStatus::Archived])
    );
    let shown = registry.referrers(&admin, &app, &subject, None, None).await.unwrap();
    assert!(shown.referrers.is_empty(), "the data plane lists active ones");
    assert_eq!(
        code(registry.get_manifest(&admin, &app, &Reference::Digest(referrer)).await),
        Code::ManifestUnknown
    );
}
