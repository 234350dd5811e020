//! The docker password: a sealed value with the credentials that requested it.
//!
//! At most 2,400 characters and no `:` (clients split at colons; Windows stores no longer password).

use crate::effects::authority;
use crate::op::Effect;
use crate::op::ecr;
use crate::permit::Permit;
use std::sync::Arc;

use aws::ids::Region;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use meta::ForgetSessionContexts;
use oci::digest::{Algorithm, Digest};
use quick_cache::Weighter;
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::{Caller, Ctx, SessionPolicy, micros};
use crate::error::{Error, Result};
use crate::kept::SealedCaller;
use crate::seal::Purpose;
use crate::store::StoreResultExt as _;

/// The lifetime of a token (GetAuthorizationToken, API reference).
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(12);
/// The longest password that every client can store.
pub const MAX_PASSWORD_CHARS: usize = 2_400;
/// The only user name for a token.
pub const USER: &str = "AWS";

/// The content of a token. Fields are only added; an unknown version does not open.
#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(rename = "i")]
    issued_at: i64,
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "r")]
    region: String,
    #[serde(flatten)]
    caller: SealedCaller,
}

/// Why a docker password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this deployment.
    #[error("Your Authorization Token is invalid.")]
    Invalid,
    /// The token has expired.
    #[error("Your authorization token has expired. Reauthenticate and try again.")]
    Expired,
    /// The store with the context of a large session does not answer.
    #[error("The registry's store is not available at the moment. Try again shortly.")]
    Unavailable,
}

impl TokenError {
    fn store(error: &Error) -> Self {
        tracing::error!(%error, "the context of a session could not be read");
        Self::Unavailable
    }
}

/// A token as in GetAuthorizationToken's answer.
pub struct IssuedToken {
    pub password: String,
    pub expires_at: Timestamp,
}

/// A password that was opened before, cached while it is valid.
#[derive(Clone)]
pub struct OpenToken {
    caller: Arc<Caller>,
    expires_at: i64,
}

/// The cache of opened passwords has a limit in bytes.
#[derive(Clone)]
pub(crate) struct OpenTokenBytes;

impl Weighter<Digest, OpenToken> for OpenTokenBytes {
    fn weight(&self, _: &Digest, open: &OpenToken) -> u64 {
        open.weight()
    }
}

impl OpenToken {
    /// Its approximate size: a session can contain kilobytes of policies and tags.
    fn weight(&self) -> u64 {
        const FIXED: usize = 1_024;
        let of_session = self.caller.session.as_ref().map_or(0, |session| {
            let policies = session.policies.iter().flatten().map(|policy| match policy {
                SessionPolicy::Inline(text) | SessionPolicy::Managed(text) => text.len() + 64,
            });
            let tags = session.tags.iter().map(|(key, value)| key.len() + value.len() + 128);
            let transitive = session.transitive.iter().map(|key| key.len() + 64);
            policies.chain(tags).chain(transitive).sum()
        });
        u64::try_from(FIXED + of_session).unwrap_or(u64::MAX)
    }
}

impl Access {
    /// Creates a token for the caller. Only the caller's identity policy can allow it. The token has the whole context
    /// of the credentials that requested it, and can live longer than they do, as on AWS.
    pub async fn issue_token(&self, ctx: &Ctx, region: &Region) -> Result<IssuedToken> {
        let gate = self.registry_gate(ctx, &ctx.caller.account_id, region).await?;
        gate.allow(<ecr::GetAuthorizationToken as Effect>::OP)?;
        self.seal_token(Purpose::Token, gate.caller(), region, (ctx.now, LIFETIME)).await
    }

    /// Seals a token for a caller, from now on for a lifetime.
    pub(crate) async fn seal_token(
        &self,
        purpose: Purpose,
        caller: &Caller,
        region: &Region,
        (now, lifetime): (Timestamp, SignedDuration),
    ) -> Result<IssuedToken> {
        let expires_at = now.saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        let claims = |caller| Claims {
            issued_at: now.as_second(),
            expires_at: expires_at.as_second(),
            region: region.to_string(),
            caller,
        };
        let limits = (caller, MAX_PASSWORD_CHARS, expires_at);
        let password = self.seal_with_caller(purpose, limits, claims).await?;
        Ok(IssuedToken { password, expires_at })
    }

    /// The caller of a docker password. The gate decides on each request whether the principal still exists, and what
    /// it may do.
    pub async fn authenticate_password(
        &self,
        user: &str,
        password: &str,
        now: Timestamp,
    ) -> std::result::Result<Arc<Caller>, TokenError> {
        if user != USER {
            return Err(TokenError::Invalid);
        }
        self.open_sealed(Purpose::Token, password, now).await
    }

    /// The caller of a token that is sealed for a purpose.
    pub(crate) async fn open_sealed(
        &self,
        purpose: Purpose,
        password: &str,
        now: Timestamp,
    ) -> std::result::Result<Arc<Caller>, TokenError> {
        if password.len() > MAX_PASSWORD_CHARS {
            return Err(TokenError::Invalid);
        }
        // The key of the cache is a digest, so a memory dump contains no password. A hit means that exactly this
        // password was opened before, for the same purpose.
        let key = match purpose {
            Purpose::Token => Digest::of(Algorithm::Sha256, password.as_bytes()),
            other => Digest::of(Algorithm::Sha256, format!("{other:?} {password}").as_bytes()),
        };
        let open = match self.kept_token(&key) {
            Some(open) => open,
            None => self.open_token(key, (purpose, password), now).await?,
        };
        if now.as_second() >= open.expires_at {
            return Err(TokenError::Expired);
        }
        Ok(open.caller)
    }

    fn kept_token(&self, key: &Digest) -> Option<OpenToken> {
        self.tokens.get(key)
    }

    /// Opens a password and keeps what it contains. On the heap, so it is compiled with this crate.
    fn open_token<'a>(
        &'a self,
        key: Digest,
        sealed: (Purpose, &'a str),
        now: Timestamp,
    ) -> BoxFuture<'a, std::result::Result<OpenToken, TokenError>> {
        Box::pin(async move {
            let open = self.read_token(sealed, now).await?;
            self.tokens.insert(key, open.clone());
            Ok(open)
        })
    }

    async fn read_token(
        &self,
        (purpose, password): (Purpose, &str),
        now: Timestamp,
    ) -> std::result::Result<OpenToken, TokenError> {
        let opened = self.keys.open_json(purpose, password);
        let claims: Claims = opened.map_err(|_| TokenError::Invalid)?;
        // Its stored context may have been removed by then; the client must log in again in any case.
        if now.as_second() >= claims.expires_at {
            return Err(TokenError::Expired);
        }
        let region = Region::stored(&claims.region).map_err(|_| TokenError::Invalid)?;
        let found = self.caller_of(claims.caller).await;
        let caller = found.map_err(|error| TokenError::store(&error))?.ok_or(TokenError::Invalid)?;
        let caller = Caller { token_region: Some(region), ends_at: Some(claims.expires_at), ..caller };
        Ok(OpenToken { caller: Arc::new(caller), expires_at: claims.expires_at })
    }

    /// Removes contexts of expired tokens; returns how many.
    pub async fn forget_session_contexts(&self, now: Timestamp) -> Result<usize> {
        let forget = ForgetSessionContexts { limit: 1_000, at: micros(now) };
        let permit = Permit::for_service(authority::ForgetSessions, self);
        let count = permit.write(|()| forget).await.or_store_error()?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}
