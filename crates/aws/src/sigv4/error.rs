//! Signature errors, with AWS's codes and texts.

use std::borrow::Cow;

use super::date::AmzDate;
use crate::dialect::Dialect;

/// Why a signature was refused. `Display` is the text for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigV4Error {
    /// The request is unsigned. This module never returns it (it returns `None`); it is here for its code and text.
    #[error("Missing Authentication Token")]
    MissingToken,
    /// A part of the signature is missing, duplicated or malformed.
    #[error("{0}")]
    Incomplete(Cow<'static, str>),
    /// The access key does not exist, or the session token is invalid.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session has expired.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature is not the one for this request and secret.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
         Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureMismatch,
    /// Signed too long ago. SDKs correct their clock from this text.
    #[error("Signature expired: {0}")]
    Expired(Window),
    /// Signed in the future.
    #[error("Signature not yet current: {0}")]
    NotYetCurrent(Window),
    /// The day in the scope is not the day of the request's date.
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
    /// The scope's day is not a day.
    #[error("Date in Credential scope must be in format YYYYMMDD.")]
    InvalidScopeDate,
    /// The end of the scope is wrong.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request'.")]
    InvalidTerminator,
    /// The scope names a Region that is not served.
    #[error("Credential should be scoped to a valid region. ")]
    WrongRegion,
    /// The scope names another service.
    #[error("Credential should be scoped to correct service: '{expected}'. ")]
    WrongService {
        /// The service of the request.
        expected: String,
    },
    /// A header is not signed although it must be.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    HeaderNotSigned(String),
}

/// When a request was signed, and when it would have been valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    signed: AmzDate,
    now: AmzDate,
    /// Allowed seconds before `now`; after it, if negative.
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

    /// The exception's code: JSON services and the older query services have different names.
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

    /// The HTTP status: JSON services return 400 for all of these; STS and IAM return 403, except for a malformed
    /// signature.
    pub fn status(&self, dialect: Dialect) -> u16 {
        match (dialect, self) {
            (Dialect::Json, _) | (Dialect::Query, Self::Incomplete(_)) => 400,
            (Dialect::Query, _) => 403,
        }
    }

    /// The text for the client.
    pub fn message(&self) -> String {
        self.to_string()
    }
}
