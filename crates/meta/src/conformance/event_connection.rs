//! Connections and API destinations of EventBridge.

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:events:{REGION}:{ACCOUNT}:{kind}/{name}")
}

fn fields(key: u8) -> ConnectionFields {
    ConnectionFields {
        description: None,
        authorization_type: "API_KEY".to_owned(),
        sealed_auth: vec![1, key, 7],
    }
}

fn connection(name: &str, id: &str) -> CreateEventConnection {
    CreateEventConnection {
        arn: arn("connection", name),
        id: id.to_owned(),
        fields: fields(3),
        limit: 2,
        at: Micros(5),
    }
}

fn destination(name: &str, id: &str) -> CreateApiDestination {
    let fields = ApiDestinationFields {
        description: Some("d".to_owned()),
        connection_arn: format!("{}/1", arn("connection", "a")),
        endpoint: "https://example.org".to_owned(),
        method: "POST".to_owned(),
        rate: None,
    };
    CreateApiDestination {
        arn: arn("api-destination", name),
        id: id.to_owned(),
        fields,
        limit: 2,
        at: Micros(5),
    }
}

fn page() -> EventPage {
    let (account_id, region) = (digits(ACCOUNT), REGION.parse().unwrap());
    EventPage { account_id, region, prefix: String::new(), after: String::new(), limit: 9 }
}

pub(super) async fn a_name_is_given_once_within_the_limit(world: World) {
    world.meta.write(connection("a", "1")).await.unwrap();
    world.meta.write(connection("a", "1")).await.expect("a repeat finds its own");
    assert_eq!(refusal(world.meta.write(connection("a", "2")).await), CreateNamedRefusal::Exists);
    world.meta.write(connection("b", "2")).await.unwrap();
    assert_eq!(refusal(world.meta.write(connection("c", "3")).await), CreateNamedRefusal::Limit);
    let names: Vec<_> = world.meta.read(ListEventConnections(page())).await.unwrap();
    assert_eq!(names.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    world.meta.write(destination("a", "1")).await.unwrap();
    assert_eq!(refusal(world.meta.write(destination("a", "2")).await), CreateNamedRefusal::Exists);
    world.meta.write(destination("b", "2")).await.unwrap();
    assert_eq!(refusal(world.meta.write(destination("c", "3")).await), CreateNamedRefusal::Limit);
    assert_eq!(world.meta.read(ListApiDestinations(page())).await.unwrap().len(), 2);
}

pub(super) async fn a_change_needs_what_was_read(world: World) {
    world.meta.write(connection("a", "1")).await.unwrap();
    let version = connection_version(&world).await;
    let replace =
        ReplaceEventConnection { arn: arn("connection", "a"), version, fields: fields(4), at: Micros(9) };
    world.meta.write(replace.clone()).await.unwrap();
    assert_eq!(refusal(world.meta.write(replace).await), ChangedMeanwhile);
    let found = world.meta.read(FindEventConnection { arn: arn("connection", "a") }).await.unwrap().unwrap();
    assert_eq!((found.sealed_auth, found.version, found.updated_at), (vec![1, 4, 7], version + 1, Micros(9)));
    let create = destination("a", "1");
    world.meta.write(create.clone()).await.unwrap();
    let fields = ApiDestinationFields { rate: Some(7), ..create.fields };
    let version = destination_version(&world).await;
    let replace =
        ReplaceApiDestination { arn: create.arn.clone(), version, fields: fields.clone(), at: Micros(9) };
    world.meta.write(replace.clone()).await.unwrap();
    assert_eq!(refusal(world.meta.write(replace).await), ChangedMeanwhile);
    let found = world.meta.read(FindApiDestination { arn: create.arn }).await.unwrap().unwrap();
    assert_eq!((found.fields, found.version), (fields, version + 1));
}

async fn connection_version(world: &World) -> i64 {
    world.meta.read(FindEventConnection { arn: arn("connection", "a") }).await.unwrap().unwrap().version
}

async fn destination_version(world: &World) -> i64 {
    world.meta.read(FindApiDestination { arn: arn("api-destination", "a") }).await.unwrap().unwrap().version
}

pub(super) async fn what_was_made_again_is_not_what_was_read(world: World) {
    world.meta.write(connection("a", "1")).await.unwrap();
    let version = connection_version(&world).await;
    world.meta.write(DeleteEventConnection { arn: arn("connection", "a") }).await.unwrap();
    world.meta.write(connection("a", "2")).await.unwrap();
    let replace =
        ReplaceEventConnection { arn: arn("connection", "a"), version, fields: fields(4), at: Micros(9) };
    assert_eq!(refusal(world.meta.write(replace).await), ChangedMeanwhile);
    let create = destination("a", "1");
    world.meta.write(create.clone()).await.unwrap();
    let version = destination_version(&world).await;
    world.meta.write(DeleteApiDestination { arn: create.arn.clone() }).await.unwrap();
    world.meta.write(destination("a", "2")).await.unwrap();
    let replace = ReplaceApiDestination { arn: create.arn, version, fields: create.fields, at: Micros(9) };
    assert_eq!(refusal(world.meta.write(replace).await), ChangedMeanwhile);
}

pub(super) async fn a_destination_is_active_while_its_connection_exists(world: World) {
    let is_active = async || {
        let find = FindApiDestination { arn: arn("api-destination", "d") };
        world.meta.read(find).await.unwrap().unwrap().is_active
    };
    world.meta.write(connection("a", "1")).await.unwrap();
    world.meta.write(destination("d", "9")).await.unwrap();
    assert!(is_active().await);
    let delete = || world.meta.write(DeleteEventConnection { arn: arn("connection", "a") });
    assert_eq!(delete().await.unwrap().map(|old| old.id).as_deref(), Some("1"));
    assert!(delete().await.unwrap().is_none());
    assert!(!is_active().await);
    world.meta.write(connection("a", "2")).await.unwrap();
    assert!(!is_active().await, "another connection with the same name");
    let delete = || world.meta.write(DeleteApiDestination { arn: arn("api-destination", "d") });
    assert!(delete().await.unwrap() && !delete().await.unwrap());
}

pub(super) async fn secrets_are_sealed_again(world: World) {
    world.meta.write(connection("a", "1")).await.unwrap();
    world.meta.write(connection("b", "2")).await.unwrap();
    let under = |sealing_key, after: &str| {
        world.meta.read(ListConnectionsNotUnder { sealing_key, after: after.to_owned(), limit: 9 })
    };
    assert!(under(3, "").await.unwrap().is_empty());
    let old = under(4, "").await.unwrap();
    assert_eq!(old.len(), 2);
    assert_eq!(under(4, &old[0].arn).await.unwrap().len(), 1);
    let reseal = ResealConnection { old: old[0].clone(), sealed: vec![1, 4, 9] };
    assert!(world.meta.write(reseal.clone()).await.unwrap());
    assert!(!world.meta.write(reseal).await.unwrap(), "it has changed");
    assert_eq!(under(4, "").await.unwrap().len(), 1);
}
