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
    assert!(second.iter().all(|work| work.fence == 2 && work.attempts == 2));
    let finish = |key: &str, fence| FinishWork { kind: "scan".into(), key: key.into(), fence };
    assert_eq!(refusal(world.meta.write(finish("a", 1)).await), Overtaken);
    world.meta.write(finish("a", 2)).await.unwrap();
    let postpone = |fence| PostponeWork {
        kind: "scan".into(),
        key: "b".into(),
        fence,
        due_at: Micros(150),
        error: Some("no".into()),
    };
    assert_eq!(refusal(world.meta.write(postpone(1)).await), Overtaken);
    world.meta.write(postpone(2)).await.unwrap();
    assert_eq!(world.meta.write(claim(149, 300)).await.unwrap(), []);
    assert_eq!(world.meta.write(claim(150, 300)).await.unwrap().len(), 1);
    let other = ClaimWork { kind: "other".into(), ..claim(900, 901) };
    assert_eq!(world.meta.write(other).await.unwrap(), []);
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
