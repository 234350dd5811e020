//! Access keys as IAM manages them: two for each principal, listed without their secrets; the root of an account; the
//! first user with its key.

use aws::ids::AccessKeyId;

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

fn id(at: usize) -> AccessKeyId {
    format!("AKIAAAAAAAAAAAAAAAA{at}").parse().unwrap()
}

fn key(at: usize, owner: &str) -> CreateAccessKey {
    let (owner, sealed_secret) = (owner.to_owned(), vec![u8::try_from(at).unwrap()]);
    CreateAccessKey { id: id(at), owner, sealed_secret, at: Micros(100) }
}

fn within(at: usize, owner: &str) -> CreateAccessKeyWithin {
    CreateAccessKeyWithin { key: key(at, owner), limit: 2 }
}

async fn caller(world: &World, unique_id: &str, at: usize) -> Option<CallerState> {
    let resolve = Resolve {
        account_id: digits(ACCOUNT),
        region: REGION.parse().unwrap(),
        repository: None,
        target: Target::None,
        caller: Some(CallerRef { unique_id: unique_id.to_owned(), access_key_id: Some(id(at)) }),
    };
    world.meta.resolve(resolve).await.unwrap().basis.caller.clone()
}

pub(super) async fn two_for_each(world: World) {
    world.entity("AIDA1").await;
    world.entity("AIDA2").await;
    let write = |create| world.meta.write(create);
    let gone = CreateAccessKeyWithinRefusal::Key(CreateAccessKeyRefusal::PrincipalGone);
    assert_eq!(refusal(write(within(1, "AIDA9")).await), gone);
    write(within(2, "AIDA1")).await.unwrap();
    write(within(1, "AIDA1")).await.unwrap();
    write(within(1, "AIDA1")).await.expect("a repeat finds its own, also at the limit");
    assert_eq!(refusal(write(within(3, "AIDA1")).await), CreateAccessKeyWithinRefusal::Limit);
    let exists = CreateAccessKeyWithinRefusal::Key(CreateAccessKeyRefusal::Exists);
    assert_eq!(refusal(write(within(1, "AIDA2")).await), exists);
    write(within(3, "AIDA2")).await.unwrap();

    let anothers = SetAccessKeyStatus { id: id(2), owner: "AIDA2".to_owned(), active: false };
    assert_eq!(refusal(world.meta.write(anothers).await), AccessKeyGone);
    world
        .meta
        .write(SetAccessKeyStatus { id: id(2), owner: "AIDA1".to_owned(), active: false })
        .await
        .unwrap();
    let list = |owner: &str| world.meta.read(ListAccessKeys { owner: owner.to_owned() });
    let info = |at, active| AccessKeyInfo { id: id(at), active, created_at: Micros(100), last_used: None };
    assert_eq!(list("AIDA1").await.unwrap(), [info(1, true), info(2, false)]);
    assert_eq!(list("AIDA9").await.unwrap(), []);
    // Only its owner's key can be deleted.
    let delete = |at, owner: &str| world.meta.write(DeleteAccessKey { id: id(at), owner: owner.to_owned() });
    assert_eq!(refusal(delete(3, "AIDA1").await), AccessKeyGone);
    delete(1, "AIDA1").await.unwrap();
    assert_eq!(refusal(delete(1, "AIDA1").await), AccessKeyGone);
    assert_eq!(list("AIDA1").await.unwrap(), [info(2, false)]);
    assert!(world.meta.read(FindAccessKey { id: id(1) }).await.unwrap().is_none());
    assert_eq!(list("AIDA2").await.unwrap(), [info(3, true)]);
    write(within(4, "AIDA1")).await.expect("one is free again");
}

