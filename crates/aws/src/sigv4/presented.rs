//! The credentials in a request, and the verification of its signature.

use jiff::Timestamp;

use super::canonical::{PayloadHash, string_to_sign};
use super::date::AmzDate;
use super::error::Window;
use super::presign::QueryAuth;
use super::signature::Signature;
use super::signed_headers::SignedHeaders;
use super::{MAX_SESSION_TOKEN_BYTES, Payload, Request, Scope, SigV4Error, SigningKey, header};
use crate::ids::{AccessKeyId, SecretKey};

/// How far the clocks of client and server may differ, and how long a header signature is valid.
const WINDOW_SECONDS: i64 = 5 * 60;

/// The common part of the header form and the query form.
pub(super) struct Claim {
    pub(super) access_key_id: AccessKeyId,
    pub(super) scope: Scope,
    pub(super) date: AmzDate,
    pub(super) signed_headers: SignedHeaders,
    pub(super) signature: Signature,
    /// Only the query form has it.
    pub(super) expires_seconds: Option<u32>,
}

/// Credentials in a request: parsed, but not verified.
pub struct Presented {
    claim: Claim,
    session_token: Option<String>,
    /// `X-Amz-Content-Sha256`, if the request has it.
    content_sha256: Option<String>,
}

/// What a request's credential scope must contain. A `&str` is a service with any Region.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The signing name of the request's service.
    pub service: &'a str,
    /// The regions that are served.
    pub regions: Regions<'a>,
}

/// The regions that a scope may name.
#[derive(Clone, Copy, Debug)]
pub enum Regions<'a> {
    /// Any Region: the scope's Region selects the registry.
    Any,
    /// One of these.
    OneOf(&'a [&'a str]),
}

impl<'a> From<&'a str> for Expected<'a> {
    fn from(service: &'a str) -> Self {
        Self { service, regions: Regions::Any }
    }
}

impl Presented {
    /// Parses the credentials of a request; `None` if it is unsigned.
    ///
    /// A request that is signed in both ways, or in one way twice, is refused: which of the two counts must
    /// not depend on who reads it.
    pub fn from_request(request: &Request<'_>) -> Result<Option<Self>, SigV4Error> {
        request.check_bounds()?;
        let query = QueryAuth::read(request.query)?;
        let authorization = request.sole_header("authorization")?;
        let claim = match (authorization, query.is_present()) {
            (None, false) => return Ok(None),
            (Some(_), true) => {
                return Err(SigV4Error::incomplete(
                    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, or the \
                     Authorization header should be specified.",
                ));
            }
            (Some(authorization), false) => header::parse(request, authorization)?,
            (None, true) => query.claim()?,
        };
        if claim.scope.date != claim.date.day() {
            let (scope, request) = (claim.scope.date, claim.date.day());
            return Err(SigV4Error::ScopeDateMismatch { scope, request });
        }
        let token = sole_of(
            "X-Amz-Security-Token",
            request.sole_header("x-amz-security-token")?,
            query.security_token,
        )?;
        if token.as_ref().is_some_and(|token| token.is_empty() || token.len() > MAX_SESSION_TOKEN_BYTES) {
            return Err(SigV4Error::UnknownKey);
        }
        let in_query = query.content_sha256.filter(|_| claim.expires_seconds.is_some());
        let hash = sole_of("X-Amz-Content-Sha256", request.sole_header("x-amz-content-sha256")?, in_query)?;
        Ok(Some(Self { claim, session_token: token, content_sha256: hash }))
    }

