//! The archive: images go there and come back.

use oci::digest::Digest;

use super::lifecycle::{claimed, departures};
use super::world::{World, digest, refusal, tag};
use crate::{ops::storage_class::FAMILY, *};

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
    assert_eq!(state(tagged("i"), false, 50).await, Active, "at once");
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

/// Moves an image to the archive, or restores it at a time.
pub(super) async fn moved(
    world: &World,
    repository: RepositoryKey,
    name: &str,
    to_archive: bool,
    restored_at: i64,
) {
    let image = ImageRef { tag: None, digest: Some(digest(name)) };
    let (restored_at, at) = (Micros(restored_at), Micros(50));
    let update = UpdateImageStorageClass { repository, image, to_archive, restored_at, at };
    assert!(world.meta.write(update).await.unwrap().is_changed);
}

/// The layers that can be read.
async fn readable(world: &World, repository: RepositoryKey, names: &[&str]) -> Vec<Digest> {
    let digests = names.iter().map(|name| digest(name)).collect();
    let found = world.meta.read(FindBlobs { repository, digests }).await.unwrap();
    let read = found.into_iter().filter(|(_, blob)| blob.as_ref().is_some_and(|blob| !blob.is_archived));
    read.map(|(digest, _)| digest).collect()
}

pub(super) async fn layers_of_archived_images_are_archived(world: World) {
    let repository = world.repository("app").await;
    let (shared, own) = (world.blob(repository, "shared").await, world.blob(repository, "own").await);
    let alone = world.blob(repository, "alone").await;
    let put = async |name, blobs: &[Digest]| {
        let put = PutImage { blobs: blobs.to_vec(), ..world.image(repository, name, &[]) };
        world.meta.write(put).await.unwrap();
    };
    put("one", &[shared, own]).await;
    put("two", &[shared]).await;
    let left = async || readable(&world, repository, &["shared", "own", "alone"]).await;
    moved(&world, repository, "one", true, 0).await;
    assert_eq!(left().await, [shared, alone]);
    moved(&world, repository, "two", true, 0).await;
    assert_eq!(left().await, [alone]);
    moved(&world, repository, "two", false, 50).await;
    assert_eq!(left().await, [shared, alone]);
    world.meta.write(super::world::delete_image(repository, "two")).await.unwrap();
    assert_eq!(left().await, [alone], "its last active image is gone");
    put("three", &[shared]).await;
    assert_eq!(left().await, [shared, alone], "a new image needs it");
    moved(&world, repository, "one", false, 90).await;
    assert_eq!(left().await, [shared, alone], "it is being restored");
    let work = claimed(&world, RESTORE_IMAGE, 90).await.remove(0);
    world.meta.write(FinishRestore::of_key(&work.key, Micros(95)).unwrap()).await.unwrap();
    assert_eq!(left().await, [shared, own, alone]);
}

pub(super) async fn a_layer_comes_back_with_an_upload_or_a_push(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    let layer = world.blob(repository, "layer").await;
    let image = || PutImage { blobs: vec![layer], ..world.image(repository, "one", &[]) };
    world.meta.write(image()).await.unwrap();
    let mount =
        || LinkBlob { repository: other, from: repository, digest: layer, peer: None, at: Micros(60) };
    let find = FindLinks { registry: world.registry, digest: layer, peer: None, limit: 9 };
    moved(&world, repository, "one", true, 0).await;
    assert_eq!(refusal(world.meta.write(mount()).await), LinkBlobRefusal::SourceMissing);
    assert!(world.meta.read(find.clone()).await.unwrap().is_empty());
    world.meta.write(image()).await.unwrap();
    assert_eq!(readable(&world, repository, &["layer"]).await, [layer], "a push of the image restores it");
    moved(&world, repository, "one", true, 0).await;
    world.blob(repository, "layer").await;
    assert_eq!(readable(&world, repository, &["layer"]).await, [layer], "the client has the bytes");
    assert_eq!(world.meta.read(find).await.unwrap(), ["app"]);
    world.meta.write(mount()).await.unwrap();
}

pub(super) async fn an_index_is_restored_with_what_it_lists(world: World) {
    use ImageState::{Activating, Active, Archived};
    let repository = world.repository("app").await;
    world.put(repository, "child", &["c"]).await;
    world.put(repository, "other", &[]).await;
    for (name, child) in [("inner", "child"), ("outer", "inner")] {
        let index = PutImage { children: vec![digest(child)], ..world.image(repository, name, &[]) };
        world.meta.write(index).await.unwrap();
    }
    let states = async || {
        let ids = ["outer", "inner", "child", "other"]
            .map(|name| ImageRef { tag: None, digest: Some(digest(name)) });
        let found = world.meta.read(FindImages { repository, ids: ids.to_vec() }).await.unwrap();
        let state = |found| match found {
            FoundImage::Found(found) => found.image.state,
            other => panic!("{other:?}"),
        };
        found.into_iter().map(state).collect::<Vec<_>>()
    };
    for restored_at in [50, 90] {
        for name in ["outer", "inner", "child", "other"] {
            moved(&world, repository, name, true, 0).await;
        }
        assert_eq!(states().await, [Archived; 4]);
        moved(&world, repository, "outer", false, restored_at).await;
        if restored_at > 50 {
            assert_eq!(states().await, [Activating, Activating, Activating, Archived]);
            let works = claimed(&world, RESTORE_IMAGE, 90).await;
            assert_eq!(works.len(), 3, "each ends by itself if its index is deleted");
            let outer = FinishRestore::of_key(&works[2].key, Micros(95)).unwrap();
            for work in &works {
                world.meta.write(FinishRestore::of_key(&work.key, Micros(95)).unwrap()).await.unwrap();
                let now = states().await;
                assert!(
                    now[0] != Active || now[..3] == [Active; 3],
                    "an active index has active images: {now:?}"
                );
            }
            world.meta.write(outer).await.unwrap();
        }
        assert_eq!(states().await, [Active, Active, Active, Archived]);
        moved(&world, repository, "other", false, 50).await;
    }
}

