//! Download URLs: every holder can use them, for one blob of one repository, as long as the principal that requested
//! them may read it.

use std::sync::Arc;

use access::context::{Caller, Peer, RepositoryRef, Unsigned};
use access::error::{Code, Result};
use aws::ecr::{CreateRepositoryRequest, DeleteRepositoryRequest, GetDownloadUrlForLayerRequest};
use aws::sts::{AssumeRoleRequest, PolicyDescriptorType, Tag};
use jiff::Timestamp;
use meta::{DeleteUser, MemberChange, SetAccessKeyStatus};
use oci::digest::Digest;
use registry::layer::upload::Incoming;

use crate::credentials::{
    ALL, assume, assumes, delete_role, document, federates, federation_token, of, open_role, password,
    session, session_token,
};
use crate::cross_account::{STAGING, set_policy, staging};
use crate::world::{World, code, ctx, region, repository};

const READ: &str = r#"{"Effect":"Allow","Action":"ecr:GetDownloadUrlForLayer","Resource":"*"}"#;

async fn ask(world: &World, by: &Arc<Caller>, at: &RepositoryRef, digest: &Digest) -> Result<String> {
    let input = GetDownloadUrlForLayerRequest {
        registry_id: Some(at.account_id.to_string()),
        repository_name: at.name.to_string(),
        layer_digest: digest.to_string(),
    };
    let answer = world.rules.registry.get_download_url_for_layer(&ctx(by), &at.region, input).await?;
    Ok(answer.download_url.split_once(registry::layer::download_url::PATH_PREFIX).unwrap().1.to_owned())
}

/// The digest that a URL returns to a client at an address.
async fn open_from(world: &World, url: &str, address: [u8; 4]) -> Result<Digest> {
    let peer = Peer { address: address.into(), tls: false };
    let request = Unsigned::new(peer, None, "test".to_owned(), Timestamp::now());
    world.rules.registry.verify_download(url, &request).await.map(|handle| handle.stat.digest)
}

async fn open(world: &World, url: &str) -> Result<Digest> {
    open_from(world, url, [127, 0, 0, 1]).await
}

async fn push(world: &World, by: &Arc<Caller>, at: &RepositoryRef, bytes: &'static [u8]) -> Digest {
    let digest = crate::world::sha256(bytes);
    world.rules.registry.put_blob(&ctx(by), at, &digest, Incoming::buffered(bytes.into())).await.unwrap();
    digest
}

#[tokio::test]
async fn it_opens_the_blob_through_its_own_repository_alone() {
    let world = World::new().await;
    let ops = staging(&world).await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let url = ask(&world, &world.admin, &app, &digest).await.unwrap();
    // The same bytes in every place that could be confused with these.
    push(&world, &world.admin, &world.create("other").await, b"layer").await;
    let abroad = "us-west-2".parse().unwrap();
    for (owner, region) in [(&ops, region()), (&world.admin, abroad)] {
        let create = CreateRepositoryRequest { repository_name: "app".to_owned(), ..Default::default() };
        world.rules.registry.create_repository(&ctx(owner), &region, create).await.unwrap();
        let there = RepositoryRef { account_id: owner.account_id.clone(), region, ..repository("app") };
        push(&world, owner, &there, b"layer").await;
    }
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    world.rules.registry.delete_blob(&ctx(&world.admin), &app, &digest).await.unwrap();
    assert_eq!(code(open(&world, &url).await), Code::BlobUnknown, "its repository lost the blob");
    push(&world, &world.admin, &app, b"layer").await;
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    let delete =
        DeleteRepositoryRequest { registry_id: None, repository_name: "app".to_owned(), force: true };
    world.rules.registry.delete_repository(&ctx(&world.admin), &region(), delete).await.unwrap();
    assert_eq!(code(open(&world, &url).await), Code::BlobUnknown);
    push(&world, &world.admin, &world.create("app").await, b"layer").await;
    assert_eq!(code(open(&world, &url).await), Code::BlobUnknown, "made again, it is another repository");
}

#[tokio::test]
async fn nothing_else_that_is_sealed_opens_as_one() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let url = ask(&world, &world.admin, &app, &digest).await.unwrap();
    let docker = password(&world, &world.admin, &region(), Timestamp::now()).await;
    let session = session_token(&world, &world.admin).await.session_token;
    let foreign = World::new().await;
    let there = foreign.create("app").await;
    push(&foreign, &foreign.admin, &there, b"layer").await;
    let elsewhere = ask(&foreign, &foreign.admin, &there, &digest).await.unwrap();
    for other in [docker, session, elsewhere, String::new()] {
        assert_eq!(code(open(&world, &other).await), Code::AccessDenied);
    }
    assert!(world.rules.access.authenticate_password("AWS", &url, Timestamp::now()).await.is_err());
}

