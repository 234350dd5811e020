//! The effect of a closed account, and of one that left the organization, on images.

use std::sync::Arc;

use access::context::{Caller, CallerKind};
use access::error::{AwsCode, Code};
use aws::ecr::DescribeRepositoriesRequest;
use aws::ids::AccountId;
use aws::organizations::{
    CloseAccountRequest, CreateAccountRequest, CreateOrganizationalUnitRequest, DescribeAccountRequest,
    DescribeOrganizationRequest, ListRootsRequest, MoveAccountRequest, RemoveAccountFromOrganizationRequest,
};
use jiff::Timestamp;

use crate::world::{ACCOUNT, World, code, ctx, region};

const MEMBER: &str = "444455556666";

fn create(email: &str, id: &str) -> CreateAccountRequest {
    CreateAccountRequest {
        email: email.to_owned(),
        account_name: "new".to_owned(),
        wharf_account_id: Some(id.to_owned()),
        ..CreateAccountRequest::default()
    }
}

fn describe(id: &str) -> DescribeAccountRequest {
    DescribeAccountRequest { account_id: id.to_owned() }
}

/// The root of an account, with a key that the operator created.
async fn root(world: &World, account: &str) -> Arc<Caller> {
    let id: AccountId = account.parse().unwrap();
    let (key, _) = world.rules.identity.make_root_key(&id, Timestamp::now()).await.unwrap();
    Arc::new(Caller::with_key(id, account.to_owned(), CallerKind::Root, key))
}

#[tokio::test]
async fn closed_accounts_are_refused_and_removed_ones_keep_working() {
    let world = World::new().await;
    let rules = &world.rules;
    for (id, email) in [(MEMBER, "a@example.org"), ("777788889999", "b@example.org")] {
        rules.identity.create_account(&ctx(&world.admin), create(email, id)).await.unwrap();
    }
    let (closes, leaves) = (root(&world, MEMBER).await, root(&world, "777788889999").await);
    let repositories = |caller: Arc<Caller>| async move {
        rules
            .registry
            .describe_repositories(&ctx(&caller), &region(), DescribeRepositoriesRequest::default())
            .await
    };
    repositories(Arc::clone(&closes)).await.unwrap();
    let close = CloseAccountRequest { account_id: MEMBER.to_owned() };
    rules.identity.close_account(&ctx(&world.admin), close.clone()).await.unwrap();
    assert_eq!(code(repositories(closes).await), Code::InvalidToken);
    assert_eq!(
        code(rules.identity.close_account(&ctx(&world.admin), close).await),
        Code::Aws(AwsCode::AccountAlreadyClosed)
    );

    let leave = RemoveAccountFromOrganizationRequest { account_id: "777788889999".to_owned() };
    rules.identity.remove_account_from_organization(&ctx(&world.admin), leave).await.unwrap();
    repositories(Arc::clone(&leaves)).await.unwrap();
    assert_eq!(
        code(rules.identity.describe_account(&ctx(&world.admin), describe("777788889999")).await),
        Code::Aws(AwsCode::AccountNotFound)
    );
    let of_none =
        rules.identity.describe_organization(&ctx(&leaves), DescribeOrganizationRequest::default()).await;
    assert_eq!(code(of_none), Code::Aws(AwsCode::OrganizationsNotInUse));
    let own = RemoveAccountFromOrganizationRequest { account_id: ACCOUNT.to_owned() };
    let own = rules.identity.remove_account_from_organization(&ctx(&world.admin), own).await;
    assert_eq!(code(own), Code::Aws(AwsCode::MasterCannotLeave));
}

