//! Repositories with a new name: who may give it, and who may use the old one.

use access::error::{Code, Error};
use aws::ecr::{GetRepositoryPolicyRequest, SetRepositoryPolicyRequest, WharfMoveRepositoryRequest};
use oci::digest::Algorithm;

use crate::world::{World, code, ctx, manifest, region, repository, sha256};

fn moved(from: &str, to: &str) -> WharfMoveRepositoryRequest {
    WharfMoveRepositoryRequest {
        repository_name: from.to_owned(),
        new_repository_name: to.to_owned(),
        ..Default::default()
    }
}

async fn rename(world: &World, request: WharfMoveRepositoryRequest) -> Result<String, Error> {
    let answer = world.rules.registry.wharf_move_repository(&ctx(&world.admin), &region(), request).await;
    answer.map(|answer| answer.repository.repository_arn)
}

#[tokio::test]
async fn a_repository_keeps_what_it_has_under_its_new_name() {
    let world = World::new().await;
    let old = world.create("app").await;
    world.push(&old, "v1", b"1").await.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:ListImages"}]}"#;
    let set = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text: policy.to_owned(),
        ..Default::default()
    };
    world.rules.registry.set_repository_policy(&ctx(&world.admin), &region(), set).await.unwrap();
    let arn = rename(&world, moved("app", "team/app")).await.unwrap();
    assert!(arn.ends_with(":repository/team/app"), "{arn}");
    let new = repository("team/app");
    let (registry, admin) = (&world.rules.registry, ctx(&world.admin));
    let pulled = registry.get_manifest(&admin, &new, &"v1".parse().unwrap()).await.unwrap();
    assert_eq!(pulled.digest, sha256(&manifest(b"1")));
    assert_eq!(
        code(registry.get_manifest(&admin, &old, &"v1".parse().unwrap()).await),
        Code::RepositoryNotFound
    );
    assert_eq!(registry.renamed_for_pull(&admin, &old).await.unwrap().unwrap().name, new.name);
    let request = GetRepositoryPolicyRequest { repository_name: "team/app".to_owned(), ..Default::default() };
    let kept = registry.get_repository_policy(&admin, &region(), request).await.unwrap();
    assert!(kept.policy_text.contains("ecr:ListImages"), "{}", kept.policy_text);
    // A push to the old name is refused and says why, also where pushes create repositories.
    let refused = registry.start_upload(&admin, &old, Algorithm::Sha256).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::RepositoryNotFound);
    assert!(refused.message.contains("was renamed to 'team/app'"), "{}", refused.message);
    // A new repository with the old name is one of its own.
    world.create("app").await;
    assert_eq!(registry.renamed_for_pull(&admin, &old).await.unwrap(), None);
}

#[tokio::test]
async fn a_rename_without_redirect_ends_the_old_name() {
    let world = World::new().await;
    let old = world.create("app").await;
    world.create("taken").await;
    let taken = rename(&world, moved("app", "taken")).await.map(|_| ());
    assert_eq!(code(taken), Code::RepositoryAlreadyExists);
    let at_once = WharfMoveRepositoryRequest { redirect_seconds: Some(0), ..moved("app", "other") };
    rename(&world, at_once).await.unwrap();
    let found = world.rules.registry.renamed_for_pull(&ctx(&world.admin), &old).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn the_old_name_tells_nothing_to_others() {
    let world = World::new().await;
    let old = world.create("app").await;
    let old_only = r#"{"Effect":"Allow","Action":"ecr:*","Resource":
        "arn:aws:ecr:eu-west-1:123456789012:repository/app"}"#;
    let old_only = world.user("old", old_only).await;
    let request = moved("app", "team/app");
    let refused = world.rules.registry.wharf_move_repository(&ctx(&old_only), &region(), request).await;
    assert_eq!(code(refused), Code::AccessDenied, "the new name needs CreateRepository");
    rename(&world, moved("app", "team/app")).await.unwrap();
    let new_only = r#"{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":
        "arn:aws:ecr:eu-west-1:123456789012:repository/team/app"}"#;
    let new_only = world.user("new", new_only).await;
    let registry = &world.rules.registry;
    assert_eq!(registry.renamed_for_pull(&ctx(&old_only), &old).await.unwrap(), None);
    assert!(registry.renamed_for_pull(&ctx(&new_only), &old).await.unwrap().is_some());
    let push = registry.start_upload(&ctx(&old_only), &old, Algorithm::Sha256).await.map(|_| ()).unwrap_err();
    assert!(push.code == Code::RepositoryNotFound && !push.message.contains("team/app"), "{}", push.message);
}