/// One transaction restores a limited number of images. The index can be pulled when all that it lists can be.
pub(super) async fn a_large_index_is_restored_in_slices(world: World) {
    const CHILDREN: usize = 230;
    let repository = world.repository("app").await;
    let names: Vec<String> = (0..CHILDREN).map(|number| format!("child{number}")).collect();
    for name in &names {
        world.put(repository, name, &[]).await;
    }
    let children: Vec<Digest> = names.iter().map(|name| digest(name)).collect();
    for (name, children) in [("inner", children), ("outer", vec![digest("inner")])] {
        world.meta.write(PutImage { children, ..world.image(repository, name, &[]) }).await.unwrap();
    }
    let count = async |condition: &str| {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM image WHERE {condition}");
        world.texts(&count).await.remove(0).parse::<usize>().unwrap()
    };
    let indexes = "id IN (SELECT image FROM image_child)";
    for restored_at in [50, 90] {
        for name in ["outer", "inner"].into_iter().chain(names.iter().map(String::as_str)) {
            moved(&world, repository, name, true, 0).await;
        }
        moved(&world, repository, "outer", false, restored_at).await;
        let (mut active, mut activating) = (count("status = 1").await, count("status = 3").await);
        assert!(active == 0 && activating <= FAMILY + 1, "{active} and {activating}");
        let mut now = 50;
        while count(&format!("status = 1 AND {indexes}")).await < 2 {
            assert!(now < 10_000, "{active} are active, and {activating} are being restored");
            let (kind, lease_until) = (RESTORE_IMAGE.to_owned(), Micros(now + 1));
            let works = ClaimWork { kind, now: Micros(now), lease_until, limit: 50 };
            for work in world.meta.write(works).await.unwrap() {
                let finish = FinishRestore::of_key(&work.key, Micros(now)).unwrap();
                let progress = world.meta.write(finish).await.unwrap();
                let before = (active, activating);
                (active, activating) = (count("status = 1").await, count("status = 3").await);
                assert!(active - before.0 <= FAMILY + 1 && before.1.abs_diff(activating) <= FAMILY + 1);
                assert!(
                    active == CHILDREN + 2
                        || count(&format!("status = 1 AND {indexes}")).await == 0
                        || active == CHILDREN + 1,
                    "an active index has active images"
                );
                assert!(restored_at <= now || active == 0, "it is not time");
                let Work { kind, key, fence, .. } = work;
                let end = match progress {
                    RestoreProgress::Done => world.meta.write(FinishWork { kind, key, fence }).await,
                    RestoreProgress::GoesOn | RestoreProgress::Waits => {
                        let due_at = Micros(now);
                        world.meta.write(PostponeWork { kind, key, fence, due_at, error: None }).await
                    }
                };
                end.unwrap();
            }
            now += 1;
        }
        assert_eq!(active, CHILDREN + 2);
    }
}

pub(super) async fn archived_tags_are_not_listed(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["a", "c"]).await;
    world.put(repository, "two", &["b"]).await;
    let listed = async || {
        let list = ListTags { repository, after: None, limit: 9 };
        let tags = world.meta.read(list).await.unwrap();
        tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    };
    moved(&world, repository, "one", true, 0).await;
    assert_eq!(listed().await, "b");
    world.put(repository, "two", &["a"]).await;
    assert_eq!(listed().await, "a,b", "the tag has moved to an active image");
    moved(&world, repository, "one", false, 50).await;
    assert_eq!(listed().await, "a,b,c");
}

pub(super) async fn referrers_by_state(world: World) {
    let repository = world.repository("app").await;
    for (name, kind) in [("one", "sbom"), ("two", "sbom"), ("three", "signature")] {
        let (subject, artifact_type) = (Some(digest("subject")), Some(kind.to_owned()));
        let put = PutImage { artifact_type, subject, ..world.image(repository, name, &[]) };
        world.meta.write(put).await.unwrap();
    }
    moved(&world, repository, "two", true, 0).await;
    moved(&world, repository, "three", true, 0).await;
    moved(&world, repository, "three", false, 90).await;
    let listed = async |state, types: &[&str]| {
        let artifact_types = types.iter().map(|&name| name.to_owned()).collect();
        let subject = digest("subject");
        let list = ListReferrers { repository, subject, artifact_types, state, after: None, limit: 9 };
        let found = world.meta.read(list).await.unwrap();
        assert!(found.iter().all(|one| state.is_none_or(|state| state == one.state)));
        found.into_iter().map(|one| one.digest).collect::<Vec<_>>()
    };
    assert_eq!(listed(Some(ImageState::Active), &[]).await, [digest("one")]);
    assert_eq!(listed(Some(ImageState::Archived), &[]).await, [digest("two")]);
    assert_eq!(listed(Some(ImageState::Activating), &["sbom", "signature"]).await, [digest("three")]);
    assert_eq!(listed(None, &[]).await, ["one", "two", "three"].map(digest));
    assert_eq!(listed(None, &["sbom"]).await, ["one", "two"].map(digest));
}
