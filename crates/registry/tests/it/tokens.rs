//! Docker passwords: who can get one, what it allows, when it ends.

use access::error::Code;
use access::token::{MAX_PASSWORD_CHARS, TokenError};
use aws::ecr::GetAuthorizationTokenRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use crate::world::{World, at, code, ctx, region};

/// User name and password of a token that was requested at this time.
async fn login(world: &World, now: Timestamp) -> (String, String) {
    let input = GetAuthorizationTokenRequest::default();
    let answer =
        world.rules.registry.get_authorization_token(&at(&world.admin, now), &region(), input).await.unwrap();
    let token = answer.authorization_data.into_iter().next().unwrap().authorization_token;
    let text = String::from_utf8(STANDARD.decode(token).unwrap()).unwrap();
    let (user, password) = text.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

#[tokio::test]
async fn a_password_contains_its_caller_and_its_region() {
    let world = World::new().await;
    let (user, password) = login(&world, Timestamp::now()).await;
    assert_eq!(user, "AWS");
    assert!(password.len() <= MAX_PASSWORD_CHARS && !password.contains(':'), "{} characters", password.len());
    let caller = world.rules.access.authenticate_password(&user, &password, Timestamp::now()).await.unwrap();
    assert_eq!(caller.arn, world.admin.arn);
    assert_eq!(caller.access_key_id, world.admin.access_key_id);
    assert_eq!(caller.token_region, Some(region()));
}

#[tokio::test]
async fn a_password_expires_after_twelve_hours_even_if_cached() {
    let world = World::new().await;
    let start = Timestamp::now();
    let (user, password) = login(&world, start).await;
    let almost = start + SignedDuration::from_secs(12 * 3600 - 2);
    assert!(world.rules.access.authenticate_password(&user, &password, almost).await.is_ok());
    let after = start + SignedDuration::from_hours(12);
    let refused = world.rules.access.authenticate_password(&user, &password, after).await;
    assert_eq!(refused.unwrap_err(), TokenError::Expired);
}

#[tokio::test]
async fn no_other_password_opens() {
    let world = World::new().await;
    let (user, password) = login(&world, Timestamp::now()).await;
    let now = Timestamp::now();
    let refused = async |user: &str, password: &str| {
        world.rules.access.authenticate_password(user, password, now).await.err() == Some(TokenError::Invalid)
    };
    assert!(refused("aws", &password).await);
    assert!(refused(&user, "").await);
    assert!(refused(&user, &"A".repeat(MAX_PASSWORD_CHARS + 1)).await);
    for at in 0..password.len() {
        let mut changed = password.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert!(refused(&user, std::str::from_utf8(&changed).unwrap()).await, "changed at {at}");
    }
    let elsewhere = World::new().await;
    let (_, foreign) = login(&elsewhere, Timestamp::now()).await;
    assert!(refused(&user, &foreign).await, "a token of another deployment");
}

#[tokio::test]
async fn only_a_policy_allows_a_user_to_get_a_password() {
    let world = World::new().await;
    let user = world.user("u", r#"{"Effect":"Allow","Action":"ecr:BatchGetImage","Resource":"*"}"#).await;
    let input = GetAuthorizationTokenRequest::default();
    let refused = world.rules.registry.get_authorization_token(&ctx(&user), &region(), input).await;
    assert_eq!(code(refused), Code::AccessDenied);
}
