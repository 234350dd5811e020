//! Sessions that are too large for a docker password: the server stores them, and they still limit permissions.

use std::sync::Arc;

use access::context::Caller;
use access::token::{MAX_PASSWORD_CHARS, TokenError};
use aws::iam::CreatePolicyRequest;
use aws::sts::{AssumeRoleRequest, PolicyDescriptorType, Tag};
use jiff::{SignedDuration, Timestamp};
use oci::digest::Algorithm;

use crate::credentials::{assumes, delete_role, document, open_role, opened, password, session};
use crate::world::{ACCOUNT, World, code, ctx, region};

/// A session policy of nearly 2,048 characters that allows a login and ListImages of `app`.
fn policy() -> String {
    let arn = |name: &str| format!(r#""arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{name}""#);
    let with = |count: usize| {
        let fillers = (0..count).map(|n| arn(&format!("filler-{n:02}")));
        let all: Vec<_> = std::iter::once(arn("app")).chain(fillers).collect();
        document(&format!(
            r#"{{"Effect":"Allow","Action":"ecr:GetAuthorizationToken","Resource":"*"}},{{"Effect":"Allow","Action":"ecr:ListImages","Resource":[{}]}}"#,
            all.join(",")
        ))
    };
    (0..99).map(with).take_while(|text| text.len() <= 2_048).last().unwrap()
}

/// A session of `r` with that policy, ten managed policies that allow nothing more, and as many tags as fit.
async fn large(world: &World) -> AssumeRoleRequest {
    let mut policy_arns = Vec::new();
    for n in 0..10 {
        let create = CreatePolicyRequest {
            policy_name: format!("{n:a>100}"),
            policy_document: document(
                r#"{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}"#,
            ),
            ..CreatePolicyRequest::default()
        };
        world.rules.identity.create_policy(&ctx(&world.admin), create).await.unwrap();
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/{n:a>100}");
        policy_arns.push(PolicyDescriptorType { arn: Some(arn) });
    }
    let tags = (0..2).map(|n| Tag { key: format!("key-{n:0>40}"), value: format!("{n:v>40}") }).collect();
    let policy = policy();
    assert!((1_980..=2_048).contains(&policy.len()), "{} characters", policy.len());
    AssumeRoleRequest { policy: Some(policy), policy_arns, tags, duration_seconds: Some(900), ..assumes("r") }
}

async fn rights(world: &World, by: &Arc<Caller>) -> [bool; 3] {
    let (app, other) = (crate::world::repository("app"), crate::world::repository("other"));
    [
        world.rules.registry.list_tags(&ctx(by), &app, None, None).await.is_ok(),
        world.rules.registry.list_tags(&ctx(by), &other, None, None).await.is_ok(),
        world.rules.registry.start_upload(&ctx(by), &app, Algorithm::Sha256).await.is_ok(),
    ]
}

#[tokio::test]
async fn its_docker_password_is_short_and_has_the_same_limits() {
    let world = World::new().await;
    world.create("app").await;
    world.create("other").await;
    open_role(&world, "r").await;
    let caller = session(&world, &world.admin, large(&world).await).await;
    let text = password(&world, &caller, &region(), Timestamp::now()).await;
    assert!(text.len() <= MAX_PASSWORD_CHARS && !text.contains(':'), "{} characters", text.len());
    let docker = opened(&world, &text).await.unwrap();
    assert_eq!(docker.session, caller.session, "nothing of the session is lost");
    assert_eq!(rights(&world, &caller).await, [true, false, false]);
    assert_eq!(rights(&world, &docker).await, [true, false, false]);
    let again = world.another().await;
    let elsewhere = again.access.authenticate_password("AWS", &text, Timestamp::now()).await.unwrap();
    assert_eq!(elsewhere, docker, "any node knows it");
}

#[tokio::test]
async fn it_is_removed_only_after_its_password_expires() {
    let world = World::new().await;
    open_role(&world, "r").await;
    let caller = session(&world, &world.admin, large(&world).await).await;
    let start = Timestamp::now();
    let text = password(&world, &caller, &region(), start).await;
    let (almost, over) = (
        start + SignedDuration::from_secs(12 * 3_600 - 2),
        start + SignedDuration::from_secs(12 * 3_600 + 1),
    );
    assert_eq!(world.rules.access.forget_session_contexts(almost).await.unwrap(), 0);
    assert!(world.rules.access.authenticate_password("AWS", &text, almost).await.is_ok());
    let expired = world.rules.access.authenticate_password("AWS", &text, over).await;
    assert_eq!(expired.unwrap_err(), TokenError::Expired);
    let over = over + SignedDuration::from_hours(1);
    assert_eq!(world.rules.access.forget_session_contexts(over).await.unwrap(), 1);
    let forgotten = world.another().await.access.authenticate_password("AWS", &text, over).await;
    assert_eq!(forgotten.unwrap_err(), TokenError::Expired, "clients log in again");
}

#[tokio::test]
async fn it_is_stored_once_for_many_logins() {
    let world = World::new().await;
    open_role(&world, "r").await;
    let caller = session(&world, &world.admin, large(&world).await).await;
    let start = Timestamp::now();
    let first = password(&world, &caller, &region(), start).await;
    let later = start + SignedDuration::from_mins(10);
    let second = password(&world, &caller, &region(), later).await;
    let over = start + SignedDuration::from_secs(12 * 3_600 + 1);
    assert_eq!(
        world.rules.access.forget_session_contexts(over).await.unwrap(),
        0,
        "the second still needs it"
    );
    assert!(world.rules.access.authenticate_password("AWS", &second, over).await.is_ok());
    let expired = world.rules.access.authenticate_password("AWS", &first, over).await;
    assert_eq!(expired.unwrap_err(), TokenError::Expired);
    let over = later + SignedDuration::from_secs(13 * 3_600 + 1);
    assert_eq!(world.rules.access.forget_session_contexts(over).await.unwrap(), 1);
}

#[tokio::test]
async fn it_ends_with_its_role() {
    let world = World::new().await;
    let app = world.create("app").await;
    open_role(&world, "r").await;
    let caller = session(&world, &world.admin, large(&world).await).await;
    let text = password(&world, &caller, &region(), Timestamp::now()).await;
    let docker = opened(&world, &text).await.unwrap();
    delete_role(&world, "r").await;
    let refused = world.rules.registry.list_tags(&ctx(&docker), &app, None, None).await;
    assert_eq!(code(refused), access::error::Code::InvalidToken);
    let elsewhere = world.another().await.access.authenticate_password("AWS", &text, Timestamp::now()).await;
    assert_eq!(elsewhere.unwrap_err(), TokenError::Invalid, "what was kept went with it");
}
