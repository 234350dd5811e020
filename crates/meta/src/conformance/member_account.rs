//! Accounts as members of the organization.

use super::world::{ACCOUNT, World, refusal};
use crate::*;

fn digits(text: &str) -> aws::ids::AccountId {
    text.parse().unwrap()
}

fn create(key: i64, account_id: &str, email: &str) -> CreateMemberAccount {
    CreateMemberAccount {
        id: format!("car-{key:0>8}"),
        account: CreateAccount {
            key: AccountKey(key),
            account_id: digits(account_id),
            name: "new".into(),
            at: Micros(50),
        },
        email: email.into(),
        role: CreateEntity {
            account: AccountKey(key),
            kind: EntityKind::Role,
            unique_id: format!("AROA{key:0>17}"),
            path: "/".into(),
            name: "Way-In".into(),
            boundary: None,
            role: Some(RoleFields {
                trust_policy: "{}".into(),
                description: None,
                max_session_seconds: 3_600,
                service_name: None,
            }),
            tags: Vec::new(),
            limit: 10,
            at: Micros(50),
        },
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
        tags: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
    }
}

async fn found(world: &World, account_id: &str) -> Option<MemberAccount> {
    world.meta.read(FindMemberAccount { account_id: digits(account_id) }).await.unwrap()
}

async fn roles(world: &World, account_id: &str) -> usize {
    let list = ListEntities {
        account_id: digits(account_id),
        kind: EntityKind::Role,
        path_prefix: "/".into(),
        after: String::new(),
        limit: 10,
    };
    world.meta.read(list).await.unwrap().len()
}

pub(super) async fn born_whole_or_not_at_all(world: World) {
    let made = world.meta.write(create(70, "700000000000", "a@example.org")).await.unwrap();
    assert_eq!((made.state.as_str(), made.account_id.as_deref()), ("SUCCEEDED", Some("700000000000")));
    assert_eq!(made.requested_at, Micros(50));
    let again = world.meta.write(create(70, "700000000000", "a@example.org")).await.unwrap();
    assert_eq!(again, made, "a repeat finds its own");
    let account = found(&world, "700000000000").await.unwrap();
    assert_eq!(
        (account.email.as_deref(), account.joined_method.as_str()),
        (Some("a@example.org"), "CREATED")
    );
    assert_eq!((account.status.as_str(), account.in_organization), ("ACTIVE", true));
    assert_eq!(roles(&world, "700000000000").await, 1);
    let owner = format!("AROA{:0>17}", 70);
    let policies = world.meta.read(LoadIdentityPolicies { owner }).await.unwrap();
    assert_eq!(policies.managed.len(), 1);

    // The account ID is in use: nothing is recorded.
    assert_eq!(refusal(world.meta.write(create(71, "700000000000", "b@example.org")).await), AccountIdTaken);
    // The email address is in use: this is recorded, and no account is created.
    let failed = world.meta.write(create(72, "720000000000", "a@example.org")).await.unwrap();
    assert_eq!(failed.failure_reason.as_deref(), Some("EMAIL_ALREADY_EXISTS"));
    assert_eq!((failed.state.as_str(), failed.account_id), ("FAILED", None));
    assert_eq!(found(&world, "720000000000").await, None);

    let list = |id: Option<&str>, after: &str| ListAccountCreations {
        id: id.map(str::to_owned),
        after: after.into(),
        limit: 1,
    };
    assert_eq!(world.meta.read(list(None, "")).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(world.meta.read(list(None, &made.id)).await.unwrap().len(), 1);
    assert_eq!(world.meta.read(list(Some(&made.id), "")).await.unwrap(), [made]);
    assert!(world.meta.read(list(Some("car-00000071"), "")).await.unwrap().is_empty());
}

pub(super) async fn tags_of_accounts(world: World) {
    world.meta.write(create(70, "700000000000", "a@example.org")).await.unwrap();
    let tags = || world.meta.read(ListAccountTags { account_id: digits("700000000000") });
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags().await.unwrap(), [pair("a", "1"), pair("b", "2")]);
    let tag = |remove: &[&str], set: &[(&str, &str)], limit| TagAccount {
        account_id: digits("700000000000"),
        remove: remove.iter().map(|key| (*key).to_owned()).collect(),
        set: set.iter().map(|(key, value)| pair(key, value)).collect(),
        limit,
    };
    world.meta.write(tag(&["b", "none"], &[("a", "9"), ("c", "3")], 2)).await.unwrap();
    assert_eq!(refusal(world.meta.write(tag(&[], &[("d", "4")], 2)).await), TagAccountRefusal::TooMany);
    for set in [[("A", "8")], [("C", "8")]] {
        let hidden = refusal(world.meta.write(tag(&[], &set, 9)).await);
        assert_eq!(hidden, TagAccountRefusal::SameButForCase, "{set:?}");
    }
    assert_eq!(tags().await.unwrap(), [pair("a", "9"), pair("c", "3")], "a refusal leaves what was");
}

