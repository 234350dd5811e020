//! The history of tags: written with the move, listed, trimmed.

use super::world::{World, digest, refusal, tag};
use crate::*;

async fn moves(world: &World, repository: RepositoryKey, of: Option<&str>) -> Vec<TagMove> {
    let list = ListTagMoves { repository, tag: of.map(tag), before: None, limit: 100 };
    world.meta.read(list).await.unwrap()
}

pub(super) async fn each_move_is_recorded_with_the_push(world: World) {
    let repository = world.repository("app").await;
    world.put(repository, "one", &["v1", "latest"]).await;
    let second = world.image(repository, "two", &["latest"]);
    world.meta.write(second.clone()).await.unwrap();
    world.meta.write(second.clone()).await.unwrap();
    let of_latest = moves(&world, repository, Some("latest")).await;
    let [newest, first] = &of_latest[..] else { panic!("{of_latest:?}") };
    assert_eq!((newest.digest, newest.previous), (digest("two"), Some(digest("one"))));
    assert_eq!(
        (newest.moved_at, newest.moved_by.as_str()),
        (second.at, "arn:aws:iam::123456789012:user/ann")
    );
    assert_eq!((first.digest, first.previous), (digest("one"), None));
    assert_eq!(moves(&world, repository, None).await.len(), 3, "the same push again moves nothing");
    let page = ListTagMoves { repository, tag: None, before: Some(newest.id), limit: 1 };
    assert_eq!(world.meta.read(page).await.unwrap().len(), 1);

    // A push that is refused leaves no history.
    let mutability = Mutability::Immutable;
    world
        .meta
        .write(PutImageTagMutability { repository, mutability, filters: Vec::new(), at: Micros(9) })
        .await
        .unwrap();
    let refused = world.meta.write(world.image(repository, "three", &["latest"])).await;
    assert!(matches!(refusal(refused), PutImageRefusal::TagImmutable { .. }));
    assert_eq!(moves(&world, repository, None).await.len(), 3);
}

pub(super) async fn an_image_knows_when_it_lost_a_tag(world: World) {
    let repository = world.repository("app").await;
    let one = world.put(repository, "one", &["v1"]).await;
    let displaced = async || {
        let find = FindLifecycleImages { repository, ids: vec![one.id], at: Micros(0) };
        world.meta.read(find).await.unwrap().remove(0).displaced_at
    };
    assert_eq!(displaced().await, None);
    let second = world.image(repository, "two", &["v1"]);
    world.meta.write(second.clone()).await.unwrap();
    assert_eq!(displaced().await, Some(second.at));
    let counted = world.row("app").await;
    assert_eq!((counted.image_count, counted.tag_count), (2, 1));
}

pub(super) async fn old_moves_are_trimmed_in_slices(world: World) {
    let (one, other) = (world.repository("one").await, world.repository("other").await);
    for body in ["a", "b", "c"] {
        world.put(one, body, &["v1"]).await;
        world.put(other, body, &["v1"]).await;
    }
    let kept = moves(&world, other, None).await[0].moved_at;
    let trim = |limit| world.meta.write(TrimTagHistory { before: kept, limit });
    assert_eq!(trim(2).await.unwrap(), 2);
    assert_eq!(trim(100).await.unwrap(), 3);
    assert_eq!(trim(100).await.unwrap(), 0);
    assert_eq!(moves(&world, one, None).await, []);
    assert_eq!(moves(&world, other, None).await.len(), 1);
    let delete = DeleteRepository { repository: other, force: true, at: Micros(9) };
    world.meta.write(delete).await.unwrap();
    let purge = PurgeRepositorySlice { repository: other, limit: 100, at: Micros(9) };
    assert!(world.meta.write(purge).await.unwrap());
    assert_eq!(moves(&world, other, None).await, []);
}
