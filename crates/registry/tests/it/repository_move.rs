//! Repositories that move to another account: both accounts decide, and the old name tells nothing to others.

use std::sync::Arc;

use access::context::{Caller, RepositoryRef};
use access::error::{Code, Error};
use aws::ecr::{
    DescribeRepositoriesRequest, GetLifecyclePolicyRequest, PutLifecyclePolicyRequest,
    PutRegistryPolicyRequest, SetRepositoryPolicyRequest, Tag, TagResourceRequest,
    WharfListTagHistoryRequest, WharfMoveRepositoryRequest,
};
use meta::ListEvents;
use oci::digest::Algorithm;

use crate::cross_account::{STAGING, staging};
use crate::world::{ACCOUNT, World, code, ctx, region, repository};

fn in_staging(name: &str) -> RepositoryRef {
    RepositoryRef { account_id: STAGING.parse().unwrap(), ..repository(name) }
}

async fn moved(world: &World, by: &Arc<Caller>) -> Result<String, Error> {
    let request = WharfMoveRepositoryRequest {
        repository_name: "app".to_owned(),
        new_repository_name: "team/app".to_owned(),
        new_registry_id: Some(STAGING.to_owned()),
        ..Default::default()
    };
    let answer = world.rules.registry.wharf_move_repository(&ctx(by), &region(), request).await;
    answer.map(|answer| answer.repository.repository_arn)
}

/// Lets the first account do this in the registry of staging.
async fn allow(world: &World, ops: &Arc<Caller>, actions: &[&str]) {
    let actions = actions.iter().map(|action| format!(r#""ecr:{action}""#)).collect::<Vec<_>>().join(",");
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":[{actions}],"Resource":"*"}}]}}"#
    );
    let put = PutRegistryPolicyRequest { policy_text };
    world.rules.registry.put_registry_policy(&ctx(ops), &region(), put).await.unwrap();
}

#[tokio::test]
async fn a_repository_arrives_whole_in_another_account() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let old = world.create("app").await;
    world.push(&old, "v1", b"1").await.unwrap();
    world.push(&old, "v1", b"2").await.unwrap();
    let registry = &world.rules.registry;
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: lifecycle.to_owned(),
        ..Default::default()
    };
    registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await.unwrap();
    allow(&world, &ops, &["CreateRepository", "ReplicateImage", "PutLifecyclePolicy"]).await;
    let arn = moved(&world, &world.admin).await.unwrap();
    assert_eq!(arn, format!("arn:aws:ecr:eu-west-1:{STAGING}:repository/team/app"));

    let new = in_staging("team/app");
    let pulled = registry.get_manifest(&ctx(&ops), &new, &"v1".parse().unwrap()).await.unwrap();
    let history = WharfListTagHistoryRequest { repository_name: "team/app".to_owned(), ..Default::default() };
    let history = registry.wharf_list_tag_history(&ctx(&ops), &region(), history).await.unwrap();
    assert_eq!(history.tag_moves.len(), 2);
    assert_eq!(history.tag_moves[0].image_digest, pulled.digest.to_string());
    let get = GetLifecyclePolicyRequest { repository_name: "team/app".to_owned(), ..Default::default() };
    let kept = registry.get_lifecycle_policy(&ctx(&ops), &region(), get).await.unwrap();
    assert!(kept.lifecycle_policy_text.contains("imageCountMoreThan"));
    let all = DescribeRepositoriesRequest::default();
    let left = registry.describe_repositories(&ctx(&world.admin), &region(), all).await.unwrap();
    assert_eq!(left.repositories, []);
    // The new account pushes; the layers are there.
    world.push_by(&ops, (&new, "v3"), b"2").await.unwrap();

    let events = world.meta.read(ListEvents { after: None, limit: 100 }).await.unwrap();
    let events =
        events.into_iter().map(|(_, event)| event).filter(|event| event.kind == "ecr.repository.move");
    let events: Vec<_> = events.map(|event| (event.account_id, event.resource)).collect();
    assert_eq!(events, [(ACCOUNT.to_owned(), arn.clone()), (STAGING.to_owned(), arn)]);
}

