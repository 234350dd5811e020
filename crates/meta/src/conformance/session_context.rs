//! Contexts of sessions: stored until they expire, removed in slices.

use super::world::World;
use crate::*;

fn context(at: i64, owner: &str) -> PutSessionContext {
    let (id, context) = (format!("c{at}"), at.to_le_bytes().to_vec());
    PutSessionContext { id, owner: owner.to_owned(), context, expires_at: Micros(at) }
}

async fn kept(world: &World) -> Vec<i64> {
    let mut kept = Vec::new();
    for at in 0..20i64 {
        let find = FindSessionContext { id: format!("c{at}") };
        if let Some(bytes) = world.meta.read(find).await.unwrap() {
            assert_eq!(bytes, at.to_le_bytes());
            kept.push(at);
        }
    }
    kept
}

pub(super) async fn forgotten_in_slices_when_over(world: World) {
    for at in [9, 1, 5, 3, 7] {
        world.meta.write(context(at, "AIDA1")).await.unwrap();
    }
    let again = PutSessionContext { context: vec![0], ..context(5, "AIDA1") };
    world.meta.write(again).await.expect("an id is of one context for ever");
    let forget = |limit, at| world.meta.write(ForgetSessionContexts { limit, at: Micros(at) });
    assert_eq!(forget(10, 1).await.unwrap(), 0, "its time lasts to the end");
    assert_eq!(kept(&world).await, [1, 3, 5, 7, 9]);
    assert_eq!(forget(2, 8).await.unwrap(), 2);
    assert_eq!(kept(&world).await, [5, 7, 9], "the oldest went first");
    assert_eq!(forget(2, 8).await.unwrap(), 2);
    assert_eq!(forget(2, 8).await.unwrap(), 0);
    assert_eq!(kept(&world).await, [9]);
    for later in [20, 10] {
        let again = PutSessionContext { expires_at: Micros(later), ..context(9, "AIDA1") };
        world.meta.write(again).await.unwrap();
    }
    assert_eq!(forget(2, 20).await.unwrap(), 0, "the later of its ends counts");
    assert_eq!(forget(2, 21).await.unwrap(), 1);
}

pub(super) async fn they_end_with_their_principal(world: World) {
    world.entity("AIDA1").await;
    world.entity("AROA1").await;
    for (at, owner) in [(1, "AIDA1"), (2, "AROA1"), (3, "AIDA1")] {
        world.meta.write(context(at, owner)).await.unwrap();
    }
    world.meta.write(DeleteEntity { unique_id: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(kept(&world).await, [2]);
}
