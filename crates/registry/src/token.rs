//! The docker password: a sealed value that carries the credentials which asked for it.
//!
//! At most 2,400 characters and no `:` (clients split at colons; Windows keeps no longer password).

use std::sync::Arc;

use aws::ids::Region;
use jiff::{SignedDuration, Timestamp};
use meta::{FindSessionContext, ForgetSessionContexts, PutSessionContext};
use serde::{Deserialize, Serialize};

use crate::Registry;
use crate::context::{Caller, Ctx, micros};
use crate::error::{Error, Result};
use crate::op::effect;
use crate::seal::Purpose;
use crate::session::Carried;
use crate::store::StoreResultExt as _;

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
    #[serde(flatten)]
    caller: Carried,
}

/// What a password holds: the claims, or the handle of claims that are too large for it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Password {
    Claims(Box<Claims>),
    Handle {
        #[serde(rename = "h")]
        handle: String,
    },
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
    /// The store that keeps the context of a large session does not answer.
    #[error("The registry's store is not available at the moment. Try again shortly.")]
    Unavailable,
}

impl TokenError {
    fn store(error: &Error) -> Self {
        tracing::error!(%error, "the context of a session could not be read");
        Self::Unavailable
    }
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
    /// Makes a token for the caller. Only the caller's identity policy can permit it. The token acts with the whole
    /// context of the credentials that asked for it, and may outlive them, as on AWS.
    pub(crate) async fn issue_token(&self, ctx: &Ctx, region: &Region) -> Result<IssuedToken> {
        let gate = self.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(<effect::GetAuthorizationToken as effect::Effect>::OP)?;
        let expires_at = ctx.now.saturating_add(LIFETIME).unwrap_or(Timestamp::MAX);
        let claims = Password::Claims(Box::new(Claims {
            issued_at: ctx.now.as_second(),
            expires_at: expires_at.as_second(),
            region: region.to_string(),
            caller: Carried::of(gate.caller()),
        }));
        let password = self.keys.seal_json(Purpose::Token, &claims).map_err(Error::internal)?;
        if password.len() <= MAX_PASSWORD_CHARS {
            return Ok(IssuedToken { password, expires_at });
        }
        let plain = serde_json::to_vec(&claims).map_err(Error::internal)?;
        let put = PutSessionContext {
            id: uuid::Uuid::new_v4().to_string(),
            owner: ctx.caller.unique_id.clone(),
            context: self.keys.seal(Purpose::SessionContext, &plain).map_err(Error::internal)?,
            expires_at: micros(expires_at),
        };
        let handle = Password::Handle { handle: put.id.clone() };
        self.meta.write(put).await.or_store_error()?;
        let password = self.keys.seal_json(Purpose::Token, &handle).map_err(Error::internal)?;
        Ok(IssuedToken { password, expires_at })
    }

    /// Who a docker password stands for. Whether that principal still exists, and what it may do, is decided
    /// at the gate on each request.
    pub async fn authenticate_password(
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
            let open = self.open_token(password).await?;
            self.tokens.insert(key, open.clone());
            open
        };
        if now.as_second() >= open.expires_at {
            return Err(TokenError::Expired);
        }
        Ok(open.caller)
    }

    async fn open_token(&self, password: &str) -> std::result::Result<OpenToken, TokenError> {
        let invalid = |_| TokenError::Invalid;
        let claims = match self.keys.open_json(Purpose::Token, password).map_err(invalid)? {
            Password::Claims(claims) => claims,
            Password::Handle { handle } => {
                let find = FindSessionContext { id: handle };
                let found = self.meta.read(find).await.or_store_error();
                let sealed = found.map_err(|error| TokenError::store(&error))?.ok_or(TokenError::Invalid)?;
                let plain = self.keys.open_value(Purpose::SessionContext, &sealed).map_err(invalid)?;
                match serde_json::from_slice(&plain).map_err(|_| TokenError::Invalid)? {
                    Password::Claims(claims) => claims,
                    Password::Handle { .. } => return Err(TokenError::Invalid),
                }
            }
        };
        let region: Region = claims.region.parse().map_err(|_| TokenError::Invalid)?;
        let caller = claims.caller.into_caller().ok_or(TokenError::Invalid)?;
        let caller = Caller { token_region: Some(region), ..caller };
        Ok(OpenToken { caller: Arc::new(caller), expires_at: claims.expires_at })
    }

    /// Forgets contexts of tokens whose time is over; tells how many.
    pub async fn forget_session_contexts(&self, now: Timestamp) -> Result<usize> {
        let forget = ForgetSessionContexts { limit: 1_000, at: micros(now) };
        let count = self.meta.write(forget).await.or_store_error()?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
