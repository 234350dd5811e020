//! Upload sessions: compare-and-swap, completion, and their bytes.

use super::world::{World, digest, refusal};
use crate::*;

pub(super) fn advance(upload: &CreateUpload, expected_version: i64, offset: u64, at: i64) -> AdvanceUpload {
    AdvanceUpload {
        repository: upload.repository,
        id: upload.id.clone(),
        expected_version,
        offset,
        stage: vec![1, 2],
        last_part_size: 5,
        follows_small_part: false,
        at: Micros(at),
    }
}

pub(super) async fn moves_by_compare_and_swap(world: World) {
    let upload = world.upload(world.repository("app").await).await;
    let step = |version, offset, at| world.meta.write(advance(&upload, version, offset, at));
    let row = step(0, 5, 100).await.unwrap();
    assert_eq!((row.version, row.offset, row.part_count, row.stage), (1, 5, 1, Some(vec![1, 2])));
    assert_eq!(step(0, 5, 100).await.unwrap().version, 1, "a repeat finds its own");
    assert_eq!(refusal(step(0, 9, 101).await), UploadRefusal::Stale { offset: 5 });
    assert_eq!(step(1, 9, 102).await.unwrap().version, 2);
    let complete = world.complete(&upload, "layer");
    let stale = refusal(world.meta.write(complete.clone()).await);
    assert_eq!(stale, CompleteUploadRefusal::Stale { offset: 9 });
    world.meta.write(CompleteUpload { expected_version: 2, ..complete }).await.unwrap();
    assert_eq!(refusal(step(2, 10, 103).await), UploadRefusal::NotFound);
}

/// Two requests, of one node or of two, that found the same row.
pub(super) async fn a_newer_request_takes_the_turn(world: World) {
    let upload = world.upload(world.repository("app").await).await;
    let take = || world.meta.write(TakeUpload { repository: upload.repository, id: upload.id.clone() });
    let step = |version, offset, at| world.meta.write(advance(&upload, version, offset, at));
    let older = take().await.unwrap();
    assert_eq!((older.version, older.offset, older.part_count), (1, 0, 0));
    let newer = take().await.unwrap();
    assert_eq!((newer.version, newer.offset), (2, 0));
    // The older one comes first with its bytes, and they do not count.
    assert_eq!(refusal(step(older.version, 9, 100).await), UploadRefusal::Stale { offset: 0 });
    assert_eq!(step(newer.version, 5, 101).await.unwrap().offset, 5);
    assert_eq!(refusal(step(older.version, 9, 102).await), UploadRefusal::Stale { offset: 5 });
    // Nor can it complete the upload, or record what it wrote after the newer one has completed it.
    let complete = CompleteUpload { expected_version: older.version, ..world.complete(&upload, "layer") };
    assert_eq!(refusal(world.meta.write(complete.clone()).await), CompleteUploadRefusal::Stale { offset: 5 });
    world.meta.write(CompleteUpload { expected_version: 3, ..complete }).await.unwrap();
    assert_eq!(refusal(step(older.version, 9, 103).await), UploadRefusal::NotFound);
    assert_eq!(refusal(take().await), UploadGone);
}

/// However many ask at the same time, each has a version of its own, and only the last can record.
pub(super) async fn of_many_turns_the_last_one_counts(world: World) {
    let upload = world.upload(world.repository("app").await).await;
    let take = || world.meta.write(TakeUpload { repository: upload.repository, id: upload.id.clone() });
    let taken = futures::future::join_all((0..12).map(|_| take())).await;
    let mut versions: Vec<i64> = taken.into_iter().map(|row| row.unwrap().version).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=12).collect::<Vec<_>>());
    let records =
        versions.iter().map(|version| world.meta.write(advance(&upload, *version, 5, 100 + version)));
    let recorded = futures::future::join_all(records).await;
    assert_eq!(recorded.iter().filter(|recorded| recorded.is_ok()).count(), 1);
    assert!(recorded.last().is_some_and(Result::is_ok));
}

pub(super) async fn a_small_part_is_remembered(world: World) {
    let upload = world.upload(world.repository("app").await).await;
    let step = |version, follows_small_part| {
        let at = 100 + version;
        world.meta.write(AdvanceUpload { follows_small_part, ..advance(&upload, version, 5, at) })
    };
    let seen: Vec<bool> = [
        step(0, false).await.unwrap().has_small_part,
        step(1, true).await.unwrap().has_small_part,
        step(2, false).await.unwrap().has_small_part,
    ]
    .into();
    assert_eq!(seen, [false, true, true]);
}

