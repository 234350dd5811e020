//! Access to public registries: their aliases, the docker password of ECR Public, and the bearer tokens of its data
//! plane. A client gets a bearer token for its password, or for nothing: then it can only pull.

use std::sync::Arc;

use aws::ids::{AccountId, Region};
use jiff::{SignedDuration, Timestamp};
use meta::{FindPublicRegistry, FindRegistryAlias};
use serde::{Deserialize, Serialize};

use crate::Access;
use crate::context::{Caller, Ctx};
use crate::error::{Error, Result};
use crate::op::{Effect, Op, StsOp, ecr_public};
use crate::seal::{Purpose, SealError};
use crate::store::StoreResultExt as _;
use crate::token::{IssuedToken, LIFETIME, TokenError};

/// The lifetime of a bearer token. Clients request another one when it is over.
const BEARER: SignedDuration = SignedDuration::from_hours(1);
const ANONYMOUS: SignedDuration = SignedDuration::from_mins(15);
/// The service that requests a bearer token (`sts:AWSServiceName`).
const SERVICE_NAME: &str = "ecr-public.amazonaws.com";
/// The length of a default alias, such as `a1b2c3d4`.
const ALIAS_CHARS: usize = 8;

#[derive(Serialize, Deserialize)]
struct Nobody {
    #[serde(rename = "e")]
    expires_at: i64,
}

impl Access {
    /// Whether a host serves public registries, and only those.
    pub fn is_public_host(&self, host: Option<&str>) -> bool {
        host.is_some_and(|host| self.settings.address.is_public_host(host))
    }

    /// The account whose public registry has an alias.
    pub async fn account_of_alias(&self, alias: &str) -> Result<Option<AccountId>> {
        if let Some(account) = self.aliases.get(alias) {
            return Ok(Some(account));
        }
        let account = self.meta.read(FindRegistryAlias { alias: alias.to_owned() }).await.or_store_error()?;
        if let Some(account) = &account {
            self.aliases.insert(alias.to_owned(), account.clone());
        }
        Ok(account)
    }

    /// The alias of an account's public registry.
    pub async fn alias_of(&self, account_id: &AccountId) -> Result<Option<String>> {
        let find = FindPublicRegistry { account_id: account_id.clone() };
        let registry = self.meta.read(find).await.or_store_error()?;
        Ok(registry.map(|registry| registry.alias))
    }

    /// The caller of a request without credentials.
    pub fn anonymous(&self) -> Arc<Caller> {
        Arc::clone(&self.anonymous)
    }

    /// The docker password of ECR Public. It opens no private registry. ECR Public User Guide, "Registry
    /// authentication": it needs both permissions.
    pub async fn issue_public_token(&self, ctx: &Ctx) -> Result<IssuedToken> {
        let region = Region::public();
        let gate = self.registry_gate(ctx, &ctx.caller.account_id, &region).await?;
        gate.allow(<ecr_public::GetAuthorizationToken as Effect>::OP)?;
        let seconds = LIFETIME.as_secs();
        let keys = policy::Context::new()
            .with("sts:AWSServiceName", SERVICE_NAME)
            .with("sts:DurationSeconds", seconds);
        gate.allow_on(Op::Sts(StsOp::GetServiceBearerToken), "*", keys)?;
        self.seal_token(Purpose::Token, gate.caller(), &region, (ctx.now, LIFETIME)).await
    }

    /// A bearer token for the caller of a password of ECR Public. It does not outlive the password.
    pub async fn issue_bearer(&self, caller: &Caller, now: Timestamp) -> Result<IssuedToken> {
        if caller.is_anonymous() {
            let expires_at = now.saturating_add(ANONYMOUS).unwrap_or(Timestamp::MAX);
            let claims = Nobody { expires_at: expires_at.as_second() };
            let password = self.keys.seal_json(Purpose::Anonymous, &claims).map_err(Error::internal)?;
            return Ok(IssuedToken { password, expires_at });
        }
        let ends_at = caller.ends_at.unwrap_or(i64::MAX);
        let left = SignedDuration::from_secs(ends_at.saturating_sub(now.as_second()));
        self.seal_token(Purpose::Bearer, caller, &Region::public(), (now, left.min(BEARER))).await
    }

    /// The caller of a bearer token.
    pub async fn authenticate_bearer(
        &self,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<Arc<Caller>, TokenError> {
        let nobody: std::result::Result<Nobody, SealError> = self.keys.open_json(Purpose::Anonymous, token);
        match nobody {
            Ok(nobody) if now.as_second() < nobody.expires_at => Ok(self.anonymous()),
            Ok(_) => Err(TokenError::Expired),
            Err(_) => self.open_sealed(Purpose::Bearer, token, now).await,
        }
    }

    /// A default alias: a letter, then letters and digits, at random.
    pub fn new_alias(&self) -> Result<String> {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        const LETTERS: u8 = 24;
        let mut bytes = [0_u8; ALIAS_CHARS];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal(SealError::Failed))?;
        let [first, rest @ ..] = bytes;
        let characters = std::iter::once(first % LETTERS).chain(rest.map(|byte| byte & 31));
        Ok(characters.filter_map(|at| ALPHABET.get(usize::from(at))).copied().map(char::from).collect())
    }
}
