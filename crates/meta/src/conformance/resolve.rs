//! The one read of a data-plane request.

use super::world::{ACCOUNT, REGION, World, digest, tag};
use crate::*;

pub(super) fn ask(repository: &str, target: Target) -> Resolve {
    Resolve {
        account_id: ACCOUNT.parse().unwrap(),
        region: REGION.parse().unwrap(),
        repository: Some(repository.into()),
        target,
        caller: Some(CallerRef { unique_id: "AIDA1".to_owned(), access_key_id: Some(KEY.parse().unwrap()) }),
    }
}

const KEY: &str = "AKIAAAAAAAAAAAAAAAA1";

fn ann(version: i64, access_key_active: bool) -> CallerState {
    CallerState {
        version,
        path: "/".into(),
        name: "ann".into(),
        account_status: "ACTIVE".into(),
        in_organization: true,
        unit_path: String::new(),
        access_key_active,
    }
}

pub(super) async fn everything_in_one_row(world: World) {
    let repository = world.repository("app").await;
    let image = world.put(repository, "m", &["v1"]).await;
    let blob = world.blob(repository, "layer").await;
    let upload = world.upload(repository).await;
    world.user("AIDA1", "ann").await.unwrap();
    let resolve = |target| world.meta.resolve(ask("app", target));
    let plain = resolve(Target::None).await.unwrap();
    assert_eq!(plain.basis.registry.as_ref().unwrap().key, world.registry);
    assert_eq!(plain.basis.repository.as_deref(), Some(&world.row("app").await.row));
    assert!(plain.basis.account_in_organization && plain.basis.account_is_open);
    assert_eq!(plain.basis.caller, Some(ann(1, false)));
    let key = CreateAccessKey {
        id: KEY.parse().unwrap(),
        owner: "AIDA1".to_owned(),
        sealed_secret: Vec::new(),
        at: Micros(6),
    };
    world.meta.write(key).await.unwrap();
    let mut session = ask("app", Target::None);
    session.caller = Some(CallerRef { unique_id: "AIDA1".to_owned(), access_key_id: None });
    assert_eq!(
        world.meta.resolve(session).await.unwrap().basis.caller,
        Some(ann(2, true)),
        "a session has no key"
    );
    let by_tag = resolve(Target::Tag(tag("v1"))).await.unwrap();
    assert_eq!(by_tag.image(), Some(&image));
    assert_eq!(by_tag.basis.caller, Some(ann(2, true)));
    assert_eq!(resolve(Target::Digest(digest("m"))).await.unwrap(), by_tag);
    assert_eq!(resolve(Target::Blob(blob)).await.unwrap().blob().unwrap().size, 5);
    let found = resolve(Target::Upload(upload.id)).await.unwrap();
    let found = found.upload().unwrap();
    assert_eq!((&found.object_key, found.version), (&upload.object_key, 0));
}

pub(super) async fn what_is_missing_is_none(world: World) {
    let nothing = Basis { account_is_open: true, account_in_organization: true, ..Basis::default() };
    let only = |basis: Basis| Resolved { basis: basis.into(), found: None };
    let elsewhere = Resolve { region: "eu-west-1".parse().unwrap(), ..ask("app", Target::Tag(tag("v1"))) };
    assert_eq!(world.meta.resolve(elsewhere).await.unwrap(), only(nothing.clone()));
    let other = world.repository("other").await;
    world.put(other, "m", &["v1"]).await;
    let blob = world.blob(other, "layer").await;
    for target in [Target::Tag(tag("v1")), Target::Digest(digest("m")), Target::Blob(blob)] {
        let found = world.meta.resolve(ask("app", target.clone())).await.unwrap();
        assert_eq!(found, only(Basis { registry: found.basis.registry.clone(), ..nothing.clone() }));
        world.repository("empty").await;
        let found = world.meta.resolve(ask("empty", target)).await.unwrap();
        assert!(found.basis.repository.is_some() && found.image().is_none() && found.blob().is_none());
        let empty = found.basis.repository.as_ref().unwrap().key;
        world.meta.write(DeleteRepository { repository: empty, force: false, at: Micros(1) }).await.unwrap();
    }
    let unknown = Resolve { account_id: "999999999999".parse().unwrap(), ..ask("app", Target::None) };
    assert_eq!(world.meta.resolve(unknown).await.unwrap(), Resolved::default());
    let anonymous = Resolve { caller: None, repository: None, ..ask("", Target::None) };
    let found = world.meta.resolve(anonymous).await.unwrap();
    let basis = &found.basis;
    assert!(basis.registry.is_some() && basis.repository.is_none() && basis.caller.is_none());
}