#[tokio::test]
async fn both_accounts_decide_about_a_move() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let old = world.create("app").await;
    assert_eq!(code(moved(&world, &world.admin).await), Code::AccessDenied, "no registry policy");
    allow(&world, &ops, &["CreateRepository"]).await;
    let refused = moved(&world, &world.admin).await.unwrap_err();
    assert!(refused.message.contains("ecr:ReplicateImage"), "{}", refused.message);
    allow(&world, &ops, &["CreateRepository", "ReplicateImage"]).await;
    let tag = TagResourceRequest {
        resource_arn: old.arn(),
        tags: vec![Tag { key: "team".to_owned(), value: "a".to_owned() }],
    };
    world.rules.registry.tag_resource(&ctx(&world.admin), &region(), tag).await.unwrap();
    let refused = moved(&world, &world.admin).await.unwrap_err();
    assert!(refused.message.contains("ecr:TagResource"), "{}", refused.message);
    allow(&world, &ops, &["CreateRepository", "ReplicateImage", "TagResource"]).await;
    // The own policies decide too, and the caller of the other account moves nothing out of this one.
    let pusher =
        world.user("pusher", r#"{"Effect":"Allow","Action":"ecr:WharfMoveRepository","Resource":"*"}"#).await;
    assert_eq!(code(moved(&world, &pusher).await), Code::AccessDenied);
    assert_eq!(code(moved(&world, &ops).await), Code::RepositoryNotFound, "it means its own repositories");
    let mover = world.user("mover", r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#).await;
    moved(&world, &mover).await.unwrap();
}

/// Sets policies of the repository `app`: with the first one, the account allows itself everything there.
async fn with_policies(world: &World) {
    let registry = &world.rules.registry;
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"ecr:*"}}]}}"#
    );
    let set =
        SetRepositoryPolicyRequest { repository_name: "app".to_owned(), policy_text, ..Default::default() };
    registry.set_repository_policy(&ctx(&world.admin), &region(), set).await.unwrap();
    let lifecycle = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":9},"action":{"type":"expire"}}]}"#;
    let put = PutLifecyclePolicyRequest {
        repository_name: "app".to_owned(),
        lifecycle_policy_text: lifecycle.to_owned(),
        ..Default::default()
    };
    registry.put_lifecycle_policy(&ctx(&world.admin), &region(), put).await.unwrap();
}

#[tokio::test]
async fn policies_move_only_where_they_may_be_set() {
    let world = World::new().await;
    let ops = staging(&world).await;
    world.create("app").await;
    with_policies(&world).await;
    let mut allowed = vec!["CreateRepository", "ReplicateImage"];
    for needed in ["SetRepositoryPolicy", "PutLifecyclePolicy"] {
        allow(&world, &ops, &allowed).await;
        let refused = moved(&world, &world.admin).await.unwrap_err();
        assert_eq!(refused.code, Code::AccessDenied);
        assert!(refused.message.contains(&format!("ecr:{needed}")), "{}", refused.message);
        allowed.push(needed);
    }
    allow(&world, &ops, &allowed).await;
    moved(&world, &world.admin).await.unwrap();
}

#[tokio::test]
async fn a_policy_opens_no_name_that_its_author_may_not_open() {
    let world = World::new().await;
    world.create("app").await;
    with_policies(&world).await;
    let (may, here) =
        (r#""Effect":"Allow","Action":"#, format!("arn:aws:ecr:{}:{ACCOUNT}:repository", region()));
    let of_app = format!(r#"{{{may}"ecr:*","Resource":"{here}/app"}}"#);
    let create = format!(r#"{{{may}"ecr:CreateRepository","Resource":"{here}/*"}}"#);
    let author = world.user("author", &format!("{of_app},{create}")).await;
    let request = WharfMoveRepositoryRequest {
        repository_name: "app".to_owned(),
        new_repository_name: "ghcr/org/private".to_owned(),
        ..Default::default()
    };
    let refused = world.rules.registry.wharf_move_repository(&ctx(&author), &region(), request).await;
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("ecr:SetRepositoryPolicy"), "{}", refused.message);
}

#[tokio::test]
async fn only_who_may_pull_there_follows_the_old_name() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let old = world.create("app").await;
    world.push(&old, "v1", b"1").await.unwrap();
    let node = world.user("node", r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#).await;
    let set = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:user/node"}},"Action":["ecr:BatchGetImage","ecr:InitiateLayerUpload","ecr:UploadLayerPart","ecr:CompleteLayerUpload"]}}]}}"#
        ),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    registry.set_repository_policy(&ctx(&world.admin), &region(), set).await.unwrap();
    allow(&world, &ops, &["CreateRepository", "ReplicateImage", "SetRepositoryPolicy"]).await;
    let upload = registry.start_upload(&ctx(&world.admin), &old, Algorithm::Sha256).await.unwrap();
    moved(&world, &world.admin).await.unwrap();

    let found = registry.renamed_for_pull(&ctx(&node), &old).await.unwrap();
    assert_eq!(found, Some(in_staging("team/app")), "the repository policy came along");
    assert_eq!(registry.renamed_for_pull(&ctx(&world.admin), &old).await.unwrap(), None);
    let told = registry.start_upload(&ctx(&node), &old, Algorithm::Sha256).await.map(|_| ()).unwrap_err();
    assert!(
        told.message.contains(&format!("'team/app' in the registry with id '{STAGING}'")),
        "{}",
        told.message
    );
    let told = registry.start_upload(&ctx(&world.admin), &old, Algorithm::Sha256).await.map(|_| ());
    let told = told.unwrap_err();
    assert!(told.code == Code::RepositoryNotFound && !told.message.contains("team"), "{}", told.message);
    drop(upload);
}
