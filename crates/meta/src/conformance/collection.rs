//! Collection of garbage: every order of a collector's steps and a client's, on both drivers.

use std::time::Duration;

use oci::digest::Digest;

use super::world::{World, delete_image, digest, refusal};
use crate::*;

/// A time after everything that happened so far, and before everything that comes.
fn now(world: &World) -> Micros {
    Micros(world.id())
}

async fn reviews(world: &World, cutoff: Micros) -> Vec<LinkReview> {
    world.meta.read(DueLinkReviews { cutoff, limit: 100 }).await.unwrap()
}

/// A collector's review of links, of one repository.
async fn collect_links(world: &World, repository: RepositoryKey, cutoff: Micros) -> usize {
    let due = reviews(world, cutoff).await;
    let (needed, others): (Vec<_>, Vec<_>) = due.into_iter().partition(|review| review.is_needed);
    world.meta.write(KeepNeededLinks { reviews: needed }).await.unwrap();
    let reviews = others.into_iter().filter(|review| review.repository == repository).collect();
    world.meta.write(CollectLinks { repository, reviews, cutoff }).await.unwrap()
}

async fn collect_objects(world: &World, cutoff: Micros) -> usize {
    let reviews = world.meta.read(DueObjectReviews { cutoff, limit: 100 }).await.unwrap();
    world.meta.write(CollectObjects { reviews, at: now(world) }).await.unwrap()
}

/// Removes doomed bytes: returns the keys whose bytes are gone.
async fn sweep(world: &World) -> Vec<String> {
    let now = now(world);
    let claim =
        ClaimDoomed { now, delay: Micros(0), lease_until: now.plus(Duration::from_mins(1)), limit: 100 };
    let keys = world.meta.write(claim).await.unwrap();
    world.meta.write(ForgetDoomed { keys: keys.clone() }).await.unwrap();
    keys
}

async fn find(world: &World, repository: RepositoryKey, blob: Digest) -> Option<BlobRow> {
    world.meta.read(FindBlobs { repository, digests: vec![blob] }).await.unwrap().remove(0).1
}

async fn delete(world: &World, repository: RepositoryKey, body: &str) {
    let delete = BatchDeleteImage { at: now(world), ..delete_image(repository, body) };
    world.meta.write(delete).await.unwrap();
}

/// The counters are what the rows say.
async fn assert_counted(world: &World) {
    assert_eq!(world.meta.read(MeasureUsage).await.unwrap(), []);
}

pub(super) async fn a_layer_without_an_image_ends_after_its_grace(world: World) {
    let repository = world.repository("app").await;
    let before = now(&world);
    let blob = world.blob(repository, "layer").await;
    let row = find(&world, repository, blob).await.unwrap();
    assert_eq!(collect_links(&world, repository, before).await, 0, "its grace is not over");
    let renewed = now(&world);
    world.meta.write(RenewBlobs { repository, digests: vec![blob], at: renewed }).await.unwrap();
    assert_eq!(collect_links(&world, repository, Micros(renewed.0 - 1)).await, 0, "it was renewed");
    assert!(find(&world, repository, blob).await.is_some());
    assert_eq!(collect_links(&world, repository, now(&world)).await, 1);
    assert!(find(&world, repository, blob).await.is_none());
    assert_counted(&world).await;
    assert_eq!(collect_objects(&world, now(&world)).await, 1);
    assert_counted(&world).await;
    assert_eq!(sweep(&world).await, [row.object_key]);
    let state = world.meta.read(GetCollectionState).await.unwrap();
    assert_eq!((state.freed_objects, state.freed_bytes), (1, 5));
    assert_eq!((state.links.count, state.objects.count, state.doomed.count), (0, 0, 0));
}

