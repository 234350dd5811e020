//! Authentication of requests of the control plane.

use std::sync::Arc;

use aws::ids::SecretKey;
use aws::sigv4::{Presented, Request, SigV4Error};
use futures::future::BoxFuture;
use jiff::Timestamp;
use meta::{AccessKey, FindAccessKey};

use crate::Access;
use crate::context::{Caller, CallerKind};
use crate::error::Error;
use crate::seal::Purpose;
use crate::session::SessionError;
use crate::store::StoreResultExt as _;

/// Why a signed request has no caller.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The access key does not exist or is inactive, or there is an unexpected session token.
    #[error("the security token is invalid")]
    UnknownKey,
    /// The signature or its form is wrong.
    #[error("the signature does not verify")]
    Signature(#[source] SigV4Error),
    /// The store failed.
    #[error("the access key could not be looked up")]
    Store(#[source] Error),
}

/// The claimed caller of a request, with the secret that can prove it. No `Debug`: it contains the secret.
pub struct Signer {
    secret: SecretKey,
    caller: Caller,
}

impl Access {
    /// Finds the owner of the access key in a request. This needs no body: a request with an unknown access key is
    /// refused before its body is read. Temporary credentials are known from their token alone; the gate reads whether
    /// their principal still exists.
    ///
    /// The future is on the heap, so it is compiled with this crate.
    pub fn signer<'a>(
        &'a self,
        presented: &'a Presented,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Signer, AuthenticateError>> {
        Box::pin(self.find_signer(presented, now))
    }

    async fn find_signer(&self, presented: &Presented, now: Timestamp) -> Result<Signer, AuthenticateError> {
        let id = presented.access_key_id().clone();
        if let Some(session_token) = presented.session_token() {
            let opened = self.open_credentials(&id, session_token, now);
            let (secret, caller) = opened.map_err(|error| match error {
                SessionError::Invalid => AuthenticateError::UnknownKey,
                SessionError::Expired => AuthenticateError::Signature(SigV4Error::ExpiredToken),
            })?;
            return Ok(Signer { secret, caller });
        }
        let key = self
            .meta
            .read_kept(FindAccessKey { id })
            .await
            .or_store_error()
            .map_err(AuthenticateError::Store)?;
        let key = key.as_ref().as_ref().filter(|key| key.active).ok_or(AuthenticateError::UnknownKey)?;
        let secret = self.open_secret(key).map_err(AuthenticateError::Store)?;
        Ok(Signer { secret, caller: caller_of(key) })
    }

    fn open_secret(&self, key: &AccessKey) -> Result<SecretKey, Error> {
        let plain = self.keys.open_value(Purpose::AccessKey, &key.sealed_secret).map_err(Error::internal)?;
        let text = String::from_utf8(plain).map_err(Error::internal)?;
        Ok(SecretKey::new(text))
    }
}

impl Signer {
    /// The unique ID of the claimed caller. Nothing is proven yet.
    pub fn claimed(&self) -> &str {
        &self.caller.unique_id
    }

    /// Verifies the signature of a request and returns its caller. `service` is the signing name that the request's API
    /// expects in the credential scope; the Region is the one in the scope.
    pub fn verify(
        self,
        request: &Request<'_>,
        presented: &Presented,
        service: &str,
        now: Timestamp,
    ) -> Result<Arc<Caller>, AuthenticateError> {
        presented.verify(request, &self.secret, service, now).map_err(AuthenticateError::Signature)?;
        Ok(Arc::new(self.caller))
    }
}

fn caller_of(key: &AccessKey) -> Caller {
    let principal = key.principal.clone();
    let kind = match principal.kind.as_str() {
        "root" => CallerKind::Root,
        _ => CallerKind::User { path: principal.path, name: principal.name },
    };
    Caller::with_key(principal.account_id, principal.unique_id, kind, key.id.clone())
}
