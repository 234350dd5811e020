//! A repeated request reads nothing from SQLite, and what has changed is read again, but nothing else.

use std::sync::Arc;
use std::time::Duration;

use access::context::{Caller, Ctx, Peer, RepositoryRef};
use access::error::Code;
use aws::ecr::{GetAuthorizationTokenRequest, Tag, TagResourceRequest};
use aws::iam::{CreatePolicyRequest, CreatePolicyVersionRequest};
use aws::sts::PolicyDescriptorType;
use jiff::{SignedDuration, Timestamp};
use oci::name::Reference;

use crate::credentials::{ALL, assumes, document, open_role, session};
use crate::world::{ACCOUNT, World, at, ctx, region};

/// A tag as a request names it.
fn tag(name: &str) -> Reference {
    Reference::Tag(name.parse().unwrap())
}

/// How many reads a request makes.
async fn reads<T>(world: &World, request: impl Future<Output = T>) -> u64 {
    let before = world.meta.reads();
    request.await;
    world.meta.reads() - before
}

/// Whether a caller can pull an image; the code of the refusal if not.
async fn pull(
    world: &World,
    by: &Arc<Caller>,
    app: &RepositoryRef,
    reference: &Reference,
) -> Result<(), Code> {
    world.rules.registry.get_manifest(&ctx(by), app, reference).await.map(|_| ()).map_err(|error| error.code)
}

/// Pulls until the time of the pull is recorded: it changes the image once.
async fn warm(world: &World, by: &Arc<Caller>, app: &RepositoryRef, reference: &Reference) {
    for _ in 0..300 {
        world.rules.registry.get_manifest(&ctx(by), app, reference).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        if reads(world, pull(world, by, app, reference)).await == 0 {
            return;
        }
    }
    panic!("a repeated pull still reads the store");
}

#[tokio::test]
async fn a_repeated_pull_reads_nothing() {
    let world = World::new().await;
    let app = world.create("app").await;
    let digest = world.push(&app, "v1", b"{}").await.unwrap().digest;
    let blob = crate::world::sha256(b"{}");
    let (registry, admin) = (&world.rules.registry, &world.admin);
    warm(&world, admin, &app, &tag("v1")).await;
    warm(&world, admin, &app, &Reference::Digest(digest)).await;
    registry.get_blob(&ctx(admin), &app, &blob).await.unwrap();
    for reference in [tag("v1"), Reference::Digest(digest)] {
        let get = async || registry.get_manifest(&ctx(admin), &app, &reference).await.unwrap();
        assert_eq!(reads(&world, get()).await, 0);
        let head = async || registry.head_manifest(&ctx(admin), &app, &reference).await.unwrap();
        assert_eq!(reads(&world, head()).await, 0);
    }
    let get = async || {
        let handle = registry.get_blob(&ctx(admin), &app, &blob).await.unwrap();
        handle.open(0, handle.stat.size).await.unwrap();
    };
    assert_eq!(reads(&world, get()).await, 0);
    let head = async || registry.head_blob(&ctx(admin), &app, &blob).await.unwrap();
    assert_eq!(reads(&world, head()).await, 0);
}

#[tokio::test]
async fn a_repeated_login_reads_nothing() {
    let world = World::new().await;
    let (access, registry, admin) = (&world.rules.access, &world.rules.registry, &world.admin);
    let token = async || {
        let input = GetAuthorizationTokenRequest::default();
        registry.get_authorization_token(&ctx(admin), &region(), input).await.unwrap();
        access.check_login(&ctx(admin), &admin.account_id, &region()).await.unwrap();
        let host = access.host(None).unwrap();
        assert!(access.account_in_path(&host, ACCOUNT).await.unwrap().is_some());
    };
    token().await;
    assert_eq!(reads(&world, token()).await, 0);
}

#[tokio::test]
async fn a_push_ends_only_what_is_kept_of_its_repository() {
    let world = World::new().await;
    let (app, other) = (world.create("app").await, world.create("other").await);
    world.push(&app, "v1", b"{}").await.unwrap();
    world.push(&other, "v1", b"{}").await.unwrap();
    warm(&world, &world.admin, &app, &tag("v1")).await;
    warm(&world, &world.admin, &other, &tag("v1")).await;
    world.push(&app, "v2", b"{\"a\":1}").await.unwrap();
    assert_eq!(reads(&world, pull(&world, &world.admin, &other, &tag("v1"))).await, 0);
    // What the tag names is read again, under the kept permission.
    assert_eq!(reads(&world, pull(&world, &world.admin, &app, &tag("v1"))).await, 1);
    assert_eq!(reads(&world, pull(&world, &world.admin, &app, &tag("v1"))).await, 0);
}