pub(super) async fn shared_layers_stay_until_their_last_image(world: World) {
    let repository = world.repository("app").await;
    let (base, own) = (world.blob(repository, "base").await, world.blob(repository, "own").await);
    for (body, blobs) in [("one", vec![base, own]), ("two", vec![base])] {
        world.meta.write(PutImage { blobs, ..world.image(repository, body, &[]) }).await.unwrap();
    }
    assert_eq!(collect_links(&world, repository, now(&world)).await, 0);
    assert!(reviews(&world, now(&world)).await.is_empty(), "needed links are queued no more");
    assert_counted(&world).await;
    delete(&world, repository, "one").await;
    assert_eq!(collect_links(&world, repository, now(&world)).await, 1);
    assert!(find(&world, repository, own).await.is_none() && find(&world, repository, base).await.is_some());
    delete(&world, repository, "two").await;
    assert_eq!(collect_links(&world, repository, now(&world)).await, 1);
    assert_eq!(collect_objects(&world, now(&world)).await, 2);
    assert_counted(&world).await;
}

/// All orders of two lists of steps, as which list goes next.
fn orders(first: usize, second: usize) -> Vec<Vec<bool>> {
    if first == 0 || second == 0 {
        return vec![std::iter::repeat_n(true, first).chain(std::iter::repeat_n(false, second)).collect()];
    }
    let with = |head: bool, tails: Vec<Vec<bool>>| {
        tails.into_iter().map(move |tail| std::iter::once(head).chain(tail).collect::<Vec<_>>())
    };
    with(true, orders(first - 1, second)).chain(with(false, orders(first, second - 1))).collect()
}

/// The collector's steps on what one repository holds: the link, the object, the bytes.
async fn collector_step(
    world: &World,
    step: usize,
    repository: RepositoryKey,
    cutoff: Micros,
    gone: &mut Vec<String>,
) {
    match step {
        0 => drop(collect_links(world, repository, cutoff).await),
        1 => drop(collect_objects(world, cutoff).await),
        _ => gone.extend(sweep(world).await),
    }
}

/// What was acknowledged is there with its bytes.
async fn assert_there(world: &World, repository: RepositoryKey, blob: Digest, gone: &[String]) {
    let row = find(world, repository, blob).await.expect("an image needs it");
    assert!(!gone.contains(&row.object_key), "the bytes of {blob} are gone");
}

pub(super) async fn a_layer_is_pushed_again_in_every_order(world: World) {
    for (at, order) in orders(3, 3).into_iter().enumerate() {
        let repository = world.repository(&format!("app{at}")).await;
        let content = format!("layer{at}");
        let blob = world.blob(repository, &content).await;
        let cutoff = now(&world);
        let (mut collector, mut client, mut gone) = (0, 0, Vec::new());
        let mut upload = None;
        for is_collector in &order {
            if *is_collector {
                collector_step(&world, collector, repository, cutoff, &mut gone).await;
                collector += 1;
                continue;
            }
            match client {
                0 => upload = Some(world.upload(repository).await),
                1 => {
                    let complete = world.complete(upload.as_ref().unwrap(), &content);
                    world.meta.write(complete).await.unwrap();
                }
                // It was completed after the cutoff: no image is refused.
                _ => {
                    let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &[]) };
                    world.meta.write(put).await.unwrap();
                }
            }
            client += 1;
        }
        gone.extend(sweep(&world).await);
        assert_there(&world, repository, blob, &gone).await;
        assert_counted(&world).await;
    }
}

pub(super) async fn a_layer_is_found_by_a_head_in_every_order(world: World) {
    for (at, order) in orders(3, 2).into_iter().enumerate() {
        let repository = world.repository(&format!("app{at}")).await;
        let blob = world.blob(repository, &format!("layer{at}")).await;
        let cutoff = now(&world);
        let (mut collector, mut was_told, mut is_first, mut gone) = (0, false, true, Vec::new());
        for is_collector in &order {
            if *is_collector {
                collector_step(&world, collector, repository, cutoff, &mut gone).await;
                collector += 1;
            } else if is_first {
                is_first = false;
                let renew = RenewBlobs { repository, digests: vec![blob], at: now(&world) };
                was_told = !world.meta.write(renew).await.unwrap().is_empty();
            } else {
                let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &[]) };
                assert_eq!(world.meta.write(put).await.is_ok(), was_told, "{order:?}");
            }
        }
        gone.extend(sweep(&world).await);
        if was_told {
            assert_there(&world, repository, blob, &gone).await;
        }
        assert_counted(&world).await;
    }
}