    /// The access key ID that the request claims.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.claim.access_key_id
    }

    /// The day, Region and service of the signature.
    pub fn scope(&self) -> &Scope {
        &self.claim.scope
    }

    /// The token of a temporary credential.
    pub fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }

    /// Whether the signature is in the query string.
    pub fn is_presigned(&self) -> bool {
        self.claim.expires_seconds.is_some()
    }

    /// Checks what needs neither the body nor the secret: the scope and the time. [`Presented::verify`] checks it too;
    /// this is for callers that check before they read a body.
    pub fn check_frame<'a>(
        &self,
        expected: impl Into<Expected<'a>>,
        now: Timestamp,
    ) -> Result<(), SigV4Error> {
        expected.into().check(&self.claim.scope)?;
        self.check_time(AmzDate::of(now))
    }

    /// The hash of the signed body, if a signed header contains it. The signature can then be verified before the body
    /// arrives, and the body must have this hash.
    pub fn claimed_payload(&self) -> Option<Payload> {
        let mut hash = [0; 32];
        hex::decode_to_slice(self.content_sha256.as_deref()?, &mut hash).ok()?;
        Some(Payload::Hash(hash))
    }

    /// Decides whether `request`, the one that these credentials were read from, was signed with `secret` for
    /// what is expected, and recently enough.
    pub fn verify<'a>(
        &self,
        request: &Request<'_>,
        secret: &SecretKey,
        expected: impl Into<Expected<'a>>,
        now: Timestamp,
    ) -> Result<(), SigV4Error> {
        let key = SigningKey::derive(secret, &self.claim.scope);
        self.verify_with_key(request, &key, expected, now)
    }

    /// The same with a key that was derived before, for [`Presented::scope`] and this access key.
    pub fn verify_with_key<'a>(
        &self,
        request: &Request<'_>,
        key: &SigningKey,
        expected: impl Into<Expected<'a>>,
        now: Timestamp,
    ) -> Result<(), SigV4Error> {
        expected.into().check(&self.claim.scope)?;
        self.check_time(AmzDate::of(now))?;
        self.claim.signed_headers.check_cover(request, self.is_presigned())?;
        let mut is_genuine = false;
        for payload in self.payload_hashes(request)? {
            let Claim { signed_headers, date, scope, .. } = &self.claim;
            let text = string_to_sign(request, signed_headers, payload, *date, scope)?;
            is_genuine |= key.sign(&text).matches(&self.claim.signature);
        }
        if is_genuine { Ok(()) } else { Err(SigV4Error::SignatureMismatch) }
    }

    fn check_time(&self, now: AmzDate) -> Result<(), SigV4Error> {
        let signed = self.claim.date;
        if signed > now.plus(WINDOW_SECONDS) {
            return Err(SigV4Error::NotYetCurrent(Window::ahead(signed, now, WINDOW_SECONDS)));
        }
        let good_for = self.claim.expires_seconds.map_or(WINDOW_SECONDS, i64::from);
        if signed.plus(good_for) < now {
            return Err(SigV4Error::Expired(Window::ago(signed, now, good_for)));
        }
        Ok(())
    }

    /// The body hashes that the signature may cover. There is one: that of the received body. One exception: the signer
    /// of a URL may not know the body and signs `UNSIGNED-PAYLOAD`. That is accepted for a GET without a body, where it
    /// has the same meaning.
    fn payload_hashes(&self, request: &Request<'_>) -> Result<Vec<PayloadHash>, SigV4Error> {
        let received = request.payload.sha256();
        let may_be_unsigned = self.is_presigned() && request.method == "GET" && request.payload.is_empty();
        match self.content_sha256.as_deref() {
            Some("UNSIGNED-PAYLOAD") if may_be_unsigned => Ok(vec![PayloadHash::Unsigned]),
            Some(claimed) if claimed == hex::encode(received) => Ok(vec![PayloadHash::Sha256(received)]),
            Some(_) => Err(SigV4Error::SignatureMismatch),
            None if may_be_unsigned => Ok(vec![PayloadHash::Sha256(received), PayloadHash::Unsigned]),
            None => Ok(vec![PayloadHash::Sha256(received)]),
        }
    }
}

impl Expected<'_> {
    fn check(&self, scope: &Scope) -> Result<(), SigV4Error> {
        if scope.service != self.service {
            return Err(SigV4Error::WrongService { expected: self.service.to_owned() });
        }
        match self.regions {
            Regions::OneOf(regions) if !regions.contains(&scope.region.as_str()) => {
                Err(SigV4Error::WrongRegion)
            }
            Regions::OneOf(_) | Regions::Any => Ok(()),
        }
    }
}

/// A value that may be in the header or in the query string, but not in both.
fn sole_of(name: &str, header: Option<&str>, query: Option<String>) -> Result<Option<String>, SigV4Error> {
    match (header, query) {
        (Some(_), Some(_)) => Err(SigV4Error::incomplete(format!(
            "'{name}' must be in the headers or in the query string, not in both."
        ))),
        (header, query) => Ok(query.or_else(|| header.map(str::to_owned))),
    }
}

/// Neither token nor signature: this can be logged.
impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("access_key_id", &self.claim.access_key_id)
            .field("scope", &self.claim.scope)
            .field("is_presigned", &self.is_presigned())
            .field("has_session_token", &self.session_token.is_some())
            .finish_non_exhaustive()
    }
}
