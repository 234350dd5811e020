//! Registries in another database than their accounts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{
    identities::digits,
    resolve::ask,
    world::{REGION, World, refusal, tag},
};
use crate::*;

const OTHER: &str = "222222222222";

async fn account(world: &World, key: i64, digits: &str) -> Account {
    let account_id = digits.parse().unwrap();
    let create = CreateAccount { key: AccountKey(key), account_id, name: "other".into(), at: Micros(1) };
    world.meta.write(create).await.unwrap()
}

fn ensure(account: i64, key: i64) -> EnsureRegistry {
    EnsureRegistry {
        key_if_new: RegistryKey(key),
        account: AccountKey(account),
        region: REGION.parse().unwrap(),
        limit: 9,
        at: Micros(3),
    }
}

fn place(account: i64, database: &str) -> PlaceAccount {
    PlaceAccount { account: AccountKey(account), database: database.to_owned(), at: Micros(2) }
}

pub(super) async fn an_account_is_placed_once_and_before_its_registries(world: World) {
    let find = async |id: &str| world.meta.read(FindPlacement { account_id: digits(id) }).await.unwrap();
    assert_eq!(find("111111111111").await, Placement::default(), "there is no such account");
    account(&world, 2, OTHER).await;
    assert_eq!(find(OTHER).await, Placement::default());
    assert_eq!(refusal(world.meta.write(place(1, "east")).await), PlaceAccountRefusal::HasRegistries);
    let here = Placement { database: None, is_final: true };
    assert_eq!(find(super::world::ACCOUNT).await, here);
    // A public registry stays in the directory.
    let public = EnsurePublicRegistry {
        key_if_new: RegistryKey(70),
        alias_if_new: "a1b2c3d4".to_owned(),
        account: AccountKey(2),
        at: Micros(2),
    };
    world.meta.write(public).await.unwrap();
    for _ in 0..2 {
        world.meta.write(place(2, "east")).await.unwrap();
    }
    let other = world.meta.write(place(2, "west")).await;
    assert_eq!(refusal(other), PlaceAccountRefusal::Placed("east".to_owned()));
    assert_eq!(find(OTHER).await, Placement { database: Some("east".to_owned()), is_final: true });
    assert_eq!(refusal(world.meta.write(ensure(2, 20)).await), EnsureRegistryRefusal::Elsewhere);
    let all = world.meta.read(ListPlacements { after: None, limit: 9 }).await.unwrap();
    let placed =
        PlacedAccount { account_id: digits(OTHER), database: "east".to_owned(), placed_at: Micros(2) };
    assert_eq!(all, [placed]);
    let after = Some(digits(OTHER));
    assert_eq!(world.meta.read(ListPlacements { after, limit: 9 }).await.unwrap(), []);
    assert_eq!(world.meta.read(ListPlacedDatabases).await.unwrap(), ["east"]);
    let demand = "SELECT CAST(MAX(oldest_compat) AS TEXT) FROM schema_migration";
    assert_eq!(
        world.texts(demand).await,
        [COMPAT.to_string()],
        "an older binary would create registries here"
    );
}

pub(super) async fn a_database_joins_one_directory_once(world: World) {
    let join = |directory: &str, id: &str| JoinDirectory { directory: directory.into(), id: id.into() };
    let first = ("o-1/east".to_owned(), "id-1".to_owned());
    assert_eq!(world.meta.write(join("o-1/east", "id-1")).await.unwrap(), first);
    assert_eq!(world.meta.write(join("o-2/west", "id-2")).await.unwrap(), first);
    for (name, value) in [(DIRECTORY_SETTING, first.0), (DATABASE_ID_SETTING, first.1)] {
        let stored = world.meta.read(GetSetting { name: name.to_owned() }).await.unwrap();
        assert_eq!(stored, Some(value.into_bytes()));
    }
    let demand = "SELECT CAST(MAX(oldest_compat) AS TEXT) FROM schema_migration";
    assert_eq!(
        world.texts(demand).await,
        [COMPAT.to_string()],
        "an older binary would use it as a directory"
    );
}

pub(super) async fn of_a_placement_and_a_registry_one_wins(world: World) {
    for round in 100..130 {
        account(&world, round, &format!("000000000{round}")).await;
        let (placed, registry) =
            tokio::join!(world.meta.write(place(round, "east")), world.meta.write(ensure(round, round)));
        assert!(placed.is_ok() ^ registry.is_ok(), "{round}: {placed:?} {registry:?}");
    }
}

/// The registries of the second account, in a database of their own.
async fn beside(world: &World) -> (World, Meta) {
    let other = account(world, 2, OTHER).await;
    let there = World::make(world.place().another().await).await;
    there.meta.write(CopyAccount { account: other.clone(), at: Micros(2) }).await.unwrap();
    there.meta.write(CopyAccount { account: other, at: Micros(3) }).await.unwrap();
    world.meta.write(place(2, "east")).await.unwrap();
    let meta = there.meta.clone().of_directory(&world.meta, "east");
    (there, meta)
}