pub(super) async fn a_mount_meets_the_end_of_its_source_in_every_order(world: World) {
    for (at, order) in orders(3, 2).into_iter().enumerate() {
        let from = world.repository(&format!("from{at}")).await;
        let repository = world.repository(&format!("to{at}")).await;
        let blob = world.blob(from, &format!("layer{at}")).await;
        let cutoff = now(&world);
        let (mut collector, mut mounted, mut is_first, mut gone) = (0, false, true, Vec::new());
        for is_collector in &order {
            if *is_collector {
                collector_step(&world, collector, from, cutoff, &mut gone).await;
                collector += 1;
            } else if is_first {
                is_first = false;
                let mount = LinkBlob { repository, from, digest: blob, peer: None, at: now(&world) };
                mounted = world.meta.write(mount).await.is_ok();
            } else {
                let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &[]) };
                assert_eq!(world.meta.write(put).await.is_ok(), mounted, "{order:?}");
            }
        }
        gone.extend(sweep(&world).await);
        if mounted {
            assert_there(&world, repository, blob, &gone).await;
        }
        assert_counted(&world).await;
    }
}

pub(super) async fn of_an_index_and_the_deletion_of_its_child_one_wins(world: World) {
    for round in 0..8 {
        let repository = world.repository(&format!("app{round}")).await;
        world.put(repository, "child", &[]).await;
        let put = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &[]) };
        let child = BatchDeleteImage { at: now(&world), ..delete_image(repository, "child") };
        let (put, deleted) = tokio::join!(world.meta.write(put), world.meta.write(child));
        let deleted = deleted.unwrap().remove(0);
        let is_gone = matches!(deleted, DeleteOutcome::Removed(_));
        assert_ne!(put.is_ok(), is_gone, "an index without its child, or nothing happened");
        match put {
            Err(_) => assert!(matches!(refusal(put), PutImageRefusal::ReferencedImagesNotFound(_))),
            Ok(_) => assert!(matches!(deleted, DeleteOutcome::ReferencedByList(_))),
        }
    }
}

pub(super) async fn of_two_collectors_one_ends_each_row(world: World) {
    let repository = world.repository("app").await;
    for at in 0..20 {
        world.blob(repository, &format!("layer{at}")).await;
    }
    let cutoff = now(&world);
    let due = reviews(&world, cutoff).await;
    let collect = || world.meta.write(CollectLinks { repository, reviews: due.clone(), cutoff });
    let (one, other) = tokio::join!(collect(), collect());
    assert_eq!(one.unwrap() + other.unwrap(), 20);
    let due = world.meta.read(DueObjectReviews { cutoff, limit: 100 }).await.unwrap();
    let at = now(&world);
    let collect = || world.meta.write(CollectObjects { reviews: due.clone(), at });
    let (one, other) = tokio::join!(collect(), collect());
    assert_eq!(one.unwrap() + other.unwrap(), 20);
    assert_eq!(sweep(&world).await.len(), 20);
    assert_counted(&world).await;
}

pub(super) async fn a_link_that_is_being_created_keeps_its_object(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    let blob = world.blob(repository, "layer").await;
    collect_links(&world, repository, now(&world)).await;
    let mut beside = world.beside().await;
    let link = format!(
        "INSERT INTO blob_link (registry, repository, digest, object, origin, linked_at, renewed_at, operation) SELECT 10, {}, digest, id, 'upload', 1, 1, NULL FROM object",
        other.id
    );
    beside.hold(&link).await;
    let reviews = world.meta.read(DueObjectReviews { cutoff: now(&world), limit: 9 }).await.unwrap();
    let collect = CollectObjects { reviews, at: now(&world) };
    let (collected, ()) = tokio::join!(world.meta.write(collect), async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        beside.run("COMMIT").await.unwrap();
    });
    assert_eq!(collected.unwrap(), 0);
    assert!(find(&world, other, blob).await.is_some());
    assert_eq!(collect_objects(&world, now(&world)).await, 0, "it is in use");
}

