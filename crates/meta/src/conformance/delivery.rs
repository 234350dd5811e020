//! Events are routed once, and each target gets its events in their order.

use super::world::{ACCOUNT, REGION, World};
use crate::*;

const LIMITS: DeliveryLimits = DeliveryLimits { waiting: 3, dead: 2 };
const AT: Micros = Micros(1_000);

/// Writes one event with this id.
async fn event(world: &World, id: i64) {
    let event = move |_: &Vec<u8>| {
        vec![Event {
            kind: "test".to_owned(),
            at: Micros(id),
            account_id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            resource: "arn".to_owned(),
            body: "{}".to_owned(),
        }]
    };
    let operation = PutSettingOnce { name: format!("s{id}"), value: vec![1] };
    world.meta.write(Recorded { operation, id, events: Box::new(event) }).await.unwrap();
}

async fn unrouted(world: &World) -> Vec<NewEvent> {
    world.meta.read(ListNewEvents { limit: 9 }).await.unwrap()
}

fn delivery(target: &str, body: String) -> NewDelivery {
    NewDelivery { target: target.to_owned(), part: 0, body, limits: LIMITS }
}

/// Routes everything to these targets; the body is the id.
async fn route(world: &World, targets: &[&str]) {
    let routed = |event: NewEvent| RoutedEvent {
        sequence: event.sequence,
        at: event.event.at,
        deliveries: targets.iter().map(|target| delivery(target, event.key.id.to_string())).collect(),
    };
    let events = unrouted(world).await.into_iter().map(routed).collect();
    world.meta.write(RouteEvents { events, at: AT }).await.unwrap();
}

async fn deliveries(world: &World, target: &str) -> Vec<Delivery> {
    world.meta.read(ListDeliveries { target: target.to_owned(), limit: 9 }).await.unwrap()
}

fn bodies<'d>(deliveries: impl IntoIterator<Item = &'d Delivery>) -> Vec<&'d str> {
    deliveries.into_iter().map(|delivery| delivery.body.as_str()).collect()
}

async fn dead(world: &World, target: &str) -> Vec<DeadLetter> {
    world.meta.read(ListDeadLetters { target: target.to_owned(), after: 0, limit: 9 }).await.unwrap()
}

async fn state(world: &World, target: &str) -> Option<DeliveryTarget> {
    let list = ListDeliveryTargets { prefix: target.to_owned(), after: String::new(), limit: 9 };
    world.meta.read(list).await.unwrap().into_iter().find(|state| state.target == target)
}

async fn due(world: &World, at: i64) -> Vec<String> {
    let due = world
        .meta
        .read(ListDueTargets { prefix: "", at: Micros(at), of_account: 9, limit: 9 })
        .await
        .unwrap();
    due.into_iter().map(|target| target.target).collect()
}

async fn fail(world: &World, target: &str, retry_at: Option<i64>) {
    let sequence = deliveries(world, target).await[0].sequence;
    let (target, error) = (target.to_owned(), "away".to_owned());
    let Some(retry_at) = retry_at.map(Micros) else {
        let bury = BuryDeliveries { target, sequences: vec![sequence], error, limits: LIMITS, at: AT };
        return world.meta.write(bury).await.unwrap();
    };
    world.meta.write(FailDelivery { target, sequence, error, retry_at }).await.unwrap();
}

async fn end(world: &World, target: &str, delivered: &[Delivery]) {
    let sequences = delivered.iter().map(|delivery| delivery.sequence).collect();
    world.meta.write(EndDeliveries { target: target.to_owned(), sequences, at: AT }).await.unwrap();
}

pub(super) async fn an_event_is_routed_once(world: World) {
    event(&world, 7).await;
    let [new] = &unrouted(&world).await[..] else { panic!("one event") };
    assert_eq!((new.key, new.event.at), (EventKey { id: 7, position: 0 }, Micros(7)));
    assert_eq!(world.meta.read(OldestNewEvent).await.unwrap(), Some(7));
    let deliveries = vec![delivery("a", "x".to_owned())];
    let routed = RoutedEvent { sequence: new.sequence, at: AT, deliveries };
    let route = RouteEvents { events: vec![routed], at: AT };
    let (first, second) = tokio::join!(world.meta.write(route.clone()), world.meta.write(route));
    first.unwrap();
    second.unwrap();
    assert_eq!(unrouted(&world).await, []);
    assert_eq!(world.meta.read(OldestNewEvent).await.unwrap(), None);
    assert_eq!(self::deliveries(&world, "a").await.len(), 1);
    assert_eq!(state(&world, "a").await.unwrap().waiting, 1);
    assert_eq!(world.meta.read(ListEvents { after: None, limit: 9 }).await.unwrap().len(), 1, "it is kept");
}

pub(super) async fn a_target_gets_its_events_in_the_order_of_commits(world: World) {
    for id in [9, 5, 7] {
        event(&world, id).await;
    }
    route(&world, &["a", "b"]).await;
    let waiting = deliveries(&world, "a").await;
    assert_eq!(bodies(&waiting), ["9", "5", "7"], "the order of commits, not of ids");
    end(&world, "a", &waiting[..2]).await;
    assert_eq!(bodies(&deliveries(&world, "a").await), ["7"]);
    assert_eq!(bodies(&deliveries(&world, "b").await), ["9", "5", "7"]);
    let state = state(&world, "a").await.unwrap();
    assert_eq!((state.waiting, state.delivered, state.delivered_at), (1, 2, AT));
}

