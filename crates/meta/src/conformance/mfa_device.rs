//! Virtual MFA devices.

use super::{
    identities::digits,
    world::{ACCOUNT, World, refusal},
};
use crate::*;

fn serial(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:mfa/{name}")
}

fn create(name: &str, seed: u8) -> CreateMfaDevice {
    CreateMfaDevice {
        account: AccountKey(1),
        serial_number: serial(name),
        sealed_seed: vec![1, 3, seed],
        limit: 2,
        at: Micros(5),
    }
}

fn enable(owner: &str, name: &str) -> EnableMfaDevice {
    EnableMfaDevice {
        owner: owner.into(),
        serial_number: serial(name),
        step: 100,
        drift: -2,
        limit: 1,
        at: Micros(6),
    }
}

async fn found(world: &World, name: &str) -> MfaDevice {
    world.meta.read(FindMfaDevice { serial_number: serial(name) }).await.unwrap().unwrap()
}

async fn listed(world: &World, owner: Option<&str>) -> Vec<String> {
    let (account_id, owner) = (digits(ACCOUNT), owner.map(str::to_owned));
    let list = ListMfaDevices { account_id, owner, after: String::new(), limit: 10 };
    world.meta.read(list).await.unwrap().into_iter().map(|device| device.serial_number).collect()
}

pub(super) async fn a_device_belongs_to_one_user(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    world.user("AIDA2", "bob").await.unwrap();
    world.meta.write(create("a", 7)).await.unwrap();
    world.meta.write(create("a", 7)).await.unwrap();
    assert_eq!(refusal(world.meta.write(create("a", 8)).await), CreateMfaDeviceRefusal::Exists);
    world.meta.write(create("b", 9)).await.unwrap();
    assert_eq!(refusal(world.meta.write(create("c", 9)).await), CreateMfaDeviceRefusal::Limit);

    assert_eq!(refusal(world.meta.write(enable("AIDA9", "a")).await), EnableMfaDeviceRefusal::Gone);
    assert_eq!(refusal(world.meta.write(enable("AIDA1", "none")).await), EnableMfaDeviceRefusal::Gone);
    world.meta.write(enable("AIDA1", "a")).await.unwrap();
    assert_eq!(refusal(world.meta.write(enable("AIDA2", "a")).await), EnableMfaDeviceRefusal::Taken);
    assert_eq!(refusal(world.meta.write(enable("AIDA1", "b")).await), EnableMfaDeviceRefusal::Limit);
    let device = found(&world, "a").await;
    assert_eq!((device.owner.as_deref(), device.enabled_at), (Some("AIDA1"), Some(Micros(6))));
    assert_eq!((device.last_step, device.drift), (100, -2));
    assert_eq!(listed(&world, Some("AIDA1")).await, [serial("a")]);
    assert_eq!(listed(&world, None).await, [serial("a"), serial("b")]);
    let counts = world.meta.read(CountAccount { account_id: digits(ACCOUNT) }).await.unwrap();
    assert_eq!((counts.mfa_devices, counts.mfa_devices_in_use, counts.root_mfa_devices), (2, 1, 0));

    let delete = |name: &str| DeleteMfaDevice { account_id: digits(ACCOUNT), serial_number: serial(name) };
    assert_eq!(refusal(world.meta.write(delete("a")).await), DeleteMfaDeviceRefusal::Taken);
    assert_eq!(refusal(world.meta.write(delete("none")).await), DeleteMfaDeviceRefusal::Gone);
    let user = DeleteEntity { unique_id: "AIDA1".to_owned() };
    assert_eq!(refusal(world.meta.write(user).await), DeleteEntityRefusal::MfaDevices);
    let deactivate =
        |owner: &str| DeactivateMfaDevice { owner: owner.to_owned(), serial_number: serial("a") };
    assert_eq!(refusal(world.meta.write(deactivate("AIDA2")).await), NoSuchMfaDevice);
    world.meta.write(deactivate("AIDA1")).await.unwrap();
    world.meta.write(delete("a")).await.unwrap();
    assert_eq!(listed(&world, None).await, [serial("b")]);
}

pub(super) async fn a_code_is_used_once(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    world.meta.write(create("a", 7)).await.unwrap();
    world.meta.write(enable("AIDA1", "a")).await.unwrap();
    let code = |owner: &str, step| {
        world.meta.write(UseMfaCode { serial_number: serial("a"), owner: owner.into(), step })
    };
    assert_eq!(refusal(code("AIDA1", 100).await), CodeUsed, "the codes that enabled it");
    assert_eq!(refusal(code("AIDA2", 101).await), CodeUsed);
    let at_once = futures::future::join_all((0..8).map(|_| code("AIDA1", 102))).await;
    assert_eq!(at_once.iter().filter(|used| used.is_ok()).count(), 1);
    assert_eq!(refusal(code("AIDA1", 101).await), CodeUsed, "an older one");
    let synchronize =
        |step| SynchronizeMfaDevice { owner: "AIDA1".to_owned(), serial_number: serial("a"), step, drift: 7 };
    assert_eq!(refusal(world.meta.write(synchronize(102)).await), CodeUsed);
    world.meta.write(synchronize(110)).await.unwrap();
    assert_eq!(found(&world, "a").await.drift, 7);
}

pub(super) async fn attempts_are_counted(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    world.meta.write(create("a", 7)).await.unwrap();
    world.meta.write(enable("AIDA1", "a")).await.unwrap();
    let attempt = |at, forget_before| {
        let (at, forget_before) = (Micros(at), Micros(forget_before));
        world.meta.write(CountMfaAttempt { serial_number: serial("a"), most: 3, forget_before, at })
    };
    let at_once = futures::future::join_all((0..8).map(|_| attempt(1_000, 1))).await;
    assert_eq!(at_once.iter().filter(|counted| counted.is_ok()).count(), 3);
    assert_eq!(refusal(attempt(1_001, 1).await), TooManyAttempts);
    attempt(2_000, 1_001).await.unwrap();
    assert_eq!(found(&world, "a").await.failures, 1, "the earlier ones are forgotten");
    let code = UseMfaCode { serial_number: serial("a"), owner: "AIDA1".into(), step: 101 };
    world.meta.write(code).await.unwrap();
    assert_eq!(found(&world, "a").await.failures, 0);
}

pub(super) async fn seeds_are_sealed_anew(world: World) {
    world.meta.write(create("a", 7)).await.unwrap();
    world.meta.write(create("b", 8)).await.unwrap();
    let list = |sealing_key| ListSeedsNotUnder { sealing_key, after: String::new(), limit: 10 };
    assert_eq!(world.meta.read(list(3)).await.unwrap().len(), 0);
    let seeds = world.meta.read(list(4)).await.unwrap();
    assert_eq!(seeds.len(), 2);
    let reseal = |old: &SealedSeed| ResealSeed { old: old.clone(), sealed: vec![1, 4, 9] };
    assert!(world.meta.write(reseal(&seeds[0])).await.unwrap());
    assert!(!world.meta.write(reseal(&seeds[0])).await.unwrap(), "it is another one now");
    assert_eq!(found(&world, "a").await.sealed_seed, [1, 4, 9]);
    assert_eq!(world.meta.read(list(4)).await.unwrap().len(), 1);
}
