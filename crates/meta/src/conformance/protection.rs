//! What is protected or in use is neither deleted nor archived; everything else is.

use super::lifecycle::{execution, item, listed, put_policy, unclaimed};
use super::{
    place::Place,
    world::{World, delete_image, digest, refusal, tag},
};
use crate::*;

fn by_digest(name: &str) -> ImageRef {
    ImageRef { digest: Some(digest(name)), tag: None }
}

fn by_tag(name: &str) -> ImageRef {
    ImageRef { digest: None, tag: Some(tag(name)) }
}

async fn set(world: &World, repository: RepositoryKey, image: ImageRef, is_protected: bool, at: i64) {
    let set = SetProtection { repository, image, is_protected, at: Micros(at) };
    world.meta.write(set).await.unwrap();
}

fn report(world: &World, source: &str, names: &[&str], expires_at: i64) -> PutInUseReport {
    PutInUseReport {
        registry: world.registry,
        source: source.into(),
        digests: names.iter().map(|name| digest(name)).collect(),
        expires_at: Micros(expires_at),
        at: Micros(5),
        limit: 2,
    }
}

fn protected(name: &str, by: ProtectedBy) -> Protected {
    Protected { digest: digest(name), by }
}

async fn delete(world: &World, repository: RepositoryKey, item: DeleteItem) -> DeleteOutcome {
    let delete = BatchDeleteImage { items: vec![item], ..delete_image(repository, "") };
    world.meta.write(delete).await.unwrap().remove(0)
}

pub(super) async fn a_protected_image_stays(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["a", "b"]).await;
    world.put(repository, "two", &[]).await;
    for image in
        [by_digest("none"), by_tag("none"), ImageRef { digest: Some(digest("two")), tag: Some(tag("a")) }]
    {
        let set = SetProtection { repository, image, is_protected: true, at: Micros(5) };
        assert_eq!(refusal(world.meta.write(set).await), SetProtectionRefusal::NotFound);
    }
    set(&world, repository, by_digest("one"), true, 5).await;
    let stays = DeleteOutcome::Protected(protected("one", ProtectedBy::Image));
    assert_eq!(delete(&world, repository, DeleteItem::ByDigest(digest("one"))).await, stays);
    let first = delete(&world, repository, DeleteItem::ByTag(tag("a"))).await;
    assert!(matches!(first, DeleteOutcome::Removed(_)), "it has another tag: {first:?}");
    assert_eq!(delete(&world, repository, DeleteItem::ByTag(tag("b"))).await, stays, "it would go");
    world.meta.write(DeleteTag { repository, tag: tag("b"), at: Micros(9) }).await.unwrap();
    let archive = UpdateImageStorageClass {
        repository,
        image: by_digest("one"),
        to_archive: true,
        restored_at: Micros(9),
        at: Micros(9),
    };
    let expected = StorageClassRefusal::Protected(protected("one", ProtectedBy::Image));
    assert_eq!(refusal(world.meta.write(archive).await), expected);
    let other = delete(&world, repository, DeleteItem::ByDigest(digest("two"))).await;
    assert!(matches!(other, DeleteOutcome::Removed(_)));
    set(&world, repository, by_digest("one"), false, 6).await;
    let gone = delete(&world, repository, DeleteItem::ByDigest(digest("one"))).await;
    assert!(matches!(gone, DeleteOutcome::Removed(_)));
}

pub(super) async fn a_protected_tag_stays_and_may_move(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["keep", "other"]).await;
    set(&world, repository, by_tag("keep"), true, 5).await;
    let stays = |name| protected(name, ProtectedBy::Tag(tag("keep")));
    let delete_keep = || DeleteTag { repository, tag: tag("keep"), at: Micros(9) };
    assert_eq!(refusal(world.meta.write(delete_keep()).await), DeleteTagRefusal::Protected(stays("one")));
    for item in [
        DeleteItem::ByTag(tag("keep")),
        DeleteItem::Both(digest("one"), tag("keep")),
        DeleteItem::ByDigest(digest("one")),
    ] {
        assert_eq!(delete(&world, repository, item).await, DeleteOutcome::Protected(stays("one")));
    }
    world.put(repository, "two", &["keep"]).await;
    let moved = delete(&world, repository, DeleteItem::ByDigest(digest("one"))).await;
    assert!(matches!(moved, DeleteOutcome::Removed(_)), "the tag has moved: {moved:?}");
    let kept = delete(&world, repository, DeleteItem::ByDigest(digest("two"))).await;
    assert_eq!(kept, DeleteOutcome::Protected(stays("two")), "the tag keeps its protection");
    set(&world, repository, by_tag("keep"), false, 6).await;
    world.meta.write(delete_keep()).await.unwrap();
}

