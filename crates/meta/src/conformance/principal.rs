//! Users, their access keys and policies, and the version that every change bumps.

use super::world::{World, refusal};
use crate::*;

async fn policies(world: &World, owner: &str) -> IdentityPolicies {
    world.meta.read(LoadIdentityPolicies { owner: owner.into() }).await.unwrap()
}

/// An attached policy whose text is not in the store, as those of AWS.
fn elsewhere(arn: &str) -> ManagedDocument {
    ManagedDocument { arn: arn.into(), document: None }
}

pub(super) async fn names_ignore_case(world: World) {
    let ann = world.user("AIDA1", "Ann").await.unwrap();
    assert_eq!((ann.name.as_str(), ann.version, ann.account_id.as_str()), ("Ann", 1, super::world::ACCOUNT));
    assert_eq!(refusal(world.user("AIDA2", "ann").await), UserExists);
    assert_eq!(world.user("AIDA1", "Ann").await.unwrap(), ann, "a repeat finds its own");
}

pub(super) async fn every_change_bumps_the_version(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    let owner = || "AIDA1".to_owned();
    let meta = &world.meta;
    let inline =
        |document: &str| PutInlinePolicy { owner: owner(), name: "p".into(), document: document.into() };
    meta.write(inline("{}")).await.unwrap();
    meta.write(inline("{1}")).await.unwrap();
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:b".into() }).await.unwrap();
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:a".into() }).await.unwrap();
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:a".into() }).await.unwrap();
    let expected = IdentityPolicies {
        version: 6,
        inline: vec![("p".into(), "{1}".into())],
        managed: vec![elsewhere("arn:a"), elsewhere("arn:b")],
        ..IdentityPolicies::default()
    };
    assert_eq!(policies(&world, "AIDA1").await, expected);
    assert!(meta.write(DetachManagedPolicy { owner: owner(), arn: "arn:a".into() }).await.unwrap());
    assert!(!meta.write(DetachManagedPolicy { owner: owner(), arn: "arn:a".into() }).await.unwrap());
    assert!(meta.write(DeleteInlinePolicy { owner: owner(), name: "p".into() }).await.unwrap());
    assert!(!meta.write(DeleteInlinePolicy { owner: owner(), name: "p".into() }).await.unwrap());
    let left = policies(&world, "AIDA1").await;
    assert_eq!((left.version, left.inline.len(), left.managed), (10, 0, vec![elsewhere("arn:b")]));
    let gone = AttachManagedPolicy { owner: "AIDA9".into(), arn: "arn:a".into() };
    assert_eq!(refusal(meta.write(gone).await), PrincipalGone);
}

pub(super) async fn a_user_made_again_inherits_nothing(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    let attach = AttachManagedPolicy { owner: "AIDA1".into(), arn: "arn:a".into() };
    world.meta.write(attach).await.unwrap();
    world.meta.write(key("AKIAAAAAAAAAAAAAAAA1", "AIDA1", b"one")).await.unwrap();
    world.meta.write(DeleteUser { owner: "AIDA1".into() }).await.unwrap();
    assert_eq!(refusal(world.meta.write(DeleteUser { owner: "AIDA1".into() }).await), PrincipalGone);
    assert_eq!(policies(&world, "AIDA1").await, IdentityPolicies::default());
    assert!(world.meta.read(FindAccessKey { id: id("AKIAAAAAAAAAAAAAAAA1") }).await.unwrap().is_none());
    world.user("AIDA2", "ann").await.unwrap();
    assert_eq!(policies(&world, "AIDA2").await.managed, Vec::new());
}

const KEY: &str = "AKIAAAAAAAAAAAAAAAA1";

fn id(text: &str) -> aws::ids::AccessKeyId {
    text.parse().unwrap()
}

fn key(text: &str, owner: &str, sealed: &[u8]) -> CreateAccessKey {
    CreateAccessKey { id: id(text), owner: owner.into(), sealed_secret: sealed.to_vec(), at: Micros(6) }
}

pub(super) async fn access_keys(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    let made = |owner, sealed: &'static [u8]| world.meta.write(key(KEY, owner, sealed));
    assert_eq!(refusal(made("AIDA9", b"s").await), CreateAccessKeyRefusal::PrincipalGone);
    made("AIDA1", b"sealed").await.unwrap();
    made("AIDA1", b"sealed").await.unwrap();
    assert_eq!(refusal(made("AIDA1", b"other").await), CreateAccessKeyRefusal::Exists);
    let find = || world.meta.read(FindAccessKey { id: id(KEY) });
    let found = find().await.unwrap().unwrap();
    assert_eq!(
        (found.active, found.sealed_secret, found.principal.unique_id.as_str()),
        (true, b"sealed".to_vec(), "AIDA1")
    );
    let before = found.principal.version;
    world.meta.write(SetAccessKeyStatus { id: id(KEY), active: false }).await.unwrap();
    let found = find().await.unwrap().unwrap();
    assert_eq!((found.active, found.principal.version), (false, before + 1));
    let other = SetAccessKeyStatus { id: id("AKIAAAAAAAAAAAAAAAA2"), active: false };
    assert_eq!(refusal(world.meta.write(other).await), AccessKeyGone);
}
