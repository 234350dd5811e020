//! The queue, and keys of doomed bytes.

use super::world::{World, refusal};
use crate::*;

pub(super) async fn claims_are_leased_and_fenced(world: World) {
    let enqueue =
        |key: &str, due_at| EnqueueWork { kind: "scan".into(), key: key.into(), due_at: Micros(due_at) };
    for (key, due_at) in [("b", 20), ("a", 10), ("late", 500), ("a", 1)] {
        world.meta.write(enqueue(key, due_at)).await.unwrap();
    }
    let claim = |now, lease_until| ClaimWork {
        kind: "scan".into(),
        now: Micros(now),
        lease_until: Micros(lease_until),
        limit: 9,
    };
    let mut first = world.meta.write(claim(50, 100)).await.unwrap();
    first.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(first.iter().map(|work| work.key.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(world.meta.write(claim(60, 100)).await.unwrap(), [], "it is leased");
    let second = world.meta.write(claim(100, 200)).await.unwrap();
    assert_eq!(second.len(), 2);
    assert!(second.iter().all(|work| work.attempts == 2));
    let fence = |works: &[Work], key: &str| works.iter().find(|work| work.key == key).unwrap().fence;
    let (a, b) = ((fence(&first, "a"), fence(&second, "a")), (fence(&first, "b"), fence(&second, "b")));
    assert!(a.1 > a.0 && b.1 > b.0);
    let finish = |key: &str, fence| FinishWork { kind: "scan".into(), key: key.into(), fence };
    assert_eq!(refusal(world.meta.write(finish("a", a.0)).await), Overtaken);
    world.meta.write(finish("a", a.1)).await.unwrap();
    let postpone = |fence| PostponeWork {
        kind: "scan".into(),
        key: "b".into(),
        fence,
        due_at: Micros(150),
        error: Some("no".into()),
    };
    assert_eq!(refusal(world.meta.write(postpone(b.0)).await), Overtaken);
    world.meta.write(postpone(b.1)).await.unwrap();
    assert_eq!(world.meta.write(claim(149, 300)).await.unwrap(), []);
    assert_eq!(world.meta.write(claim(150, 300)).await.unwrap().len(), 1);
    let other = ClaimWork { kind: "other".into(), ..claim(900, 901) };
    assert_eq!(world.meta.write(other).await.unwrap(), []);
}

/// Work that is queued again after its end is other work: who claimed it before ends and writes nothing of it.
pub(super) async fn queued_after_its_end_it_has_other_claims(world: World) {
    let (kind, key) = ("scan".to_owned(), "a".to_owned());
    let enqueue = EnqueueWork { kind: kind.clone(), key: key.clone(), due_at: Micros(10) };
    let claim = async |now| {
        let claim =
            ClaimWork { kind: kind.clone(), now: Micros(now), lease_until: Micros(now + 10), limit: 9 };
        world.meta.write(claim).await.unwrap().remove(0)
    };
    let finish = |fence| FinishWork { kind: kind.clone(), key: key.clone(), fence };
    world.meta.write(enqueue.clone()).await.unwrap();
    let stalled = claim(10).await;
    let next = claim(20).await;
    world.meta.write(finish(next.fence)).await.unwrap();
    world.meta.write(enqueue).await.unwrap();
    let later = claim(30).await;
    let renew = RenewWork { claim: stalled.claim(), lease_until: Micros(900) };
    assert_eq!(refusal(world.meta.write(renew).await), Overtaken);
    let (kind, key, due_at) = (kind.clone(), key.clone(), Micros(900));
    let postpone = PostponeWork { kind, key, fence: stalled.fence, due_at, error: None };
    assert_eq!(refusal(world.meta.write(postpone).await), Overtaken);
    assert_eq!(refusal(world.meta.write(finish(stalled.fence)).await), Overtaken);
    world.meta.write(finish(later.fence)).await.unwrap();
}

fn claim_doomed(now: i64) -> ClaimDoomed {
    ClaimDoomed { now: Micros(now), delay: DOOM_DELAY, lease_until: Micros(now + 100), limit: 9 }
}

pub(super) async fn doomed_keys_rest_first(world: World) {
    let repository = world.repository("app").await;
    let upload = world.upload(repository).await;
    let at = Micros(1_000);
    world.meta.write(CancelUpload { repository, id: upload.id, at }).await.unwrap();
    let claim = |now| world.meta.write(claim_doomed(now));
    let due = at.0 + DOOM_DELAY.0;
    assert_eq!(claim(due - 1).await.unwrap(), Vec::<String>::new());
    let key = std::slice::from_ref(&upload.object_key);
    assert_eq!(claim(due).await.unwrap(), key);
    assert_eq!(claim(due + 99).await.unwrap(), Vec::<String>::new(), "it is claimed");
    // The claimer ended: the key is returned again until it is removed.
    assert_eq!(claim(due + 100).await.unwrap(), key);
    assert_eq!(world.doomed().await, key);
    world.meta.write(ForgetDoomed { keys: vec![upload.object_key] }).await.unwrap();
    assert_eq!(claim(i64::MAX / 3).await.unwrap(), Vec::<String>::new());
}

pub(super) async fn a_hold_keeps_doomed_bytes_until_it_ends(world: World) {
    let repository = world.repository("app").await;
    let upload = world.upload(repository).await;
    world.meta.write(CancelUpload { repository, id: upload.id, at: Micros(1_000) }).await.unwrap();
    let key = std::slice::from_ref(&upload.object_key);
    let due = 1_000 + DOOM_DELAY.0;
    let claim = |now| world.meta.write(claim_doomed(now));
    let start = |id: &str, until| StartBackupHold {
        hold: BackupHold { id: id.to_owned(), until: Micros(until) },
        now: Micros(due),
    };
    let end = |id: &str| EndBackupHold { id: id.to_owned(), now: Micros(due) };
    let ids = |holds: Vec<BackupHold>| holds.into_iter().map(|hold| hold.id).collect::<Vec<_>>();
    assert_eq!(ids(world.meta.write(start("a", due + 10)).await.unwrap()), ["a"]);
    assert_eq!(ids(world.meta.write(start("b", due + 20)).await.unwrap()), ["a", "b"]);
    assert_eq!(claim(due).await.unwrap(), Vec::<String>::new());
    assert_eq!(ids(world.meta.write(end("b")).await.unwrap()), ["a"]);
    assert_eq!(ids(world.meta.write(end("b")).await.unwrap()), ["a"], "it can be repeated");
    assert_eq!(claim(due + 9).await.unwrap(), Vec::<String>::new(), "the other one is valid");
    assert_eq!(claim(due + 10).await.unwrap(), key, "it has expired");

    for number in 1..MOST_HOLDS {
        world.meta.write(start(&number.to_string(), due + 10)).await.unwrap();
    }
    assert_eq!(refusal(world.meta.write(start("more", due + 10)).await), TooManyHolds);
    let later = StartBackupHold { now: Micros(due + 10), ..start("more", due + 99) };
    assert_eq!(ids(world.meta.write(later).await.unwrap()), ["more"], "expired holds are forgotten");
}
