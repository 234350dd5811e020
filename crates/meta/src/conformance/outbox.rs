//! Events are there with what they tell of, or not at all.

use super::world::{ACCOUNT, REGION, World, refusal};
use crate::*;

fn events(count: usize) -> Vec<Event> {
    let event = |number| Event {
        kind: "test".to_owned(),
        at: Micros(number),
        account_id: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        resource: format!("arn:{number}"),
        body: "{}".to_owned(),
    };
    (0_i64..).take(count).map(event).collect()
}

fn recorded<O: Operation>(operation: O, id: i64, count: usize) -> Recorded<O> {
    Recorded { operation, id, events: Box::new(move |_| events(count)) }
}

async fn listed(world: &World, after: Option<EventKey>) -> Vec<(EventKey, Event)> {
    world.meta.read(ListEvents { after, limit: 2 }).await.unwrap()
}

pub(super) async fn written_with_the_operation_and_once(world: World) {
    let setting = |value: u8| ReplaceSetting { name: "s".to_owned(), old: vec![1], new: vec![value] };
    let put = PutSettingOnce { name: "s".to_owned(), value: vec![1] };
    world.meta.write(recorded(put.clone(), 5, 3)).await.unwrap();
    world.meta.write(recorded(put, 5, 3)).await.unwrap();
    let first = listed(&world, None).await;
    assert_eq!(
        first.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        [EventKey { id: 5, position: 0 }, EventKey { id: 5, position: 1 }]
    );
    assert_eq!(first.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), events(2));
    assert_eq!(listed(&world, Some(EventKey { id: 5, position: 1 })).await.len(), 1);
    world.meta.write(recorded(setting(2), 4, 1)).await.unwrap();
    refusal(world.meta.write(recorded(setting(3), 9, 1)).await);
    let keys: Vec<_> = listed(&world, None).await.into_iter().map(|(key, _)| key.id).collect();
    assert_eq!(keys, [4, 5], "in order, and none of the refused operation");
    assert_eq!(listed(&world, Some(EventKey { id: 5, position: 2 })).await, []);
}

pub(super) async fn a_delivered_event_goes_alone(world: World) {
    let put = PutSettingOnce { name: "s".to_owned(), value: vec![1] };
    world.meta.write(recorded(put, 5, 2)).await.unwrap();
    world.meta.write(DeleteEvent { key: EventKey { id: 5, position: 0 } }).await.unwrap();
    let left = listed(&world, None).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, EventKey { id: 5, position: 1 });
}

pub(super) async fn an_event_too_large_undoes_the_operation(world: World) {
    let put = PutSettingOnce { name: "s".to_owned(), value: vec![1] };
    let large = Event { body: "x".repeat(MAX_EVENT_BYTES + 1), ..events(1).remove(0) };
    let operation = Recorded { operation: put, id: 1, events: Box::new(move |_| vec![large.clone()]) };
    assert!(matches!(world.meta.write(operation).await, Err(OpError::Store(_))));
    assert_eq!(world.meta.read(GetSetting { name: "s".to_owned() }).await.unwrap(), None);
}

pub(super) async fn old_events_are_trimmed_in_slices(world: World) {
    let put = PutSettingOnce { name: "s".to_owned(), value: vec![1] };
    world.meta.write(recorded(put.clone(), 5, 2)).await.unwrap();
    world.meta.write(recorded(put, 9, 1)).await.unwrap();
    let trim = |before, limit| world.meta.write(TrimEvents { before, limit });
    assert_eq!(trim(5, 9).await.unwrap(), 0);
    assert_eq!(trim(9, 1).await.unwrap(), 1);
    assert_eq!(listed(&world, None).await[0].0, EventKey { id: 5, position: 1 });
    assert_eq!(trim(9, 9).await.unwrap(), 1);
    assert_eq!(listed(&world, None).await[0].0, EventKey { id: 9, position: 0 });
}