pub(super) async fn links_that_end_at_once_are_counted_once(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    let blob = world.blob(repository, "layer").await;
    world
        .meta
        .write(LinkBlob { repository: other, from: repository, digest: blob, peer: None, at: now(&world) })
        .await
        .unwrap();
    let mut beside = world.beside().await;
    // What the same operation does in the other repository, up to its commit.
    let unlink = format!(
        "DELETE FROM blob_link WHERE repository = {0}; \
         INSERT INTO object_review SELECT id, 1 FROM object; \
         UPDATE repository_usage SET layer_bytes = layer_bytes - 5 WHERE repository = {0}",
        other.id
    );
    beside.hold(&unlink).await;
    let (ended, ()) =
        tokio::join!(world.meta.write(UnlinkBlob { repository, digest: blob, at: now(&world) }), async {
            beside.await_waiting().await;
            beside.run("COMMIT").await.unwrap();
        });
    ended.unwrap();
    assert_counted(&world).await;
}

pub(super) async fn a_link_that_begins_as_another_ends_is_counted(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    let blob = world.blob(repository, "layer").await;
    let mut beside = world.beside().await;
    // A push of the same layer to the other repository, up to its commit.
    let link = format!(
        "INSERT INTO blob_link (registry, repository, digest, object, origin, linked_at, renewed_at) \
         SELECT 10, {0}, digest, id, 'upload', 1, 1 FROM object; \
         INSERT INTO repository_usage (registry, repository, layer_bytes, manifest_bytes, unique_bytes, object_bytes) \
         VALUES (10, {0}, 5, 0, 0, 0)",
        other.id
    );
    beside.hold(&link).await;
    let (ended, ()) =
        tokio::join!(world.meta.write(UnlinkBlob { repository, digest: blob, at: now(&world) }), async {
            beside.await_waiting().await;
            beside.run("COMMIT").await.unwrap();
        });
    ended.unwrap();
    assert_counted(&world).await;
}

pub(super) async fn a_deleted_repository_leaves_nothing(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    let blob = world.blob(repository, "layer").await;
    world.blob(repository, "alone").await;
    let mount = LinkBlob { repository: other, from: repository, digest: blob, peer: None, at: now(&world) };
    world.meta.write(mount).await.unwrap();
    world.put(other, "m", &["v1"]).await;
    world.meta.write(DeleteRepository { repository, force: true, at: now(&world) }).await.unwrap();
    while !world.meta.write(PurgeRepositorySlice { repository, limit: 1, at: now(&world) }).await.unwrap() {}
    assert_counted(&world).await;
    assert_eq!(collect_objects(&world, now(&world)).await, 1);
    assert!(find(&world, other, blob).await.is_some());
    assert_counted(&world).await;
}

pub(super) async fn the_walk_finds_what_no_queue_has(world: World) {
    let repository = world.repository("app").await;
    let (one, two) = (world.blob(repository, "one").await, world.blob(repository, "two").await);
    let put = PutImage { blobs: vec![one], ..world.image(repository, "m", &[]) };
    world.meta.write(put).await.unwrap();
    world.sql("DELETE FROM link_review").await.unwrap();
    let mut walked = Vec::new();
    while walked.last().is_none_or(|slice: &Walked| !slice.is_over) {
        walked.push(world.meta.write(WalkStore { limit: 1, at: now(&world) }).await.unwrap());
        assert!(walked.len() < 20);
    }
    assert_eq!(walked.iter().map(|slice| slice.queued).sum::<usize>(), 1);
    assert_eq!(collect_links(&world, repository, now(&world)).await, 1);
    assert!(find(&world, repository, two).await.is_none());
    world.sql("DELETE FROM object_review").await.unwrap();
    let walk = || world.meta.write(WalkStore { limit: 9, at: now(&world) });
    assert_eq!(walk().await.unwrap(), Walked { queued: 0, is_over: false });
    assert_eq!(walk().await.unwrap(), Walked { queued: 1, is_over: false });
    assert_eq!(walk().await.unwrap(), Walked { queued: 0, is_over: true });
}

