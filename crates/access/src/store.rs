//! Converts the stores' errors to the registry's.

pub use meta::operations::*;

use crate::error::{Code, Error, Result};

/// Converts a failure of the metadata store to the registry's error, for operations without refusals.
pub trait StoreResultExt<T> {
    /// The output, or the failure as the registry's error.
    fn or_store_error(self) -> Result<T>;
}

impl<T> StoreResultExt<T> for std::result::Result<T, meta::OpError<meta::Never>> {
    fn or_store_error(self) -> Result<T> {
        self.map_err(|error| match error {
            meta::OpError::Refused(never) => match never {},
            meta::OpError::Store(error) => store_error(error),
        })
    }
}

/// Converts a result of the metadata store to the registry's error, for operations that a rule can refuse.
pub trait RefusedExt<T, R> {
    /// The output, the error for the refusal, or the failure as the registry's error.
    fn or_refused(self, sentence: impl FnOnce(R) -> Error) -> Result<T>;
}

impl<T, R> RefusedExt<T, R> for std::result::Result<T, meta::OpError<R>> {
    fn or_refused(self, sentence: impl FnOnce(R) -> Error) -> Result<T> {
        self.map_err(|error| match error {
            meta::OpError::Refused(refusal) => sentence(refusal),
            meta::OpError::Store(error) => store_error(error),
        })
    }
}

/// The registry's error for a failure of the metadata store.
pub fn store_error(error: meta::StoreError) -> Error {
    match error {
        meta::StoreError::ReadOnly => Error::read_only(error),
        meta::StoreError::Nul => {
            Error::new(Code::InvalidParameter, "A parameter contains the character NUL.")
        }
        _ => Error::unavailable(error),
    }
}
