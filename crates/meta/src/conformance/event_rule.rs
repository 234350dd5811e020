//! Rules of EventBridge, their targets, and what is routed to them.

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

fn arn(name: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}")
}

fn put(name: &str, limit: i64) -> PutEventRule {
    PutEventRule {
        arn: arn(name),
        pattern: format!("pattern of {name}"),
        state: "ENABLED".to_owned(),
        description: Some("d".to_owned()),
        role_arn: None,
        tags: vec![("team".to_owned(), "blue".to_owned())],
        limit,
        at: Micros(5),
    }
}

fn target(id: &str) -> EventTarget {
    EventTarget { id: id.to_owned(), arn: "arn:destination".to_owned(), document: format!("{{\"{id}\":1}}") }
}

fn put_targets(name: &str, ids: &[&str]) -> PutEventTargets {
    let targets = ids.iter().map(|id| target(id)).collect();
    PutEventTargets { rule: arn(name), targets, limit: 2, bus_limit: 3 }
}

fn delivery(name: &str, id: &str) -> String {
    format!("rule/{ACCOUNT}/{REGION}/{name}/{id}")
}

async fn page(world: &World, prefix: &str, after: &str, limit: usize) -> Vec<String> {
    let (account_id, region) = (digits(ACCOUNT), REGION.parse().unwrap());
    let page = EventPage { account_id, region, prefix: prefix.to_owned(), after: after.to_owned(), limit };
    world.meta.read(ListEventRules(page)).await.unwrap().into_iter().map(|rule| rule.name).collect()
}

async fn routes(world: &World) -> Vec<EventRoute> {
    let list = ListEventRoutes { account_id: ACCOUNT.to_owned(), region: REGION.to_owned() };
    world.meta.read(list).await.unwrap()
}

pub(super) async fn a_rule_is_replaced_whole_within_the_limit(world: World) {
    let find = |name: &str| world.meta.read(FindEventRule { arn: arn(name) });
    world.meta.write(put("a", 2)).await.unwrap();
    world.meta.write(put("b", 2)).await.unwrap();
    assert_eq!(refusal(world.meta.write(put("c", 2)).await), TooManyEventRules);
    let made = find("a").await.unwrap().unwrap();
    assert_eq!(
        (made.name.as_str(), made.created_by.as_str(), made.description.as_deref()),
        ("a", ACCOUNT, Some("d"))
    );
    let changed =
        PutEventRule { description: None, pattern: "p".to_owned(), tags: Vec::new(), ..put("a", 2) };
    world.meta.write(changed).await.unwrap();
    let found = find("a").await.unwrap().unwrap();
    assert_eq!(found, EventRule { description: None, pattern: "p".to_owned(), ..made });
    let tags = world.meta.read(ListIamTags { owner: arn("a") }).await.unwrap();
    assert_eq!(tags, [("team".to_owned(), "blue".to_owned())], "tags of an existing rule stay");
    world.meta.write(DeleteEventRule { arn: arn("a") }).await.unwrap();
    assert_eq!(find("a").await.unwrap(), None);
    assert_eq!(world.meta.read(ListIamTags { owner: arn("a") }).await.unwrap(), []);
    world.meta.write(DeleteEventRule { arn: arn("a") }).await.expect("a repeat");
}

pub(super) async fn rules_in_pages(world: World) {
    for name in ["push", "delete", "push-2", "Push"] {
        world.meta.write(put(name, 9)).await.unwrap();
    }
    assert_eq!(page(&world, "", "", 9).await, ["Push", "delete", "push", "push-2"]);
    assert_eq!(page(&world, "push", "", 9).await, ["push", "push-2"]);
    assert_eq!(page(&world, "", "delete", 1).await, ["push"]);
}