pub(super) async fn a_digest_is_explained(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &["v1"]) };
    world.meta.write(put).await.unwrap();
    let explain = |digest| world.meta.read(ExplainDigest { digest, limit: 9 });
    let stored = explain(blob).await.unwrap();
    assert_eq!(stored.layers[0].needed_by, [digest("m")]);
    assert!(stored.object.is_some_and(|(_, size, queued)| size == 5 && queued.is_none()));
    let stored = explain(digest("m")).await.unwrap();
    assert_eq!((stored.images[0].name.as_str(), stored.images[0].tags[0].as_str()), ("app", "v1"));
    delete(&world, repository, "m").await;
    let preview = PreviewCollection { cutoff: now(&world), limit: 9 };
    assert_eq!(world.meta.read(preview).await.unwrap().links[0].review.digest, blob);
    collect_links(&world, repository, now(&world)).await;
    // The object waits no second grace.
    assert_eq!(world.meta.read(preview).await.unwrap().objects[0].1, blob);
    collect_objects(&world, now(&world)).await;
    let stored = explain(blob).await.unwrap();
    assert_eq!((stored.object, stored.doomed.len()), (None, 1));
}

pub(super) async fn bytes_of_uploads_are_counted_until_they_end(world: World) {
    let repository = world.repository("app").await;
    let stored = async || {
        assert_counted(&world).await;
        world.meta.read(SumStoredBytes { by: StoredBy::Deployment }).await.unwrap()
    };
    let (one, two, three) =
        (world.upload(repository).await, world.upload(repository).await, world.upload(repository).await);
    let advance = async |upload: &CreateUpload, offset, part| {
        let advance = super::upload::advance(upload, i64::from(offset != part), offset, world.id());
        world.meta.write(AdvanceUpload { last_part_size: part, ..advance }).await.unwrap();
    };
    advance(&one, 2, 2).await;
    advance(&one, 5, 3).await;
    advance(&two, 7, 7).await;
    advance(&three, 11, 11).await;
    assert_eq!(stored().await, 23);
    let complete = CompleteUpload { expected_version: 2, ..world.complete(&one, "layer") };
    world.meta.write(complete).await.unwrap();
    assert_eq!(stored().await, 23, "five bytes are a layer now");
    world.meta.write(CancelUpload { repository, id: two.id, at: now(&world) }).await.unwrap();
    assert_eq!(stored().await, 16);
    let expire = ExpireUploads { idle_since: Micros(i64::MAX), limit: 9, at: now(&world) };
    assert_eq!(world.meta.write(expire).await.unwrap(), 1);
    assert_eq!(stored().await, 5);
}

pub(super) async fn drifts_of_usage_are_corrected(world: World) {
    assert!(!world.meta.read(HasUsage).await.unwrap());
    let repository = world.repository("app").await;
    world.blob(repository, "layer").await;
    world.put(repository, "m", &[]).await;
    world.sql("DELETE FROM repository_usage").await.unwrap();
    assert!(world.meta.read(HasUsage).await.unwrap());
    let drifts = world.meta.read(MeasureUsage).await.unwrap();
    assert!(!drifts.is_empty());
    // What happens between the measurement and the correction counts too.
    world.blob(repository, "more").await;
    world.meta.write(CorrectUsage { drifts: drifts.clone() }).await.unwrap();
    assert_counted(&world).await;
    // Another node had measured the same.
    world.meta.write(CorrectUsage { drifts }).await.unwrap();
    assert_counted(&world).await;
}
