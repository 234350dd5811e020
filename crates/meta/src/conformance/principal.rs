//! Users, their access keys and policies, the version that every change increments, and the principals that a policy
//! names.

use super::world::{World, refusal};
use crate::*;

async fn policies(world: &World, owner: &str) -> IdentityPolicies {
    world.meta.read(LoadIdentityPolicies { owner: owner.to_owned() }).await.unwrap()
}

/// An attached policy whose text is not in the store, like AWS's own.
fn elsewhere(arn: &str) -> ManagedDocument {
    ManagedDocument { arn: arn.to_owned(), document: None }
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
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:b".to_owned() }).await.unwrap();
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:a".to_owned() }).await.unwrap();
    meta.write(AttachManagedPolicy { owner: owner(), arn: "arn:a".to_owned() }).await.unwrap();
    let expected = IdentityPolicies {
        version: 6,
        inline: vec![("p".into(), "{1}".into())],
        managed: vec![elsewhere("arn:a"), elsewhere("arn:b")],
        ..IdentityPolicies::default()
    };
    assert_eq!(policies(&world, "AIDA1").await, expected);
    assert!(meta.write(DetachManagedPolicy { owner: owner(), arn: "arn:a".to_owned() }).await.unwrap());
    assert!(!meta.write(DetachManagedPolicy { owner: owner(), arn: "arn:a".to_owned() }).await.unwrap());
    assert!(meta.write(DeleteInlinePolicy { owner: owner(), name: "p".into() }).await.unwrap());
    assert!(!meta.write(DeleteInlinePolicy { owner: owner(), name: "p".into() }).await.unwrap());
    let left = policies(&world, "AIDA1").await;
    assert_eq!((left.version, left.inline.len(), left.managed), (10, 0, vec![elsewhere("arn:b")]));
    let gone = AttachManagedPolicy { owner: "AIDA9".to_owned(), arn: "arn:a".to_owned() };
    assert_eq!(refusal(meta.write(gone).await), PrincipalGone);
}

pub(super) async fn a_user_made_again_inherits_nothing(world: World) {
    world.user("AIDA1", "ann").await.unwrap();
    let attach = AttachManagedPolicy { owner: "AIDA1".to_owned(), arn: "arn:a".to_owned() };
    world.meta.write(attach).await.unwrap();
    world.meta.write(key("AKIAAAAAAAAAAAAAAAA1", "AIDA1", b"one")).await.unwrap();
    world.meta.write(DeleteUser { owner: "AIDA1".to_owned() }).await.unwrap();
    assert_eq!(refusal(world.meta.write(DeleteUser { owner: "AIDA1".to_owned() }).await), PrincipalGone);
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
    CreateAccessKey { id: id(text), owner: owner.to_owned(), sealed_secret: sealed.to_vec(), at: Micros(6) }
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
    world
        .meta
        .write(SetAccessKeyStatus { id: id(KEY), owner: "AIDA1".to_owned(), active: false })
        .await
        .unwrap();
    let found = find().await.unwrap().unwrap();
    assert_eq!((found.active, found.principal.version), (false, before + 1));
    let other =
        SetAccessKeyStatus { id: id("AKIAAAAAAAAAAAAAAAA2"), owner: "AIDA1".to_owned(), active: false };
    assert_eq!(refusal(world.meta.write(other).await), AccessKeyGone);
}

fn entity(account: &str, kind: EntityKind, name: &str) -> EntityName {
    EntityName { account_id: account.parse().unwrap(), kind, name: name.into() }
}

pub(super) async fn named_in_a_policy(world: World) {
    let other = CreateAccount {
        key: AccountKey(70),
        account_id: "700000000000".parse().unwrap(),
        name: "other".into(),
        at: Micros(1),
    };
    world.meta.write(other).await.unwrap();
    let make = |account, kind, unique_id: &str| CreateEntity {
        account: AccountKey(account),
        kind,
        unique_id: unique_id.to_owned(),
        path: "/p/".into(),
        name: "Ann".into(),
        boundary: None,
        role: None,
        tags: Vec::new(),
        limit: 10,
        at: Micros(1),
    };
    for (account, kind, id) in
        [(1, EntityKind::User, "AIDA1"), (1, EntityKind::Role, "AROA1"), (70, EntityKind::User, "AIDA70")]
    {
        world.meta.write(make(account, kind, id)).await.unwrap();
    }
    let find = |accounts: &[&str], entities: &[EntityName], unique_ids: &[&str]| FindNamedPrincipals {
        accounts: accounts.iter().map(|account| account.parse().unwrap()).collect(),
        entities: entities.to_vec(),
        unique_ids: unique_ids.iter().map(|id| (*id).to_owned()).collect(),
    };
    let ids = |found: &NamedPrincipals| {
        found.principals.iter().map(|one| one.unique_id.clone()).collect::<Vec<_>>()
    };
    let here = super::world::ACCOUNT;
    assert_eq!(world.meta.read(find(&[], &[], &[])).await.unwrap(), NamedPrincipals::default());
    let accounts = find(&["700000000000", "800000000000", here], &[], &[]);
    let found = world.meta.read(accounts).await.unwrap();
    let accounts: Vec<_> = found.accounts.iter().map(ToString::to_string).collect();
    assert_eq!(accounts, [here, "700000000000"]);
    let user = entity(here, EntityKind::User, "ann");
    let found = world.meta.read(find(&[], std::slice::from_ref(&user), &[])).await.unwrap();
    let ann = &found.principals[0];
    assert_eq!((ids(&found), ann.path.as_str(), ann.name.as_str()), (vec!["AIDA1".into()], "/p/", "Ann"));
    assert_eq!((ann.account_id.as_str(), ann.kind.as_str()), (here, "user"));
    // Each part of a name counts, and a repeated name is returned once.
    let names = [
        user,
        entity("700000000000", EntityKind::User, "ANN"),
        entity("700000000000", EntityKind::Role, "Ann"),
        entity("800000000000", EntityKind::User, "Ann"),
        entity(here, EntityKind::User, "bob"),
    ];
    let found = world.meta.read(find(&[], &names, &["AROA1", "AIDA1", "AIDA9"])).await.unwrap();
    assert_eq!(ids(&found), ["AIDA1", "AIDA70", "AROA1"]);
}

pub(super) async fn many_are_found_in_few_statements(world: World) {
    let ids: Vec<String> = (0..600).map(|n| format!("AIDA{n:03}")).collect();
    for n in [0, 255, 256, 599] {
        world.user(&ids[n], &format!("user-{n}")).await.unwrap();
    }
    let by_name = (0..600).map(|n| entity(super::world::ACCOUNT, EntityKind::User, &format!("user-{n}")));
    let find = FindNamedPrincipals {
        accounts: vec![super::world::ACCOUNT.parse().unwrap(); 600],
        entities: by_name.collect(),
        unique_ids: ids.clone(),
    };
    let before = world.meta.round_trips();
    let found = world.meta.read(find).await.unwrap();
    let found: Vec<_> = found.principals.into_iter().map(|one| one.unique_id).collect();
    assert_eq!(found, [&ids[0], &ids[255], &ids[256], &ids[599]].map(Clone::clone));
    if let (Some(before), Some(after)) = (before, world.meta.round_trips()) {
        // Three statements for each kind of name, each prepared once, and a transaction around them.
        assert!(after - before < 30, "{} round trips", after - before);
    }
}