/// The cost of each frequent operation on PostgreSQL, where a round trip goes over the network: also with policies,
/// groups and a boundary of the caller, and with policies of the repository and the registry.
pub(super) async fn one_round_trip(world: World) {
    let (registry, repository) = (world.registry, world.repository("app").await);
    let blob = world.blob(repository, "layer").await;
    world.put(repository, "m", &["v1"]).await;
    for unique_id in ["AIDA1", "AGPA1"] {
        world.entity(unique_id).await;
        let arn = world.policy(unique_id).await;
        world.attach(unique_id, &arn).await;
        let bound = SetBoundary { unique_id: unique_id.to_owned(), arn: Some(arn) };
        world.meta.write(bound).await.unwrap();
    }
    world.join("AIDA1", "AGPA1").await;
    let (id, owner) = (KEY.parse().unwrap(), "AIDA1".to_owned());
    let key = CreateAccessKey { id, owner, sealed_secret: vec![1], at: Micros(6) };
    world.meta.write(key).await.unwrap();
    let document = Some("{}".to_owned());
    world
        .meta
        .write(SetRepositoryPolicy { repository, document: document.clone(), at: Micros(9) })
        .await
        .unwrap();
    world.meta.write(SetRegistryPolicy { registry, document }).await.unwrap();

    for target in [Target::None, Target::Tag(tag("v1")), Target::Digest(digest("m")), Target::Blob(blob)] {
        let found = costs_one(&world, || ask("app", target.clone())).await;
        assert!(found.basis.caller.as_ref().is_some_and(|caller| caller.is_active() && caller.version > 1));
        assert!(found.basis.repository.as_ref().is_some_and(|repository| repository.policy_version == 1));
    }
    // A repeated request: PostgreSQL is asked again, because other servers may have written. SQLite is not.
    for target in [Target::None, Target::Tag(tag("v1")), Target::Digest(digest("m")), Target::Blob(blob)] {
        let first = world.meta.resolve(ask("app", target.clone())).await.unwrap();
        let (trips, reads) = (world.meta.round_trips(), world.meta.reads());
        assert_eq!(world.meta.resolve(ask("app", target)).await.unwrap(), first);
        assert_eq!(world.meta.round_trips(), trips.map(|trips| trips + 1));
        assert_eq!(world.meta.reads() - reads, u64::from(trips.is_some()));
    }
    // What is read once after a version has changed.
    let owner = || "AIDA1".to_owned();
    let loaded = costs_one(&world, || LoadIdentityPolicies { owner: owner() }).await;
    assert_eq!((loaded.managed.len(), loaded.boundary.is_some()), (2, true));
    costs_one(&world, || LoadRepositoryPolicy { repository }).await;
    costs_one(&world, || LoadRegistryPolicy { registry }).await;
    let arns = || ["AIDA1", "AGPA1"].map(super::identities::policy_arn).to_vec();
    assert_eq!(costs_one(&world, || LoadManagedDocuments { arns: arns() }).await.len(), 2);
    // What a signed request and a docker password read.
    assert!(costs_one(&world, || FindAccessKey { id: KEY.parse().unwrap() }).await.is_some());
    costs_one(&world, || FindSessionContext { id: "none".into() }).await;
}

/// Reads twice and returns the second answer, which may have cost one round trip: the first run prepares the statement
/// on the only connection of these calls.
async fn costs_one<O: Operation>(world: &World, ask: impl Fn() -> O) -> O::Output
where
    O::Refusal: std::fmt::Debug,
{
    assert!(world.meta.read(ask()).await.is_ok());
    let before = world.meta.round_trips();
    let Ok(found) = world.meta.read(ask()).await else { panic!("it was read before") };
    assert_eq!(world.meta.round_trips(), before.map(|before| before + 1), "{}", O::NAME);
    found
}

/// A change needs as many statements for a large group as for a small one.
pub(super) async fn many_cost_as_few(world: World) {
    // Each lost connection costs statements.
    world.stop_losses();
    world.entity("AGPA1").await;
    let arn = world.policy("read").await;
    world.attach("AGPA1", &arn).await;
    let mut costs = Vec::new();
    for (round, members) in [1_i64, 2, 40].into_iter().enumerate() {
        for at in 0..members {
            let user_id = format!("AIDA{round}x{at}");
            world.entity(&user_id).await;
            world.join(&user_id, "AGPA1").await;
        }
        let before = world.meta.round_trips();
        let put = PutInlinePolicy { owner: "AGPA1".to_owned(), name: "p".into(), document: "{}".into() };
        world.meta.write(put).await.unwrap();
        let set = SetDefaultManagedPolicyVersion { arn: arn.clone(), version: 1, at: Micros(9) };
        world.meta.write(set).await.unwrap();
        costs.push(world.meta.round_trips().zip(before).map(|(after, before)| after - before));
        for at in 0..members {
            let version = world.caller(&format!("AIDA{round}x{at}")).await.unwrap().version;
            assert_eq!(version, 4, "the membership and two changes");
        }
    }
    // The first round prepared the statements.
    assert_eq!(costs[1], costs[2]);
}