pub(super) async fn what_the_gate_sees(world: World) {
    world.entity("AIDA1").await;
    world.entity("AIDA2").await;
    world.meta.write(within(1, "AIDA1")).await.unwrap();
    let active = |state: Option<CallerState>| state.map(|state| state.is_active());
    assert_eq!(active(caller(&world, "AIDA1", 1).await), Some(true));
    assert_eq!(active(caller(&world, "AIDA2", 1).await), Some(false), "it is another's key");
    assert_eq!(active(caller(&world, "AIDA1", 2).await), Some(false), "there is no such key");
    assert_eq!(active(caller(&world, "AIDA9", 1).await), None);
    world
        .meta
        .write(SetAccessKeyStatus { id: id(1), owner: "AIDA1".to_owned(), active: false })
        .await
        .unwrap();
    assert_eq!(active(caller(&world, "AIDA1", 1).await), Some(false));
    world
        .meta
        .write(SetAccessKeyStatus { id: id(1), owner: "AIDA1".to_owned(), active: true })
        .await
        .unwrap();
    assert_eq!(active(caller(&world, "AIDA1", 1).await), Some(true));
    let close = |change| ChangeMemberAccount { account_id: digits(ACCOUNT), change, at: Micros(9) };
    let leave = world.meta.write(close(MemberChange::Leave)).await.unwrap();
    assert!(leave.unwrap().in_organization);
    let state = caller(&world, "AIDA1", 1).await.unwrap();
    assert!(state.is_active() && !state.in_organization);
    world.meta.write(close(MemberChange::Close)).await.unwrap();
    let state = caller(&world, "AIDA1", 1).await.unwrap();
    assert!(state.access_key_active && !state.is_active(), "nobody of a closed account is heard");
    world.meta.write(DeleteAccessKey { id: id(1), owner: "AIDA1".to_owned() }).await.unwrap();
    assert!(!caller(&world, "AIDA1", 1).await.unwrap().access_key_active);
}

pub(super) async fn when_it_was_used(world: World) {
    world.entity("AIDA1").await;
    world.meta.write(within(1, "AIDA1")).await.unwrap();
    let used = |region: &str, service: &str, at| RecordAccessKeyUse {
        id: id(1),
        region: region.into(),
        service: service.into(),
        at: Micros(at),
    };
    let last = || async {
        let keys = world.meta.read(ListAccessKeys { owner: "AIDA1".to_owned() }).await.unwrap();
        keys[0].last_used.clone()
    };
    assert_eq!(last().await, None);
    world.meta.write(used("eu-west-1", "ecr", 90)).await.unwrap();
    // Records of use can arrive late, and from several nodes.
    world.meta.write(used("us-east-1", "iam", 80)).await.unwrap();
    assert_eq!(last().await, Some((Micros(90), "eu-west-1".into(), "ecr".into())), "a time never moves back");
    world.meta.write(used("us-east-1", "iam", 91)).await.unwrap();
    assert_eq!(last().await, Some((Micros(91), "us-east-1".into(), "iam".into())));
    let other = RecordAccessKeyUse { id: id(9), ..used("r", "s", 99) };
    world.meta.write(other).await.expect("a key that is gone meanwhile is no error");
}

pub(super) async fn the_root_of_an_account(world: World) {
    let ensure = |account: &str| world.meta.write(EnsureRoot { account_id: digits(account), at: Micros(5) });
    assert_eq!(refusal(ensure("999999999999").await), RootAccountGone);
    ensure(ACCOUNT).await.unwrap();
    ensure(ACCOUNT).await.expect("it is there already");
    world.meta.write(world.new_entity("AIDA1", "root")).await.expect("a user may have that name");
    world.meta.write(within(1, ACCOUNT)).await.unwrap();
    let state = caller(&world, ACCOUNT, 1).await.unwrap();
    assert!(state.is_active());
    let found = world.meta.read(FindAccessKey { id: id(1) }).await.unwrap().unwrap();
    assert_eq!((found.principal.kind.as_str(), found.principal.unique_id.as_str()), ("root", ACCOUNT));
    world.meta.write(within(2, "AIDA1")).await.expect("its key is no key of the root");
    let counts = world.meta.read(CountAccount { account_id: digits(ACCOUNT) }).await.unwrap();
    assert_eq!((counts.root_keys, counts.users), (1, 1));
}

