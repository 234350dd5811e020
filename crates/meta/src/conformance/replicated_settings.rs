//! Settings of repositories on their way to other registries: what is queued, and which change counts.

use super::replication::{DESTINATION, replicating};
use super::world::{World, refusal};
use crate::*;

async fn enable(world: &World, name: &str) {
    let put = PutAccountSetting { registry: world.registry, name: name.into(), value: "ENABLED".into() };
    world.meta.write(put).await.unwrap();
}

async fn due_settings(world: &World) -> Vec<SettingsItem> {
    let list = ListDueSettings { destination: DESTINATION, now: Micros(i64::MAX), limit: 9 };
    world.meta.read(list).await.unwrap()
}

async fn complete(world: &World) {
    for item in due_settings(world).await {
        world.meta.write(EndSettingsReplication { item, end: SettingsEnd::Complete }).await.unwrap();
    }
}

async fn sent(world: &World, repository: RepositoryKey) -> Vec<(SettingKind, i64, Option<String>)> {
    let found = world.meta.read(FindRepositorySettings { repository }).await.unwrap().unwrap();
    found.settings.into_iter().map(|one| (one.kind, one.changed_at.0, one.value)).collect()
}

fn scanning(repository: RepositoryKey, scan_on_push: bool, at: i64) -> PutImageScanning {
    PutImageScanning { repository, scan_on_push, at: Micros(at) }
}

pub(super) async fn a_change_is_queued_if_it_is_asked_for(world: World) {
    let (app, _) = replicating(&world, false).await;
    world.meta.write(scanning(app, true, 50)).await.unwrap();
    world.put(app, "one", &["v1"]).await;
    assert_eq!(due_settings(&world).await, []);
    enable(&world, REPLICATE_SETTINGS).await;
    world.put(app, "two", &["v2"]).await;
    assert_eq!(due_settings(&world).await.len(), 1, "with the next image");
    assert_eq!(sent(&world, app).await, [(SettingKind::Scanning, 50, Some("true".into()))]);
    complete(&world).await;
    world.put(app, "three", &["v3"]).await;
    assert_eq!(due_settings(&world).await, [], "once");
    let tags =
        TagResource { repository: app, tags: vec![("a".into(), "b".into())], limit: 9, at: Micros(60) };
    world.meta.write(tags).await.unwrap();
    assert_eq!(due_settings(&world).await, [], "tags are not asked for");
    world.meta.write(scanning(app, false, 70)).await.unwrap();
    let item = due_settings(&world).await.remove(0);
    world.meta.write(scanning(app, true, 80)).await.unwrap();
    let ended = EndSettingsReplication { item, end: SettingsEnd::Complete };
    world.meta.write(ended).await.unwrap();
    assert_eq!(due_settings(&world).await.len(), 1, "it was queued again meanwhile");
    // A clock that is set back makes no change older than what was there.
    world.meta.write(scanning(app, false, 5)).await.unwrap();
    assert_eq!(sent(&world, app).await, [(SettingKind::Scanning, 81, Some("false".into()))]);
    complete(&world).await;
    enable(&world, REPLICATE_TAGS).await;
    world.put(app, "four", &["v4"]).await;
    assert_eq!(due_settings(&world).await.len(), 1, "another option sends everything again");
}

