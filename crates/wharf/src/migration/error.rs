//! Why something could not be copied, and whether another attempt can succeed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use outbound::OutboundError;
use upstream::UpstreamError;

/// Why something could not be copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    /// The source did not give it.
    #[error(transparent)]
    Source(#[from] UpstreamError),
    /// A file of a folder cannot be read or written.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    /// What a folder contains is not what its digest or its format says.
    #[error("{path}: {why}")]
    Content { path: PathBuf, why: String },
    /// The server answered an error.
    #[error("{what}: the server answered {status}: {message}")]
    Refused { what: String, status: u16, message: String },
    /// The server did not answer.
    #[error("{what}: {source}")]
    Unanswered { what: String, source: OutboundError },
    /// Anything that no other attempt changes.
    #[error("{0}")]
    Other(String),
}

impl CopyError {
    pub(crate) fn content(path: impl Into<PathBuf>, why: impl Into<String>) -> Self {
        Self::Content { path: path.into(), why: why.into() }
    }

    /// Makes the error of a file.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Whether the content does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        match self {
            Self::Source(UpstreamError::NotFound(_)) => true,
            Self::File { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// How long to wait before another attempt, at least; None if no attempt can succeed.
    pub(crate) fn worth_waiting(&self) -> Option<Duration> {
        match self {
            Self::Source(UpstreamError::TooManyRequests { retry_after, .. }) => {
                Some(retry_after.unwrap_or_default())
            }
            Self::Source(UpstreamError::Unavailable(_)) | Self::Unanswered { .. } => Some(Duration::ZERO),
            Self::Refused { status, .. } if *status == 429 || *status >= 500 => Some(Duration::ZERO),
            _ => None,
        }
    }
}

impl From<crate::aws_client::CallError> for CopyError {
    fn from(error: crate::aws_client::CallError) -> Self {
        Self::Other(format!("{:#}", anyhow::Error::from(error)))
    }
}

impl From<anyhow::Error> for CopyError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(format!("{error:#}"))
    }
}
