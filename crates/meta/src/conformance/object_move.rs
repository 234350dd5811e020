//! Objects move to the archive and back, and a row always names bytes that exist.

use super::lifecycle::claimed;
use super::storage_class::moved;
use super::world::{World, digest};
use crate::*;

/// Begins a move of the one object that is queued.
async fn begin(world: &World, at: i64) -> Option<ObjectMove> {
    world.meta.write(beginning(world, at).await).await.unwrap()
}

async fn beginning(world: &World, at: i64) -> BeginMove {
    let work = claimed(world, MOVE_OBJECT, at).await;
    let [Work { key, .. }] = &work[..] else { panic!("{work:?}") };
    let id = world.id();
    let (standard, archive) = (format!("standard-{id}"), format!("archive-{id}"));
    BeginMove { object: key.parse().unwrap(), standard, archive, at: Micros(at) }
}

async fn end(world: &World, of: ObjectMove) -> bool {
    world.meta.write(EndMove { of, at: Micros(70) }).await.unwrap()
}

async fn key_of(world: &World, repository: RepositoryKey) -> String {
    let found = world.meta.read(FindBlobs { repository, digests: vec![digest("layer")] }).await.unwrap();
    found[0].1.as_ref().unwrap().object_key.clone()
}

/// A repository with an image that has one layer.
async fn with_image(world: &World, name: &str) -> RepositoryKey {
    let repository = world.repository(name).await;
    let layer = world.blob(repository, "layer").await;
    let put = PutImage { blobs: vec![layer], ..world.image(repository, "image", &[]) };
    world.meta.write(put).await.unwrap();
    repository
}

pub(super) async fn an_object_moves_with_its_last_active_image(world: World) {
    let (one, two) = (with_image(&world, "one").await, with_image(&world, "two").await);
    let old = key_of(&world, one).await;
    moved(&world, one, "image", true, 0).await;
    assert_eq!(begin(&world, 100).await, None, "another repository needs it");
    moved(&world, two, "image", true, 0).await;
    let begun = begin(&world, 5_000).await.unwrap();
    assert_eq!((&begun.from, begun.repositories.len()), (&old, 2));
    assert!(begun.to.starts_with("archive-"));
    let keys = vec![begun.to.clone()];
    assert_eq!(world.meta.read(FindObjectKeys { keys }).await.unwrap().len(), 1, "the copy has a row");
    assert!(!world.meta.read(HasArchivedObjects).await.unwrap());
    assert!(end(&world, begun.clone()).await);
    assert!(end(&world, begun.clone()).await, "the same again");
    assert!(world.meta.read(HasArchivedObjects).await.unwrap());
    assert_eq!((key_of(&world, one).await, key_of(&world, two).await), (begun.to.clone(), begun.to));
    assert_eq!(world.doomed().await.into_iter().filter(|key| *key == old).count(), 1);
}

pub(super) async fn of_two_moves_the_later_one_counts(world: World) {
    let repository = with_image(&world, "app").await;
    moved(&world, repository, "image", true, 0).await;
    let first = begin(&world, 100).await.unwrap();
    let second = begin(&world, 5_000).await.unwrap();
    assert!(!end(&world, first.clone()).await, "its copy is doomed");
    assert!(end(&world, second.clone()).await);
    assert_eq!(key_of(&world, repository).await, second.to);
    let doomed = world.doomed().await;
    assert!(doomed.contains(&first.to) && doomed.contains(&first.from) && !doomed.contains(&second.to));
}

/// An operation whose COMMIT was not answered runs again.
pub(super) async fn a_beginning_that_runs_again_keeps_its_copy(world: World) {
    let repository = with_image(&world, "app").await;
    moved(&world, repository, "image", true, 0).await;
    let begin = beginning(&world, 100).await;
    let first = world.meta.write(begin.clone()).await.unwrap().unwrap();
    let again = world.meta.write(begin).await.unwrap().unwrap();
    assert_eq!(first, again);
    assert!(end(&world, again.clone()).await);
    assert_eq!(key_of(&world, repository).await, again.to);
    assert!(!world.doomed().await.contains(&again.to), "the row of the object names it");
}

pub(super) async fn a_restore_waits_for_its_layers(world: World) {
    let repository = with_image(&world, "app").await;
    moved(&world, repository, "image", true, 0).await;
    let there = begin(&world, 100).await.unwrap();
    assert!(end(&world, there).await);
    moved(&world, repository, "image", false, 50).await;
    let work = claimed(&world, RESTORE_IMAGE, 50).await.remove(0);
    let finish =
        async || world.meta.write(FinishRestore::of_key(&work.key, Micros(90)).unwrap()).await.unwrap();
    assert_eq!(finish().await, RestoreProgress::Waits, "its layer is in the archive");
    let back = begin(&world, 5_000).await.unwrap();
    assert!(back.to.starts_with("standard-"));
    assert!(end(&world, back.clone()).await);
    assert_eq!(finish().await, RestoreProgress::Done);
    assert_eq!(key_of(&world, repository).await, back.to);
    let again = world.put(repository, "image", &[]).await;
    assert_eq!((again.state, again.last_activated_at), (ImageState::Active, Micros(90)));
}

pub(super) async fn an_upload_brings_an_object_back(world: World) {
    let repository = with_image(&world, "app").await;
    moved(&world, repository, "image", true, 0).await;
    let there = begin(&world, 100).await.unwrap();
    assert!(end(&world, there).await);
    let [Work { kind, key, fence, .. }] = &claimed(&world, MOVE_OBJECT, 5_000).await[..] else { panic!() };
    let finish = FinishWork { kind: kind.clone(), key: key.clone(), fence: *fence };
    world.meta.write(finish).await.unwrap();
    world.blob(world.repository("other").await, "layer").await;
    let back = begin(&world, 9_000).await.unwrap();
    assert!(back.to.starts_with("standard-") && back.repositories.len() == 2);
    assert!(end(&world, back).await);
}

pub(super) async fn what_changes_meanwhile_stays_where_it_is(world: World) {
    let repository = with_image(&world, "app").await;
    let old = key_of(&world, repository).await;
    moved(&world, repository, "image", true, 0).await;
    let begun = begin(&world, 100).await.unwrap();
    world.put(repository, "image", &[]).await;
    assert!(!end(&world, begun.clone()).await, "a push restored the image");
    assert_eq!(key_of(&world, repository).await, old);
    let doomed = world.doomed().await;
    assert!(doomed.contains(&begun.to) && !doomed.contains(&old));
    assert_eq!(begin(&world, 9_000).await, None, "it was queued again, and is in its place");
}
