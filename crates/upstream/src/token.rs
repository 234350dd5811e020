//! Bearer tokens of a registry, from its token service (distribution, "Token Authentication Specification").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use outbound::Limits;
use serde::Deserialize;
use tokio::time::Instant;

use crate::error::UpstreamError;
use crate::location::Origin;
use crate::registry::{Upstream, refused};
use crate::token_service::may_have_credentials;

/// The maximum length of a token service's answer.
const MAX_BYTES: usize = 256 * 1024;
/// The maximum length of a token: it is sent in a header, and kept in memory.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How long a token is valid if the answer does not say (token specification).
const USUAL_SECONDS: u64 = 60;
/// A token is not used for this time before it expires.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest time that a token is used.
const LONGEST_SECONDS: u64 = 12 * 60 * 60;
/// Tokens in memory for one registry and its credentials.
const MOST_TOKENS: usize = 64;

/// What authorizes the next request for a scope.
#[derive(Default)]
pub(crate) struct Tokens {
    by_scope: Mutex<HashMap<String, Token>>,
}

struct Token {
    header: HeaderValue,
    expires: Instant,
}

/// The answer of a token service. Some use one name, some the other.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Tokens {
    pub(crate) fn get(&self, scope: &str) -> Option<HeaderValue> {
        let tokens = self.by_scope.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.get(scope).filter(|token| token.expires > Instant::now())?;
        Some(token.header.clone())
    }

    pub(crate) fn put(&self, scope: &str, header: HeaderValue, lasts: Duration) {
        let mut tokens = self.by_scope.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if tokens.len() >= MOST_TOKENS {
            tokens.retain(|_, token| token.expires > now);
        }
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(scope.to_owned(), Token { header, expires: now + lasts });
    }
}

impl Upstream {
    /// A token for a scope from the service that the registry's challenge names. Without credentials it is an anonymous
    /// one.
    pub(crate) async fn fetch_token(
        &self,
        (realm, service): (&str, Option<&str>),
        scope: &str,
    ) -> Result<HeaderValue, UpstreamError> {
        let registry = self.endpoint();
        let invalid = |why| UpstreamError::invalid(registry.host(), why);
        let uri = realm_with(realm, service, scope).ok_or_else(|| invalid("its realm is not a URL"))?;
        let origin = Origin::of(&uri).ok_or_else(|| invalid("its realm is not a URL"))?;
        origin.check(self.rules())?;
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(basic) = self.basic() {
            if !may_have_credentials(&origin, registry, self.rules()) {
                let setting = self.rules().names.token_services;
                let message = format!(
                    "the upstream registry {registry} names the token service {origin}, which does not get its credentials; {setting} could name it"
                );
                return Err(UpstreamError::Forbidden(message));
            }
            request.headers_mut().insert(AUTHORIZATION, basic);
        }
        let limits = Limits { bytes: MAX_BYTES, time: self.rules().waits.head };
        let answer = self.http().send(request, limits).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(&origin.host, answer.status(), answer.headers()));
        }
        let invalid = || UpstreamError::invalid(&origin.host, "it is not a token");
        let answer: Answer = serde_json::from_slice(answer.body()).map_err(|_| invalid())?;
        let token = answer.token.filter(|token| !token.is_empty()).or(answer.access_token);
        let is_usable = |token: &String| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES;
        let token = token.filter(is_usable).ok_or_else(invalid)?;
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| invalid())?;
        header.set_sensitive(true);
        let seconds = answer.expires_in.unwrap_or(USUAL_SECONDS).clamp(USUAL_SECONDS, LONGEST_SECONDS);
        self.tokens().put(scope, header.clone(), Duration::from_secs(seconds).saturating_sub(MARGIN));
        Ok(header)
    }
}

/// The URL of a token request. The scope is the client's own: that of the challenge could ask for more.
fn realm_with(realm: &str, service: Option<&str>, scope: &str) -> Option<Uri> {
    let realm = realm.split('#').next()?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    if !scope.is_empty() {
        query.append_pair("scope", scope);
    }
    let separator = if realm.contains('?') { '&' } else { '?' };
    format!("{realm}{separator}{}", query.finish()).parse().ok()
}