pub(super) async fn what_comes_while_others_are_sent_is_not_ended(world: World) {
    for id in [1, 2, 3] {
        event(&world, id).await;
    }
    let late = unrouted(&world).await.remove(0);
    let routed = |event: &NewEvent| RoutedEvent {
        sequence: event.sequence,
        at: AT,
        deliveries: vec![delivery("a", event.key.id.to_string())],
    };
    let events = unrouted(&world).await.iter().skip(1).map(routed).collect();
    world.meta.write(RouteEvents { events, at: AT }).await.unwrap();
    let sent = deliveries(&world, "a").await;
    let events = vec![routed(&late)];
    world.meta.write(RouteEvents { events, at: AT }).await.unwrap();
    end(&world, "a", &sent).await;
    assert_eq!(bodies(&deliveries(&world, "a").await), ["1"], "its transaction committed later");
    let state = state(&world, "a").await.unwrap();
    assert_eq!((state.waiting, state.delivered), (1, 2));
}

pub(super) async fn a_backlog_has_a_limit(world: World) {
    for id in 1..=6 {
        event(&world, id).await;
    }
    route(&world, &["a"]).await;
    assert_eq!(bodies(&deliveries(&world, "a").await), ["1", "2", "3"]);
    let letters: Vec<_> = dead(&world, "a").await.into_iter().map(|letter| letter.body).collect();
    assert_eq!(letters, ["5", "6"], "the oldest dead letter is removed");
    let state = state(&world, "a").await.unwrap();
    assert_eq!((state.waiting, state.dead, state.dropped), (3, 2, 1));
}

pub(super) async fn a_failure_delays_the_target_alone(world: World) {
    event(&world, 1).await;
    route(&world, &["a", "b"]).await;
    fail(&world, "a", Some(50)).await;
    assert_eq!(due(&world, 49).await, ["b"]);
    assert_eq!(due(&world, 50).await, ["b", "a"]);
    let state = state(&world, "a").await.unwrap();
    assert_eq!((state.failures, state.retry_at, state.error.as_deref()), (1, Micros(50), Some("away")));
    assert_eq!(deliveries(&world, "a").await[0].attempts, 1);
    end(&world, "a", &deliveries(&world, "a").await).await;
    assert_eq!(due(&world, 50).await, ["b"]);
    let state = self::state(&world, "a").await.unwrap();
    assert_eq!((state.failures, state.error), (0, None));
}

pub(super) async fn targets_take_turns(world: World) {
    event(&world, 1).await;
    event(&world, 2).await;
    let of = |account: u64, id: u64| format!("rule/{account:012}/eu-west-1/r/{id}");
    let (a, b, c, other) = (of(1, 1), of(1, 2), of(1, 3), of(2, 1));
    route(&world, &[&a, &b, &c, &other]).await;
    let due = async |of_account, limit| -> Vec<String> {
        let list = ListDueTargets { prefix: "rule/", at: Micros(i64::MAX), of_account, limit };
        world.meta.read(list).await.unwrap().into_iter().map(|target| target.target).collect()
    };
    assert_eq!(
        due(2, 9).await,
        [&a, &other, &b].map(String::clone),
        "each account comes before the second of one"
    );
    end(&world, &a, &deliveries(&world, &a).await[..1]).await;
    fail(&world, &b, None).await;
    end(&world, &c, &[]).await;
    assert_eq!(due(9, 1).await.first(), Some(&other), "the others had a turn");
    assert_eq!(state(&world, &c).await.unwrap().waiting, 2);
}

pub(super) async fn dead_letters_are_replayed(world: World) {
    event(&world, 1).await;
    event(&world, 2).await;
    route(&world, &["a"]).await;
    fail(&world, "a", Some(50)).await;
    fail(&world, "a", None).await;
    fail(&world, "a", None).await;
    let letters = dead(&world, "a").await;
    assert_eq!((letters.len(), letters[0].attempts, letters[0].error.as_str()), (2, 2, "away"));
    assert_eq!(due(&world, 99).await, [""; 0]);
    let replay = |sequence| ReplayDeadLetters { target: "a".to_owned(), sequence, at: Micros(9), limit: 9 };
    assert_eq!(world.meta.write(replay(Some(letters[1].sequence))).await.unwrap(), 1);
    assert_eq!(bodies(&deliveries(&world, "a").await), ["2"]);
    assert_eq!(world.meta.write(replay(None)).await.unwrap(), 1);
    let waiting = deliveries(&world, "a").await;
    assert_eq!((bodies(&waiting), waiting[0].at, waiting[0].attempts), (vec!["1", "2"], Micros(9), 0));
    let state = state(&world, "a").await.unwrap();
    assert_eq!((state.waiting, state.dead), (2, 0));
}

pub(super) async fn a_target_is_forgotten_in_slices(world: World) {
    for id in 1..=5 {
        event(&world, id).await;
    }
    route(&world, &["a", "b"]).await;
    let forget = || world.meta.write(ForgetTarget { target: "a".to_owned(), limit: 2 });
    let mut slices = 1;
    while !forget().await.unwrap() {
        slices += 1;
    }
    assert_eq!(slices, 3, "three deliveries, then two dead letters, then the target");
    assert_eq!((state(&world, "a").await, dead(&world, "a").await), (None, vec![]));
    assert_eq!(deliveries(&world, "b").await.len(), 3);
}
