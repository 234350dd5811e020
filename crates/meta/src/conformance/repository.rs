//! Repositories: names, pages, deletion, settings, resource tags.

use super::world::{World, refusal};
use crate::*;

pub(super) async fn names_are_unique_among_the_living(world: World) {
    let create = world.new_repository("team/app");
    let made = world.meta.write(create.clone()).await.unwrap();
    assert_eq!(world.meta.write(create).await.unwrap(), made, "a repeat finds its own");
    assert_eq!(
        refusal(world.meta.write(world.new_repository("team/app")).await),
        CreateRepositoryRefusal::Exists
    );
    assert_eq!(world.repository_count().await, 1);
    let delete = DeleteRepository { repository: made.key, force: false, at: Micros(77) };
    assert_eq!(world.meta.write(delete.clone()).await.unwrap().name, "team/app");
    assert_eq!(world.meta.write(delete.clone()).await.unwrap().name, "team/app", "a repeat finds its own");
    let later = DeleteRepository { at: Micros(78), ..delete };
    assert_eq!(refusal(world.meta.write(later).await), DeleteRepositoryRefusal::NotFound);
    let again = world.repository("team/app").await;
    assert_ne!(again, made.key);
    assert_eq!(world.repository_count().await, 1);
}

pub(super) async fn pages_go_by_bytes(world: World) {
    for name in ["b", "a-b", "a/b", "a", "ab", "a_b", "a.b"] {
        world.repository(name).await;
    }
    let expected = ["a", "a-b", "a.b", "a/b", "a_b", "ab", "b"];
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = DescribeRepositories { registry: world.registry, after: after.take(), limit: 3 };
        let page = world.meta.read(page).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        seen.extend(page.into_iter().map(|row| row.name));
    }
    assert_eq!(seen, expected);
    let other = DescribeRepositories { registry: RegistryKey(99), after: None, limit: 9 };
    assert_eq!(world.meta.read(other).await.unwrap(), []);
}

pub(super) async fn deletion_is_refused_while_images_are_there(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["v1"]).await;
    let delete = |force| DeleteRepository { repository, force, at: Micros(50) };
    assert_eq!(refusal(world.meta.write(delete(false)).await), DeleteRepositoryRefusal::NotEmpty);
    assert_eq!(world.row("app").await.image_count, 1);
    world.meta.write(delete(true)).await.unwrap();
    let put = world.image(repository, "two", &[]);
    assert_eq!(refusal(world.meta.write(put).await), PutImageRefusal::RepositoryGone);
}

pub(super) async fn settings_are_kept(world: World) {
    let repository = world.repository("app").await;
    let mutability = Mutability::ImmutableWithExclusion;
    let put = PutImageTagMutability {
        repository,
        mutability,
        filters: vec!["dev*".into(), "\"x".into()],
        at: Micros(9),
    };
    let changed = world.meta.write(put.clone()).await.unwrap();
    assert_eq!((changed.mutability, &changed.exclusion_filters), (mutability, &put.filters));
    assert_eq!(world.row("app").await.row, changed);
    let gone = RepositoryKey { id: 1, ..repository };
    assert_eq!(
        refusal(world.meta.write(PutImageTagMutability { repository: gone, ..put }).await),
        RepositoryGone
    );
    let scanned =
        world.meta.write(PutImageScanning { repository, scan_on_push: true, at: Micros(9) }).await.unwrap();
    assert_eq!(scanned, RepositoryRow { scan_on_push: true, ..changed });
    assert_eq!(world.row("app").await.row, scanned);
    let scan = PutImageScanning { repository: gone, scan_on_push: true, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(scan).await), RepositoryGone);
}

pub(super) async fn resource_tags(world: World) {
    let mut create = world.new_repository("app");
    create.tags = vec![("team".into(), "one".into())];
    let repository = world.meta.write(create).await.unwrap().key;
    let set = |tags: Vec<(String, String)>| {
        world.meta.write(TagResource { repository, tags, limit: 50, at: Micros(9) })
    };
    let list = || world.meta.read(ListTagsForResource { repository });
    set(vec![("team".into(), "two".into()), ("a".into(), String::new())]).await.unwrap();
    let expected = vec![("a".to_owned(), String::new()), ("team".to_owned(), "two".to_owned())];
    assert_eq!(list().await.unwrap(), expected);
    let many = (0..49).map(|at| (format!("k{at}"), String::new())).collect();
    assert_eq!(refusal(set(many).await), TagResourceRefusal::TooMany);
    assert_eq!(list().await.unwrap(), expected, "what was refused left nothing");
    assert_eq!(world.row("app").await.tags_version, 1);
    world
        .meta
        .write(UntagResource { repository, keys: vec!["a".into(), "none".into()], at: Micros(9) })
        .await
        .unwrap();
    assert_eq!(list().await.unwrap().len(), 1);
    assert_eq!(world.row("app").await.tags_version, 2);
    let gone = RepositoryKey { id: 1, ..repository };
    let untag = UntagResource { repository: gone, keys: Vec::new(), at: Micros(9) };
    assert_eq!(refusal(world.meta.write(untag).await), RepositoryGone);
    let tag = TagResource { repository: gone, tags: Vec::new(), limit: 50, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(tag).await), TagResourceRefusal::NotFound);
}