/// IAM User Guide, "AWS global condition context keys": only accounts of an organization have its keys.
#[tokio::test]
async fn policies_can_test_the_organization_of_principal_and_resource() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    let kept = meta::GetSetting { name: "organization".to_owned() };
    let kept = world.meta.read(kept).await.unwrap().unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&kept).unwrap();
    let (id, root_id) = (kept["id"].as_str().unwrap(), kept["root_id"].as_str().unwrap());
    for (name, root_id, expected) in [("of-root", root_id, true), ("of-another", "r-none", false)] {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*","Condition":{{
                "StringEquals":{{"aws:PrincipalOrgID":"{id}","aws:ResourceOrgID":"{id}"}},
                "ForAnyValue:StringLike":{{"aws:PrincipalOrgPaths":"{id}/{root_id}/*","aws:ResourceOrgPaths":["{id}/{root_id}/"]}}}}}}"#
        );
        let reader = world.user(name, &statement).await;
        let latest = oci::name::Reference::Tag("latest".parse().unwrap());
        let pulled = world.rules.registry.get_manifest(&ctx(&reader), &app, &latest).await;
        assert_eq!(pulled.is_ok(), expected, "{name}");
    }

    let rules = &world.rules;
    rules.identity.create_account(&ctx(&world.admin), create("a@example.org", MEMBER)).await.unwrap();
    let leaves = root(&world, MEMBER).await;
    let create = aws::ecr::CreateRepositoryRequest {
        repository_name: "own".to_owned(),
        ..aws::ecr::CreateRepositoryRequest::default()
    };
    rules.registry.create_repository(&ctx(&leaves), &region(), create).await.unwrap();
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"ecr:DescribeRepositories",
            "Condition":{{"StringNotEquals":{{"aws:ResourceOrgID":"{id}"}}}}}}}}"#
    );
    let set = aws::ecr::SetRepositoryPolicyRequest {
        repository_name: "own".to_owned(),
        policy_text,
        ..aws::ecr::SetRepositoryPolicyRequest::default()
    };
    rules.registry.set_repository_policy(&ctx(&leaves), &region(), set).await.unwrap();
    let described = || async {
        let input = DescribeRepositoriesRequest {
            repository_names: vec!["own".to_owned()],
            ..DescribeRepositoriesRequest::default()
        };
        rules
            .registry
            .describe_repositories(&ctx(&leaves), &region(), input)
            .await
            .map(|_| ())
            .map_err(|e| e.code)
    };
    assert_eq!(described().await, Ok(()));
    let leave = RemoveAccountFromOrganizationRequest { account_id: MEMBER.to_owned() };
    rules.identity.remove_account_from_organization(&ctx(&world.admin), leave).await.unwrap();
    assert_eq!(described().await, Err(Code::AccessDenied), "its account is of no organization any more");
}

/// A policy of the repository allows the accounts in a unit. An account has the permission from the move on, at the next
/// request.
#[tokio::test]
async fn a_permission_follows_the_account_into_a_unit() {
    let world = World::new().await;
    let (rules, admin) = (&world.rules, ctx(&world.admin));
    let app = world.create("app").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    rules.identity.create_account(&admin, create("a@example.org", MEMBER)).await.unwrap();
    let roots = rules.identity.list_roots(&admin, ListRootsRequest::default()).await.unwrap();
    let root_id = roots.roots[0].id.clone();
    let mut parents = vec![root_id.clone()];
    let mut path = String::new();
    for name in ["outer", "inner"] {
        let create = CreateOrganizationalUnitRequest {
            parent_id: parents.last().unwrap().clone(),
            name: name.to_owned(),
            tags: Vec::new(),
        };
        let unit = rules.identity.create_organizational_unit(&admin, create).await.unwrap();
        parents.push(unit.organizational_unit.id);
        path = unit.organizational_unit.path;
    }
    let outer = path.strip_suffix(&format!("{}/", parents[2])).unwrap();
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage",
            "Condition":{{"ForAnyValue:StringLike":{{"aws:PrincipalOrgPaths":"{outer}ou-*"}}}}}}}}"#
    );
    let set = aws::ecr::SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text,
        ..aws::ecr::SetRepositoryPolicyRequest::default()
    };
    rules.registry.set_repository_policy(&admin, &region(), set).await.unwrap();
    let member = root(&world, MEMBER).await;
    let pulls = async || {
        let latest = oci::name::Reference::Tag("latest".parse().unwrap());
        rules.registry.get_manifest(&ctx(&member), &app, &latest).await.is_ok()
    };
    let move_account = async |from: &str, to: &str| {
        let request = MoveAccountRequest {
            account_id: MEMBER.to_owned(),
            source_parent_id: from.to_owned(),
            destination_parent_id: to.to_owned(),
        };
        rules.identity.move_account(&admin, request).await
    };
    let [root_id, outer, inner] = parents.try_into().unwrap();
    assert!(!pulls().await, "in the root");
    move_account(&root_id, &outer).await.unwrap();
    assert!(!pulls().await, "in the outer unit");
    move_account(&outer, &inner).await.unwrap();
    assert!(pulls().await, "in the inner unit");
    let twice = move_account(&outer, &inner).await;
    assert_eq!(code(twice), Code::Aws(AwsCode::DuplicateAccount));
    let elsewhere = move_account(&outer, &root_id).await;
    assert_eq!(code(elsewhere), Code::Aws(AwsCode::SourceParentNotFound));
    move_account(&inner, &root_id).await.unwrap();
    assert!(!pulls().await, "in the root again");
}
