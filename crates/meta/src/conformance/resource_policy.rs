//! The policies of repositories and registries and their settings, with the versions by which the gate detects outdated
//! cache entries.

use super::{
    identities::digits,
    world::{ACCOUNT, REGION, World, refusal},
};
use crate::*;

async fn resolved(world: &World, region: &str, repository: &str) -> Resolved {
    let resolve = Resolve {
        account_id: digits(ACCOUNT),
        region: region.parse().unwrap(),
        repository: Some(repository.into()),
        target: Target::None,
        caller: None,
    };
    world.meta.resolve(resolve).await.unwrap()
}

/// The versions that the gate reads: of the repository's policy, of its tags, of the registry's policy.
async fn versions(world: &World, repository: &str) -> (i64, i64, i64) {
    let found = resolved(world, REGION, repository).await;
    let row = found.basis.repository.as_ref().unwrap();
    let registry = found.basis.registry.as_ref().unwrap();
    (row.policy_version, row.tags_version, registry.policy_version)
}

fn loaded(version: i64, document: Option<&str>) -> VersionedPolicy {
    VersionedPolicy { version, document: document.map(str::to_owned) }
}

pub(super) async fn of_a_repository(world: World) {
    let repository = world.repository("app").await;
    world.repository("other").await;
    let set = |repository, document: Option<&str>| {
        world.meta.write(SetRepositoryPolicy {
            repository,
            document: document.map(str::to_owned),
            at: Micros(9),
        })
    };
    let load = |repository| world.meta.read(LoadRepositoryPolicy { repository });
    assert_eq!(versions(&world, "app").await, (0, 0, 0));
    assert_eq!(load(repository).await.unwrap(), loaded(0, None));
    let mut before = None;
    // Writing the same policy, or removing a missing one, also counts as a change.
    for (version, document) in [(1, Some("{1}")), (2, Some("{2}")), (3, Some("{2}")), (4, None), (5, None)] {
        assert_eq!(set(repository, document).await.unwrap().as_deref(), before);
        assert_eq!(versions(&world, "app").await, (version, 0, 0));
        assert_eq!(load(repository).await.unwrap(), loaded(version, document));
        before = document;
    }
    set(repository, Some("{3}")).await.unwrap();
    assert_eq!(versions(&world, "other").await, (0, 0, 0), "it is nobody else's");

    // A deleted repository has no policy, and neither has a new one with the same name.
    world.meta.write(DeleteRepository { repository, force: true, at: Micros(9) }).await.unwrap();
    assert_eq!(refusal(set(repository, Some("{4}")).await), PolicyRepositoryGone);
    assert_eq!(load(repository).await.unwrap(), VersionedPolicy::default());
    let again = world.repository("app").await;
    assert_eq!(versions(&world, "app").await, (0, 0, 0));
    assert_eq!(load(again).await.unwrap(), loaded(0, None));
    let purge = PurgeRepositorySlice { repository, limit: 100, at: Micros(10) };
    assert!(world.meta.write(purge).await.unwrap());
    assert_eq!(world.row_counts().await["repository_policy"], "0");
    set(again, Some("{5}")).await.unwrap();
    assert_eq!(load(again).await.unwrap(), loaded(1, Some("{5}")));
}

pub(super) async fn tags_of_a_repository_have_a_version(world: World) {
    let repository = world.repository("app").await;
    let tags = super::identities::pairs(&[("Team", "a")]);
    world.meta.write(TagResource { repository, tags, limit: 50, at: Micros(9) }).await.unwrap();
    assert_eq!(versions(&world, "app").await, (0, 1, 0));
    world.meta.write(UntagResource { repository, keys: vec!["Team".into()], at: Micros(9) }).await.unwrap();
    assert_eq!(versions(&world, "app").await, (0, 2, 0));
}

pub(super) async fn of_a_registry(world: World) {
    let registry = world.registry;
    let other = world.registry_in("eu-west-1", RegistryKey(20)).await.key;
    world.repository("app").await;
    let set = |document: Option<&str>| {
        world.meta.write(SetRegistryPolicy { registry, document: document.map(str::to_owned) })
    };
    let scope = |name: &str, value: &str| {
        world.meta.write(PutAccountSetting { registry, name: name.into(), value: value.into() })
    };
    let load = |registry| world.meta.read(LoadRegistryPolicy { registry });
    let policy = |version, document, scope: Option<&str>| RegistryPolicy {
        policy: loaded(version, document),
        scope: scope.map(str::to_owned),
    };
    assert_eq!(load(registry).await.unwrap(), policy(0, None, None));
    assert_eq!(set(Some("{1}")).await.unwrap(), None);
    assert_eq!(versions(&world, "app").await, (0, 0, 1));
    assert_eq!(set(Some("{2}")).await.unwrap().as_deref(), Some("{1}"));
    assert_eq!(load(registry).await.unwrap(), policy(2, Some("{2}"), None));
    // The scope of the policy is part of its decision.
    scope("REGISTRY_POLICY_SCOPE", "V1").await.unwrap();
    assert_eq!(versions(&world, "app").await, (0, 0, 3));
    scope("REGISTRY_POLICY_SCOPE", "V2").await.unwrap();
    assert_eq!(load(registry).await.unwrap(), policy(4, Some("{2}"), Some("V2")));
    scope("BLOB_MOUNTING", "ENABLED").await.unwrap();
    assert_eq!(load(registry).await.unwrap().scope.as_deref(), Some("V2"));
    assert_eq!(set(None).await.unwrap().as_deref(), Some("{2}"));
    assert_eq!(load(registry).await.unwrap(), policy(6, None, Some("V2")));
    assert_eq!(set(None).await.unwrap(), None);
    assert_eq!(versions(&world, "app").await, (0, 0, 7));

    let get = |registry, name: &str| world.meta.read(GetAccountSetting { registry, name: name.into() });
    assert_eq!(get(registry, "REGISTRY_POLICY_SCOPE").await.unwrap().as_deref(), Some("V2"));
    assert_eq!(get(registry, "none").await.unwrap(), None);
    assert_eq!(get(other, "REGISTRY_POLICY_SCOPE").await.unwrap(), None);
    assert_eq!(load(other).await.unwrap(), policy(0, None, None), "each region has its own");
    assert_eq!(load(RegistryKey(99)).await.unwrap(), RegistryPolicy::default());
}

pub(super) async fn a_closed_account_has_no_registry(world: World) {
    world.repository("app").await;
    let close =
        ChangeMemberAccount { account_id: digits(ACCOUNT), change: MemberChange::Close, at: Micros(9) };
    world.meta.write(close).await.unwrap();
    assert_eq!(resolved(&world, REGION, "app").await, Resolved::default());
}

/// No concurrent change is lost: each increments the version, and a document is loaded with its own version.
pub(super) async fn changes_that_race_all_count(world: World) {
    let (registry, repository) = (world.registry, world.repository("app").await);
    let changes = (0..20).map(|at| {
        let (meta, document) = (&world.meta, Some(format!("{{{at}}}")));
        async move {
            meta.write(SetRepositoryPolicy { repository, document: document.clone(), at: Micros(9) })
                .await
                .unwrap();
            meta.write(SetRegistryPolicy { registry, document }).await.unwrap()
        }
    });
    let before = futures::future::join_all(changes).await;
    assert_eq!(versions(&world, "app").await, (20, 0, 20));
    // Each saw another one's document, except the first: they ran one after the other.
    let seen: std::collections::HashSet<_> = before.iter().collect();
    assert_eq!(seen.len(), 20);
}
