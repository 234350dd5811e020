//! Concurrent operations: one wins, and nothing is lost or created twice.

use std::{collections::HashSet, sync::Arc};

use futures::future::join_all;

use super::world::{World, digest, refusal, tag};
use crate::*;

pub(super) async fn of_two_pushes_to_an_immutable_tag_one_wins(world: World) {
    let create = CreateRepository { mutability: Mutability::Immutable, ..world.new_repository("app") };
    let repository = world.meta.write(create).await.unwrap().key;
    for round in 0..20 {
        let name = format!("v{round}");
        let push =
            |side: &str| world.meta.write(world.image(repository, &format!("{side}{round}"), &[&name]));
        let (left, right) = tokio::join!(push("left"), push("right"));
        let (won, lost) = if left.is_ok() { (left, right) } else { (right, left) };
        let current = won.unwrap().image.digest;
        assert_eq!(refusal(lost), PutImageRefusal::TagImmutable { tag: tag(&name), current });
    }
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (20, 20));
}

pub(super) async fn of_two_completions_one_object_stays(world: World) {
    let (left, right) = (world.repository("left").await, world.repository("right").await);
    for round in 0..20 {
        let content = format!("layer{round}");
        let (one, two) = (world.upload(left).await, world.upload(right).await);
        let (one, two) = tokio::join!(
            world.meta.write(world.complete(&one, &content)),
            world.meta.write(world.complete(&two, &content))
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert!(one.was_duplicate ^ two.was_duplicate);
        assert_eq!(one.blob.object_key, two.blob.object_key);
    }
    assert_eq!(world.doomed().await.len(), 20);
}

pub(super) async fn of_two_completions_of_one_upload_one_wins(world: World) {
    let repository = world.repository("app").await;
    for round in 0..20 {
        let upload = world.upload(repository).await;
        let complete = || world.meta.write(world.complete(&upload, &format!("layer{round}")));
        let (left, right) = tokio::join!(complete(), complete());
        let lost = if left.is_ok() { right } else { left };
        assert_eq!(refusal(lost), CompleteUploadRefusal::NotFound);
    }
    assert_eq!(world.doomed().await, Vec::<String>::new());
}

pub(super) async fn every_write_of_a_crowd_is_there(world: World) {
    let repository = world.repository("app").await;
    // More than one group of SQLite; every tenth is refused and must not affect the others.
    let writes = (0..600).map(|at| {
        let blobs = if at % 10 == 9 { vec![digest("none")] } else { Vec::new() };
        let put =
            PutImage { blobs, ..world.image(repository, &format!("m{at}"), &[&format!("t{at}"), "latest"]) };
        world.meta.write(put)
    });
    let results = join_all(writes).await;
    for (at, result) in results.into_iter().enumerate() {
        if at % 10 == 9 {
            assert_eq!(refusal(result), PutImageRefusal::LayersNotFound(vec![digest("none")]));
        } else {
            result.unwrap();
        }
    }
    let world = world.restart().await;
    let row = world.row("app").await;
    assert_eq!((row.image_count, row.tag_count), (540, 541));
    let page = DescribeImages {
        repository,
        after: None,
        limit: 1_000,
        tag_status: TagStatus::Tagged,
        state: Some(ImageState::Active),
    };
    let images = world.meta.read(page).await.unwrap();
    let tags: usize = images.iter().map(|found| found.tags.len()).sum();
    assert_eq!((images.len(), tags), (540, 541));
    assert!(images.iter().all(|found| found.image.tag_count == found.tags.len() as u64));
}

pub(super) async fn of_many_creations_one_wins(world: World) {
    let made = join_all((0..16).map(|_| world.meta.write(world.new_repository("app")))).await;
    assert_eq!(made.iter().filter(|result| result.is_ok()).count(), 1);
    made.into_iter()
        .filter(Result::is_err)
        .for_each(|lost| assert_eq!(refusal(lost), CreateRepositoryRefusal::Exists));
    assert_eq!(world.repository_count().await, 1);
}

pub(super) async fn claims_are_disjoint(world: World) {
    for at in 0..40 {
        let enqueue = EnqueueWork { kind: "k".into(), key: format!("{at}"), due_at: Micros(at) };
        world.meta.write(enqueue).await.unwrap();
    }
    let claim = || ClaimWork { kind: "k".into(), now: Micros(99), lease_until: Micros(199), limit: 10 };
    let claims = join_all((0..8).map(|_| world.meta.write(claim()))).await;
    let keys: Vec<String> =
        claims.into_iter().flat_map(|claim| claim.unwrap()).map(|work| work.key).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len(), "nothing is claimed twice");
    assert!(keys.len() >= 10);
}

pub(super) async fn unlink_and_push_cannot_both_win(world: World) {
    let repository = world.repository("app").await;
    for round in 0..20 {
        let blob = world.blob(repository, &format!("layer{round}")).await;
        let put = PutImage { blobs: vec![blob], ..world.image(repository, &format!("m{round}"), &[]) };
        let unlink = UnlinkBlob { repository, digest: blob, at: Micros(9) };
        let (put, unlink) = tokio::join!(world.meta.write(put), world.meta.write(unlink));
        match put {
            Ok(_) => assert_eq!(refusal(unlink), UnlinkBlobRefusal::InUse),
            lost => {
                assert_eq!(refusal(lost), PutImageRefusal::LayersNotFound(vec![blob]));
                unlink.unwrap();
            }
        }
    }
}

pub(super) async fn a_dropped_write_ends_all_the_same(world: World) {
    let world = Arc::new(world);
    let repository = world.repository("app").await;
    for at in 0..20 {
        let write = world.meta.write(world.image(repository, &format!("m{at}"), &[]));
        // Polled once and dropped, as when a client disconnects.
        assert!(futures::FutureExt::now_or_never(write).is_none_or(|ended| ended.is_ok()));
    }
    for _ in 0..500 {
        if world.row("app").await.image_count == 20 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("only {} of 20 writes ended", world.row("app").await.image_count);
}

/// Without early release of the repository's row each of them waits for the syncs of those before: 0.8 seconds.
#[test]
fn pushes_to_one_repository_share_their_syncs() {
    super::place::on_slow_postgres(|world| async move {
        let repository = world.repository("app").await;
        let push = |at: usize| world.meta.write(world.image(repository, &format!("m{at}"), &["latest"]));
        join_all((0..16).map(push)).await.into_iter().for_each(|pushed| drop(pushed.unwrap()));
        let began = std::time::Instant::now();
        join_all((16..32).map(push)).await.into_iter().for_each(|pushed| drop(pushed.unwrap()));
        let took = began.elapsed();
        assert!(took >= std::time::Duration::from_millis(50), "they were not synced: {took:?}");
        assert!(took < std::time::Duration::from_millis(400), "they waited for each other: {took:?}");
        assert_eq!(world.row("app").await.image_count, 32);
    });
}
