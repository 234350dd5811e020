//! Refusals of a signature, with AWS's codes and sentences.

use std::borrow::Cow;

use super::date::AmzDate;
use crate::dialect::Dialect;

/// Why a request's signature was refused. `Display` is the sentence for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// The request is not signed at all. Never returned by this module, which says `None`; it is here so
    /// that the answer has its code and sentence beside the others.
    #[error("Missing Authentication Token")]
    MissingToken,
    /// A part of the signature's frame is missing, doubled or malformed.
    #[error("{0}")]
    Incomplete(Cow<'static, str>),
    /// No such access key, or a session token that is not one.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session that the token speaks of is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature is another than the secret gives for this request.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
    /// Signed too long ago. SDKs correct their clock by this sentence.
    #[error("Signature expired: {0}")]
    Expired(Window),
    /// Signed in the future.
    #[error("Signature not yet current: {0}")]
    NotYetCurrent(Window),
    /// The scope's day is not the day of the request's date.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
         '{scope}' != '{request}'."
    )]
    ScopeDateMismatch {
        /// The scope's day.
        scope: String,
        /// The day of the request's date.
        request: String,
    },
    /// The scope's day is no day.
    #[error("Date in Credential scope must be in format YYYYMMDD.")]
    InvalidScopeDate,
    /// The scope does not end as it must.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request'.")]
    InvalidTerminator,
    /// The scope names a region that is not served.
    #[error("Credential should be scoped to a valid region. ")]
    WrongRegion,
    /// The scope names another service.
    #[error("Credential should be scoped to correct service: '{expected}'. ")]
    WrongService {
        /// The service that the request is for.
        expected: String,
    },
    /// A header that must be signed is not.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
}

/// When a request was signed and between which moments it would have been good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    signed: AmzDate,
    now: AmzDate,
    /// Seconds before `now` that are allowed; after it, if negative.
    allowed: i64,
}

impl Window {
    pub(super) fn ago(signed: AmzDate, now: AmzDate, seconds: i64) -> Self {
        Self { signed, now, allowed: seconds }
    }

    pub(super) fn ahead(signed: AmzDate, now: AmzDate, seconds: i64) -> Self {
        Self { signed, now, allowed: -seconds }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { signed, now, allowed } = self;
        let (relation, sign) = if *allowed < 0 { ("still later", '+') } else { ("now earlier", '-') };
        write!(f, "{signed} is {relation} than {} ({now} {sign} ", now.plus(-allowed))?;
        match allowed.abs() {
            seconds if seconds % 60 == 0 => write!(f, "{} min.)", seconds / 60),
            seconds => write!(f, "{seconds} sec.)"),
        }
    }
}

impl SigV4Error {
    pub(super) fn incomplete(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Incomplete(text.into())
    }

    /// The exception's code: JSON services and the older query services name the same refusals differently.
    pub fn code(&self, dialect: Dialect) -> &'static str {
        let (json, query) = match self {
            Self::MissingToken => ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
            Self::Incomplete(_) => ("IncompleteSignatureException", "IncompleteSignature"),
            Self::UnknownKey => ("UnrecognizedClientException", "InvalidClientTokenId"),
            Self::ExpiredToken => ("ExpiredTokenException", "ExpiredToken"),
            Self::SignatureMismatch
            | Self::Expired(_)
            | Self::NotYetCurrent(_)
            | Self::ScopeDateMismatch { .. }
            | Self::InvalidScopeDate
            | Self::InvalidTerminator
            | Self::WrongRegion
            | Self::WrongService { .. }
            | Self::HeaderNotSigned(_) => ("InvalidSignatureException", "SignatureDoesNotMatch"),
        };
        match dialect {
            Dialect::Json => json,
            Dialect::Query => query,
        }
    }

    /// The HTTP status: JSON services answer 400 to all of these; STS and IAM 403, but for a malformed frame.
    pub fn status(&self, dialect: Dialect) -> u16 {
        match (dialect, self) {
            (Dialect::Json, _) | (Dialect::Query, Self::Incomplete(_)) => 400,
            (Dialect::Query, _) => 403,
        }
    }

    /// The sentence for the client.
    pub fn message(&self) -> String {
        self.to_string()
    }
}
