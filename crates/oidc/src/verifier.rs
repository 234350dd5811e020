//! The complete verification of a token.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use outbound::{Dialler, Roots};

use crate::claims::Claims;
use crate::error::OidcError;
use crate::jwk::{KeySet, NoKey};
use crate::jwt::Token;
use crate::source::{IssuerKeys, Source, Wanted};

/// The maximum length of a PEM or key set of a provider.
const MAX_TRUST_BYTES: usize = 256 * 1024;

/// The time limit for fetching an issuer's keys.
const PATIENCE: Duration = Duration::from_secs(5);

/// An OIDC provider, as an account registered it.
#[derive(Clone, Copy, Debug)]
pub struct Provider<'a> {
    /// The account that registered it; the fetches are charged to it.
    pub account: &'a str,
    /// Its URL, with or without `https://`.
    pub issuer_url: &'a str,
    /// The audiences that it may issue tokens for.
    pub client_ids: &'a [String],
    /// PEM of the certificate authorities of the issuer's server, instead of the system's.
    pub certificate_authority: Option<&'a str>,
    /// A JWK set. With it nothing is fetched.
    pub key_set: Option<&'a str>,
}

/// Verifies tokens, and caches the keys of issuers.
pub struct Verifier {
    fetched: IssuerKeys,
}

impl Verifier {
    /// A verifier without any keys yet. It fetches keys with this dialler.
    pub fn new(dialler: Dialler) -> Self {
        Self::with_patience(dialler, PATIENCE)
    }

    /// The same with another time limit than five seconds.
    pub fn with_patience(dialler: Dialler, patience: Duration) -> Self {
        Self { fetched: IssuerKeys::new(dialler, patience) }
    }

    /// Whether the provider issued the token for one of its client IDs, and the token is valid at `now`.
    pub async fn verify(
        &self,
        provider: &Provider<'_>,
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, OidcError> {
        let token = Token::parse(token)?;
        // Before a key is looked up: a token that is refused anyway must not cause a fetch.
        let claims = Claims::check(&token.claims, provider.issuer_url, provider.client_ids, now)?;
        if let Some(key_set) = provider.key_set {
            let keys = KeySet::parse(key_set.as_bytes())
                .map_err(|why| OidcError::invalid(format!("The provider's key set cannot be used: {why}")))?;
            return check_signature(&token, &keys).map(|()| claims);
        }
        let source = Source {
            issuer: provider.issuer_url.strip_prefix("https://").unwrap_or(provider.issuer_url).to_owned(),
            certificate_authority: provider.certificate_authority.map(str::to_owned),
        };
        let mut keys: Arc<KeySet> = self.fetched.get(provider.account, &source, Wanted::Fresh, now).await?;
        if keys.find(token.key_id.as_deref(), token.algorithm) == Err(NoKey::Unknown) {
            keys = self.fetched.get(provider.account, &source, Wanted::Newer, now).await?;
        }
        check_signature(&token, &keys).map(|()| claims)
    }
}

fn check_signature(token: &Token<'_>, keys: &KeySet) -> Result<(), OidcError> {
    let found = keys.find(token.key_id.as_deref(), token.algorithm);
    let key = found.map_err(|why| {
        OidcError::invalid(match why {
            NoKey::Unknown => "The identity provider has no key with the token's key id (kid)",
            NoKey::OtherKind => "The token's signature algorithm does not fit the identity provider's key",
            NoKey::Ambiguous => {
                "The token names no key (kid), and not exactly one of the provider's would fit"
            }
        })
    })?;
    if token.algorithm.verifies(key, token.signed, &token.signature) {
        Ok(())
    } else {
        Err(OidcError::invalid("The token's signature is not valid"))
    }
}

/// Whether a certificate authority (PEM) and a key set (JSON) for a provider are valid.
pub fn check_trust(certificate_authority: Option<&str>, key_set: Option<&str>) -> Result<(), OidcError> {
    if certificate_authority.into_iter().chain(key_set).any(|text| text.len() > MAX_TRUST_BYTES) {
        return Err(OidcError::Trust(format!("longer than {MAX_TRUST_BYTES} characters")));
    }
    if let Some(pem) = certificate_authority {
        Roots::Only(pem).check().map_err(|error| OidcError::Trust(error.to_string()))?;
    }
    if let Some(key_set) = key_set {
        KeySet::parse(key_set.as_bytes())
            .map_err(|why| OidcError::Trust(format!("the key set cannot be used: {why}")))?;
    }
    Ok(())
}
