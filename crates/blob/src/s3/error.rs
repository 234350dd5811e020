//! The errors of the client, as the errors of a store.

use std::error::Error as StdError;
use std::io;

use object_store::Error;

use crate::append::AppendError;
use crate::content::OpenError;
use crate::unavailable::unavailable;

/// What servers answer when a quota is used up or their disks are full.
const FULL: [&str; 4] = ["507 Insufficient Storage", "QuotaExceeded", "XMinioStorageFull", "no space left"];

pub(super) const LAST_BYTES_MISSING: &str = "the last bytes of the upload are missing";

/// Refusals of S3 (400) that say that the request did not arrive as it was sent.
const DAMAGED: [&str; 5] = [
    "RequestTimeout<",
    "IncompleteBody<",
    "BadDigest<",
    "XAmzContentSHA256Mismatch<",
    "XAmzContentChecksumMismatch<",
];

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
pub(crate) fn io(error: Error) -> io::Error {
    let text = chain(&error);
    let kind = match &error {
        _ if FULL.iter().any(|full| text.contains(full)) => io::ErrorKind::StorageFull,
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        Error::Generic { .. } if !is_refusal(&text) => return unavailable(text),
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, text)
}

/// Whether stored bytes of an upload are gone: its multipart upload does not exist, or its last bytes do not.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && {
        let text = error.to_string();
        text.contains("NoSuchUpload") || text.contains(LAST_BYTES_MISSING)
    }
}

/// Whether the server refused the request: it will refuse it again.
fn is_refusal(text: &str) -> bool {
    let status = text.split_once("status code: ").and_then(|(_, rest)| rest.get(..3));
    match status.and_then(|status| status.parse::<u16>().ok()) {
        Some(408 | 429) | None => false,
        Some(status) => (400..500).contains(&status) && !is_damaged(text),
    }
}

fn is_damaged(text: &str) -> bool {
    DAMAGED.iter().any(|code| text.contains(code))
}

/// Whether the request may have been lost or damaged on its way, or its answer, and the client has not repeated it. It
/// repeats only requests that it takes for idempotent, and only until it has the head of an answer.
pub(super) fn is_lost(error: &Error) -> bool {
    let text = chain(error);
    let is_answered = text.contains("status code: ") && !is_damaged(&text);
    matches!(error, Error::Generic { .. }) && !is_answered && !text.contains("max_retries: ")
}

/// The error with its causes: the text of the client's outer error alone does not have the server's answer.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

pub(super) fn from_io<E>(error: io::Error) -> AppendError<E> {
    if error.kind() == io::ErrorKind::StorageFull {
        AppendError::DiskFull(error)
    } else {
        AppendError::Io(error)
    }
}

pub(super) fn open(error: Error) -> OpenError {
    match error {
        Error::NotFound { .. } => OpenError::Missing,
        error => OpenError::Io(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::is_unavailable;

    fn answered(text: &str) -> io::Error {
        io(Error::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn a_failing_server_is_unavailable_and_a_refusal_is_not() {
        for text in [
            "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>",
            "Server returned non-2xx status code: 500 Internal Server Error: ",
            "Server returned non-2xx status code: 429 Too Many Requests: ",
            "Server returned non-2xx status code: 400 Bad Request: <Code>BadDigest</Code>",
            "HTTP error: connection refused",
            "Requested 0..4, got 0..3",
        ] {
            assert!(is_unavailable(&answered(text)), "{text}");
        }
        for text in [
            "Server returned non-2xx status code: 400 Bad Request: <Code>InvalidPart</Code>",
            "Server returned non-2xx status code: 416 Range Not Satisfiable: ",
        ] {
            assert!(!is_unavailable(&answered(text)), "{text}");
        }
        let full = answered("Server returned non-2xx status code: 507 Insufficient Storage: ");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn what_was_answered_or_repeated_is_not_lost() {
        for (text, expected) in [
            ("HTTP error: connection reset", true),
            ("Got invalid multipart response", true),
            ("Server returned non-2xx status code: 400 Bad Request: <Code>BadDigest</Code>", true),
            ("Server returned non-2xx status code: 400 Bad Request: <Code>InvalidPart</Code>", false),
            ("after 6 retries, max_retries: 6, retry_timeout: 60s - HTTP error: connection reset", false),
        ] {
            assert_eq!(is_lost(&Error::Generic { store: "S3", source: text.into() }), expected, "{text}");
        }
    }
}
