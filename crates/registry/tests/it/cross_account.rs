//! Access from another account: the caller's account must allow it, and a policy of the repository's account must name
//! the caller.

use std::sync::Arc;

use access::context::{Caller, CallerKind, RepositoryRef, Session};
use access::error::Code;
use aws::ecr::{
    CreateRepositoryRequest, GetRepositoryPolicyRequest, PutRegistryPolicyRequest, SetRepositoryPolicyRequest,
};
use aws::iam::{AttachRolePolicyRequest, CreateRoleRequest, DeleteRoleRequest, DetachRolePolicyRequest};
use identity::bootstrap;
use jiff::Timestamp;
use meta::{AccountKey, CreateAccessKey, CreateAccount, CreateUser, MemberChange, Micros, PutInlinePolicy};
use oci::name::Reference;

use crate::world::{ACCOUNT, World, code, ctx, region, repository};

pub(crate) const STAGING: &str = "222233334444";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";

/// The administrator of another account of the deployment.
pub(crate) async fn staging(world: &World) -> Arc<Caller> {
    let account = AccountKey(77);
    let account_id: aws::ids::AccountId = STAGING.parse().unwrap();
    let create = CreateAccount {
        key: account,
        account_id: account_id.clone(),
        name: "staging".to_owned(),
        at: Micros(1),
    };
    world.meta.write(create).await.unwrap();
    let unique_id = "AIDASTAGINGADMIN00000".to_owned();
    let (path, name) = ("/".to_owned(), "ops".to_owned());
    let user = CreateUser {
        account,
        unique_id: unique_id.clone(),
        path: path.clone(),
        name: name.clone(),
        at: Micros(1),
    };
    world.meta.write(user).await.unwrap();
    let (id, _) = bootstrap::random_access_key().unwrap();
    let key =
        CreateAccessKey { id: id.clone(), owner: unique_id.clone(), sealed_secret: vec![1], at: Micros(1) };
    world.meta.write(key).await.unwrap();
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let put =
        PutInlinePolicy { owner: unique_id.clone(), name: "all".to_owned(), document: document.to_owned() };
    world.meta.write(put).await.unwrap();
    Arc::new(Caller::with_key(account_id, unique_id, CallerKind::User { path, name }, id))
}

/// Creates the role `node` of staging, and returns a session of it.
pub(crate) async fn node(world: &World, ops: &Arc<Caller>) -> Arc<Caller> {
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{STAGING}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    let create = CreateRoleRequest {
        role_name: "node".to_owned(),
        assume_role_policy_document: trust,
        ..CreateRoleRequest::default()
    };
    let role = world.rules.identity.create_role(&ctx(ops), create).await.unwrap().role;
    let attach = AttachRolePolicyRequest { role_name: "node".to_owned(), policy_arn: READ_ONLY.to_owned() };
    world.rules.identity.attach_role_policy(&ctx(ops), attach).await.unwrap();
    session(ops, &role.role_id, None)
}

fn session(ops: &Arc<Caller>, role_id: &str, session: Option<Session>) -> Arc<Caller> {
    let kind =
        CallerKind::Role { path: "/".to_owned(), name: "node".to_owned(), session_name: "s".to_owned() };
    Arc::new(Caller {
        arn: kind.arn(&ops.account_id),
        kind,
        unique_id: role_id.to_owned(),
        long_term_key: None,
        session: session.map(Arc::new),
        ..Caller::clone(ops)
    })
}

pub(crate) async fn set_policy(world: &World, principal: &str) -> Result<String, access::error::Error> {
    let policy_text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{principal}"]}},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}}]}}"#
    );
    let input = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text,
        ..SetRepositoryPolicyRequest::default()
    };
    let set = world.rules.registry.set_repository_policy(&ctx(&world.admin), &region(), input).await?;
    Ok(set.policy_text)
}

async fn pull(world: &World, caller: &Arc<Caller>, app: &RepositoryRef) -> Result<(), Code> {
    let latest = Reference::Tag("latest".parse().unwrap());
    let pulled = world.rules.registry.get_manifest(&ctx(caller), app, &latest).await;
    pulled.map(|_| ()).map_err(|error| error.code)
}

pub(crate) async fn world_with_app() -> (World, RepositoryRef, Arc<Caller>) {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "latest", b"{}").await.unwrap();
    let ops = staging(&world).await;
    (world, app, ops)
}