pub(super) async fn a_digest_in_use_stays_until_it_expires(world: World) {
    let (repository, other) = (world.repository("app").await, world.repository("other").await);
    world.put(repository, "one", &[]).await;
    world.put(other, "one", &[]).await;
    world.put(repository, "two", &[]).await;
    assert_eq!(world.meta.write(report(&world, "east", &["one", "one", "none"], 10)).await.unwrap(), 2);
    let delete = async |key, name: &'static str, at| {
        let delete = BatchDeleteImage { at: Micros(at), ..delete_image(key, name) };
        world.meta.write(delete).await.unwrap().remove(0)
    };
    let stays = DeleteOutcome::Protected(protected("one", ProtectedBy::Use("east".into())));
    for key in [repository, other] {
        assert_eq!(delete(key, "one", 9).await, stays, "in each repository of the registry");
    }
    assert!(matches!(delete(other, "one", 10).await, DeleteOutcome::Removed(_)), "the report has expired");
    world.meta.write(report(&world, "east", &["two"], 10)).await.unwrap();
    assert!(matches!(delete(repository, "one", 9).await, DeleteOutcome::Removed(_)), "it was replaced");
    world.meta.write(report(&world, "west", &["two"], 20)).await.unwrap();
    let end = |source: &str| DeleteInUseReport { registry: world.registry, source: source.into() };
    world.meta.write(end("east")).await.unwrap();
    assert_eq!(refusal(world.meta.write(end("east")).await), NoReport);
    assert!(
        matches!(delete(repository, "two", 9).await, DeleteOutcome::Protected(_)),
        "another source uses it"
    );
    world.meta.write(end("west")).await.unwrap();
    assert!(matches!(delete(repository, "two", 9).await, DeleteOutcome::Removed(_)));
}

pub(super) async fn an_index_of_a_protected_image_stays(world: World) {
    let repository = world.repository("app").await;
    world.sparse("ENABLED").await;
    world.put(repository, "amd64", &[]).await;
    let of = |child: &str, body: &'static str| PutImage {
        children: vec![digest(child), digest("missing")],
        missing: MissingContents::AsTheRegistrySays,
        ..world.image(repository, body, &[])
    };
    world.meta.write(of("amd64", "index")).await.unwrap();
    world.meta.write(of("index", "of-indexes")).await.unwrap();
    let delete = async || delete(&world, repository, DeleteItem::ByDigest(digest("of-indexes"))).await;
    world.meta.write(report(&world, "east", &["amd64"], 10)).await.unwrap();
    let stays = DeleteOutcome::Protected(protected("amd64", ProtectedBy::Use("east".into())));
    assert_eq!(delete().await, stays, "an image of an index of the index is in use");
    world.meta.write(report(&world, "east", &["missing"], 10)).await.unwrap();
    let stays = DeleteOutcome::Protected(protected("missing", ProtectedBy::Use("east".into())));
    assert_eq!(delete().await, stays, "an image that the repository does not have is in use");
    world.meta.write(report(&world, "east", &[], 10)).await.unwrap();
    set(&world, repository, by_digest("amd64"), true, 5).await;
    assert_eq!(delete().await, DeleteOutcome::Protected(protected("amd64", ProtectedBy::Image)));
    set(&world, repository, by_digest("amd64"), false, 5).await;
    assert!(matches!(delete().await, DeleteOutcome::Removed(_)));
}

