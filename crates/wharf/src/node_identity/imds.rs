//! EC2's instance metadata service, version 2 only (EC2 User Guide, "Use the Instance Metadata Service to access
//! instance metadata"). Every request needs a token, a token needs a PUT, and no PUT comes through a proxy. So neither
//! a browser nor a server that can be made to fetch a URL gets the role.

use std::time::Duration;

use aws_lc_rs::hmac;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::json as value;

use super::agent::{Agent, json};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
/// Six hours.
const MOST_SECONDS: u64 = 21_600;

/// Creates and verifies session tokens. A token is an expiry time and a code over it, so nothing is stored.
pub(super) struct Tokens(hmac::Key);

impl Tokens {
    pub(super) fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &aws_lc_rs::rand::SystemRandom::new());
        Ok(Self(key.map_err(|_| anyhow::anyhow!("the operating system provides no random numbers"))?))
    }

    fn make(&self, now: Timestamp, life: Duration) -> String {
        let until = now.as_second().saturating_add_unsigned(life.as_secs()).to_be_bytes();
        let code = hmac::sign(&self.0, &until);
        URL_SAFE_NO_PAD.encode([until.as_slice(), code.as_ref()].concat())
    }

    fn is_good(&self, token: &str, now: Timestamp) -> bool {
        let Ok(token) = URL_SAFE_NO_PAD.decode(token) else { return false };
        let Some((until, code)) = token.split_first_chunk::<8>() else { return false };
        hmac::verify(&self.0, until, code).is_ok() && now.as_second() < i64::from_be_bytes(*until)
    }
}

/// PUT of `/latest/api/token`.
pub(super) async fn token(State(agent): State<Agent>, headers: HeaderMap) -> Response {
    if headers.contains_key("x-forwarded-for") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let asked = headers.get(TTL).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds @ 1..=MOST_SECONDS) = asked else { return StatusCode::BAD_REQUEST.into_response() };
    let token = agent.tokens().make(Timestamp::now(), Duration::from_secs(seconds));
    ([(TTL, seconds.to_string())], token).into_response()
}

/// Passes on only requests with a valid token.
pub(super) async fn require_token(State(agent): State<Agent>, request: Request, next: Next) -> Response {
    let token = request.headers().get(TOKEN).and_then(|value| value.to_str().ok());
    if token.is_some_and(|token| agent.tokens().is_good(token, Timestamp::now())) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// The names of the roles. There is one.
pub(super) async fn roles(State(agent): State<Agent>) -> String {
    agent.role_name().to_owned()
}

/// The credentials of a role.
pub(super) async fn credentials(State(agent): State<Agent>, Path(role): Path<String>) -> Response {
    if role != agent.role_name() {
        return StatusCode::NOT_FOUND.into_response();
    }
    match agent.kept().get(Timestamp::now()) {
        Ok(credentials) => json(&credentials.for_imds()),
        Err(failure) => {
            (StatusCode::SERVICE_UNAVAILABLE, json(&value!({"Code": "Failed", "Message": failure})))
                .into_response()
        }
    }
}

/// Where SDKs find the Region if no setting has it.
pub(super) async fn region(State(agent): State<Agent>) -> String {
    agent.region().to_owned()
}

/// Older SDKs derive the Region from the zone, without its last letter.
pub(super) async fn zone(State(agent): State<Agent>) -> String {
    format!("{}a", agent.region())
}

/// The document from which other SDKs read Region and account. It has no signature, because there is no EC2 to sign it.
pub(super) async fn identity(State(agent): State<Agent>) -> Response {
    json(&value!({
        "version": "2017-09-30",
        "accountId": agent.account(),
        "region": agent.region(),
        "availabilityZone": format!("{}a", agent.region()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_valid_for_their_time_and_only_at_their_issuer() {
        let (tokens, others) = (Tokens::new().unwrap(), Tokens::new().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        let token = tokens.make(at(100), Duration::from_mins(1));
        assert!(tokens.is_good(&token, at(159)));
        assert!(!tokens.is_good(&token, at(160)));
        assert!(!others.is_good(&token, at(100)));
        for bad in ["", "AAAA", "not base64!", &token[1..]] {
            assert!(!tokens.is_good(bad, at(100)), "{bad}");
        }
    }
}