pub(super) async fn renamed_closed_and_gone(world: World) {
    world.meta.write(create(70, "700000000000", "a@example.org")).await.unwrap();
    assert_eq!(world.meta.read(FirstAccount).await.unwrap(), Some(digits(ACCOUNT)));
    let change = |account_id: &str, change| {
        world.meta.write(ChangeMemberAccount { account_id: digits(account_id), change, at: Micros(60) })
    };
    assert_eq!(change("999999999999", MemberChange::Close).await.unwrap(), None);
    change("700000000000", MemberChange::Rename("other".into())).await.unwrap();
    assert_eq!(found(&world, "700000000000").await.unwrap().name, "other");

    let before = change("700000000000", MemberChange::Close).await.unwrap().unwrap();
    assert_eq!(before.status, "ACTIVE");
    let caller = CallerRef { unique_id: format!("AROA{:0>17}", 70), access_key_id: None };
    let resolve = Resolve {
        account_id: digits(ACCOUNT),
        region: "eu-west-1".parse().unwrap(),
        repository: None,
        target: Target::None,
        caller: Some(caller),
    };
    let state = world.meta.resolve(resolve).await.unwrap().basis.caller.clone().unwrap();
    assert!(!state.is_active(), "{state:?}");
    let before = change("700000000000", MemberChange::Close).await.unwrap().unwrap();
    assert_eq!(before.status, "SUSPENDED");

    let list = |after: &str| ListMemberAccounts { after: after.into(), limit: 10 };
    assert_eq!(world.meta.read(list("")).await.unwrap().len(), 2);
    assert_eq!(world.meta.read(list("700000000000")).await.unwrap().len(), 0);
    change("700000000000", MemberChange::Leave).await.unwrap();
    let left: Vec<_> = world.meta.read(list("")).await.unwrap().into_iter().map(|a| a.account_id).collect();
    assert_eq!(left, [digits(ACCOUNT)]);
}

/// If many request one email address at once, one gets an account; for the others it is recorded that the address is in
/// use.
pub(super) async fn an_address_is_given_once(world: World) {
    let asks = (0..12i64).map(|at| {
        let account_id = format!("7{at:011}");
        world.meta.write(create(100 + at, &account_id, "same@example.org"))
    });
    let mut made = 0;
    for creation in futures::future::join_all(asks).await {
        let creation = creation.unwrap();
        match creation.state.as_str() {
            "SUCCEEDED" => made += 1,
            _ => assert_eq!(creation.failure_reason.as_deref(), Some("EMAIL_ALREADY_EXISTS")),
        }
    }
    assert_eq!(made, 1);
    let list = ListMemberAccounts { after: String::new(), limit: 100 };
    assert_eq!(world.meta.read(list).await.unwrap().len(), 2);
}
