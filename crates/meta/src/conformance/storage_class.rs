//! The archive: images go there and come back.

use super::lifecycle::{claimed, departures};
use super::world::{World, digest, refusal, tag};
use crate::*;

pub(super) async fn an_image_is_archived_and_restored(world: World) {
    use ImageState::{Activating, Active, Archived};
    let repository = world.repository("app").await;
    let child = world.put(repository, "child", &["c"]).await;
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["i"]) };
    world.meta.write(index).await.unwrap();
    let update = |image: ImageRef, to_archive, restored_at| UpdateImageStorageClass {
        repository,
        image,
        to_archive,
        restored_at: Micros(restored_at),
        at: Micros(50),
    };
    let tagged = |name: &str| ImageRef { tag: Some(tag(name)), digest: None };
    let both = ImageRef { tag: Some(tag("c")), digest: Some(digest("index")) };
    for absent in [tagged("x"), both, ImageRef { tag: None, digest: Some(digest("x")) }] {
        assert_eq!(refusal(world.meta.write(update(absent, true, 0)).await), StorageClassRefusal::NotFound);
    }
    let listed = world.meta.write(update(tagged("c"), true, 0)).await;
    assert_eq!(refusal(listed), StorageClassRefusal::NotSupported, "an active index lists it");
    let state = async |image, to_archive, restored_at| {
        world.meta.write(update(image, to_archive, restored_at)).await.unwrap().state
    };
    let before = departures(&world, repository).await;
    assert_eq!(state(tagged("i"), true, 0).await, Archived);
    assert_eq!(departures(&world, repository).await, before + 1);
    assert_eq!(state(tagged("i"), true, 0).await, Archived);
    let by_digest = ImageRef { tag: None, digest: Some(digest("child")) };
    assert_eq!(state(by_digest, true, 0).await, Archived);
    let of_state = async |state| {
        let page = DescribeImages { repository, after: None, limit: 9, tag_status: TagStatus::Any, state };
        world.meta.read(page).await.unwrap().len()
    };
    assert_eq!(
        (of_state(Some(Active)).await, of_state(Some(Archived)).await, of_state(None).await),
        (0, 2, 2)
    );
    assert_eq!(state(tagged("i"), false, 50).await, Active, "at once");
    assert_eq!(state(tagged("c"), false, 90).await, Activating);
    let again = world.meta.write(update(tagged("c"), true, 0)).await;
    assert_eq!(refusal(again), StorageClassRefusal::NotSupported);
    assert_eq!(claimed(&world, RESTORE_IMAGE, 89).await, []);
    let work = claimed(&world, RESTORE_IMAGE, 90).await.remove(0);
    let early = FinishRestore::of_key(&work.key, Micros(89)).unwrap();
    world.meta.write(early).await.unwrap();
    assert_eq!(of_state(Some(Activating)).await, 1);
    world.meta.write(FinishRestore::of_key(&work.key, Micros(95)).unwrap()).await.unwrap();
    let row = world.put(repository, "child", &["c"]).await;
    assert_eq!((row.id, row.state, row.last_activated_at), (child.id, Active, Micros(95)));
    state(tagged("i"), true, 0).await;
    let push = PutImage {
        same_digest_same_tag: SameDigestSameTag::Refuse,
        ..world.image(repository, "index", &["i"])
    };
    assert_eq!(world.meta.write(push).await.unwrap().image.state, Active, "a push restores it");
}

pub(super) async fn a_later_restore_ends_in_its_own_time(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "x", &["v"]).await;
    let update = async |to_archive, restored_at| {
        let image = ImageRef { tag: Some(tag("v")), digest: None };
        let (restored_at, at) = (Micros(restored_at), Micros(50));
        let update = UpdateImageStorageClass { repository, image, to_archive, restored_at, at };
        world.meta.write(update).await.unwrap().state
    };
    let archived_again = async || {
        world.put(repository, "x", &["v"]).await;
        assert_eq!(update(true, 0).await, ImageState::Archived);
    };
    update(true, 0).await;
    update(false, 90).await;
    archived_again().await;
    update(false, 200).await;
    assert_eq!(claimed(&world, RESTORE_IMAGE, 90).await, [], "the first restore ended with the push");
    let work = claimed(&world, RESTORE_IMAGE, 200).await.remove(0);
    archived_again().await;
    update(false, 300).await;
    let Work { kind, key, fence, .. } = work;
    let done = world.meta.write(FinishWork { kind, key, fence }).await;
    assert_eq!(refusal(done), Overtaken, "a restore that began meanwhile is not finished");
    let work = claimed(&world, RESTORE_IMAGE, 300).await.remove(0);
    world.meta.write(FinishRestore::of_key(&work.key, Micros(300)).unwrap()).await.unwrap();
    assert_eq!(world.put(repository, "x", &["v"]).await.last_activated_at, Micros(300));
}

pub(super) async fn an_index_needs_children_that_are_active(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "child", &["c"]).await;
    let update = async |to_archive, restored_at| {
        let image = ImageRef { tag: Some(tag("c")), digest: None };
        let (restored_at, at) = (Micros(restored_at), Micros(50));
        let update = UpdateImageStorageClass { repository, image, to_archive, restored_at, at };
        world.meta.write(update).await.unwrap();
    };
    let push = async || {
        let index = world.image(repository, "index", &["i"]);
        world.meta.write(PutImage { children: vec![digest("child")], ..index }).await
    };
    let missing = PutImageRefusal::ReferencedImagesNotFound(vec![digest("child")]);
    update(true, 0).await;
    assert_eq!(refusal(push().await), missing, "it is archived");
    update(false, 90).await;
    assert_eq!(refusal(push().await), missing, "it is being restored");
    world.put(repository, "child", &["c"]).await;
    push().await.unwrap();
}
