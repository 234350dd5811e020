//! The limit on the total size of inline policies.

use super::world::{World, refusal};
use crate::*;

fn put(name: &str, size: usize, limit: usize) -> PutInlinePolicyWithin {
    // White space does not count.
    let document = format!("{} \n", "x".repeat(size));
    let put = PutInlinePolicy { owner: "AIDA1".to_owned(), name: name.into(), document };
    PutInlinePolicyWithin { put, limit }
}

async fn names(world: &World) -> Vec<String> {
    let list = ListInlinePolicies { owner: "AIDA1".to_owned() };
    world.meta.read(list).await.unwrap().into_iter().map(|(name, _)| name).collect()
}

pub(super) async fn all_together_have_a_size(world: World) {
    assert_eq!(refusal(world.meta.write(put("a", 1, 10)).await), PutInlinePolicyRefusal::PrincipalGone);
    world.user("AIDA1", "ann").await.unwrap();
    world.meta.write(put("a", 6, 10)).await.unwrap();
    assert_eq!(refusal(world.meta.write(put("b", 5, 10)).await), PutInlinePolicyRefusal::Limit);
    world.meta.write(put("b", 4, 10)).await.unwrap();
    assert_eq!(refusal(world.meta.write(put("a", 7, 10)).await), PutInlinePolicyRefusal::Limit);
    world.meta.write(put("a", 5, 10)).await.unwrap();
    assert_eq!(names(&world).await, ["a", "b"]);
}

pub(super) async fn of_two_that_race_for_the_room_one_wins(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    for _ in 0..20 {
        let (one, other) = tokio::join!(world.meta.write(put("a", 6, 10)), world.meta.write(put("b", 6, 10)));
        assert!(one.is_ok() != other.is_ok());
        let there = names(&world).await;
        assert_eq!(there.len(), 1);
        for name in there {
            world.meta.write(DeleteInlinePolicy { owner: "AIDA1".to_owned(), name }).await.unwrap();
        }
    }
}
