//! Who runs a reconciler, and when.

use super::world::World;
use crate::*;

const NAME: &str = "sweep";

fn claim(holder: &str, now: i64) -> ClaimReconciler {
    let (name, holder) = (NAME.to_owned(), holder.to_owned());
    ClaimReconciler { name, holder, is_woken: false, now: Micros(now), lease_until: Micros(now + 100) }
}

fn finish(holder: &str, now: i64, error: Option<&str>) -> FinishReconciler {
    FinishReconciler {
        name: NAME.to_owned(),
        holder: holder.to_owned(),
        now: Micros(now),
        next_run_at: Micros(now + 1_000),
        done: 7,
        has_more: error.is_none(),
        error: error.map(str::to_owned),
    }
}

async fn state(world: &World) -> ReconcilerState {
    let mut states = world.meta.read(ListReconcilers).await.unwrap();
    assert_eq!(states.len(), 1);
    states.remove(0)
}

pub(super) async fn one_node_runs_it_at_a_time(world: World) {
    assert!(world.meta.write(claim("a", 10)).await.unwrap());
    assert!(!world.meta.write(claim("b", 50)).await.unwrap(), "a runs it");
    assert!(world.meta.write(claim("b", 110)).await.unwrap(), "a's lease expired");
    world.meta.write(finish("a", 120, None)).await.unwrap();
    assert_eq!(state(&world).await.ended_at, Micros(0), "it is not a's any more");
    world.meta.write(finish("b", 130, Some("no"))).await.unwrap();
    let ended = state(&world).await;
    assert_eq!((ended.holder.as_str(), ended.ended_at, ended.next_run_at), ("b", Micros(130), Micros(1_130)));
    assert_eq!((ended.done, ended.has_more, ended.error.as_deref()), (7, false, Some("no")));
    assert_eq!(ended.lease_until, Micros(0));
}

pub(super) async fn a_long_pass_renews_its_lease(world: World) {
    let renew = |holder: &str, until| RenewReconciler {
        name: NAME.to_owned(),
        holder: holder.to_owned(),
        lease_until: Micros(until),
    };
    assert!(!world.meta.write(renew("a", 100)).await.unwrap(), "nobody runs it");
    assert!(world.meta.write(claim("a", 10)).await.unwrap());
    assert!(world.meta.write(renew("a", 200)).await.unwrap());
    assert!(!world.meta.write(renew("b", 900)).await.unwrap(), "a runs it");
    assert!(!world.meta.write(claim("b", 199)).await.unwrap());
    assert!(world.meta.write(claim("b", 200)).await.unwrap());
    assert!(!world.meta.write(renew("a", 900)).await.unwrap(), "b runs it");
    world.meta.write(finish("b", 250, None)).await.unwrap();
    assert!(!world.meta.write(renew("b", 900)).await.unwrap(), "the pass ended");
}

pub(super) async fn of_many_nodes_one_claims_it(world: World) {
    let claims = (0..16).map(|node| world.meta.write(claim(&format!("node{node}"), 10)));
    let outcomes = futures::future::join_all(claims).await;
    assert_eq!(outcomes.into_iter().filter(|outcome| *outcome.as_ref().unwrap()).count(), 1);
}

pub(super) async fn it_runs_when_it_is_due_or_asked_for(world: World) {
    assert!(world.meta.write(claim("a", 10)).await.unwrap());
    world.meta.write(finish("a", 20, None)).await.unwrap();
    assert!(!world.meta.write(claim("b", 500)).await.unwrap(), "it is not due");
    world.meta.write(RequestReconciler { name: NAME.to_owned(), at: Micros(510) }).await.unwrap();
    assert_eq!(state(&world).await.requested_at, Micros(510));
    assert!(world.meta.write(claim("b", 520)).await.unwrap());
    assert_eq!(state(&world).await.requested_at, Micros(0));
    world.meta.write(finish("b", 530, None)).await.unwrap();
    assert!(!world.meta.write(claim("a", 1_529)).await.unwrap());
    assert!(world.meta.write(claim("a", 1_530)).await.unwrap(), "it is due");
}

pub(super) async fn a_run_is_not_lost_when_its_node_dies(world: World) {
    assert!(world.meta.write(claim("a", 10)).await.unwrap());
    world.meta.write(finish("a", 20, None)).await.unwrap();
    world.meta.write(RequestReconciler { name: NAME.to_owned(), at: Micros(30) }).await.unwrap();
    assert!(world.meta.write(claim("a", 40)).await.unwrap());
    assert!(!world.meta.write(claim("b", 139)).await.unwrap(), "a may still run it");
    assert!(world.meta.write(claim("b", 140)).await.unwrap(), "a died in its pass, so that it is due");
    world.meta.write(finish("b", 150, None)).await.unwrap();
    let woken = ClaimReconciler { is_woken: true, ..claim("a", 160) };
    assert!(world.meta.write(woken).await.unwrap());
    assert!(world.meta.write(claim("b", 260)).await.unwrap(), "work had come");
}

pub(super) async fn a_run_can_be_asked_for_before_the_first(world: World) {
    world.meta.write(RequestReconciler { name: NAME.to_owned(), at: Micros(5) }).await.unwrap();
    assert!(world.meta.write(claim("a", 10)).await.unwrap());
    assert_eq!(state(&world).await.started_at, Micros(10));
}
