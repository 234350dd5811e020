//! An account chooses an issuer, and the server connects to it from the operator's network. The answer to the account
//! does not depend on what is at that address.

use std::time::{Duration, Instant};

use oidc::{OidcError, Verifier};
use outbound::Dialler;
use serde_json::{Value, json};

use crate::issuer::{DISCOVERY, Issuer, Page, verify};
use crate::keys::{Key, NOW, claims_of, key_set};
use crate::log::Log;

const PATIENCE: Duration = Duration::from_secs(1);

async fn failure(issuer_url: &str, authority: &str) -> (String, Duration) {
    // Like `wharf dev`, with some of the operator's networks.
    let dialler = Dialler::new(|address| address.is_loopback());
    let verifier = Verifier::with_patience(dialler, PATIENCE);
    let key = Key::elliptic("one", "P-256");
    let token = key.token("ES256", &claims_of(issuer_url));
    let begun = Instant::now();
    let error = verify(&verifier, (issuer_url, authority), &token, NOW).await.unwrap_err();
    (format!("{error:?} {error}"), begun.elapsed())
}

#[tokio::test]
async fn no_failure_shows_what_is_at_an_address() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let other = Issuer::start(key_set(&[&key])).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let mut missing = Page::from(Value::Null);
    missing.status = "404 Not Found";
    other.publish(DISCOVERY, missing);
    let mut seen = vec![
        failure(&format!("https://127.0.0.1:{closed}"), &issuer.authority).await,
        failure(&format!("https://{}", silent.local_addr().unwrap()), &issuer.authority).await,
        failure("https://name.invalid", &issuer.authority).await,
        failure(&issuer.url.replace("127.0.0.1", "localhost"), &issuer.authority).await,
        failure(&issuer.url, &other.authority).await,
        failure(&other.url, &other.authority).await,
        failure("https://10.255.255.1", &issuer.authority).await,
    ];
    issuer.publish(DISCOVERY, json!([]).into());
    seen.push(failure(&issuer.url, &issuer.authority).await);
    let log = Log::default();
    seen.push(log.of(failure("https://10.255.255.1", &issuer.authority)).await);
    assert!(log.text().contains("allow_networks"), "the operator is told: {}", log.text());
    for (at, (text, took)) in seen.iter().enumerate() {
        assert_eq!(*text, seen[0].0, "{at}");
        assert!(*took >= PATIENCE && *took < PATIENCE + Duration::from_millis(900), "{at}: {took:?}");
    }
}

#[tokio::test]
async fn the_operators_network_is_not_reachable() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let verifier = Verifier::with_patience(Dialler::new(|_| false), Duration::from_millis(50));
    let token = key.token("ES256", &claims_of(&issuer.url));
    assert_eq!(issuer.check(&verifier, &token, NOW).await.unwrap_err(), OidcError::NoKeys);
    assert_eq!(issuer.asked(DISCOVERY), 0);
}

#[tokio::test]
async fn the_address_of_the_keys_is_checked_like_the_issuers() {
    let key = Key::elliptic("one", "P-256");
    let issuer = Issuer::start(key_set(&[&key])).await;
    let elsewhere = issuer.url.replace("127.0.0.1", "127.0.0.2");
    issuer.publish(DISCOVERY, json!({"issuer": issuer.url, "jwks_uri": format!("{elsewhere}/keys")}).into());
    let log = Log::default();
    let verifier = Verifier::with_patience(
        Dialler::new(|address| address == std::net::Ipv4Addr::LOCALHOST),
        Duration::from_millis(500),
    );
    let token = key.token("ES256", &claims_of(&issuer.url));
    assert_eq!(log.of(issuer.check(&verifier, &token, NOW)).await.unwrap_err(), OidcError::NoKeys);
    assert_eq!(issuer.asked(DISCOVERY), 1);
    assert!(log.text().contains("127.0.0.2") && log.text().contains("may be called"), "{}", log.text());
}
