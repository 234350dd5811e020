//! Secrets of Secrets Manager.

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-a1B2c3")
}

fn value(id: &str) -> NewSecretValue {
    NewSecretValue { id: id.to_owned(), sealed: vec![1, 3, 7] }
}

fn secret(name: &str) -> CreateSecret {
    CreateSecret {
        arn: arn(name),
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        name: name.to_owned(),
        description: Some("d".to_owned()),
        value: Some(value("first")),
        tags: vec![("team".to_owned(), "a".to_owned())],
        limit: 2,
        at: Micros(5),
    }
}

async fn found(world: &World, name: &str, at: i64) -> Option<Secret> {
    let find = FindSecret {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        name: name.to_owned(),
        at: Micros(at),
    };
    world.meta.read(find).await.unwrap()
}

async fn values(world: &World, name: &str) -> Vec<(String, String)> {
    let values = world.meta.read(ListSecretValues { arn: arn(name) }).await.unwrap();
    values.into_iter().map(|value| (value.stage, value.id)).collect()
}

fn change(name: &str, change: SecretChange) -> ChangeSecret {
    ChangeSecret { arn: arn(name), change, at: Micros(9) }
}

pub(super) async fn a_name_is_given_once_within_the_limit(world: World) {
    world.meta.write(secret("a")).await.unwrap();
    world.meta.write(secret("a")).await.expect("a repeat finds its own");
    let other = CreateSecret { arn: format!("{}x", arn("a")), ..secret("a") };
    assert_eq!(refusal(world.meta.write(other).await), CreateSecretRefusal::Exists);
    world.meta.write(secret("b")).await.unwrap();
    assert_eq!(refusal(world.meta.write(secret("c")).await), CreateSecretRefusal::Limit);
    let page = EventPage {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        prefix: String::new(),
        after: "a".to_owned(),
        limit: 9,
    };
    let listed = world.meta.read(ListSecrets(page)).await.unwrap();
    assert_eq!(listed.iter().map(|found| found.name.as_str()).collect::<Vec<_>>(), ["b"]);
    let found = found(&world, "a", 5).await.unwrap();
    assert_eq!((found.arn, found.description.as_deref()), (arn("a"), Some("d")));
}

pub(super) async fn a_new_value_moves_the_current_one(world: World) {
    let put = |id| PutSecretValue { arn: arn("a"), value: value(id), at: Micros(9) };
    assert_eq!(refusal(world.meta.write(put("x")).await), NoSecret);
    world.meta.write(secret("a")).await.unwrap();
    for id in ["second", "third"] {
        assert!(world.meta.write(put(id)).await.unwrap());
        assert!(!world.meta.write(put(id)).await.unwrap(), "it is there");
    }
    let pair = |stage: &str, id: &str| (stage.to_owned(), id.to_owned());
    assert_eq!(values(&world, "a").await, [pair(CURRENT, "third"), pair(PREVIOUS, "second")]);
    assert_eq!(found(&world, "a", 9).await.unwrap().changed_at, Micros(9));
}

pub(super) async fn a_deleted_secret_can_be_restored(world: World) {
    let delete_at = |at: Option<i64>| change("a", SecretChange::DeleteAt(at.map(Micros)));
    assert_eq!(refusal(world.meta.write(delete_at(None)).await), NoSecret);
    world.meta.write(secret("a")).await.unwrap();
    world.meta.write(change("a", SecretChange::Policy(Some("p".to_owned())))).await.unwrap();
    world.meta.write(change("a", SecretChange::Description("e".to_owned()))).await.unwrap();
    world.meta.write(delete_at(Some(20))).await.unwrap();
    let deleted = found(&world, "a", 19).await.unwrap();
    assert_eq!((deleted.policy.as_deref(), deleted.description.as_deref()), (Some("p"), Some("e")));
    assert_eq!(deleted.delete_at, Some(Micros(20)));
    assert!(found(&world, "a", 20).await.is_none());
    let again = |at| CreateSecret { arn: format!("{}x", arn("a")), at: Micros(at), ..secret("a") };
    assert_eq!(refusal(world.meta.write(again(19)).await), CreateSecretRefusal::Deleted);
    world.meta.write(delete_at(None)).await.unwrap();
    assert!(found(&world, "a", 20).await.unwrap().delete_at.is_none());
    world.meta.write(delete_at(Some(20))).await.unwrap();
    world.meta.write(again(20)).await.expect("its time is over");
    assert!(values(&world, "a").await.is_empty(), "the old values are gone");
    let remove = |at| RemoveDeletedSecrets { at: Micros(at), limit: 9 };
    assert_eq!(world.meta.write(remove(99)).await.unwrap(), 0);
}

pub(super) async fn tags_end_with_their_secret(world: World) {
    world.meta.write(secret("a")).await.unwrap();
    world.meta.write(secret("b")).await.unwrap();
    let tags = async |name| world.meta.read(ListIamTags { owner: arn(name) }).await.unwrap().len();
    let put = PutIamTags { owner: arn("a"), tags: vec![("k".to_owned(), "v".to_owned())], limit: 9 };
    world.meta.write(put).await.unwrap();
    assert_eq!((tags("a").await, tags("b").await), (2, 1));
    world.meta.write(RemoveSecret { arn: arn("a") }).await.unwrap();
    world.meta.write(change("b", SecretChange::DeleteAt(Some(Micros(9))))).await.unwrap();
    let remove = |at| RemoveDeletedSecrets { at: Micros(at), limit: 9 };
    let waiting = |at| CountBacklogs {
        uploads_idle_since: Micros(0),
        events_before: 0,
        queued_until: Micros(0),
        doom_delay: DOOM_DELAY,
        sealing_key: 3,
        at: Micros(at),
        limit: 9,
    };
    assert_eq!(world.meta.read(waiting(8)).await.unwrap().deleted_secrets, 0);
    assert_eq!(world.meta.read(waiting(9)).await.unwrap().deleted_secrets, 1);
    assert_eq!(world.meta.write(remove(8)).await.unwrap(), 0);
    assert_eq!(world.meta.write(remove(9)).await.unwrap(), 1);
    assert_eq!((tags("a").await, tags("b").await), (0, 0));
    assert!(values(&world, "a").await.is_empty() && values(&world, "b").await.is_empty());
}

pub(super) async fn values_are_sealed_again(world: World) {
    world.meta.write(secret("a")).await.unwrap();
    let put = PutSecretValue { arn: arn("a"), value: value("second"), at: Micros(9) };
    world.meta.write(put).await.unwrap();
    let under = |sealing_key, after: String| {
        world.meta.read(ListSecretValuesNotUnder { sealing_key, after, limit: 9 })
    };
    let first = String::new;
    assert!(under(3, first()).await.unwrap().is_empty());
    let old = under(4, first()).await.unwrap();
    assert_eq!(old.len(), 2);
    assert_eq!(under(4, old[0].version.to_string()).await.unwrap().len(), 1);
    let reseal = ResealSecretValue { old: old[0].clone(), sealed: vec![1, 4, 9] };
    assert!(world.meta.write(reseal.clone()).await.unwrap());
    assert!(!world.meta.write(reseal).await.unwrap(), "it has changed");
    assert_eq!(under(4, first()).await.unwrap().len(), 1);
}