pub(super) async fn the_gate_reads_the_caller_and_then_the_registry(world: World) {
    let (there, meta) = beside(&world).await;
    world.user("AIDA1", "ann").await.unwrap();
    let copied = async || {
        let all = meta.read(ListCopiedAccounts { after: None, limit: 9 }).await.unwrap();
        let copy = all.into_iter().find(|copied| copied.account_id == digits(OTHER)).unwrap();
        let after = Some(copy.account_id);
        assert_eq!(meta.read(ListCopiedAccounts { after, limit: 9 }).await.unwrap(), []);
        copy.has_registries
    };
    assert!(!copied().await);
    let registry = meta.write(ensure(2, 20)).await.unwrap().key;
    assert!(copied().await);
    let create = CreateRepository { registry, ..world.new_repository("app") };
    let repository = meta.write(create).await.unwrap().key;
    meta.write(world.image(repository, "m", &["v1"])).await.unwrap();
    let mut question = ask("app", Target::Tag(tag("v1")));
    question.account_id = digits(OTHER);
    question.caller = Some(CallerRef { unique_id: "AIDA1".to_owned(), access_key_id: None });
    let found = meta.resolve(question.clone()).await.unwrap();
    let caller = found.basis.caller.as_ref().unwrap();
    assert!(caller.is_active() && caller.name == "ann" && found.basis.account_is_open);
    assert_eq!(found.basis.registry.as_ref().unwrap().key, registry);
    assert_eq!(found.basis.repository.as_ref().unwrap().key, repository);
    assert!(found.image().is_some());
    // The directory does not have it, nor has a database with another name.
    for elsewhere in [world.meta.clone(), there.meta.clone().of_directory(&world.meta, "west")] {
        let found = elsewhere.resolve(question.clone()).await.unwrap();
        assert!(found.basis.caller.is_some() && found.basis.account_is_open);
        assert!(found.basis.registry.is_none() && found.basis.repository.is_none() && found.found.is_none());
    }
    // The rows of another account are there, and the account is not placed there.
    let own = Resolve { account_id: digits(super::world::ACCOUNT), ..question.clone() };
    there.repository("app").await;
    assert!(meta.resolve(own).await.unwrap().basis.registry.is_none());
    // What the directory says counts at once.
    let (account_id, change) = (digits(OTHER), MemberChange::Close);
    world.meta.write(ChangeMemberAccount { account_id, change, at: Micros(9) }).await.unwrap();
    let found = meta.resolve(question).await.unwrap();
    assert!(!found.basis.account_is_open && found.basis.registry.is_none() && found.found.is_none());
}

/// An administrator takes a permission away in one database and then gives one in the other, in both directions. Nobody
/// may see both at once. A version that is odd stands for a permission.
pub(super) async fn no_request_sees_a_change_before_the_one_before(world: World) {
    let (_there, meta) = beside(&world).await;
    world.user("AIDA1", "ann").await.unwrap();
    let registry = meta.write(ensure(2, 20)).await.unwrap().key;
    let repository =
        meta.write(CreateRepository { registry, ..world.new_repository("app") }).await.unwrap().key;
    let caller = Some(CallerRef { unique_id: "AIDA1".to_owned(), access_key_id: None });
    let question = Resolve { account_id: digits(OTHER), caller, ..ask("app", Target::None) };
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = |_| {
        let (meta, question, is_over) = (meta.clone(), question.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut answers = 0;
            while !is_over.load(Ordering::Relaxed) {
                let basis = match meta.resolve(question.clone()).await {
                    Ok(found) => found.basis,
                    Err(OpError::Store(StoreError::Conflict)) => continue,
                    Err(error) => panic!("{error}"),
                };
                let user = basis.caller.as_ref().unwrap().version;
                let policy = basis.repository.as_ref().unwrap().policy_version;
                assert!(user % 2 == 0 || policy % 2 == 0, "both at once: {user} {policy}");
                answers += 1;
            }
            answers
        })
    };
    let readers: Vec<_> = (0..4).map(reader).collect();
    let change_user =
        || PutInlinePolicy { owner: "AIDA1".to_owned(), name: "p".to_owned(), document: "{}".to_owned() };
    for _ in 0..100 {
        meta.write(change_user()).await.unwrap();
        for document in [Some("{}".to_owned()), None] {
            meta.write(SetRepositoryPolicy { repository, document, at: Micros(9) }).await.unwrap();
        }
        meta.write(change_user()).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0_u64);
    }
}

pub(super) async fn each_operation_runs_on_its_database(world: World) {
    let (there, meta) = beside(&world).await;
    let setting = |value: u8| PutSettingOnce { name: "ring".to_owned(), value: vec![value] };
    assert_eq!(meta.write(setting(1)).await.unwrap(), [1]);
    assert_eq!(world.meta.write(setting(2)).await.unwrap(), [1], "settings are in the directory");
    assert_eq!(there.meta.write(setting(3)).await.unwrap(), [3], "on its own the database is a directory");
    let work = EnqueueWork { kind: "k".to_owned(), key: "1".to_owned(), due_at: Micros(1) };
    meta.write(work).await.unwrap();
    let claim = || ClaimWork { kind: "k".to_owned(), now: Micros(9), lease_until: Micros(99), limit: 9 };
    assert_eq!(world.meta.write(claim()).await.unwrap().len(), 0);
    assert_eq!(meta.write(claim()).await.unwrap().len(), 1);
}

pub(super) async fn events_are_taken_once(world: World) {
    let event = |kind: &str| Event {
        kind: kind.to_owned(),
        at: Micros(5),
        account_id: OTHER.to_owned(),
        region: REGION.to_owned(),
        resource: "arn".to_owned(),
        body: "{}".to_owned(),
    };
    let key = |id| EventKey { id, position: 0 };
    for _ in 0..2 {
        let events = vec![(key(8), event("b")), (key(7), event("a"))];
        world.meta.write(TakeEvents { events }).await.unwrap();
    }
    let new = world.meta.read(ListNewEvents { limit: 9 }).await.unwrap();
    let kinds: Vec<&str> = new.iter().map(|new| new.event.kind.as_str()).collect();
    assert_eq!(kinds, ["b", "a"], "in the order in which they came");
}
