//! Quotas hold for concurrent operations: exactly as many succeed as the quota allows.

use futures::future::join_all;

use super::{
    identities::{digits, pairs, policy_arn},
    world::{ACCOUNT, World, new_registry, refusal},
};
use crate::*;

pub(super) async fn too_many_registries(world: World) {
    let ensure = |region: &str, limit| {
        let ensure = new_registry(region, RegistryKey(20));
        world.meta.write(EnsureRegistry { limit, ..ensure })
    };
    assert_eq!(refusal(ensure("eu-west-1", 1).await), EnsureRegistryRefusal::TooMany);
    let made = ensure("eu-west-1", 2).await.unwrap();
    assert_eq!(refusal(ensure("eu-west-2", 2).await), EnsureRegistryRefusal::TooMany);
    assert_eq!(ensure("eu-west-1", 1).await.unwrap(), made, "a registry that exists is returned");
}

pub(super) async fn repositories_of_a_registry(world: World) {
    let limited = |name: &str| CreateRepository { limit: 5, ..world.new_repository(name) };
    let names: Vec<String> = (0..CROWD).map(|at| format!("app{at}")).collect();
    let made = crowd(&world, |refused| *refused == CreateRepositoryRefusal::Limit, |at| limited(&names[at]));
    assert_eq!(made.await, 5);
    let listed = DescribeRepositories { registry: world.registry, after: None, limit: 100 };
    let left = world.meta.read(listed).await.unwrap();
    assert_eq!(left.len(), 5, "what was refused left nothing");
    assert_eq!(refusal(world.meta.write(limited(&left[0].name)).await), CreateRepositoryRefusal::Exists);
    world
        .meta
        .write(DeleteRepository { repository: left[0].key, force: false, at: Micros(9) })
        .await
        .unwrap();
    world.meta.write(limited("next")).await.unwrap();
}

/// The number of concurrent operations.
const CROWD: usize = 24;

