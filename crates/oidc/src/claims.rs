//! The claims of a token, checked against the clock and against the registration of its provider.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::OidcError;
use crate::members::Members;

/// How far an issuer's clock may be ahead of ours, for `nbf` and `iat`: a token is used as soon as it is created, so a
/// skew of seconds would refuse honest tokens. `exp` has no such tolerance: tokens are renewed long before they expire,
/// and a tolerance would only help the thief of a token.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// The content of a verified token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// `iss`, as in the token.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// The audience that is registered for the provider: the one in `aud` that matched.
    pub audience: String,
    /// `azp`.
    pub authorized_party: Option<String>,
    /// `exp`.
    pub expires_at: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// Every claim that is a string, a number, a Boolean or a list of strings, as texts: the condition keys are
    /// `ISSUER:<name>`.
    pub values: BTreeMap<String, Vec<String>>,
}

impl Claims {
    /// Checks everything except the signature. `issuer_url` may lack `https://`, as in IAM's answers.
    pub(crate) fn check(
        members: &Members,
        issuer_url: &str,
        client_ids: &[String],
        now: Timestamp,
    ) -> Result<Self, OidcError> {
        let required = |name: &str| OidcError::invalid(format!("Missing a required claim: {name}"));
        let text = |name: &str| members.text(name).filter(|text| !text.is_empty());
        let issuer = text("iss").ok_or_else(|| required("iss"))?;
        if !is_issuer(issuer, issuer_url) {
            return Err(OidcError::invalid(format!(
                "The token was issued by {issuer}, not by this provider"
            )));
        }
        let subject = text("sub").ok_or_else(|| required("sub"))?;
        let audiences = audiences(members).ok_or_else(|| required("aud"))?;
        let authorized_party = text("azp");
        let audience = matched(&audiences, authorized_party, client_ids)
            .ok_or_else(|| OidcError::invalid("Incorrect token audience"))?;
        let expires_at = seconds(members, "exp")?.ok_or_else(|| required("exp"))?;
        let issued_at = seconds(members, "iat")?.ok_or_else(|| required("iat"))?;
        let not_before = seconds(members, "nbf")?.unwrap_or(issued_at);
        let now = now.as_second();
        if now >= expires_at.as_second() {
            return Err(OidcError::Expired { now, expired_at: expires_at.as_second() });
        }
        let latest = now.saturating_add(CLOCK_SKEW_SECONDS);
        if not_before.as_second() > latest || issued_at.as_second() > latest {
            return Err(OidcError::RejectedClaim("The token is not valid yet".to_owned()));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience: audience.to_owned(),
            authorized_party: authorized_party.map(str::to_owned),
            expires_at,
            issued_at,
            values: members
                .0
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), texts(value)?)))
                .collect(),
        })
    }
}

/// Whether `iss` is the provider. IAM stores no scheme, and some issuers have a slash at the end.
fn is_issuer(claimed: &str, registered: &str) -> bool {
    let bare = |url: &str| url.strip_suffix('/').unwrap_or(url).to_owned();
    let registered = registered.strip_prefix("https://").unwrap_or(registered);
    claimed.strip_prefix("https://").is_some_and(|claimed| bare(claimed) == bare(registered))
}

fn audiences(members: &Members) -> Option<Vec<&str>> {
    let audiences = match members.get("aud")? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    (!audiences.is_empty()).then_some(audiences)
}

/// The registered audience. A token with several audiences that names its authorized party must name us (OpenID Connect
/// Core §3.1.3.7, steps 4 and 5).
fn matched<'a>(audiences: &[&'a str], party: Option<&'a str>, client_ids: &[String]) -> Option<&'a str> {
    let is_registered = |id: &str| client_ids.iter().any(|client| client == id);
    if let (Some(party), [_, _, ..]) = (party, audiences) {
        return is_registered(party).then_some(party);
    }
    audiences.iter().copied().find(|audience| is_registered(audience))
}

/// A NumericDate (RFC 7519 §2): seconds, possibly with a fraction.
fn seconds(members: &Members, name: &str) -> Result<Option<Timestamp>, OidcError> {
    let Some(value) = members.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast of a float saturates; the range is checked next"
        )]
        value.as_f64().map(|seconds| seconds.floor() as i64)
    });
    let time = whole.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map(Some).ok_or_else(|| OidcError::invalid(format!("The claim {name} is not a time")))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(flag) => Some(vec![flag.to_string()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Object(_) => None,
    }
}
