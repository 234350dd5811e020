//! An error on the control plane, before it is written as JSON or XML.

use std::borrow::Cow;

use access::authenticate::AuthenticateError;
use access::error::{Error, Field};
use aws::dialect::Dialect;
use aws::shape::Invalid;
use aws::sigv4::SigV4Error;
use http::StatusCode;
use serde_json::Value;

use crate::body::BodyError;
use crate::error::entry;
use crate::ledger::Full;
use crate::throttle::Throttled;

/// An error: status, exception, message, and the other members of the exception.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) code: Cow<'static, str>,
    pub(super) message: String,
    pub(super) extra: Vec<(&'static str, Value)>,
    /// The cause, for the log.
    pub(super) failure: Option<String>,
}

impl Fault {
    pub(super) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), extra: Vec::new(), failure: None }
    }

    /// An authentication error.
    pub(super) fn authentication(error: AuthenticateError, dialect: Dialect) -> Self {
        match error {
            AuthenticateError::UnknownKey => Self::signature(&SigV4Error::UnknownKey, dialect),
            AuthenticateError::Signature(error) => Self::signature(&error, dialect),
            AuthenticateError::Store(error) => Self::rules(error, dialect),
        }
    }

    /// A signature error.
    pub(super) fn signature(error: &SigV4Error, dialect: Dialect) -> Self {
        let status = StatusCode::from_u16(error.status(dialect)).unwrap_or(StatusCode::BAD_REQUEST);
        Self::new(status, error.code(dialect), error.message())
    }

    /// An error of the registry.
    pub(super) fn rules(error: Error, dialect: Dialect) -> Self {
        let entry = entry(error.code);
        let (code, status) = match dialect {
            Dialect::Json => (entry.aws, entry.aws_status),
            // Errors that do not occur here.
            Dialect::Query => entry.query.unwrap_or(("InternalFailure", StatusCode::INTERNAL_SERVER_ERROR)),
        };
        let extra = error.fields.into_iter().map(|field| match field {
            Field::Text(name, text) => (name, Value::from(text)),
            Field::Number(name, number) => (name, Value::from(number)),
        });
        Self {
            extra: extra.collect(),
            failure: error.internal.map(|cause| cause.chain()),
            ..Self::new(status, code, error.message)
        }
    }

    /// A request over its rate.
    pub(super) fn throttled(dialect: Dialect) -> Self {
        Self::rules(Throttled::error(), dialect)
    }

    /// A body that cannot be read completely.
    pub(super) fn body(error: &BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLargeException",
                format!("The body is larger than the {limit} bytes that this operation takes."),
            ),
            BodyError::Broken(_) => Self::new(
                StatusCode::BAD_REQUEST,
                "RequestAbortedException",
                "The request's body ended early. Send the request again.",
            ),
            BodyError::NoRoom(full) => Self::no_room(*full),
        }
    }

    /// There is no memory for the request at the moment. Both protocols have this error, and SDKs retry.
    pub(super) fn no_room(full: Full) -> Self {
        let (status, message) = (StatusCode::SERVICE_UNAVAILABLE, crate::ledger::busy());
        Self { failure: Some(full.to_string()), ..Self::new(status, "ServiceUnavailable", message) }
    }
}

impl From<Invalid> for Fault {
    fn from(invalid: Invalid) -> Self {
        Self::new(StatusCode::BAD_REQUEST, invalid.code(), invalid.message)
    }
}
