//! Unreachable rows and bytes are removed, and nothing else is.

use access::error::Code;
use aws::ecr::DeleteRepositoryRequest;
use jiff::{SignedDuration, Timestamp};
use oci::digest::Algorithm;
use registry::fsck::{Finding, Kind, Options};
use registry::layer::upload::Incoming;
use registry::purge::UPLOAD_LIFETIME;

use crate::world::{World, at, code, ctx, region};

#[tokio::test]
async fn a_deleted_repository_is_gone_at_once_and_its_name_is_free() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push_blob(&app, b"layer").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    let delete =
        |force| DeleteRepositoryRequest { repository_name: "app".to_owned(), force, ..Default::default() };
    let kept = world.rules.registry.delete_repository(&ctx(&world.admin), &region(), delete(false)).await;
    assert_eq!(code(kept), Code::RepositoryNotEmpty);
    world.rules.registry.delete_repository(&ctx(&world.admin), &region(), delete(true)).await.unwrap();
    let read =
        || async { world.rules.registry.get_blob(&ctx(&world.admin), &app, &digest).await.map(|_| ()) };
    assert_eq!(code(read().await), Code::RepositoryNotFound);
    world.create("app").await;
    assert_eq!(code(read().await), Code::BlobUnknown, "the new one inherits nothing");
    assert_eq!(world.rules.registry.purge_repositories(Timestamp::now()).await.unwrap().done, 1);
    assert_eq!(world.rules.registry.purge_repositories(Timestamp::now()).await.unwrap().done, 0);
    world.push(&app, "latest", b"{}").await.unwrap();
}

#[tokio::test]
async fn an_upload_that_was_left_ends_and_a_fresh_one_stays() {
    let world = World::new().await;
    let app = world.create("app").await;
    let now = Timestamp::now();
    let long_ago = now - SignedDuration::try_from(UPLOAD_LIFETIME).unwrap() - SignedDuration::from_hours(1);
    let mut ids = Vec::new();
    for time in [long_ago, now] {
        let ctx = at(&world.admin, time);
        let upload = world.rules.registry.start_upload(&ctx, &app, Algorithm::Sha256).await.unwrap();
        let incoming = Incoming::buffered(b"part"[..].into());
        world.rules.registry.append_upload(&ctx, &app, &upload.id, incoming).await.unwrap();
        ids.push(upload.id);
    }
    assert_eq!(world.files(), 2);
    assert_eq!(world.rules.registry.expire_uploads(now).await.unwrap(), 1);
    let status = |id: String| {
        let (rules, ctx, app) =
            (std::sync::Arc::clone(&world.rules.registry), ctx(&world.admin), app.clone());
        async move { rules.upload_status(&ctx, &app, &id).await }
    };
    assert_eq!(code(status(ids[0].clone()).await), Code::UploadNotFound);
    assert_eq!(status(ids[1].clone()).await.unwrap().offset, 4);
    assert_eq!(world.rules.registry.sweep_doomed(now).await.unwrap(), 0, "bytes rest for a while first");
    assert_eq!(world.rules.registry.sweep_doomed(now + SignedDuration::from_hours(1)).await.unwrap(), 1);
    assert_eq!(world.files(), 1);
}

#[tokio::test]
async fn bytes_that_cannot_be_removed_do_not_keep_the_others() {
    let world = World::new().await;
    let app = world.create("app").await;
    let now = Timestamp::now();
    for part in [b"one", b"two"] {
        let upload =
            world.rules.registry.start_upload(&ctx(&world.admin), &app, Algorithm::Sha256).await.unwrap();
        let incoming = Incoming::buffered(part[..].into());
        world.rules.registry.append_upload(&ctx(&world.admin), &app, &upload.id, incoming).await.unwrap();
        if part == b"one" {
            let [file] = world.objects().try_into().unwrap();
            // A folder in its place, which removing a file does not remove.
            std::fs::remove_file(&file).unwrap();
            std::fs::create_dir(&file).unwrap();
            std::fs::write(file.join("held"), "").unwrap();
        }
        world.rules.registry.cancel_upload(&ctx(&world.admin), &app, &upload.id).await.unwrap();
    }
    let later = now + SignedDuration::from_hours(1);
    assert_eq!(world.rules.registry.sweep_doomed(later).await.unwrap(), 1, "the second went");
    assert_eq!(world.files(), 1, "only the held one is left");
    let file = world.objects().into_iter().next().unwrap();
    std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    // What a node that died had claimed is tried again then, too.
    let retried = world.rules.registry.sweep_doomed(later + SignedDuration::from_mins(1)).await.unwrap();
    assert_eq!(retried, 1, "the first is tried again after a minute");
}

#[tokio::test]
async fn a_repair_removes_nothing_that_it_could_not_read() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push_blob(&app, b"layer").await;
    let [file] = world.objects().try_into().unwrap();
    let elsewhere = world.folder.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    // A folder in its place cannot be read, as a file cannot be opened while too many others are open.
    std::fs::create_dir(&file).unwrap();
    let options = Options { repair: true, quick: false };
    let report = world.rules.registry.fsck(options).await.unwrap();
    let found: Vec<_> = report.findings.iter().filter(|finding| finding.kind == Kind::LostObject).collect();
    assert!(matches!(found[..], [Finding { repair: None, .. }]), "{found:?}");
    std::fs::remove_dir(&file).unwrap();
    std::fs::rename(&elsewhere, &file).unwrap();
    let read = world.rules.registry.get_blob(&ctx(&world.admin), &app, &digest).await;
    assert!(read.is_ok(), "its row is still there");
}
