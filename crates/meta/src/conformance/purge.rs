//! The rows of a deleted repository are removed in slices.

use super::world::{World, digest};
use crate::*;

pub(super) async fn in_slices(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    let upload = world.upload(repository).await;
    for at in 0..10 {
        let put = PutImage {
            blobs: vec![blob],
            ..world.image(repository, &format!("m{at}"), &[&format!("t{at}")])
        };
        let image = world.meta.write(put).await.unwrap().image.id;
        world
            .meta
            .write(RecordPulls {
                pulls: [Pull { repository, id: image, at: Micros(1), principal_arn: "arn:p".into() }].into(),
                apart: Micros(0),
            })
            .await
            .unwrap();
    }
    let tag = TagResource { repository, tags: vec![("k".into(), "v".into())], limit: 50, at: Micros(9) };
    world.meta.write(tag).await.unwrap();
    world.meta.write(DeleteRepository { repository, force: true, at: Micros(9) }).await.unwrap();
    let claim =
        ClaimWork { kind: PURGE_REPOSITORY.into(), now: Micros(9), lease_until: Micros(99), limit: 9 };
    let work = world.meta.write(claim).await.unwrap();
    assert_eq!(RepositoryKey::from_text(&work[0].key), Some(repository));
    let mut slices = 1;
    while !world.meta.write(PurgeRepositorySlice { repository, limit: 7, at: Micros(10) }).await.unwrap() {
        slices += 1;
        assert!(slices < 100, "it never ends");
    }
    // 10 each of tags, their moves, blobs, pulls, bodies and images; an upload, a link, a resource tag.
    assert!((9..=10).contains(&slices), "{slices}");
    assert!(world.meta.write(PurgeRepositorySlice { repository, limit: 7, at: Micros(10) }).await.unwrap());
    assert_eq!(world.doomed().await, [upload.object_key]);
    world.sql("DELETE FROM object").await.expect("nothing links the object any more");
}

pub(super) async fn the_living_are_spared(world: World) {
    let repository = world.repository("app").await;
    let blob = world.blob(repository, "layer").await;
    let put = PutImage { blobs: vec![blob], ..world.image(repository, "m", &["v1"]) };
    world.meta.write(put).await.unwrap();
    assert!(world.meta.write(PurgeRepositorySlice { repository, limit: 7, at: Micros(10) }).await.unwrap());
    let find = FindBlobs { repository, digests: vec![blob] };
    assert!(world.meta.read(find).await.unwrap()[0].1.is_some());
    assert_eq!(world.row("app").await.image_count, 1);
    let why = world.sql("DELETE FROM object").await.expect_err("a link keeps its object");
    assert!(why.to_lowercase().contains("foreign"), "{why}");
    assert_eq!(world.put(repository, "m", &[]).await.digest, digest("m"));
}
