//! Accounts, registries, settings.

use super::world::{ACCOUNT, REGION, World, refusal};
use crate::*;

pub(super) async fn digits_are_unique(world: World) {
    let again = |key| CreateAccount {
        key: AccountKey(key),
        account_id: ACCOUNT.parse().unwrap(),
        name: "x".into(),
        at: Micros(9),
    };
    assert_eq!(refusal(world.meta.write(again(2)).await), AccountExists);
    // The same operation again, as after a lost answer.
    assert_eq!(world.meta.write(again(1)).await.unwrap().name, "main");
    let found = world.meta.read(FindAccount { account_id: ACCOUNT.parse().unwrap() }).await.unwrap().unwrap();
    assert_eq!((found.key, found.status.as_str()), (AccountKey(1), "ACTIVE"));
    let unknown = FindAccount { account_id: "999999999999".parse().unwrap() };
    assert_eq!(world.meta.read(unknown).await.unwrap(), None);
}

pub(super) async fn a_registry_is_made_once(world: World) {
    let (left, right) = tokio::join!(
        world.registry_in("eu-west-1", RegistryKey(20)),
        world.registry_in("eu-west-1", RegistryKey(21))
    );
    assert_eq!(left, right);
    let registry = async |region: &str| {
        let resolve = Resolve {
            account_id: ACCOUNT.parse().unwrap(),
            region: region.parse().unwrap(),
            repository: None,
            target: Target::None,
            caller: None,
        };
        world.meta.read(resolve).await.unwrap().basis.registry.clone()
    };
    assert_eq!(registry("eu-west-1").await, Some(left));
    assert_eq!(registry(REGION).await.unwrap().key, world.registry);
    assert_eq!(registry("eu-west-2").await, None);
}

pub(super) async fn a_setting_is_written_once(world: World) {
    let put = |value: &str| {
        world.meta.write(PutSettingOnce { name: "ring".into(), value: value.as_bytes().to_vec() })
    };
    let read = || world.meta.read(GetSetting { name: "ring".into() });
    assert_eq!(read().await.unwrap(), None);
    let (left, right) = tokio::join!(put("left"), put("right"));
    assert_eq!(left.unwrap(), right.unwrap());
    let stored = read().await.unwrap().unwrap();
    assert_eq!(put("late").await.unwrap(), stored);
}

pub(super) async fn the_clock_of_the_database_is_read(world: World) {
    let now = || i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
    let before = now();
    let read = world.meta.read(ReadClock).await.unwrap().0;
    // SQLite counts milliseconds.
    assert!((before - 1_000..=now()).contains(&read), "{read} is not after {before}");
}

pub(super) async fn a_setting_is_replaced_by_who_read_it(world: World) {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let put = PutSettingOnce { name: "ring".into(), value: bytes("one") };
    world.meta.write(put).await.unwrap();
    let replace = |old: &str, new: &str| {
        world.meta.write(ReplaceSetting { name: "ring".into(), old: bytes(old), new: bytes(new) })
    };
    let (left, right) = tokio::join!(replace("one", "left"), replace("one", "right"));
    assert_eq!(usize::from(left.is_ok()) + usize::from(right.is_ok()), 1, "one of those who read the same");
    assert!(replace("one", "late").await.is_err());
    let stored = world.meta.read(GetSetting { name: "ring".into() }).await.unwrap().unwrap();
    assert_eq!(stored, bytes(if left.is_ok() { "left" } else { "right" }));
}

/// A quota of each registry or repository is used as much as by the fullest one.
pub(super) async fn what_the_fullest_one_has_is_counted(world: World) {
    let count = || world.meta.read(CountRegistries { account_id: ACCOUNT.parse().unwrap() });
    let empty = count().await.unwrap();
    assert_eq!(empty, RegistryCounts { registries: 1, ..RegistryCounts::default() });
    let (small, large) = (world.repository("small").await, world.repository("large").await);
    world.put(large, "m", &["a"]).await;
    assert_eq!(count().await.unwrap().tags_of_an_image, 1);
    world.put(small, "m", &["a", "b", "c"]).await;
    world.put(large, "n", &["b"]).await;
    let counts = count().await.unwrap();
    assert_eq!((counts.images_of_a_repository, counts.tags_of_an_image), (2, 3));
    let none = CountRegistries { account_id: "999999999999".parse().unwrap() };
    assert_eq!(world.meta.read(none).await.unwrap(), RegistryCounts::default());
}