pub(super) async fn a_rule_has_a_limited_number_of_targets(world: World) {
    let none = world.meta.write(put_targets("a", &["1"])).await;
    assert_eq!(refusal(none), PutEventTargetsRefusal::NoRule);
    world.meta.write(put("a", 9)).await.unwrap();
    world.meta.write(put("b", 9)).await.unwrap();
    world.meta.write(put_targets("a", &["2", "1"])).await.unwrap();
    world.meta.write(put_targets("a", &["1"])).await.expect("it is replaced");
    assert_eq!(refusal(world.meta.write(put_targets("a", &["3"])).await), PutEventTargetsRefusal::OfRule);
    assert_eq!(refusal(world.meta.write(put_targets("b", &["1", "2"])).await), PutEventTargetsRefusal::OfBus);
    let list = |after: &str| ListEventTargets { rule: arn("a"), after: after.to_owned(), limit: 9 };
    assert_eq!(world.meta.read(list("")).await.unwrap(), [target("1"), target("2")]);
    assert_eq!(world.meta.read(list("1")).await.unwrap(), [target("2")]);
    let names = ListRuleNamesByTarget {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        target_arn: "arn:destination".to_owned(),
        after: String::new(),
        limit: 9,
    };
    assert_eq!(world.meta.read(names).await.unwrap(), ["a"]);
    assert_eq!(refusal(world.meta.write(DeleteEventRule { arn: arn("a") }).await), EventRuleHasTargets);
    let remove =
        RemoveEventTargets { rule: arn("a"), ids: vec!["1".to_owned(), "2".to_owned(), "9".to_owned()] };
    assert_eq!(world.meta.write(remove).await.unwrap(), ["9"]);
    world.meta.write(DeleteEventRule { arn: arn("a") }).await.unwrap();
    let remove = RemoveEventTargets { rule: arn("a"), ids: vec!["1".to_owned()] };
    assert_eq!(refusal(world.meta.write(remove).await), NoEventRule);
}

pub(super) async fn only_enabled_rules_get_events(world: World) {
    world.meta.write(put("a", 9)).await.unwrap();
    world.meta.write(put("b", 9)).await.unwrap();
    world.meta.write(put_targets("a", &["1"])).await.unwrap();
    world.meta.write(put_targets("b", &["1"])).await.unwrap();
    let route =
        |name: &str| EventRoute { pattern: format!("pattern of {name}"), target: delivery(name, "1") };
    assert_eq!(routes(&world).await, [route("a"), route("b")]);
    for (account_id, region) in [("999999999999", REGION), (ACCOUNT, "eu-west-1")] {
        let list = ListEventRoutes { account_id: account_id.to_owned(), region: region.to_owned() };
        assert_eq!(world.meta.read(list).await.unwrap(), [], "{account_id} {region}");
    }
    let set = |state| SetEventRuleState { arn: arn("a"), state, at: Micros(9) };
    world.meta.write(set(DISABLED)).await.unwrap();
    assert_eq!(routes(&world).await, [route("b")]);
    world.meta.write(set("ENABLED")).await.unwrap();
    assert_eq!(routes(&world).await.len(), 2);
    let gone = SetEventRuleState { arn: arn("c"), state: DISABLED, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(gone).await), NoEventRule);
    let found = world.meta.read(FindRoutedTarget { delivery: delivery("a", "1") }).await.unwrap().unwrap();
    assert_eq!((found.rule_arn, found.rule_name, found.target), (arn("a"), "a".to_owned(), target("1")));
    assert_eq!((found.account_id.as_str(), found.region.as_str()), (ACCOUNT, REGION));
}

pub(super) async fn what_waits_for_a_removed_target_is_forgotten(world: World) {
    world.meta.write(put("a", 9)).await.unwrap();
    world.meta.write(put_targets("a", &["1"])).await.unwrap();
    let removed = || world.meta.read(ListRemovedEventTargets { limit: 9 });
    let remove = || RemoveEventTargets { rule: arn("a"), ids: vec!["1".to_owned()] };
    world.meta.write(remove()).await.unwrap();
    assert_eq!(removed().await.unwrap(), [delivery("a", "1")]);
    world.meta.write(put_targets("a", &["1"])).await.unwrap();
    assert_eq!(removed().await.unwrap(), [""; 0], "it is there again, and keeps what waits");
    world.meta.write(remove()).await.unwrap();
    assert!(world.meta.write(ForgetTarget { target: delivery("a", "1"), limit: 9 }).await.unwrap());
    assert_eq!(removed().await.unwrap(), [""; 0]);
}