pub(super) async fn a_repository_with_protected_images_stays(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "child", &[]).await;
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &["i"]) };
    world.meta.write(index).await.unwrap();
    world.put(world.repository("other").await, "elsewhere", &[]).await;
    let delete = || DeleteRepository { repository, force: true, at: Micros(9) };
    let refused = async || refusal(world.meta.write(delete()).await);
    let stays = |name, by| DeleteRepositoryRefusal::Protected(protected(name, by));
    set(&world, repository, by_digest("child"), true, 5).await;
    assert_eq!(refused().await, stays("child", ProtectedBy::Image));
    set(&world, repository, by_digest("child"), false, 5).await;
    set(&world, repository, by_tag("i"), true, 5).await;
    assert_eq!(refused().await, stays("index", ProtectedBy::Tag(tag("i"))));
    set(&world, repository, by_tag("i"), false, 5).await;
    world.meta.write(report(&world, "east", &["child"], 10)).await.unwrap();
    assert_eq!(refused().await, stays("child", ProtectedBy::Use("east".into())));
    world.meta.write(report(&world, "east", &["elsewhere"], 10)).await.unwrap();
    world.meta.write(delete()).await.unwrap();
}

pub(super) async fn a_policy_leaves_what_is_protected(world: World) {
    use LifecycleOutcome::{Archived, Expired, Held};
    let repository = world.repository("app").await;
    for name in ["image", "tag", "use", "child", "none"] {
        world.put(repository, name, if name == "tag" { &["t"] } else { &[] }).await;
    }
    let index = PutImage { children: vec![digest("child")], ..world.image(repository, "index", &[]) };
    world.meta.write(index).await.unwrap();
    let policy_version = put_policy(&world, repository, 5).await;
    let images = listed(&world, repository, false).await;
    assert!(images.iter().all(|image| !image.is_protected));
    set(&world, repository, by_digest("image"), true, 5).await;
    set(&world, repository, by_tag("t"), true, 5).await;
    world.meta.write(report(&world, "east", &["use", "child"], 1_000)).await.unwrap();
    let seen = listed(&world, repository, false).await;
    let free: Vec<_> = seen.iter().filter(|image| !image.is_protected).map(|image| image.digest).collect();
    assert_eq!(free, [digest("none")]);
    let find = FindLifecycleImages {
        repository,
        ids: images.iter().map(|image| image.id).collect(),
        at: Micros(1_000),
    };
    let found = world.meta.read(find).await.unwrap();
    assert_eq!(found.iter().filter(|image| !image.is_protected).count(), 4, "the report has expired");
    // What was decided before the protection is looked at again.
    for (action, done) in [(LifecycleAction::Archive, Archived), (LifecycleAction::Expire, Expired)] {
        let state = world.meta.read(ListLifecycleImages {
            repository,
            archived: false,
            before: None,
            at: Micros(0),
            limit: 9,
        });
        let items: Vec<_> = state.await.unwrap().iter().map(|image| item(image, action)).collect();
        let names: Vec<_> = items.iter().map(|item| item.digest).collect();
        let claim = unclaimed(&world, repository).await;
        let outcomes =
            world.meta.write(execution(repository, &claim, policy_version, 0, items)).await.unwrap();
        for (name, outcome) in names.into_iter().zip(outcomes) {
            assert_eq!(outcome, if name == digest("none") { done } else { Held });
        }
        let restore = UpdateImageStorageClass {
            repository,
            image: by_digest("none"),
            to_archive: false,
            restored_at: Micros(9),
            at: Micros(9),
        };
        let _ = world.meta.write(restore).await;
    }
    assert_eq!(listed(&world, repository, false).await.len(), 5);
}