pub(super) async fn the_later_change_of_a_setting_counts(world: World) {
    let (_, there) = replicating(&world, false).await;
    let arrives = async |value: SettingValue, at: i64| {
        let settings = vec![ArrivedSetting { changed_at: Micros(at), value }];
        let put = PutReplicatedSettings { repository: there, settings, at: Micros(99) };
        world.meta.write(put).await.unwrap()
    };
    let scans = |scans| SettingValue::Scanning(scans);
    assert_eq!(arrives(scans(true), 50).await, [SettingKind::Scanning]);
    assert_eq!(arrives(scans(false), 50).await, []);
    world.meta.write(scanning(there, false, 60)).await.unwrap();
    assert_eq!(arrives(scans(true), 55).await, []);
    assert_eq!(arrives(scans(true), 61).await, [SettingKind::Scanning]);
    let policy = |document: Option<&str>| SettingValue::Policy(document.map(str::to_owned));
    let lifecycle = |document: Option<&str>| SettingValue::LifecyclePolicy(document.map(str::to_owned));
    let all = [
        policy(Some("{}")),
        lifecycle(Some("{}")),
        SettingValue::Tags(vec![("k".into(), "v".into())]),
        SettingValue::TagMutability(Mutability::Immutable, vec!["dev*".into()]),
    ];
    for value in all {
        assert_eq!(arrives(value.clone(), 50).await, [value.kind()]);
    }
    let loaded = world.meta.read(LoadRepositoryPolicy { repository: there }).await.unwrap();
    assert_eq!(loaded.document.as_deref(), Some("{}"));
    let tags = world.meta.read(ListTagsForResource { repository: there }).await.unwrap();
    assert_eq!(tags, [("k".to_owned(), "v".to_owned())]);
    for value in [policy(None), lifecycle(None), SettingValue::Tags(Vec::new())] {
        assert_eq!(arrives(value.clone(), 51).await, [value.kind()]);
    }
    assert_eq!(world.meta.read(GetLifecyclePolicy { repository: there }).await.unwrap(), None);
    assert_eq!(due_settings(&world).await, [], "nothing is replicated on");
    let gone = PutReplicatedSettings {
        repository: RepositoryKey { id: 9, ..there },
        settings: Vec::new(),
        at: Micros(99),
    };
    assert_eq!(refusal(world.meta.write(gone).await), SettingsRepositoryGone);
}

pub(super) async fn failed_settings_are_counted_and_end_with_their_destination(world: World) {
    let (app, _) = replicating(&world, false).await;
    enable(&world, REPLICATE_SETTINGS).await;
    world.meta.write(scanning(app, true, 50)).await.unwrap();
    let lags = async || {
        let lags = ListReplicationLags { registry: Some(world.registry), most: 99, limit: 9 };
        let lag = world.meta.read(lags).await.unwrap().remove(0);
        (lag.waiting, lag.failed, lag.oldest)
    };
    assert_eq!(lags().await, (1, 0, Some(Micros(50))));
    let due_at = ListDueDestinations { now: Micros(50), after: i64::MIN, limit: 9 };
    assert_eq!(world.meta.read(due_at).await.unwrap().len(), 1);
    let item = due_settings(&world).await.remove(0);
    let end = SettingsEnd::Failed { code: "InvalidTags".into(), retry_at: Some(Micros(500)) };
    world.meta.write(EndSettingsReplication { item, end }).await.unwrap();
    assert_eq!(lags().await, (0, 1, None));
    let item = due_settings(&world).await.remove(0);
    assert_eq!(item.attempts, 1);
    // An image does not hurry what is tried again anyway. What is given up is tried with the next image.
    world.put(app, "two", &["v2"]).await;
    assert_eq!(due_settings(&world).await, std::slice::from_ref(&item));
    let end = SettingsEnd::Failed { code: "InvalidTags".into(), retry_at: None };
    world.meta.write(EndSettingsReplication { item, end }).await.unwrap();
    assert_eq!((due_settings(&world).await, lags().await.1), (Vec::new(), 1));
    world.put(app, "three", &["v3"]).await;
    let again = due_settings(&world).await;
    assert_eq!(again.iter().map(|item| item.attempts).collect::<Vec<_>>(), [0]);
    let none = PutReplicationConfiguration {
        registry: world.registry,
        rules: "[]".into(),
        routes: Vec::new(),
        at: Micros(600),
    };
    world.meta.write(none).await.unwrap();
    while world.meta.write(ForgetReplications { limit: 10 }).await.unwrap() > 0 {}
    assert_eq!(due_settings(&world).await, []);
}
