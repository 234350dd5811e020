//! The upstream registries that the operator allows (`[pull_through] allow_upstreams`).

use access::error::Code;
use aws::ecr::ValidatePullThroughCacheRuleRequest;

use crate::pull_through::{cached, pull, rule};
use crate::world::{ctx, region};

#[tokio::test]
async fn only_allowed_upstreams_get_rules_and_pulls() {
    let (world, upstream) = cached().await;
    upstream.image("team/app", "v1", b"layer");
    upstream.image("team/app", "v2", b"another layer");
    let by = ctx(&world.admin);
    let stored = pull(&world, &by, "cached/team/app", "v1").await.unwrap();
    let own = upstream.address.to_string();
    let only = |allowed: &[&str]| -> Vec<String> { allowed.iter().map(|&host| host.to_owned()).collect() };
    let refused = only(&["*.example.org", "127.0.0.1:1"]);
    let world = world.set(|settings| settings.pull_through_cache.allow_upstreams = refused).await;
    // A new rule.
    let error = rule(&world, "other", &upstream, None).await.unwrap_err();
    assert_eq!(error.code, Code::UnsupportedUpstreamRegistry);
    let says = format!("the operator of this deployment does not allow {own}");
    assert!(error.message.contains(&says), "{}", error.message);
    // A rule that is older than the setting. What is stored is served.
    let error = pull(&world, &by, "cached/team/app", "v2").await.unwrap_err();
    assert_eq!(error.code, Code::UpstreamAccessDenied);
    let says = format!("The operator of this deployment does not allow the upstream registry {own}.");
    assert_eq!(error.message, says);
    assert_eq!(pull(&world, &by, "cached/team/app", "v1").await.unwrap(), stored);
    // Its validation says the same.
    let request = ValidatePullThroughCacheRuleRequest {
        ecr_repository_prefix: "cached".to_owned(),
        ..Default::default()
    };
    let registry = &world.rules.registry;
    let answer = registry.validate_pull_through_cache_rule(&by, &region(), request).await.unwrap();
    assert_eq!((answer.is_valid, answer.failure.as_deref()), (Some(false), Some(says.as_str())));
    assert_eq!(upstream.asked("/manifests/v2") + upstream.asked("/v2/ "), 0, "it is not called");
    let world = world.set(|settings| settings.pull_through_cache.allow_upstreams = only(&[&own])).await;
    pull(&world, &by, "cached/team/app", "v2").await.unwrap();
    rule(&world, "other", &upstream, None).await.unwrap();
}
