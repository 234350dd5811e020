//! The secrets of pull-through cache rules, when something is wrong with them, and what the cache counts.

use access::context::{Caller, Ctx};
use access::error::Code;
use access::store::{NewSecretValue, PutSecretValue};
use aws::ecr::CreatePullThroughCacheRuleRequest;
use aws::iam::{CreateRoleRequest, DeleteRolePolicyRequest, DeleteRoleRequest, PutRolePolicyRequest};
use aws::secrets_manager::{CreateSecretRequest, DeleteSecretRequest};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

use crate::pull_through::{cached, pull};
use crate::upstream::{Mood, TestUpstream};
use crate::world::{World, at, code, ctx, region};

/// A registry whose rule `private` names a secret; returns the secret's ARN.
async fn private() -> (World, TestUpstream, String) {
    let (world, upstream) = (World::new().await, TestUpstream::start().await);
    let by = ctx(&world.admin);
    let secret = CreateSecretRequest {
        name: "ecr-pullthroughcache/private".to_owned(),
        secret_string: Some(r#"{"username":"u","accessToken":"t"}"#.to_owned()),
        ..Default::default()
    };
    let made = world.rules.identity.create_secret(&by, &region(), secret).await.unwrap();
    let request = CreatePullThroughCacheRuleRequest {
        ecr_repository_prefix: "private".to_owned(),
        upstream_registry_url: upstream.address.to_string(),
        credential_arn: made.arn.clone(),
        ..Default::default()
    };
    world.rules.registry.create_pull_through_cache_rule(&by, &region(), request).await.unwrap();
    (world, upstream, made.arn.unwrap())
}

fn tomorrow(admin: &Arc<Caller>) -> Ctx {
    at(admin, Timestamp::now() + SignedDuration::from_hours(25))
}

#[tokio::test]
async fn a_value_that_does_not_open_has_an_error_of_its_own() {
    let (world, upstream, arn) = private().await;
    upstream.image("app", "v1", b"layer");
    pull(&world, &ctx(&world.admin), "private/app", "v1").await.unwrap();
    let value = NewSecretValue { id: "broken".to_owned(), sealed: vec![1, 1, 1] };
    world.meta.write(PutSecretValue { arn, value, at: ctx(&world.admin).at() }).await.unwrap();
    let pulled = pull(&world, &ctx(&world.admin), "private/app", "v2").await;
    assert_eq!(code(pulled), Code::UnableToDecryptSecretValue);
}

#[tokio::test]
async fn what_is_stored_is_served_without_the_secret() {
    let (world, upstream, arn) = private().await;
    let digest = upstream.image("app", "v1", b"layer");
    pull(&world, &ctx(&world.admin), "private/app", "v1").await.unwrap();
    let delete =
        DeleteSecretRequest { secret_id: arn, force_delete_without_recovery: true, ..Default::default() };
    world.rules.identity.delete_secret(&ctx(&world.admin), &region(), delete).await.unwrap();
    assert_eq!(pull(&world, &tomorrow(&world.admin), "private/app", "v1").await.unwrap(), digest);
    let missing = pull(&world, &ctx(&world.admin), "private/app", "v2").await;
    assert_eq!(code(missing), Code::SecretNotFound);
}

#[tokio::test]
async fn the_cache_counts_pulls_and_failures() {
    let (world, upstream) = cached().await;
    let by = ctx(&world.admin);
    for tag in ["v1", "v1", "v1", "v2"] {
        upstream.image("team/app", tag, b"layer");
        pull(&world, &by, "cached/team/app", tag).await.unwrap();
    }
    pull(&world, &tomorrow(&world.admin), "cached/team/app", "v1").await.unwrap();
    pull(&world, &by, "cached/team/app", "absent").await.unwrap_err();
    upstream.set(Mood::Status(429));
    pull(&world, &tomorrow(&world.admin), "cached/team/app", "v2").await.unwrap();
    let counts = world.rules.registry.cache_counts();
    let expected = [("hit", 2), ("validated", 1), ("miss", 2), ("stale", 1), ("failed", 1)];
    assert_eq!(counts.pulls, expected);
    let failed: Vec<_> = counts.errors.iter().filter(|(_, count)| *count > 0).collect();
    // The background work of the pulls before can meet the limit of requests too.
    assert!(matches!(failed[..], [("not_found", 1), ("too_many_requests", 1..=3)]), "{failed:?}");
    assert!(counts.requests.contains(&("manifest", 5)), "{counts:?}");
    assert!(counts.bytes > 100, "{counts:?}");
}

#[tokio::test]
async fn only_who_may_read_a_secret_can_send_it_to_a_host() {
    let (world, upstream, arn) = private().await;
    let ecr = r#"{"Effect":"Allow","Action":["ecr:*","iam:CreateServiceLinkedRole"],"Resource":"*"}"#;
    let read =
        format!(r#"{ecr},{{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"{arn}"}}"#);
    let (writer, reader) = (world.user("writer", ecr).await, world.user("reader", &read).await);
    let create = async |by: &Arc<Caller>, arn: &str| {
        let request = CreatePullThroughCacheRuleRequest {
            ecr_repository_prefix: "taken".to_owned(),
            upstream_registry_url: upstream.address.to_string(),
            credential_arn: Some(arn.to_owned()),
            ..Default::default()
        };
        let registry = &world.rules.registry;
        registry.create_pull_through_cache_rule(&ctx(by), &region(), request).await.map(|_| ())
    };
    assert_eq!(code(create(&writer, &arn).await), Code::AccessDenied);
    let absent = arn.replace("private", "absent");
    assert_eq!(code(create(&writer, &absent).await), Code::AccessDenied, "it learns nothing");
    create(&reader, &arn).await.unwrap();
}

#[tokio::test]
async fn a_role_that_is_made_again_has_a_login_of_its_own() {
    let world = World::new().await;
    let (identity, by) = (&world.rules.identity, ctx(&world.admin));
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"pullthroughcache.ecr.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    let made = async || {
        let create = CreateRoleRequest {
            role_name: "upstream".to_owned(),
            assume_role_policy_document: trust.to_owned(),
            ..Default::default()
        };
        let role = identity.create_role(&by, create).await.unwrap().role;
        let policy_document =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ecr:*","Resource":"*"}}"#;
        let put = PutRolePolicyRequest {
            role_name: "upstream".to_owned(),
            policy_name: "all".to_owned(),
            policy_document: policy_document.to_owned(),
        };
        identity.put_role_policy(&by, put).await.unwrap();
        role.arn
    };
    let now = Timestamp::now();
    let login = async |arn: &str| {
        let (account, region) = (world.admin.account_id.clone(), region());
        let at = ("localhost", Some(5100));
        world.rules.access.upstream_role((&account, &region), arn, at, now).await.unwrap().version
    };
    let arn = made().await;
    let first = login(&arn).await;
    assert_eq!(login(&arn).await, first, "one password is used for a time");
    let (role_name, policy_name) = ("upstream".to_owned(), "all".to_owned());
    let policy = DeleteRolePolicyRequest { role_name: role_name.clone(), policy_name };
    identity.delete_role_policy(&by, policy).await.unwrap();
    identity.delete_role(&by, DeleteRoleRequest { role_name }).await.unwrap();
    assert_eq!(made().await, arn);
    assert_ne!(login(&arn).await, first);
}