#[tokio::test]
async fn both_accounts_must_allow() {
    let (world, app, ops) = world_with_app().await;
    let node = node(&world, &ops).await;
    assert_eq!(pull(&world, &node, &app).await, Err(Code::AccessDenied), "the repository names nobody");
    set_policy(&world, STAGING).await.unwrap();
    assert_eq!(pull(&world, &node, &app).await, Ok(()));
    let detach = DetachRolePolicyRequest { role_name: "node".to_owned(), policy_arn: READ_ONLY.to_owned() };
    world.rules.identity.detach_role_policy(&ctx(&ops), detach).await.unwrap();
    assert_eq!(pull(&world, &node, &app).await, Err(Code::AccessDenied), "its own account allows nothing");
}

#[tokio::test]
async fn a_role_created_again_with_the_same_name_is_another_role() {
    let (world, app, ops) = world_with_app().await;
    let role = format!("arn:aws:iam::{STAGING}:role/node");
    let refused = set_policy(&world, &role).await.unwrap_err();
    assert_eq!(
        refused.message,
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    );
    let first = node(&world, &ops).await;
    assert!(set_policy(&world, &role).await.unwrap().contains(&role));
    assert_eq!(pull(&world, &first, &app).await, Ok(()));
    let detach = DetachRolePolicyRequest { role_name: "node".to_owned(), policy_arn: READ_ONLY.to_owned() };
    world.rules.identity.detach_role_policy(&ctx(&ops), detach).await.unwrap();
    let delete = DeleteRoleRequest { role_name: "node".to_owned() };
    world.rules.identity.delete_role(&ctx(&ops), delete).await.unwrap();
    assert_eq!(pull(&world, &first, &app).await, Err(Code::InvalidToken), "its sessions ended with it");
    let second = node(&world, &ops).await;
    assert_eq!(pull(&world, &second, &app).await, Err(Code::AccessDenied));
    let input = GetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        ..GetRepositoryPolicyRequest::default()
    };
    let shown =
        world.rules.registry.get_repository_policy(&ctx(&world.admin), &region(), input).await.unwrap();
    assert!(
        shown.policy_text.contains(&first.unique_id),
        "a deleted role shows as its id: {}",
        shown.policy_text
    );
}