pub(super) async fn an_id_that_comes_again_is_another_upload(world: World) {
    let repository = world.repository("app").await;
    let first = CreateUpload { version: 1_000, ..world.upload(repository).await };
    let cancel = CancelUpload { repository, id: first.id.clone(), at: Micros(3) };
    world.meta.write(cancel.clone()).await.unwrap();
    world.meta.write(first.clone()).await.unwrap();
    world.meta.write(advance(&first, 1_000, 5, 5)).await.unwrap();
    world.meta.write(cancel).await.unwrap();
    let second = CreateUpload { object_key: "another".into(), version: 2_000, ..first.clone() };
    world.meta.write(second.clone()).await.unwrap();
    let late = refusal(world.meta.write(advance(&first, 1_001, 9, 4)).await);
    assert_eq!(late, UploadRefusal::Stale { offset: 0 });
    let complete = CompleteUpload { expected_version: 1_001, ..world.complete(&first, "x") };
    assert_eq!(refusal(world.meta.write(complete).await), CompleteUploadRefusal::Stale { offset: 0 });
    world.meta.write(advance(&second, 2_000, 1, 1)).await.unwrap();
}

pub(super) async fn belongs_to_its_repository(world: World) {
    let (own, other) = (world.repository("own").await, world.repository("other").await);
    let upload = world.upload(own).await;
    let foreign = CreateUpload { repository: other, ..upload.clone() };
    assert_eq!(refusal(world.meta.write(advance(&foreign, 0, 1, 1)).await), UploadRefusal::NotFound);
    let complete = world.complete(&foreign, "x");
    assert_eq!(refusal(world.meta.write(complete).await), CompleteUploadRefusal::NotFound);
    let cancel = CancelUpload { repository: other, id: upload.id.clone(), at: Micros(3) };
    assert_eq!(refusal(world.meta.write(cancel).await), UploadGone);
    world.meta.write(DeleteRepository { repository: own, force: false, at: Micros(4) }).await.unwrap();
    assert_eq!(refusal(world.meta.write(advance(&upload, 0, 1, 1)).await), UploadRefusal::RepositoryGone);
    let complete = world.complete(&upload, "x");
    assert_eq!(refusal(world.meta.write(complete).await), CompleteUploadRefusal::RepositoryGone);
    assert_eq!(refusal(world.meta.write(world.new_upload(own)).await), RepositoryGone);
}

pub(super) async fn a_second_copy_is_doomed(world: World) {
    let (left, right) = (world.repository("left").await, world.repository("right").await);
    let (first, second) = (world.upload(left).await, world.upload(right).await);
    let one = world.meta.write(world.complete(&first, "layer")).await.unwrap();
    let two = world.meta.write(world.complete(&second, "layer")).await.unwrap();
    assert_eq!((one.was_duplicate, two.was_duplicate), (false, true));
    assert_eq!(one.blob.object_key, first.object_key);
    assert_eq!(two.blob.object_key, first.object_key);
    assert_eq!(world.doomed().await, [second.object_key]);
}

pub(super) async fn a_repeat_finds_its_own(world: World) {
    let repository = world.repository("app").await;
    let upload = world.upload(repository).await;
    let complete = world.complete(&upload, "layer");
    let done = world.meta.write(complete.clone()).await.unwrap();
    assert_eq!(world.meta.write(complete.clone()).await.unwrap(), done);
    let other = CompleteUpload { op: world.op(), ..complete };
    assert_eq!(refusal(world.meta.write(other).await), CompleteUploadRefusal::NotFound);
    let create = world.upload(repository).await;
    world.meta.write(create).await.unwrap();
    assert_eq!(world.doomed().await, Vec::<String>::new());
}

pub(super) async fn cancelled_and_left_ones_are_doomed(world: World) {
    let repository = world.repository("app").await;
    let uploads =
        [world.upload(repository).await, world.upload(repository).await, world.upload(repository).await];
    let cancel = CancelUpload { repository, id: uploads[0].id.clone(), at: Micros(3) };
    world.meta.write(cancel.clone()).await.unwrap();
    assert_eq!(refusal(world.meta.write(cancel).await), UploadGone);
    world.meta.write(advance(&uploads[2], 0, 1, i64::MAX / 8)).await.unwrap();
    let expire = ExpireUploads { idle_since: Micros(1_000_000), limit: 10, at: Micros(1_000_001) };
    assert_eq!(world.meta.write(expire.clone()).await.unwrap(), 1);
    assert_eq!(world.meta.write(expire).await.unwrap(), 0);
    assert_eq!(world.doomed().await, [uploads[0].object_key.clone(), uploads[1].object_key.clone()]);
    let left = CompleteUpload { expected_version: 1, ..world.complete(&uploads[2], "x") };
    assert_eq!(world.meta.write(left).await.unwrap().blob.digest, digest("x"));
}