/// Runs them at once. Returns how many succeeded; the others must have been refused for this reason.
async fn crowd<O: Operation>(
    world: &World,
    limit_is: impl Fn(&O::Refusal) -> bool,
    operation: impl Fn(usize) -> O,
) -> usize {
    let results = join_all((0..CROWD).map(|at| world.meta.write(operation(at)))).await;
    let (made, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(refused.into_iter().all(|result| limit_is(&refusal(result))));
    made.len()
}

pub(super) async fn of_an_account(world: World) {
    for kind in ["AIDA", "AGPA", "AROA"] {
        let made = crowd(
            &world,
            |refused| *refused == CreateEntityRefusal::Limit,
            |at| CreateEntity { limit: 5, ..world.new_entity(&format!("{kind}{at}"), &format!("n{at}")) },
        );
        assert_eq!(made.await, 5, "{kind}");
    }
    let made = crowd(
        &world,
        |refused| *refused == CreateManagedPolicyRefusal::Limit,
        |at| CreateManagedPolicy { limit: 5, ..world.new_policy(&format!("p{at}")) },
    );
    assert_eq!(made.await, 5, "policies");
    let made = crowd(
        &world,
        |refused| *refused == CreateInstanceProfileRefusal::Limit,
        |at| CreateInstanceProfile { limit: 5, ..world.new_profile(&format!("AIPA{at}"), &format!("n{at}")) },
    );
    assert_eq!(made.await, 5, "profiles");
    let made = crowd(
        &world,
        |refused| *refused == CreateOidcProviderRefusal::Limit,
        |at| CreateOidcProvider { limit: 5, ..world.new_provider(&format!("i{at}")) },
    );
    assert_eq!(made.await, 5, "providers");
    let counts = world.meta.read(CountAccount { account_id: digits(ACCOUNT) }).await.unwrap();
    let counts = [counts.users, counts.groups, counts.roles, counts.policies, counts.instance_profiles];
    assert_eq!(counts, [5; 5]);
}

pub(super) async fn of_a_principal(world: World) {
    world.entity("AIDA1").await;
    let owner = || "AIDA1".to_owned();
    let made = crowd(
        &world,
        |refused| *refused == CreateAccessKeyWithinRefusal::Limit,
        |at| {
            let id = format!("AKIAAAAAAAAAAAAAAA{at:02}").parse().unwrap();
            let key = CreateAccessKey { id, owner: owner(), sealed_secret: vec![1], at: Micros(6) };
            CreateAccessKeyWithin { key, limit: 2 }
        },
    );
    assert_eq!(made.await, 2, "keys");
    for at in 0..CROWD {
        world.policy(&format!("p{at}")).await;
        world.entity(&format!("AGPA{at}")).await;
    }
    let made = crowd(
        &world,
        |refused| *refused == AttachPolicyRefusal::Limit,
        |at| AttachPolicy { owner: owner(), arn: policy_arn(&format!("p{at}")), limit: 10 },
    );
    assert_eq!(made.await, 10, "attachments");
    let made = crowd(
        &world,
        |refused| *refused == AddToGroupRefusal::Limit,
        |at| AddToGroup { group_id: format!("AGPA{at}"), user_id: owner(), limit: 10 },
    );
    assert_eq!(made.await, 10, "groups");
    let attached = world.meta.read(ListAttachedPolicies { owner: owner() }).await.unwrap();
    assert_eq!((attached.len(), world.policies_of("AIDA1").await.managed.len()), (10, 10));
}

pub(super) async fn of_a_policy(world: World) {
    let arn = world.policy("read").await;
    let made = crowd(
        &world,
        |refused| *refused == PolicyVersionRefusal::Limit,
        |at| CreateManagedPolicyVersion {
            arn: arn.clone(),
            document: format!("{at}"),
            set_as_default: at % 2 == 0,
            limit: 5,
            at: Micros(world.id()),
        },
    );
    assert_eq!(made.await, 4, "beside the first");
    let versions = world.meta.read(ListManagedPolicyVersions { arn }).await.unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
    assert_eq!(versions.iter().filter(|version| version.is_default).count(), 1);
}

pub(super) async fn of_tags(world: World) {
    world.entity("AIDA1").await;
    world.meta.write(world.new_profile("AIPA1", "profile")).await.unwrap();
    let (policy, provider) = (world.new_policy("read"), world.new_provider("issuer"));
    world.meta.write(policy.clone()).await.unwrap();
    world.meta.write(provider.clone()).await.unwrap();
    for owner in ["AIDA1", "AIPA1", &policy.policy_id, &provider.provider.arn] {
        let made = crowd(
            &world,
            |refused| *refused == PutIamTagsRefusal::TooMany,
            |at| PutIamTags { owner: owner.to_owned(), tags: pairs(&[(&format!("k{at}"), "v")]), limit: 10 },
        );
        assert_eq!(made.await, 10, "{owner}");
        assert_eq!(world.tags_of(owner).await.len(), 10);
    }
    let made = crowd(
        &world,
        |refused| *refused == TagAccountRefusal::TooMany,
        |at| TagAccount {
            account_id: digits(ACCOUNT),
            remove: Vec::new(),
            set: pairs(&[(&format!("k{at}"), "v")]),
            limit: 10,
        },
    );
    assert_eq!(made.await, 10, "tags of an account");
    assert_eq!(world.meta.read(ListAccountTags { account_id: digits(ACCOUNT) }).await.unwrap().len(), 10);
}

/// If many want one name at once, one gets it. The others are told that it exists, and the store does not fail.
pub(super) async fn of_a_name(world: World) {
    for kind in ["AIDA", "AGPA", "AROA"] {
        let made = crowd(
            &world,
            |refused| *refused == CreateEntityRefusal::Exists,
            |at| world.new_entity(&format!("{kind}{at}"), if at % 2 == 0 { "Same" } else { "sAME" }),
        );
        assert_eq!(made.await, 1, "{kind}");
    }
    for at in 100..100 + CROWD {
        world.entity(&format!("AIDA{at}")).await;
    }
    let made = crowd(
        &world,
        |refused| *refused == RenameEntityRefusal::Exists,
        |at| RenameEntity { unique_id: format!("AIDA{}", at + 100), path: "/".into(), name: "new".into() },
    );
    assert_eq!(made.await, 1, "renames");
    let made =
        crowd(&world, |refused| *refused == CreateManagedPolicyRefusal::Exists, |_| world.new_policy("same"));
    assert_eq!(made.await, 1, "policies");
}

/// PostgreSQL cannot store it, and what SQLite stores can be moved to PostgreSQL.
pub(super) async fn text_has_no_nul(world: World) {
    let repository = world.repository("app").await;
    let counts = world.row_counts().await;
    let (name, value) = ("name".to_owned(), "a\0".to_owned());
    let put = world.meta.write(PutAccountSetting { registry: world.registry, name, value }).await;
    assert!(matches!(put, Err(OpError::Store(StoreError::Nul))), "{put:?}");
    let list = ListTags { repository, after: Some("\0".to_owned()), limit: 9 };
    let list = world.meta.read(list).await;
    assert!(matches!(list, Err(OpError::Store(StoreError::Nul))), "{list:?}");
    assert_eq!(world.row_counts().await, counts);
}
