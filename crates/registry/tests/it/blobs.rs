//! Blobs can be read only through a repository that links them, and uploads only by the principal that began them.

use access::context::{Peer, Unsigned};
use access::error::Code;
use bytes::Bytes;
use oci::digest::Algorithm;
use registry::layer::upload::Incoming;

use crate::world::{World, code, ctx, sha256};

const PUSH_TO_MINE: &str = r#"{"Effect":"Allow","Action":"ecr:*",
    "Resource":"arn:aws:ecr:eu-west-1:123456789012:repository/mine"}"#;

#[tokio::test]
async fn a_blob_of_another_repository_is_not_there() {
    let world = World::new().await;
    let (a, b) = (world.create("alpha").await, world.create("beta").await);
    let digest = world.push_blob(&a, b"secret").await;
    assert!(world.rules.registry.get_blob(&ctx(&world.admin), &a, &digest).await.is_ok());
    let elsewhere = world.rules.registry.get_blob(&ctx(&world.admin), &b, &digest).await;
    assert_eq!(code(elsewhere), Code::BlobUnknown);
}

#[tokio::test]
async fn the_same_bytes_are_kept_once_and_still_have_to_be_sent() {
    let world = World::new().await;
    let (a, b) = (world.create("alpha").await, world.create("beta").await);
    let digest = world.push_blob(&a, b"shared").await;
    world.push_blob(&b, b"shared").await;
    assert!(world.rules.registry.get_blob(&ctx(&world.admin), &b, &digest).await.is_ok());
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    assert_eq!(world.rules.registry.sweep_doomed(later).await.unwrap(), 1, "the second copy goes");
    assert_eq!(world.files(), 1);
    assert!(world.rules.registry.get_blob(&ctx(&world.admin), &a, &digest).await.is_ok());
}

#[tokio::test]
async fn a_mount_needs_leave_to_read_the_source() {
    let world = World::new().await;
    let (source, mine) = (world.create("source").await, world.create("mine").await);
    let digest = world.push_blob(&source, b"secret").await;
    let pusher = world.user("pusher", PUSH_TO_MINE).await;
    for from in [Some(&source.name), None] {
        let mounted = world.rules.registry.mount_blob(&ctx(&pusher), &mine, &digest, from).await.unwrap();
        assert!(!mounted, "mounted from {from:?}");
    }
    assert_eq!(code(world.rules.registry.get_blob(&ctx(&pusher), &mine, &digest).await), Code::BlobUnknown);
    assert!(world.rules.registry.mount_blob(&ctx(&world.admin), &mine, &digest, None).await.unwrap());
    assert!(world.rules.registry.get_blob(&ctx(&pusher), &mine, &digest).await.is_ok());
}

#[tokio::test]
async fn an_upload_is_invisible_to_other_users_and_other_repositories() {
    let world = World::new().await;
    let (mine, other) = (world.create("mine").await, world.create("other").await);
    let upload =
        world.rules.registry.start_upload(&ctx(&world.admin), &mine, Algorithm::Sha256).await.unwrap();
    let pusher = world.user("pusher", PUSH_TO_MINE).await;
    let seen = world.rules.registry.upload_status(&ctx(&pusher), &mine, &upload.id).await;
    assert_eq!(code(seen), Code::UploadNotFound);
    let incoming = Incoming::buffered(Bytes::from_static(b"theirs"));
    let appended = world.rules.registry.append_upload(&ctx(&pusher), &mine, &upload.id, incoming).await;
    assert_eq!(code(appended), Code::UploadNotFound);
    let elsewhere = world.rules.registry.upload_status(&ctx(&world.admin), &other, &upload.id).await;
    assert_eq!(code(elsewhere), Code::UploadNotFound);
    assert!(world.rules.registry.upload_status(&ctx(&world.admin), &mine, &upload.id).await.is_ok());
}

/// A repeated final PUT shows that a blob exists, and shows no more than a HEAD.
#[tokio::test]
async fn a_closing_put_again_needs_leave_to_know_of_the_blob() {
    let world = World::new().await;
    let mine = world.create("mine").await;
    let digest = world.push_blob(&mine, b"secret").await;
    let blind = world
        .user(
            "blind",
            r#"{"Effect":"Allow","Action":["ecr:CompleteLayerUpload","ecr:UploadLayerPart"],"Resource":"*"}"#,
        )
        .await;
    let close = |caller| {
        let (world, mine) = (&world, &mine);
        async move {
            world.rules.registry.finish_upload(&ctx(caller), mine, "gone", &digest, Incoming::empty()).await
        }
    };
    assert_eq!(code(close(&blind).await), Code::UploadNotFound);
    assert!(close(&world.admin).await.is_ok());
}

#[tokio::test]
async fn bytes_that_do_not_match_their_digest_become_nothing() {
    let world = World::new().await;
    let a = world.create("alpha").await;
    let digest = sha256(b"promised");
    let incoming = Incoming::buffered(Bytes::from_static(b"sent"));
    let pushed = world.rules.registry.put_blob(&ctx(&world.admin), &a, &digest, incoming).await;
    assert_eq!(code(pushed), Code::InvalidLayer);
    assert_eq!(code(world.rules.registry.get_blob(&ctx(&world.admin), &a, &digest).await), Code::BlobUnknown);
    let sent = world.rules.registry.get_blob(&ctx(&world.admin), &a, &sha256(b"sent")).await;
    assert_eq!(code(sent), Code::BlobUnknown);
}

#[tokio::test]
async fn a_download_url_opens_one_blob_for_an_hour() {
    let world = World::new().await;
    let a = world.create("alpha").await;
    let digest = world.push_blob(&a, b"layer").await;
    let input = aws::ecr::GetDownloadUrlForLayerRequest {
        registry_id: None,
        repository_name: "alpha".to_owned(),
        layer_digest: digest.to_string(),
    };
    let region = crate::world::region();
    let answer =
        world.rules.registry.get_download_url_for_layer(&ctx(&world.admin), &region, input).await.unwrap();
    let (_, sealed) = answer.download_url.split_once(registry::layer::download_url::PATH_PREFIX).unwrap();
    let open = async |sealed: &str, now| {
        let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
        world.rules.registry.verify_download(sealed, &Unsigned::new(peer, None, "test".to_owned(), now)).await
    };
    let now = jiff::Timestamp::now();
    assert_eq!(open(sealed, now).await.unwrap().stat.digest, digest);
    let later = now + jiff::SignedDuration::from_secs(3601);
    assert_eq!(code(open(sealed, later).await), Code::AccessDenied);
    let (rest, last) = sealed.split_at(sealed.len() - 1);
    let forged = format!("{rest}{}", if last == "A" { "B" } else { "A" });
    assert_eq!(code(open(&forged, now).await), Code::AccessDenied);
    world.rules.registry.delete_blob(&ctx(&world.admin), &a, &digest).await.unwrap();
    assert_eq!(code(open(sealed, now).await), Code::BlobUnknown);
}