#[tokio::test]
async fn it_ends_with_the_user_and_the_key_that_asked() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let (ann, bob) = (world.user("ann", ALL).await, world.user("bob", ALL).await);
    let temporary = of(&world, &session_token(&world, &ann).await).await;
    let federated = of(&world, &federation_token(&world, &ann, federates("f", READ)).await.credentials).await;
    let mut urls = Vec::new();
    for by in [&ann, &temporary, &federated] {
        urls.push(ask(&world, by, &app, &digest).await.unwrap());
    }
    let bobs = ask(&world, &bob, &app, &digest).await.unwrap();
    for (active, expected) in [(true, Ok(digest)), (false, Err(Code::AccessDenied)), (true, Ok(digest))] {
        let id = ann.access_key_id.clone();
        world.meta.write(SetAccessKeyStatus { id, owner: ann.unique_id.clone(), active }).await.unwrap();
        for url in &urls {
            assert_eq!(open(&world, url).await.map_err(|error| error.code), expected, "active: {active}");
        }
    }
    world.meta.write(DeleteUser { owner: ann.unique_id.clone() }).await.unwrap();
    for url in &urls {
        assert_eq!(code(open(&world, url).await), Code::AccessDenied);
    }
    world.user("ann", ALL).await;
    assert_eq!(code(open(&world, &urls[0]).await), Code::AccessDenied);
    assert_eq!(open(&world, &bobs).await.unwrap(), digest);
}

#[tokio::test]
async fn it_ends_with_the_permission() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let ann = world.user("ann", READ).await;
    let url = ask(&world, &ann, &app, &digest).await.unwrap();
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    let from_here = READ.replace(
        r#""Resource":"*""#,
        r#""Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}"#,
    );
    world.set_policy(&ann.unique_id, &from_here).await;
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    assert_eq!(code(open_from(&world, &url, [192, 0, 2, 1]).await), Code::AccessDenied, "from elsewhere");
    world.set_policy(&ann.unique_id, &READ.replace("GetDownloadUrlForLayer", "BatchGetImage")).await;
    let refused = open(&world, &url).await.unwrap_err();
    assert_eq!(refused.code, Code::AccessDenied);
    assert!(
        !refused.message.contains("ann"),
        "whoever has the URL need not learn who asked: {}",
        refused.message
    );
    world.set_policy(&ann.unique_id, READ).await;
    assert_eq!(open(&world, &url).await.unwrap(), digest);
}

#[tokio::test]
async fn a_url_of_a_role_ends_with_it_and_has_its_session_limits() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    open_role(&world, "node").await;
    let limited = |action: &str| AssumeRoleRequest {
        policy: Some(document(&READ.replace("ecr:GetDownloadUrlForLayer", action))),
        ..assumes("node")
    };
    let none = session(&world, &world.admin, limited("ecr:BatchGetImage")).await;
    assert_eq!(code(ask(&world, &none, &app, &digest).await), Code::AccessDenied);
    // Larger than a URL should be: its session is kept by the server.
    let mut large = limited("ecr:GetDownloadUrlForLayer");
    large.policy = large.policy.map(|policy| format!("{policy:2048}"));
    let arn = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    large.policy_arns = vec![PolicyDescriptorType { arn: Some(arn) }; 10];
    large.tags = vec![Tag { key: "key".to_owned(), value: "v".repeat(256) }];
    let mut urls = Vec::new();
    for request in [assumes("node"), limited("ecr:GetDownloadUrlForLayer"), large] {
        let assumed = assume(&world, &world.admin, request).await.unwrap();
        let url = ask(&world, &of(&world, &assumed.credentials).await, &app, &digest).await.unwrap();
        assert!(url.len() <= 2_400, "{} characters", url.len());
        assert_eq!(open(&world, &url).await.unwrap(), digest);
        urls.push(url);
    }
    delete_role(&world, "node").await;
    open_role(&world, "node").await;
    for url in urls {
        assert_eq!(code(open(&world, &url).await), Code::AccessDenied);
    }
}

#[tokio::test]
async fn across_accounts_it_ends_when_either_takes_its_leave_back() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let ops = staging(&world).await;
    set_policy(&world, STAGING).await.unwrap();
    let url = ask(&world, &ops, &app, &digest).await.unwrap();
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    let delete =
        aws::ecr::DeleteRepositoryPolicyRequest { registry_id: None, repository_name: "app".to_owned() };
    world.rules.registry.delete_repository_policy(&ctx(&world.admin), &region(), delete).await.unwrap();
    assert_eq!(code(open(&world, &url).await), Code::AccessDenied);
    set_policy(&world, STAGING).await.unwrap();
    assert_eq!(open(&world, &url).await.unwrap(), digest);
    let staging = STAGING.parse().unwrap();
    world.rules.identity.change_account(&staging, MemberChange::Close, Timestamp::now()).await.unwrap();
    assert_eq!(code(open(&world, &url).await), Code::AccessDenied);
}

#[tokio::test]
async fn a_download_records_its_decision() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = push(&world, &world.admin, &app, b"layer").await;
    let url = ask(&world, &world.admin, &app, &digest).await.unwrap();
    let peer = Peer { address: [127, 0, 0, 1].into(), tls: false };
    let request = Unsigned::new(peer, None, "test".to_owned(), Timestamp::now());
    world.rules.registry.verify_download(&url, &request).await.unwrap();
    let decided = request.decisions.take();
    let [one] = decided.as_slice() else { panic!("{decided:?}") };
    assert_eq!((one.op.name(), one.allowed), ("GetDownloadUrlForLayer", true));
    assert_eq!(one.resource, app.arn());
}