#[tokio::test]
async fn one_registry_policy_replaces_policies_on_repositories() {
    let (world, app, ops) = world_with_app().await;
    let node = node(&world, &ops).await;
    let put = |effect: &str| PutRegistryPolicyRequest {
        policy_text: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Principal":{{"AWS":"arn:aws:iam::{STAGING}:root"}},"Action":"ecr:BatchGetImage","Resource":"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/*"}}]}}"#
        ),
    };
    world.rules.registry.put_registry_policy(&ctx(&world.admin), &region(), put("Allow")).await.unwrap();
    assert_eq!(pull(&world, &node, &app).await, Ok(()));
    set_policy(&world, STAGING).await.unwrap();
    world.rules.registry.put_registry_policy(&ctx(&world.admin), &region(), put("Deny")).await.unwrap();
    assert_eq!(
        pull(&world, &node, &app).await,
        Err(Code::AccessDenied),
        "a deny wins over the repository's allow"
    );
}

#[tokio::test]
async fn a_session_policy_limits_the_pulls_of_a_role() {
    let (world, app, ops) = world_with_app().await;
    let whole = node(&world, &ops).await;
    set_policy(&world, STAGING).await.unwrap();
    let limited = |action: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
        );
        let policies = Some(vec![access::context::SessionPolicy::Inline(text)]);
        session(&ops, &whole.unique_id, Some(Session { policies, ..Session::default() }))
    };
    assert_eq!(pull(&world, &limited("ecr:BatchGetImage"), &app).await, Ok(()));
    assert_eq!(pull(&world, &limited("ecr:ListImages"), &app).await, Err(Code::AccessDenied));
}

#[tokio::test]
async fn a_policy_that_locks_out_its_caller_needs_force() {
    let (world, ..) = world_with_app().await;
    let deny = SetRepositoryPolicyRequest {
        repository_name: "app".to_owned(),
        policy_text:
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:*"}}"#
                .to_owned(),
        ..SetRepositoryPolicyRequest::default()
    };
    let set = |input| {
        let world = &world;
        async move { world.rules.registry.set_repository_policy(&ctx(&world.admin), &region(), input).await }
    };
    assert_eq!(code(set(deny.clone()).await), Code::InvalidParameter);
    set(SetRepositoryPolicyRequest { force: true, ..deny.clone() }).await.unwrap();
    assert_eq!(code(set(deny).await), Code::AccessDenied);
}

#[tokio::test]
async fn the_lock_out_check_considers_the_repositorys_tags() {
    let (world, app, _) = world_with_app().await;
    let input = aws::ecr::TagResourceRequest {
        resource_arn: app.arn(),
        tags: vec![aws::ecr::Tag { key: "frozen".to_owned(), value: "yes".to_owned() }],
    };
    world.rules.registry.tag_resource(&ctx(&world.admin), &region(), input).await.unwrap();
    for key in ["aws:ResourceTag/frozen", "ecr:resourcetag/frozen"] {
        for (value, expected) in [("yes", Some(Code::InvalidParameter)), ("no", None)] {
            let policy_text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Principal":"*","Action":"ecr:SetRepositoryPolicy",
                    "Condition":{{"StringEquals":{{"{key}":"{value}"}}}}}}}}"#
            );
            let input = SetRepositoryPolicyRequest {
                repository_name: "app".to_owned(),
                policy_text,
                ..SetRepositoryPolicyRequest::default()
            };
            let set = world.rules.registry.set_repository_policy(&ctx(&world.admin), &region(), input).await;
            assert_eq!(set.err().map(|error| error.code), expected, "{key} {value}");
            let delete = aws::ecr::DeleteRepositoryPolicyRequest {
                repository_name: "app".to_owned(),
                ..aws::ecr::DeleteRepositoryPolicyRequest::default()
            };
            // The next policy must not find an older one that causes the tags to be read.
            let _ =
                world.rules.registry.delete_repository_policy(&ctx(&world.admin), &region(), delete).await;
        }
    }
}

#[tokio::test]
async fn images_of_a_closed_account_are_not_accessible() {
    let (world, _, ops) = world_with_app().await;
    let create =
        CreateRepositoryRequest { repository_name: "own".to_owned(), ..CreateRepositoryRequest::default() };
    world.rules.registry.create_repository(&ctx(&ops), &region(), create).await.unwrap();
    let input = SetRepositoryPolicyRequest {
        repository_name: "own".to_owned(),
        policy_text: format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"ecr:*"}}}}"#
        ),
        ..SetRepositoryPolicyRequest::default()
    };
    world.rules.registry.set_repository_policy(&ctx(&ops), &region(), input).await.unwrap();
    let own = RepositoryRef { account_id: STAGING.parse().unwrap(), ..repository("own") };
    assert_eq!(pull(&world, &world.admin, &own).await, Err(Code::ManifestUnknown), "it is open, and empty");
    let staging = STAGING.parse().unwrap();
    world.rules.identity.change_account(&staging, MemberChange::Close, Timestamp::now()).await.unwrap();
    assert_eq!(pull(&world, &world.admin, &own).await, Err(Code::AccessDenied));
}

#[tokio::test]
async fn a_policy_can_name_many_principals_of_every_kind() {
    let (world, app, ops) = world_with_app().await;
    let node = node(&world, &ops).await;
    let mut names = vec![
        format!("arn:aws:iam::{STAGING}:root"),
        format!("arn:aws:iam::{STAGING}:role/node"),
        format!("arn:aws:sts::{STAGING}:assumed-role/node/s"),
        format!("arn:aws:sts::{STAGING}:federated-user/anybody"),
    ];
    for n in 0..60 {
        world.user(&format!("user{n}"), r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#).await;
        names.push(format!("arn:aws:iam::{ACCOUNT}:user/user{n}"));
    }
    let shown = set_policy(&world, &names.join(r#"",""#)).await.unwrap();
    for name in &names {
        assert!(shown.contains(&format!(r#""{name}""#)), "{name} in {shown}");
    }
    assert_eq!(pull(&world, &node, &app).await, Ok(()));
    for wrong in ["role/user1", "user/USER1", "user/team/user1", "user/user60"] {
        let all = format!(r#"{}","arn:aws:iam::{ACCOUNT}:{wrong}"#, names.join(r#"",""#));
        assert!(set_policy(&world, &all).await.is_err(), "{wrong}");
    }
}