pub(super) async fn reports_have_a_limit_and_end(world: World) {
    for (source, expires_at) in [("b", 10), ("a", 20)] {
        world.meta.write(report(&world, source, &["one", "two"], expires_at)).await.unwrap();
    }
    let third = || report(&world, "c", &["one"], 30);
    assert_eq!(refusal(world.meta.write(third()).await), TooManyReports);
    world.meta.write(report(&world, "a", &["one"], 20)).await.unwrap();
    world.meta.write(PutInUseReport { at: Micros(10), ..third() }).await.unwrap();
    let list = async || {
        let list = ListInUseReports { registry: world.registry, after: None, limit: 9 };
        let reports = world.meta.read(list).await.unwrap();
        reports.into_iter().map(|report| (report.source, report.digest_count)).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [("a".to_owned(), 1), ("b".to_owned(), 2), ("c".to_owned(), 1)]);
    let forget = |at, limit| ForgetInUseReports { limit, at: Micros(at) };
    assert_eq!(world.meta.write(forget(9, 9)).await.unwrap(), 0);
    assert_eq!(world.meta.write(forget(10, 1)).await.unwrap(), 2, "in slices");
    assert_eq!(world.meta.write(forget(10, 9)).await.unwrap(), 1);
    assert_eq!(list().await, [("a".to_owned(), 1), ("c".to_owned(), 1)]);
    assert_eq!(world.meta.write(forget(30, 9)).await.unwrap(), 4);
    let counts = world.row_counts().await;
    assert_eq!((counts["in_use_report"].as_str(), counts["in_use_digest"].as_str()), ("0", "0"));
}

pub(super) async fn items_in_pages(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["a", "b", "c"]).await;
    world.put(repository, "two", &["d"]).await;
    world.put(repository, "three", &[]).await;
    for image in [by_digest("two"), by_tag("c"), by_tag("a"), by_digest("one")] {
        set(&world, repository, image, true, 7).await;
    }
    set(&world, repository, by_tag("a"), true, 99).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = world.meta.read(ListProtected { repository, after, limit: 1 }).await.unwrap();
        let Some(last) = page.last() else { break };
        assert_eq!(last.protected_at, Micros(7), "what is protected already keeps its time");
        after = Some(match &last.tag {
            Some(tag) => ProtectedCursor::Tag(tag.to_string()),
            None => ProtectedCursor::Image(last.image),
        });
        seen.push((last.digest, last.tag.as_ref().map(ToString::to_string)));
    }
    let expected = [("one", None), ("two", None), ("one", Some("a")), ("one", Some("c"))];
    assert_eq!(seen, expected.map(|(name, tag)| (digest(name), tag.map(str::to_owned))));
    let all = world.meta.read(ListProtected { repository, after: None, limit: 9 }).await.unwrap();
    assert_eq!(all.len(), 4);
}

/// An accepted report protects: a deletion that has not seen it ended before.
pub(super) async fn of_a_report_and_a_deletion_one_is_first(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &[]).await;
    world.meta.write(report(&world, "east", &["one"], 10)).await.unwrap();
    let is_postgres = matches!(world.place(), Place::Postgres(_) | Place::Lossy(..));
    let lock = |mode: &str| {
        if is_postgres { format!("; SELECT key FROM registry WHERE key = 10 {mode}") } else { String::new() }
    };
    // The report before has expired, and a new one is being accepted.
    let mut beside = world.beside().await;
    let renewed = "UPDATE in_use_digest SET expires_at = 30; UPDATE in_use_report SET expires_at = 30";
    beside.hold(&format!("{renewed}{}", lock("FOR UPDATE"))).await;
    let late = BatchDeleteImage { at: Micros(20), ..delete_image(repository, "one") };
    let (deleted, ()) = tokio::join!(world.meta.write(late), async {
        beside.await_waiting().await;
        beside.run("COMMIT").await.unwrap();
    });
    assert!(matches!(deleted.unwrap()[..], [DeleteOutcome::Protected(_)]));
    if !is_postgres {
        return;
    }
    beside.hold(&format!("SELECT 1{}", lock("FOR KEY SHARE"))).await;
    let mut accepted = Box::pin(world.meta.write(report(&world, "east", &["one"], 40)));
    let soon = tokio::time::timeout(std::time::Duration::from_millis(300), &mut accepted).await;
    assert!(soon.is_err(), "a deletion is in progress");
    beside.run("COMMIT").await.unwrap();
    accepted.await.unwrap();
}
