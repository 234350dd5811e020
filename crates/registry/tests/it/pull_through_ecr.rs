//! The cache and ECR registries of another deployment: who gets tokens of it, and how often they are fetched.

use std::sync::Arc;

use access::context::Caller;
use access::error::{Code, Result};
use access::settings::{EcrKey, EcrPlace, EcrUpstream};
use aws::ecr::{
    CreatePullThroughCacheRuleRequest, CreatePullThroughCacheRuleResponse, UpstreamRegistry,
    ValidatePullThroughCacheRuleRequest,
};
use aws::ids::SecretKey;
use aws::secrets_manager::CreateSecretRequest;

use crate::pull_through::pull;
use crate::upstream::{Mood, TestUpstream};
use crate::world::{ACCOUNT, World, code, ctx, region};

const ROLE: &str = "arn:aws:iam::999988887777:role/pull";
/// The API of the other deployment is asked for a token.
const CALL: &str = "POST / ";

/// A registry whose operator has an access key for an upstream registry, for rules of this account; or knows only where the
/// API is.
async fn with_key(account: Option<&str>) -> (World, TestUpstream) {
    let upstream = TestUpstream::start().await;
    let token = r#"{"authorizationData":[{"authorizationToken":"QVdTOnA=","expiresAt":4102444800}]}"#;
    upstream.put("/".to_owned(), "application/x-amz-json-1.1", token.as_bytes());
    let ecr = EcrUpstream {
        host: upstream.address.to_string(),
        place: EcrPlace {
            region: region(),
            endpoint: format!("http://{}", upstream.address),
            sts_endpoint: format!("http://{}", upstream.address),
        },
        key: account.map(|_| EcrKey {
            id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            secret: SecretKey::new("secret"),
        }),
        account_ids: account.into_iter().map(|account| account.parse().unwrap()).collect(),
    };
    let world = World::new().await.set(|settings| settings.pull_through_cache.ecr.push(ecr)).await;
    (world, upstream)
}

fn request(prefix: &str, upstream: &TestUpstream, role: Option<&str>) -> CreatePullThroughCacheRuleRequest {
    CreatePullThroughCacheRuleRequest {
        ecr_repository_prefix: prefix.to_owned(),
        upstream_registry_url: upstream.address.to_string(),
        custom_role_arn: role.map(str::to_owned),
        ..Default::default()
    }
}

async fn rule(
    world: &World,
    by: &Arc<Caller>,
    (prefix, upstream): (&str, &TestUpstream),
    role: Option<&str>,
) -> Result<CreatePullThroughCacheRuleResponse> {
    let request = request(prefix, upstream, role);
    world.rules.registry.create_pull_through_cache_rule(&ctx(by), &region(), request).await
}

#[tokio::test]
async fn many_pulls_cost_one_token() {
    let (world, upstream) = with_key(Some(ACCOUNT)).await;
    let made = rule(&world, &world.admin, ("far", &upstream), None).await.unwrap();
    assert_eq!(made.upstream_registry, Some(UpstreamRegistry::Ecr));
    let names: Vec<_> = (0..20).map(|number| format!("team/app{number}")).collect();
    for name in &names {
        upstream.image(name, "v1", b"layer");
    }
    let by = ctx(&world.admin);
    let pulls = names.iter().map(async |name| pull(&world, &by, &format!("far/{name}"), "v1").await);
    for pulled in futures::future::join_all(pulls).await {
        pulled.unwrap();
    }
    assert_eq!(upstream.asked(CALL), 1);
}

#[tokio::test]
async fn other_accounts_get_no_token() {
    let (world, upstream) = with_key(Some("222233334444")).await;
    upstream.image("app", "v1", b"layer");
    rule(&world, &world.admin, ("far", &upstream), None).await.unwrap();
    let refused = rule(&world, &world.admin, ("other", &upstream), Some(ROLE)).await.unwrap_err();
    assert!(refused.message.contains("for which the operator has an access key"), "{}", refused.message);
    pull(&world, &ctx(&world.admin), "far/app", "v1").await.unwrap();
    assert_eq!(upstream.asked(CALL), 0, "the pull had no credentials");
}