#[tokio::test]
async fn what_does_not_exist_is_never_kept() {
    let world = World::new().await;
    let app = world.create("app").await;
    let missing =
        async || assert_eq!(pull(&world, &world.admin, &app, &tag("v1")).await, Err(Code::ManifestUnknown));
    missing().await;
    assert_eq!(reads(&world, missing()).await, 1);
    world.push(&app, "v1", b"{}").await.unwrap();
    world.rules.registry.get_manifest(&ctx(&world.admin), &app, &tag("v1")).await.unwrap();
}

/// What decides and is not in the store: the time, the client's address and TLS, its user agent, the end and the Region
/// of the credentials.
#[tokio::test]
async fn what_is_not_in_the_store_is_decided_each_time() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    let statement = format!(
        r#"{{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*","Condition":{{
            "DateLessThan":{{"aws:CurrentTime":"{end}"}},"NumericLessThan":{{"aws:EpochTime":"{}"}},
            "IpAddress":{{"aws:SourceIp":"127.0.0.0/8"}},"Bool":{{"aws:SecureTransport":"false"}},
            "StringNotLikeIfExists":{{"aws:UserAgent":"curl*"}}}}}}"#,
        end.as_second()
    );
    let reader = world.user("reader", &statement).await;
    warm(&world, &reader, &app, &tag("v1")).await;
    let ends_at = Some(end.as_second());
    let token_region = Some("us-east-1".parse().unwrap());
    let good = ctx(&reader);
    let peer = good.peer;
    let inside = Ctx { peer: Peer { address: [10, 1, 0, 1].into(), ..peer }, ..good.clone() };
    let elsewhere = Caller { token_region, ..Caller::clone(&reader) };
    let ended = Caller { ends_at, ..Caller::clone(&reader) };
    let refused = [
        (at(&reader, end), Code::AccessDenied),
        (Ctx { peer: Peer { address: [192, 0, 2, 1].into(), ..peer }, ..good.clone() }, Code::AccessDenied),
        // A network of a VPC endpoint in the configuration: such a request has no source address.
        (inside, Code::AccessDenied),
        (Ctx { peer: Peer { tls: true, ..peer }, ..good.clone() }, Code::AccessDenied),
        (Ctx { user_agent: Some("curl/8".into()), ..good.clone() }, Code::AccessDenied),
        (ctx(&Arc::new(elsewhere)), Code::InvalidToken),
        (at(&Arc::new(ended), end), Code::ExpiredToken),
    ];
    let v1 = tag("v1");
    for (request, expected) in refused {
        let pull = world.rules.registry.get_manifest(&request, &app, &v1);
        let before = world.meta.reads();
        assert_eq!(pull.await.map(|_| ()).map_err(|error| error.code), Err(expected), "{request:?}");
        assert_eq!(world.meta.reads() - before, 0, "decided from memory");
        world.rules.registry.get_manifest(&good, &app, &v1).await.unwrap();
    }
}

#[tokio::test]
async fn resource_tags_are_kept_until_they_change() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    let colour = async |value: &str| {
        let tags = vec![Tag { key: "colour".to_owned(), value: value.to_owned() }];
        let input = TagResourceRequest { resource_arn: app.arn(), tags };
        world.rules.registry.tag_resource(&ctx(&world.admin), &region(), input).await.unwrap();
    };
    colour("red").await;
    let statement = r#"{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*",
        "Condition":{"StringEquals":{"aws:ResourceTag/colour":"red"}}}"#;
    let reader = world.user("reader", statement).await;
    warm(&world, &reader, &app, &tag("v1")).await;
    colour("blue").await;
    assert_eq!(pull(&world, &reader, &app, &tag("v1")).await, Err(Code::AccessDenied));
    colour("red").await;
    warm(&world, &reader, &app, &tag("v1")).await;
}

#[tokio::test]
async fn session_policies_are_kept_until_they_change() {
    let world = World::new().await;
    let app = world.create("app").await;
    world.push(&app, "v1", b"{}").await.unwrap();
    open_role(&world, "node").await;
    let policy_arn = format!("arn:aws:iam::{ACCOUNT}:policy/own");
    let (identity, admin) = (&world.rules.identity, ctx(&world.admin));
    let create = CreatePolicyRequest {
        policy_name: "own".to_owned(),
        policy_document: document(ALL),
        ..CreatePolicyRequest::default()
    };
    identity.create_policy(&admin, create).await.unwrap();
    let mut request = assumes("node");
    request.policy_arns = vec![PolicyDescriptorType { arn: Some(policy_arn.clone()) }];
    let node = session(&world, &world.admin, request).await;
    warm(&world, &node, &app, &tag("v1")).await;
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
    let version =
        CreatePolicyVersionRequest { policy_arn, policy_document: document(deny), set_as_default: true };
    identity.create_policy_version(&admin, version).await.unwrap();
    assert_eq!(pull(&world, &node, &app, &tag("v1")).await, Err(Code::AccessDenied));
}
