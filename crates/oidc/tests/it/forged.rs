//! Forged tokens, in each of the known ways.

use aws_lc_rs::hmac;
use oidc::{MAX_TOKEN_BYTES, OidcError, check_trust, issuer_of};
use serde_json::{Value, json};

use crate::keys::{ISSUER, Key, base64, check, claims_of, key_set};

/// The text of the error.
async fn refusal(token: &str, keys: &Value) -> String {
    match check(token, keys).await {
        Err(OidcError::InvalidToken(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn every_algorithm_verifies_only_with_its_own_type_of_key() {
    let rsa = Key::rsa("rsa");
    let curves = ["P-256", "P-384", "P-521"].map(|curve| Key::elliptic(curve, curve));
    let all: Vec<&Key> = curves.iter().chain([&rsa]).collect();
    let set = key_set(&all);
    let claims = claims_of(ISSUER);
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        check(&rsa.token(algorithm, &claims), &set).await.unwrap();
        let other = rsa.token_with(&json!({"alg": algorithm, "kid": "P-256"}), &claims.to_string());
        assert!(refusal(&other, &set).await.contains("does not fit"), "{algorithm}");
    }
    for (key, algorithm, other) in
        [(&curves[0], "ES256", "ES384"), (&curves[1], "ES384", "ES512"), (&curves[2], "ES512", "ES256")]
    {
        check(&key.token(algorithm, &claims), &set).await.unwrap();
        assert!(refusal(&key.token(other, &claims), &set).await.contains("does not fit"), "{algorithm}");
    }
}

#[tokio::test]
async fn no_signature_and_a_shared_secret_are_refused() {
    let key = Key::rsa("one");
    let keys = key_set(&[&key]);
    let body = base64(claims_of(ISSUER).to_string());
    for name in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "EdDSA", "rs256"] {
        let signed = format!("{}.{body}", base64(json!({"alg": name, "kid": "one"}).to_string()));
        // The classic attack: the public key as the secret of an HMAC.
        let secret = hmac::Key::new(hmac::HMAC_SHA256, keys.to_string().as_bytes());
        let mac = hmac::sign(&secret, signed.as_bytes());
        for signature in ["", &base64(mac.as_ref())] {
            let text = refusal(&format!("{signed}.{signature}"), &keys).await;
            assert!(text.contains("algorithm is not supported"), "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn a_key_inside_the_token_is_ignored() {
    let (own, forger) = (Key::rsa("one"), Key::rsa("one"));
    let keys = key_set(&[&own]);
    for (member, value) in [
        ("jwk", forger.jwk()),
        ("jku", json!("https://forger.example.org/keys")),
        ("x5u", json!("https://forger.example.org/chain")),
        ("x5c", json!(["MIIB"])),
    ] {
        let header = json!({"alg": "RS256", "kid": "one", member: value});
        let token = forger.token_with(&header, &claims_of(ISSUER).to_string());
        assert_eq!(refusal(&token, &keys).await, "The token's signature is not valid", "{member}");
        // In a valid token they do no harm.
        check(&own.token_with(&header, &claims_of(ISSUER).to_string()), &keys).await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_token_and_another_key_are_refused() {
    let (own, other) = (Key::elliptic("one", "P-256"), Key::elliptic("two", "P-256"));
    let keys = key_set(&[&own]);
    let token = own.token("ES256", &claims_of(ISSUER));
    let mut admin = claims_of(ISSUER);
    admin["sub"] = json!("system:serviceaccount:kube-system:admin");
    let parts: Vec<&str> = token.split('.').collect();
    let changed = format!("{}.{}.{}", parts[0], base64(admin.to_string()), parts[2]);
    assert_eq!(refusal(&changed, &keys).await, "The token's signature is not valid");
    let unknown = other.token("ES256", &claims_of(ISSUER));
    assert!(refusal(&unknown, &keys).await.contains("no key with the token's key id"));
}

#[tokio::test]
async fn extensions_and_malformed_tokens_are_refused() {
    let key = Key::elliptic("one", "P-256");
    let keys = key_set(&[&key]);
    let claims = claims_of(ISSUER).to_string();
    for header in [
        json!({"alg": "ES256", "kid": "one", "crit": ["x"], "x": 1}),
        json!({"alg": "ES256", "kid": "one", "b64": false}),
    ] {
        assert!(refusal(&key.token_with(&header, &claims), &keys).await.contains("extensions"), "{header}");
    }
    let good = key.token("ES256", &claims_of(ISSUER));
    let padded = good.replacen('.', "=.", 1);
    for bad in [
        "",
        ".",
        "..",
        "a.b.c",
        "e30.e30.",
        &format!("{good}."),
        &format!("{good}.e30"),
        &padded,
        &format!(" {good}"),
        &format!("{good}\n"),
    ] {
        assert!(check(bad, &keys).await.is_err(), "{bad}");
    }
    let long = "a".repeat(MAX_TOKEN_BYTES + 1);
    assert!(refusal(&long, &keys).await.contains("longer than 20000"));
    assert_eq!(issuer_of(&good).unwrap(), ISSUER);
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_exactly_one_matching_key() {
    let (one, two) = (Key::elliptic("one", "P-256"), Key::elliptic("two", "P-256"));
    let rsa = Key::rsa("three");
    let token = one.token_with(&json!({"alg": "ES256"}), &claims_of(ISSUER).to_string());
    check(&token, &key_set(&[&one, &rsa])).await.unwrap();
    assert!(refusal(&token, &key_set(&[&one, &two])).await.contains("names no key"));
}

#[tokio::test]
async fn weak_unsuitable_and_duplicate_keys_are_refused() {
    let key = Key::rsa("one");
    let with = |member: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[member] = value;
        json!({"keys": [jwk]})
    };
    let short = base64([0xC5; 128]);
    for bad in [
        with("n", json!(short)),
        with("n", json!("")),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        with("alg", json!("HS256")),
        with("kty", json!("oct")),
        json!({"keys": []}),
        json!({"keys": [key.jwk(), key.jwk()]}),
        json!({}),
        json!([]),
    ] {
        let text = bad.to_string();
        assert!(matches!(check_trust(None, Some(&text)), Err(OidcError::Trust(_))), "{bad}");
    }
    let token = key.token("RS256", &claims_of(ISSUER));
    check(&token, &with("alg", json!("RS256"))).await.unwrap();
    assert!(refusal(&token, &with("alg", json!("PS256"))).await.contains("does not fit"));
    // A key for encryption is ignored, even with the same ID.
    let mut encrypting = key.jwk();
    encrypting["use"] = json!("enc");
    check(&token, &json!({"keys": [encrypting, key.jwk()]})).await.unwrap();
}
