//! Why something could not be read from an upstream registry.

use std::time::Duration;

use outbound::OutboundError;

/// Why an upstream registry did not give what was asked. The texts are sentences for the client of the cache: they name
/// the registry, and never what it sent.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It asked for credentials, or refused those that it got.
    #[error("the upstream registry {host} denied access ({status})")]
    AccessDenied {
        /// The host that answered.
        host: String,
        /// Its status.
        status: u16,
    },
    /// It does not have the content.
    #[error("the upstream registry {0} does not have it")]
    NotFound(String),
    /// It limits how often it is asked.
    #[error("the upstream registry {host} answered that there were too many requests")]
    TooManyRequests {
        /// The host that answered.
        host: String,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// It is not reachable, or failed.
    #[error("the upstream registry is not available: {0}")]
    Unavailable(String),
    /// A rule of this deployment forbids the request.
    #[error("{0}")]
    Forbidden(String),
    /// Its answer cannot be used: wrong digest, wrong length, or not what the specification says.
    #[error("the answer of the upstream registry {host} cannot be used: {why}")]
    Invalid {
        /// The host that answered.
        host: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl UpstreamError {
    /// An answer of a registry that cannot be used.
    pub fn invalid(host: &str, why: &'static str) -> Self {
        Self::Invalid { host: host.to_owned(), why }
    }
}

impl From<OutboundError> for UpstreamError {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Refused(_) => Self::Forbidden(error.to_string()),
            OutboundError::TooLong(host) => Self::Invalid { host, why: "it is too long" },
            error => Self::Unavailable(error.to_string()),
        }
    }
}
