//! Fetched keys: rotation, limits, and how often a client can cause a fetch.

use std::time::{Duration, Instant};

use oidc::{OidcError, Verifier};
use outbound::Dialler;
use serde_json::{Value, json};

use crate::issuer::{DISCOVERY, Issuer, Page};
use crate::keys::{Key, NOW, claims_of, key_set};
use crate::log::Log;

/// A failure takes as long as the time limit for an issuer, which is short here.
fn on_loopback() -> Verifier {
    Verifier::with_patience(Dialler::new(|address| address.is_loopback()), Duration::from_secs(1))
}

fn token(key: &Key, issuer: &Issuer) -> String {
    key.token("ES256", &claims_of(&issuer.url))
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_after_a_rotation() {
    let (old, new) = (Key::elliptic("old", "P-256"), Key::elliptic("new", "P-256"));
    let issuer = Issuer::start(key_set(&[&old])).await;
    let verifier = on_loopback();
    for at in [NOW, NOW + 1, NOW + 599] {
        issuer.check(&verifier, &token(&old, &issuer), at).await.unwrap();
    }
    assert_eq!((issuer.asked(DISCOVERY), issuer.asked("/keys")), (1, 1));
    issuer.publish("/keys", key_set(&[&new]).into());
    issuer.check(&verifier, &token(&new, &issuer), NOW + 599).await.unwrap();
    assert_eq!(issuer.asked("/keys"), 2);
    // A key that the issuer removed is no longer accepted.
    let error = issuer.check(&verifier, &token(&old, &issuer), NOW + 600).await.unwrap_err();
    assert!(matches!(error, OidcError::InvalidToken(text) if text.contains("no key")));
    // Age alone also causes a fetch.
    issuer.check(&verifier, &token(&new, &issuer), NOW + 599 + 600).await.unwrap();
    assert_eq!(issuer.asked("/keys"), 3);
}

#[tokio::test]
async fn strangers_cannot_cause_many_fetches() {
    let (own, stranger) = (Key::elliptic("own", "P-256"), Key::elliptic("stranger", "P-256"));
    let issuer = Issuer::start(key_set(&[&own])).await;
    let verifier = on_loopback();
    for _ in 0..50 {
        issuer.check(&verifier, &token(&stranger, &issuer), NOW).await.unwrap_err();
    }
    assert_eq!(issuer.asked("/keys"), 1);
    issuer.check(&verifier, &token(&stranger, &issuer), NOW + 10).await.unwrap_err();
    assert_eq!(issuer.asked("/keys"), 2);
    // A token with invalid claims causes no fetch.
    let mut claims = claims_of(&issuer.url);
    claims["aud"] = json!("elsewhere");
    issuer.check(&verifier, &stranger.token("ES256", &claims), NOW + 60).await.unwrap_err();
    assert_eq!(issuer.asked("/keys"), 2);
}

#[tokio::test]
async fn concurrent_tokens_cause_one_fetch() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let mut slow = Page::from(key_set(&[&key]));
    slow.delay = Duration::from_millis(200);
    issuer.publish("/keys", slow);
    let verifier = std::sync::Arc::new(on_loopback());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (verifier, issuer, token) =
                (std::sync::Arc::clone(&verifier), issuer.clone(), token(&key, &issuer));
            tokio::spawn(async move { issuer.check(&verifier, &token, NOW).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(issuer.asked("/keys"), 1);
}

#[tokio::test]
async fn known_keys_are_used_for_an_hour_while_the_issuer_fails() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let verifier = on_loopback();
    let token = {
        let mut claims = claims_of(&issuer.url);
        claims["exp"] = json!(NOW + 100_000);
        key.token("ES256", &claims)
    };
    issuer.check(&verifier, &token, NOW).await.unwrap();
    let mut down = Page::from(json!({}));
    down.status = "503 Service Unavailable";
    issuer.publish(DISCOVERY, down);
    issuer.check(&verifier, &token, NOW + 3599).await.unwrap();
    for at in [NOW + 3601, NOW + 3610] {
        let error = issuer.check(&verifier, &token, at).await.unwrap_err();
        assert_eq!(error, OidcError::NoKeys);
    }
    assert_eq!(issuer.asked(DISCOVERY), 1 + 2);
}

/// The operator's log when a page of a new issuer has this content.
async fn logged_with(path: &str, page: impl FnOnce(&Issuer) -> Page) -> String {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    issuer.publish("/moved", key_set(&[&key]).into());
    issuer.publish(path, page(&issuer));
    let log = Log::default();
    let error = log.of(issuer.check(&on_loopback(), &token(&key, &issuer), NOW)).await.unwrap_err();
    assert_eq!(error, OidcError::NoKeys);
    log.text()
}

#[tokio::test]
async fn invalid_documents_are_refused() {
    let stolen = json!({"issuer": "https://other.example.org", "jwks_uri": "https://other.example.org/keys"});
    let huge = json!({"keys": [], "x": "x".repeat(256 * 1024)});
    let answered = |status| Page { status, ..Page::from(Value::Null) };
    for (path, page, reason) in [
        (DISCOVERY, stolen.into(), "another issuer's"),
        (DISCOVERY, json!([]).into(), "not a JSON object"),
        ("/keys", json!({"keys": []}).into(), "no RSA"),
        ("/keys", huge.into(), "too long"),
        ("/keys", answered("302 Found"), "302"),
        ("/keys", answered("404 Not Found"), "404"),
        ("/keys", answered("503 Service Unavailable"), "503"),
    ] {
        let log = logged_with(path, |_| page).await;
        assert!(log.contains(reason), "{reason}: {log}");
    }
}

#[tokio::test]
async fn keys_are_fetched_only_over_https() {
    let plain = |issuer: &Issuer| {
        let plain = issuer.url.replace("https:", "http:");
        json!({"issuer": issuer.url, "jwks_uri": format!("{plain}/keys")}).into()
    };
    let log = logged_with(DISCOVERY, plain).await;
    assert!(log.contains("not an https URL"), "{log}");
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_is_refused() {
    let key = Key::elliptic("one", "P-256");
    let (issuer, other) = (Issuer::start(key_set(&[&key])).await, Issuer::start(key_set(&[&key])).await);
    let token = token(&key, &issuer);
    let mut stranger = issuer.clone();
    stranger.authority.clone_from(&other.authority);
    let verifier = on_loopback();
    let log = Log::default();
    let error = log.of(stranger.check(&verifier, &token, NOW)).await.unwrap_err();
    assert_eq!(error, OidcError::NoKeys);
    assert!(log.text().contains("certificate"), "{}", log.text());
    // Accounts with the right authority and accounts with a wrong one do not affect each other.
    issuer.check(&verifier, &token, NOW).await.unwrap();
    stranger.check(&verifier, &token, NOW + 60).await.unwrap_err();
}

#[tokio::test]
async fn a_slow_issuer_times_out() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let mut slow = Page::from(key_set(&[&key]));
    slow.delay = Duration::from_mins(1);
    issuer.publish("/keys", slow);
    let begun = Instant::now();
    let log = Log::default();
    let error = log.of(issuer.check(&on_loopback(), &token(&key, &issuer), NOW)).await.unwrap_err();
    assert_eq!(error, OidcError::NoKeys);
    assert!(log.text().contains("in time"), "{}", log.text());
    assert!(begun.elapsed() < Duration::from_secs(20));
}
