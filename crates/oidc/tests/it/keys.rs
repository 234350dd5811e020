//! Signing keys, their public parts as JWKs, and tokens.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use oidc::{Claims, OidcError, Provider, Verifier};
use outbound::Dialler;
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key with its id.
pub(crate) struct Key {
    pub(crate) id: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Elliptic(EcdsaKeyPair, &'static str),
}

impl Key {
    pub(crate) fn rsa(id: &'static str) -> Self {
        Self { id, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(crate) fn elliptic(id: &'static str, curve: &'static str) -> Self {
        let algorithm = match curve {
            "P-256" => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            "P-384" => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        };
        Self { id, pair: Pair::Elliptic(EcdsaKeyPair::generate(algorithm).unwrap(), curve) }
    }

    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = base64(public.modulus().big_endian_without_leading_zero());
                let e = base64(public.exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": self.id, "use": "sig", "n": n, "e": e})
            }
            Pair::Elliptic(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "kid": self.id, "x": base64(x), "y": base64(y)})
            }
        }
    }

    /// The signature with an algorithm; an RSA key supports six.
    pub(crate) fn sign(&self, algorithm: &str, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Elliptic(pair, _) => pair.sign(&random, signed).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let padding: &'static dyn RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, signed, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A token with this header and these claims, signed with this key.
    pub(crate) fn token_with(&self, header: &Value, claims: &str) -> String {
        let signed = format!("{}.{}", base64(header.to_string()), base64(claims));
        let algorithm = header["alg"].as_str().unwrap_or_default();
        format!("{signed}.{}", base64(self.sign(algorithm, signed.as_bytes())))
    }

    pub(crate) fn token(&self, algorithm: &str, claims: &Value) -> String {
        self.token_with(&json!({"alg": algorithm, "kid": self.id, "typ": "JWT"}), &claims.to_string())
    }
}

pub(crate) fn key_set(keys: &[&Key]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

/// The claims of a cluster's token.
pub(crate) fn claims_of(issuer: &str) -> Value {
    json!({
        "iss": issuer,
        "sub": "system:serviceaccount:apps:puller",
        "aud": ["sts.amazonaws.com"],
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 3600,
        "amr": ["authenticated", "service-account"],
        "kubernetes.io": {"namespace": "apps"},
    })
}

pub(crate) const ISSUER: &str = "https://issuer.example.org/cluster";

/// Verifies against an uploaded key set.
pub(crate) async fn check(token: &str, key_set: &Value) -> Result<Claims, OidcError> {
    let key_set = key_set.to_string();
    let provider = Provider {
        account: "111122223333",
        issuer_url: "issuer.example.org/cluster",
        client_ids: &["other".to_owned(), "sts.amazonaws.com".to_owned()],
        certificate_authority: None,
        key_set: Some(&key_set),
    };
    Verifier::new(Dialler::new(|_| false)).verify(&provider, token, now()).await
}
