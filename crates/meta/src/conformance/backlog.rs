//! What waits for the reconcilers is counted up to a limit.

use super::world::World;
use crate::*;

pub(super) async fn what_waits_is_counted(world: World) {
    let count = |at, limit| CountBacklogs {
        uploads_idle_since: Micros(at),
        events_before: 0,
        queued_until: Micros(at),
        doom_delay: DOOM_DELAY,
        sealing_key: 1,
        at: Micros(at),
        limit,
    };
    assert_eq!(world.meta.read(count(i64::MAX / 2, 9)).await.unwrap(), Backlogs::default());
    let repository = world.repository("app").await;
    let (first, second) = (world.upload(repository).await, world.upload(repository).await);
    world.upload(repository).await;
    let at = Micros(1_000);
    for id in [first.id, second.id] {
        world.meta.write(CancelUpload { repository, id, at }).await.unwrap();
    }
    let put = |id: &str| PutSessionContext {
        id: id.into(),
        owner: "AIDA1".to_owned(),
        context: vec![1],
        expires_at: Micros(5),
    };
    world.meta.write(put("one")).await.unwrap();
    let doomed_at = at.0 + DOOM_DELAY.0;
    let expected = Backlogs { uploads: 1, sessions: 1, ..Backlogs::default() };
    assert_eq!(world.meta.read(count(doomed_at - 1, 9)).await.unwrap(), expected);
    let delete = DeleteRepository { repository, force: true, at };
    world.meta.write(delete).await.unwrap();
    let expected = Backlogs { objects: 2, repositories: 1, ..expected };
    assert_eq!(world.meta.read(count(doomed_at, 9)).await.unwrap(), expected);
    let limited = world.meta.read(count(doomed_at, 1)).await.unwrap();
    assert_eq!(limited.objects, 1, "the count ends at the limit");
    world.entity("AIDA9").await;
    for (id, key) in [("AKIAIOSFODNN7EXAMPL1", 1), ("AKIAIOSFODNN7EXAMPL2", 2)] {
        let (id, owner) = (id.parse().unwrap(), "AIDA9".to_owned());
        world.meta.write(CreateAccessKey { id, owner, sealed_secret: vec![1, key, 7], at }).await.unwrap();
    }
    assert_eq!(world.meta.read(count(doomed_at, 9)).await.unwrap().secrets, 1);
    for (serial_number, key) in [("a", 1), ("b", 2)] {
        let (serial_number, sealed_seed) = (serial_number.to_owned(), vec![1, key, 7]);
        let create = CreateMfaDevice { account: AccountKey(1), serial_number, sealed_seed, limit: 2, at };
        world.meta.write(create).await.unwrap();
    }
    assert_eq!(world.meta.read(count(doomed_at, 9)).await.unwrap().secrets, 2);
}
