//! The errors of the client, as the errors of a store.

use std::io;

use object_store::Error;

use crate::append::AppendError;
use crate::content::OpenError;

/// What servers answer when a quota is used up or their disks are full.
const FULL: [&str; 4] = ["507 Insufficient Storage", "QuotaExceeded", "XMinioStorageFull", "no space left"];

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
pub(crate) fn io(error: Error) -> io::Error {
    let text = chain(&error);
    let kind = match &error {
        _ if FULL.iter().any(|full| text.contains(full)) => io::ErrorKind::StorageFull,
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, text)
}

/// The error with its causes: the text of the client's outer error alone does not have the server's answer.
fn chain(error: &dyn std::error::Error) -> String {
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