#[tokio::test]
async fn a_token_that_is_refused_is_not_asked_for_at_once() {
    let (world, upstream) = with_key(Some(ACCOUNT)).await;
    upstream.image("app", "v1", b"layer");
    rule(&world, &world.admin, ("far", &upstream), Some(ROLE)).await.unwrap();
    upstream.set(Mood::Status(403));
    for _ in 0..3 {
        let refused = pull(&world, &ctx(&world.admin), "far/app", "v1").await.unwrap_err();
        assert_eq!(refused.code, Code::UpstreamAccessDenied);
        assert!(refused.message.contains(&format!("the custom role {ROLE}")), "{}", refused.message);
    }
    assert_eq!((upstream.asked(CALL), upstream.asked("/manifests/")), (1, 0));
    let validate =
        ValidatePullThroughCacheRuleRequest { ecr_repository_prefix: "far".to_owned(), ..Default::default() };
    let registry = &world.rules.registry;
    let told =
        registry.validate_pull_through_cache_rule(&ctx(&world.admin), &region(), validate).await.unwrap();
    assert_eq!(told.is_valid, Some(false));
    assert!(told.failure.unwrap().contains("There is no authorization token"));
}

#[tokio::test]
async fn a_role_elsewhere_has_to_be_passed() {
    let (world, upstream) = with_key(Some(ACCOUNT)).await;
    let ecr = r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*"}"#;
    let pass = format!(r#"{ecr},{{"Effect":"Allow","Action":"iam:PassRole","Resource":"{ROLE}"}}"#);
    let (writer, passer) = (world.user("writer", ecr).await, world.user("passer", &pass).await);
    let refused = rule(&world, &writer, ("far", &upstream), Some(ROLE)).await;
    assert_eq!(code(refused.map(|_| ())), Code::AccessDenied);
    let other = ROLE.replace("pull", "admin");
    assert_eq!(
        code(rule(&world, &passer, ("far", &upstream), Some(&other)).await.map(|_| ())),
        Code::AccessDenied
    );
    let made = rule(&world, &passer, ("far", &upstream), Some(ROLE)).await.unwrap();
    assert_eq!(made.custom_role_arn.as_deref(), Some(ROLE));
}

/// A secret with this value; returns its ARN.
async fn secret(world: &World, name: &str, value: &str) -> Option<String> {
    let secret = CreateSecretRequest {
        name: format!("ecr-pullthroughcache/{name}"),
        secret_string: Some(value.to_owned()),
        ..Default::default()
    };
    world.rules.identity.create_secret(&ctx(&world.admin), &region(), secret).await.unwrap().arn
}

const KEY: &str = r#"{"accessKeyId":"AKIAI44QH8DHBEXAMPLE","secretAccessKey":"secret"}"#;

#[tokio::test]
async fn a_secret_can_have_the_access_key() {
    let (world, upstream) = with_key(None).await;
    upstream.image("app", "v1", b"layer");
    let credential_arn = secret(&world, "key", KEY).await;
    let of = |prefix, role| CreatePullThroughCacheRuleRequest {
        credential_arn: credential_arn.clone(),
        ..request(prefix, &upstream, role)
    };
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    registry.create_pull_through_cache_rule(&by, &region(), of("far", None)).await.unwrap();
    pull(&world, &by, "far/app", "v1").await.unwrap();
    assert_eq!(upstream.asked(CALL), 1);
    // The role is assumed with the key of the secret; this API has no STS.
    registry.create_pull_through_cache_rule(&by, &region(), of("role", Some(ROLE))).await.unwrap();
    let refused = pull(&world, &by, "role/app", "v1").await.unwrap_err();
    assert!(refused.message.contains("cannot be used: it is not a session"), "{}", refused.message);
    assert_eq!(upstream.asked(CALL), 2);
}

#[tokio::test]
async fn a_secret_has_what_its_registry_takes() {
    let (world, upstream) = with_key(None).await;
    let (registry, by) = (&world.rules.registry, ctx(&world.admin));
    let elsewhere = CreatePullThroughCacheRuleRequest {
        upstream_registry_url: "127.0.0.1:9".to_owned(),
        credential_arn: secret(&world, "key", KEY).await,
        ..request("far", &upstream, None)
    };
    let refused = registry.create_pull_through_cache_rule(&by, &region(), elsewhere).await.unwrap_err();
    assert!(refused.message.contains("is not a registry of ECR"), "{}", refused.message);
    let with_password = CreatePullThroughCacheRuleRequest {
        credential_arn: secret(&world, "password", r#"{"username":"u","accessToken":"t"}"#).await,
        ..request("far", &upstream, Some(ROLE))
    };
    let refused = registry.create_pull_through_cache_rule(&by, &region(), with_password).await.unwrap_err();
    assert!(refused.message.contains("unless the secret has an access key"), "{}", refused.message);
}
