//! From the blob store's errors to the registry's.

use access::error::{Code, Error};

/// The registry's error for a blob whose row is there and whose bytes cannot be read.
pub(crate) fn open_error(error: ::blob::OpenError) -> Error {
    Error::internal(error)
}

/// The registry's error for a failure of the blob store.
pub(crate) fn blob_error(error: std::io::Error) -> Error {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) {
        tracing::error!(%error, "the blob store has no space left");
        return Error::new(Code::OutOfSpace, "The registry has no space left. Tell its operator.");
    }
    Error::internal(error)
}
