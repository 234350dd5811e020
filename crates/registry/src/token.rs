//! The docker password: a sealed value that carries the credentials which asked for it.
//!
//! At most 2,400 characters and no `:` (clients split at colons; Windows keeps no longer password).

use std::sync::Arc;

use aws::ids::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Registry;
use crate::context::{Caller, CallerKind, Ctx, Session};
use crate::error::{Error, Result};
use crate::op::effect;
use crate::seal::Purpose;

/// How long a token lives (GetAuthorizationToken, API reference).
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// Longest password that every client keeps.
pub const MAX_PASSWORD_CHARS: usize = 2_400;
/// The one user name that goes with a token.
pub const USER: &str = "AWS";

/// What a token carries. Fields are only ever added; an unknown version does not open.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "i")]
    issued_at: i64,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "r")]
    region: String,
    #[serde(rename = "a")]
    account_id: String,
    #[serde(rename = "u")]
    unique_id: String,
    #[serde(rename = "w")]
    kind: CallerKind,
    #[serde(rename = "k")]
    access_key_id: String,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    long_term_key: Option<String>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    session: Option<Arc<Session>>,
}

/// Why a docker password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this deployment.
    #[error("Your Authorization Token is invalid.")]
    Invalid,
    /// A token whose time is over.
    #[error("Your authorization token has expired. Reauthenticate and try again.")]
    Expired,
}

/// A token as GetAuthorizationToken gives it.
pub(crate) struct IssuedToken {
    pub(crate) password: String,
    pub(crate) expires_at: Timestamp,
}

/// A password that was opened before, kept for as long as it is valid.
#[derive(Clone)]
pub(crate) struct OpenToken {
    caller: Arc<Caller>,
    expires_at: i64,
}

impl Registry {
    /// Makes a token for the caller. Only the caller's identity policy can permit it.
    pub(crate) async fn issue_token(&self, ctx: &Ctx, region: &Region) -> Result<IssuedToken> {
        let gate = self.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(<effect::GetAuthorizationToken as effect::Effect>::OP)?;
        let expires_at = ctx.now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let caller = &ctx.caller;
        let claims = Claims {
            issued_at: ctx.now.as_second(),
            expires_at: expires_at.as_second(),
            region: region.to_string(),
            account_id: caller.account_id.to_string(),
            unique_id: caller.unique_id.clone(),
            kind: caller.kind.clone(),
            access_key_id: caller.access_key_id.to_string(),
            long_term_key: caller.long_term_key.as_ref().map(ToString::to_string),
            session: caller.session.clone(),
        };
        let password = self.keys.seal_json(Purpose::Token, &claims).map_err(Error::internal)?;
        debug_assert!(password.len() <= MAX_PASSWORD_CHARS, "names are bounded, so is the token");
        Ok(IssuedToken { password, expires_at })
    }

    /// Who a docker password stands for. Whether that principal still exists, and what it may do, is decided
    /// at the gate on each request.
    pub fn authenticate_password(
        &self,
        user: &str,
        password: &str,
        now: Timestamp,
    ) -> std::result::Result<Arc<Caller>, TokenError> {
        if user != USER || password.len() > MAX_PASSWORD_CHARS {
            return Err(TokenError::Invalid);
        }
        // The cache is keyed by a digest, so that a memory image holds no password; a hit means that
        // exactly this password was opened before.
        let key = oci::digest::Digest::of(oci::digest::Algorithm::Sha256, password.as_bytes());
        let open = if let Some(open) = self.tokens.get(&key) {
            open
        } else {
            let open = self.open_token(password).ok_or(TokenError::Invalid)?;
            self.tokens.insert(key, open.clone());
            open
        };
        if now.as_second() >= open.expires_at {
            return Err(TokenError::Expired);
        }
        Ok(open.caller)
    }

    fn open_token(&self, password: &str) -> Option<OpenToken> {
        let claims: Claims = self.keys.open_json(Purpose::Token, password).ok()?;
        let account_id = claims.account_id.parse::<AccountId>().ok()?;
        let caller = Caller {
            arn: claims.kind.arn(&account_id),
            account_id,
            unique_id: claims.unique_id,
            kind: claims.kind,
            access_key_id: claims.access_key_id.parse().ok()?,
            long_term_key: claims.long_term_key.map(|key| key.parse()).transpose().ok()?,
            session: claims.session,
            token_region: Some(claims.region.parse().ok()?),
        };
        Some(OpenToken { caller: Arc::new(caller), expires_at: claims.expires_at })
    }
}