pub(super) async fn the_first_user_comes_whole_or_not_at_all(world: World) {
    let create = |unique_id: &str, name: &str, at, owner: &str| CreateFirstUser {
        user: CreateUser {
            account: AccountKey(1),
            unique_id: unique_id.to_owned(),
            path: "/".into(),
            name: name.into(),
            at: Micros(5),
        },
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
        access_key: key(at, owner),
    };
    // The key must belong to the new user, even if another principal exists.
    world.entity("AIDA9").await;
    let before = world.row_counts().await;
    assert_eq!(refusal(world.meta.write(create("AIDA1", "admin", 1, "AIDA9")).await), FirstUserRefused);
    assert_eq!(world.row_counts().await, before);
    world.meta.write(create("AIDA1", "admin", 1, "AIDA1")).await.unwrap();
    world.meta.write(create("AIDA1", "admin", 1, "AIDA1")).await.expect("a repeat finds its own");
    let policies = world.policies_of("AIDA1").await.managed;
    assert_eq!(policies.len(), 1);
    assert!(caller(&world, "AIDA1", 1).await.unwrap().is_active());
    let one = world.row_counts().await;
    // The user name or the key's ID exists already.
    assert_eq!(refusal(world.meta.write(create("AIDA2", "Admin", 2, "AIDA2")).await), FirstUserRefused);
    assert_eq!(refusal(world.meta.write(create("AIDA2", "other", 1, "AIDA2")).await), FirstUserRefused);
    assert_eq!(world.row_counts().await, one);
}

pub(super) async fn a_summary_counts_the_account_alone(world: World) {
    let account = world.second_account().await;
    let count = |account: &str| world.meta.read(CountAccount { account_id: digits(account) });
    assert_eq!(count(ACCOUNT).await.unwrap(), AccountCounts::default());
    for unique_id in ["AIDA1", "AIDA2", "AIDA3", "AGPA1", "AGPA2", "AROA1"] {
        world.entity(unique_id).await;
    }
    let arn = world.policy("read").await;
    let document = "2".to_owned();
    let add = CreateManagedPolicyVersion { arn, document, set_as_default: true, limit: 5, at: Micros(9) };
    world.meta.write(add).await.unwrap();
    world.policy("write").await;
    for at in 0..4 {
        world.meta.write(world.new_profile(&format!("AIPA{at}"), &format!("p{at}"))).await.unwrap();
    }
    for at in 0..5 {
        world.meta.write(world.new_provider(&format!("i{at}"))).await.unwrap();
    }
    let elsewhere = CreateEntity { account, ..world.new_entity("AROA9", "else") };
    world.meta.write(elsewhere).await.unwrap();
    let expected = AccountCounts {
        users: 3,
        groups: 2,
        roles: 1,
        policies: 2,
        policy_versions: 3,
        instance_profiles: 4,
        oidc_providers: 5,
        ..AccountCounts::default()
    };
    assert_eq!(count(ACCOUNT).await.unwrap(), expected);
    let second = AccountCounts { roles: 1, ..AccountCounts::default() };
    assert_eq!(count(super::identities::SECOND).await.unwrap(), second);
    assert_eq!(count("999999999999").await.unwrap(), AccountCounts::default());
}

pub(super) async fn sealed_anew_in_slices(world: World) {
    for (at, key) in [(1, 1), (2, 1), (3, 2), (4, 3)] {
        let owner = format!("AIDA{at}");
        world.entity(&owner).await;
        let sealed_secret = vec![1, key, 9];
        let create = CreateAccessKey { id: id(at), owner, sealed_secret, at: Micros(1) };
        world.meta.write(create).await.unwrap();
    }
    let list = async |after: String, limit| {
        world.meta.read(ListSecretsNotUnder { sealing_key: 3, after, limit }).await.unwrap()
    };
    let mut counts = world.meta.read(CountSealedSecrets).await.unwrap();
    counts.sort_unstable();
    assert_eq!(counts, [(1, 2), (2, 1), (3, 1)]);
    let first = list(String::new(), 2).await;
    assert_eq!(first.iter().map(|secret| secret.id.clone()).collect::<Vec<_>>(), [id(1), id(2)]);
    let second = list(id(2).to_string(), 2).await;
    assert_eq!(second.iter().map(|secret| secret.id.clone()).collect::<Vec<_>>(), [id(3)]);
    let reseal = |old: &SealedSecret| ResealSecret { old: old.clone(), sealed: vec![1, 3, 8] };
    assert!(world.meta.write(reseal(&first[0])).await.unwrap());
    assert!(!world.meta.write(reseal(&first[0])).await.unwrap(), "it is another one by now");
    assert_eq!(list(String::new(), 9).await.len(), 2);
    assert_eq!(world.meta.read(FindAccessKey { id: id(1) }).await.unwrap().unwrap().sealed_secret, [1, 3, 8]);
}
