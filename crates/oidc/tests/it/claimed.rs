//! The claims that a correctly signed token must have.

use oidc::OidcError;
use serde_json::{Value, json};

use crate::keys::{ISSUER, Key, NOW, check, claims_of, key_set};

#[tokio::test]
async fn a_cluster_token_is_accepted_with_all_its_claims() {
    let key = Key::rsa("one");
    let claims = check(&key.token("RS256", &claims_of(ISSUER)), &key_set(&[&key])).await.unwrap();
    assert_eq!(claims.issuer, ISSUER);
    assert_eq!(claims.subject, "system:serviceaccount:apps:puller");
    assert_eq!(claims.audience, "sts.amazonaws.com");
    assert_eq!(claims.expires_at.as_second(), NOW + 3600);
    assert_eq!(claims.authorized_party, None);
    assert_eq!(claims.values["amr"], ["authenticated", "service-account"]);
    assert_eq!(claims.values["sub"], ["system:serviceaccount:apps:puller"]);
    assert!(!claims.values.contains_key("kubernetes.io"));
}

/// Changes the valid claims; returns the name of the error's variant and its text.
async fn answer(key: &Key, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims_of(ISSUER);
    change(&mut claims);
    match check(&key.token("ES256", &claims), &key_set(&[key])).await {
        Ok(claims) => format!("ok {}", claims.audience),
        Err(error @ OidcError::Expired { .. }) => format!("Expired {error}"),
        Err(OidcError::InvalidToken(text)) => format!("InvalidToken {text}"),
        Err(OidcError::RejectedClaim(text)) => format!("RejectedClaim {text}"),
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn each_claim_is_checked() {
    let key = &Key::elliptic("one", "P-256");
    let set = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value;
    let drop = |name: &'static str| {
        move |claims: &mut Value| {
            claims.as_object_mut().unwrap().remove(name);
        }
    };
    assert_eq!(answer(key, |_| ()).await, "ok sts.amazonaws.com");
    for name in ["iss", "sub", "aud", "exp", "iat"] {
        assert_eq!(answer(key, drop(name)).await, format!("InvalidToken Missing a required claim: {name}"));
    }
    for other in [
        "https://issuer.example.org",
        "http://issuer.example.org/cluster",
        "issuer.example.org/cluster",
        "https://issuer.example.org/cluster/x",
        "https://ISSUER.example.org/cluster",
    ] {
        assert!(answer(key, set("iss", json!(other))).await.contains("not by this provider"), "{other}");
    }
    assert_eq!(answer(key, set("iss", json!(format!("{ISSUER}/")))).await, "ok sts.amazonaws.com");
    for other in [json!("sts.amazonaws.co"), json!([]), json!(["x", 1]), json!({"sts.amazonaws.com": 1})] {
        assert!(answer(key, set("aud", other.clone())).await.starts_with("InvalidToken"), "{other}");
    }
    assert_eq!(answer(key, set("aud", json!("other"))).await, "ok other");
    assert_eq!(answer(key, set("aud", json!(["x", "other"]))).await, "ok other");
    assert_eq!(answer(key, set("nbf", json!("soon"))).await, "InvalidToken The claim nbf is not a time");
    assert_eq!(answer(key, set("exp", json!(1e300))).await, "InvalidToken The claim exp is not a time");
}

#[tokio::test]
async fn a_token_with_several_audiences_must_name_ours_as_party() {
    let key = &Key::elliptic("one", "P-256");
    let with_party = |party: &'static str| {
        move |claims: &mut Value| {
            claims["aud"] = json!(["sts.amazonaws.com", "elsewhere"]);
            claims["azp"] = json!(party);
        }
    };
    assert_eq!(answer(key, with_party("other")).await, "ok other");
    assert_eq!(answer(key, with_party("elsewhere")).await, "InvalidToken Incorrect token audience");
}

#[tokio::test]
async fn only_the_start_of_validity_tolerates_a_fast_clock() {
    let key = &Key::elliptic("one", "P-256");
    let at = |name: &'static str, time: i64| move |claims: &mut Value| claims[name] = json!(time);
    assert_eq!(answer(key, at("exp", NOW + 1)).await, "ok sts.amazonaws.com");
    let expired = answer(key, at("exp", NOW)).await;
    assert_eq!(
        expired,
        format!(
            "Expired Token expired: current date/time {NOW} must be before the expiration date/time {NOW}"
        )
    );
    for name in ["nbf", "iat"] {
        assert_eq!(answer(key, at(name, NOW + 60)).await, "ok sts.amazonaws.com");
        assert_eq!(answer(key, at(name, NOW + 61)).await, "RejectedClaim The token is not valid yet");
    }
}

#[tokio::test]
async fn a_duplicate_claim_is_refused() {
    let key = Key::elliptic("one", "P-256");
    let claims = claims_of(ISSUER).to_string();
    let twice = claims.replacen('{', r#"{"sub":"system:serviceaccount:kube-system:admin","#, 1);
    let token = key.token_with(&json!({"alg": "ES256", "kid": "one"}), &twice);
    let error = check(&token, &key_set(&[&key])).await.unwrap_err();
    assert!(matches!(error, OidcError::InvalidToken(text) if text.contains("not a valid JWT")));
}
